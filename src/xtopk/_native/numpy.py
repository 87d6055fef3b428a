"""NumPy: blocks of rows that fit the cache, read as they lie in memory, each given to the algorithm that suits it."""

from collections.abc import Callable
from math import prod
from typing import Any

from xtopk._explain import Plan
from xtopk._native.generic import Selected, TopkFunction, mask_by_indices
from xtopk._native.numpy_marks import marked, unordered
from xtopk._native.numpy_rows import indices_of
from xtopk._native.numpy_ways import BLOCK_ELEMENTS, BRACKETED_FROM, is_marked, is_unordered, path_of
from xtopk._order import Ranking
from xtopk._select.best_blocks import block_length
from xtopk._select.bound import folds_for, row_folds
from xtopk._select.packed_sort import indices_by_packed_sort
from xtopk._select.small import take_rows

CUT_ELEMENTS = 1 << 20
"""So many elements are selected from at a time where only the best of their blocks are looked at again."""

SIDE_BY_SIDE = 64
"""So many rows that lie side by side in memory are read as they lie; fewer are copied to make each contiguous."""


Task = tuple[Callable[[Any], tuple[Any, ...]], int, tuple[Any, ...], bool]
"""What to make of a matrix of rows, how many elements of each row, of which dtypes, and whether rows are cut into
blocks, so that more elements at a time are no more work."""


def numpy_topk(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of a NumPy array."""
    import numpy as xp  # itself: each call through its wrapper in array_api_compat takes a microsecond more

    x = xp.asarray(x)
    if x.ndim == 1:
        indices = numpy_indices(xp, x, k, axis, rank)
        return x[indices], indices
    of_rows, is_cut = _way(x, k, axis, rank)

    def select(rows: Any) -> Selected:
        indices = of_rows(xp, rows, k, rank)
        return take_rows(xp, rows, indices), indices

    values, indices = _by_rows(xp, x, axis, (select, k, (x.dtype, xp.int64), is_cut))
    return values, indices


def numpy_indices(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Any:
    """Return where the top k of a NumPy array are."""
    of_rows, is_cut = _way(x, k, axis, rank)
    if x.ndim == 1:
        return of_rows(xp, _comparable(x)[None], k, rank)[0]
    return _by_rows(xp, x, axis, (lambda rows: (of_rows(xp, rows, k, rank),), k, (xp.int64,), is_cut))[0]


def indices_of_bits(xp: Any, bits: Any, k: int, axis: int, rank: Ranking, name: str) -> Any:
    """Return where the top k are of short rows of a dtype that NumPy lacks, by their bits."""

    def select(rows: Any) -> tuple[Any]:
        return (indices_by_packed_sort(xp, xp.ascontiguousarray(rows), k, rank, name),)

    return _by_rows(xp, bits, axis, (select, k, (xp.int64,), False))[0]


def _way(x: Any, k: int, axis: int, rank: Ranking) -> tuple[Callable[..., Any], bool]:
    """Return what selects from rows, and whether it cuts them into blocks."""
    n = x.shape[axis]
    in_order = rank.sorted or not is_unordered(x.size // n, n, k, x.itemsize)
    return indices_of if in_order else unordered, block_length(n, k) > 0


def numpy_mask(topk: TopkFunction, xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Any:
    """Return True at the top k of a NumPy array."""
    import numpy as xp

    x = xp.asarray(x)
    n = x.shape[axis]
    if not is_marked(x.size // n, n, k, x.itemsize):
        return mask_by_indices(topk, xp, x, k, axis, rank)
    return _by_rows(xp, x, axis, (lambda rows: (marked(xp, rows, k, rank),), n, (xp.bool,), False))[0]


def _by_rows(xp: Any, x: Any, axis: int, task: Task) -> list[Any]:
    """Return the results of a task for an array as it lies in memory."""
    if x.flags.c_contiguous:
        return _in_blocks(xp, x, axis, task)
    order, back = _as_it_lies(x)
    return [part.transpose(back) for part in _by_rows_as_it_lies(xp, x.transpose(order), back[axis], task)]


def _as_it_lies(x: Any) -> tuple[list[int], tuple[int, ...]]:
    """Return the order of the axes in memory, and that of these as they were."""
    order = sorted(range(x.ndim), key=lambda i: -abs(x.strides[i]))
    return order, tuple(map(order.index, range(x.ndim)))


def _by_rows_as_it_lies(xp: Any, x: Any, axis: int, task: Task) -> list[Any]:
    """Do a task for an array with gaps between its slices, which only a copy would merge, some at a time."""
    cut = next((i for i, length in enumerate(x.shape) if i != axis and length > 1), axis)
    step = max(1, BLOCK_ELEMENTS * x.shape[cut] // x.size)
    if x.ndim <= 2 or cut == axis or x.flags.c_contiguous or step >= x.shape[cut]:
        return _in_blocks(xp, x, axis, task)
    slabs = (x[(slice(None),) * cut + (slice(i, i + step),)] for i in range(0, x.shape[cut], step))
    parts = zip(*(_by_rows_as_it_lies(xp, slab, axis, task) for slab in slabs), strict=True)
    # For concat turns bytes into the machine's order.
    return [xp.concat(each, axis=cut).astype(dtype, copy=False) for each, dtype in zip(parts, task[2], strict=True)]


def _in_blocks(xp: Any, x: Any, axis: int, task: Task) -> list[Any]:
    do, length, dtypes, cuts = task
    before, n, after = prod(x.shape[:axis]), x.shape[axis], prod(x.shape[axis + 1 :])
    shape = (*x.shape[:axis], length, *x.shape[axis + 1 :])
    at_once = _at_once(after, cuts=cuts)
    if after == 1 and x.dtype.isnative and (before == 1 or x.size <= at_once):
        return [result.reshape(shape) for result in do(xp.ascontiguousarray(x.reshape(before, n)))]
    slices = x.reshape(before, n, after)
    results = [xp.empty((before, length, after), dtype=dtype) for dtype in dtypes]
    least = SIDE_BY_SIDE if after >= SIDE_BY_SIDE else 1
    columns = min(after, max(least, at_once // n))
    slabs = max(1, at_once // (n * columns)) if columns == after else 1
    for i in range(0, before, slabs):
        for j in range(0, after, columns):
            here = slice(i, i + slabs), slice(None), slice(j, j + columns)
            block = _comparable(slices[here])
            if after < SIDE_BY_SIDE:
                rows = xp.ascontiguousarray(block.transpose(0, 2, 1)).reshape(-1, n)
            else:
                rows = block.transpose(1, 0, 2).reshape(n, -1).T
            for result, part in zip(results, do(rows), strict=True):
                result[here] = part.reshape(block.shape[0], -1, length).transpose(0, 2, 1)
    return [result.reshape(shape) for result in results]


def _comparable(x: Any) -> Any:
    """Return an array in the machine's order of bytes."""
    return x.astype(x.dtype.newbyteorder("="), copy=False)


def _at_once(after: int, *, cuts: bool) -> int:
    """Return how many elements to select from at a time, of rows of which so many lie side by side."""
    return CUT_ELEMENTS if after == 1 and cuts else BLOCK_ELEMENTS


def numpy_plan(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Plan:
    """Return which way `numpy_topk` goes."""
    if not x.flags.c_contiguous:
        order, back = _as_it_lies(x)
        x, axis = x.transpose(order), back[axis]
    n, after = x.shape[axis], prod(x.shape[axis + 1 :])
    if not rank.sorted and is_unordered(x.size // n, n, k, x.itemsize):
        if n >= BRACKETED_FROM:
            return Plan("sampled bracket", 0, f"what is sure to be among {k} of {n} is not moved, nor put in order")
        return Plan("k-th value", 0, f"what reaches it is among {k} of {n}, and is not put in order")
    count = max(1, min(x.size, _at_once(after, cuts=block_length(n, k) > 0)) // n)
    converts = x.dtype.kind == "b" or not x.dtype.isnative
    apart = after >= SIDE_BY_SIDE or not (x.ndim > 1 or converts or x.flags.c_contiguous)
    path = path_of(count, n, k, x.dtype.itemsize, apart=apart)
    if path == "pairs":
        return Plan(path, 0, f"every two of {n} elements are compared, in all rows at a time")
    if path == "sort":
        return Plan(path, 0, f"{k} of {n} are found as fast by sorting integers that hold key and position")
    if path == "partition":
        return Plan(path, 0, f"{k} of {n} is too great a share for a bound to narrow")
    if path == "blocks":
        length = block_length(n, k)
        return Plan("block maxima", length, f"{n // length} maxima and {k * length} candidates are left of {n}")
    if path == "sample":
        return Plan("sampled bound", 0, f"little more than {k} of {n} are expected to reach it, and are sorted")
    folds = row_folds(n, k) if count == 1 else folds_for(n, k)
    if folds == 1:
        return Plan("threshold", 0, f"the k-th of all {n} elements, for which the row is not too long, is the bound")
    return Plan("threshold", folds, f"the k-th of {n // folds} column maxima is a bound that few of {n} elements reach")
