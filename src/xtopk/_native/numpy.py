"""NumPy: blocks of rows that fit the cache, read as they lie in memory, each given to the algorithm that suits it."""

from math import prod
from typing import Any

from xtopk._explain import Plan
from xtopk._native.generic import Selected, TopkFunction
from xtopk._native.numpy_rows import BLOCK_ELEMENTS, indices_of, path_of
from xtopk._order import Ranking
from xtopk._select.best_blocks import block_length
from xtopk._select.bound import folds_for, row_folds
from xtopk._select.small import take_rows

CUT_ELEMENTS = 1 << 20
"""So many elements are selected from at a time where only the best of their blocks are looked at again."""

SIDE_BY_SIDE = 64
"""So many rows that lie side by side in memory are read as they lie; fewer are copied to make each contiguous."""


def numpy_topk(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of a NumPy array."""
    import numpy as xp  # itself: each call through its wrapper in array_api_compat takes a microsecond more

    if x.ndim == 1 or x.flags.c_contiguous:
        return _topk_in_blocks(xp, x, k, axis, rank)
    order, back = _as_it_lies(x)
    values, indices = _topk_as_it_lies(xp, x.transpose(order), k, back[axis], rank)
    return values.transpose(back), indices.transpose(back)


def _as_it_lies(x: Any) -> tuple[list[int], tuple[int, ...]]:
    """Return the order of the axes in memory, and that of these as they were."""
    order = sorted(range(x.ndim), key=lambda i: -abs(x.strides[i]))
    return order, tuple(map(order.index, range(x.ndim)))


def _topk_as_it_lies(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of an array with gaps between its slices, which only a copy would merge, some at a time."""
    cut = next((i for i, length in enumerate(x.shape) if i != axis and length > 1), axis)
    step = max(1, BLOCK_ELEMENTS * x.shape[cut] // x.size)
    if x.ndim == 2 or cut == axis or x.flags.c_contiguous or step >= x.shape[cut]:
        return _topk_in_blocks(xp, x, k, axis, rank)
    slabs = (x[(slice(None),) * cut + (slice(i, i + step),)] for i in range(0, x.shape[cut], step))
    parts = [_topk_as_it_lies(xp, slab, k, axis, rank) for slab in slabs]
    values, indices = (xp.concat(each, axis=cut) for each in zip(*parts, strict=True))
    return values.astype(x.dtype, copy=False), indices  # for concat turns bytes into the machine's order


def _topk_in_blocks(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    x, native = xp.asarray(x), x.dtype.newbyteorder("=")
    if x.ndim == 1:
        indices = indices_of(xp, x[None].astype(native, copy=False), k, rank)[0]
        return x[indices], indices
    before, n, after = prod(x.shape[:axis]), x.shape[axis], prod(x.shape[axis + 1 :])
    shape = (*x.shape[:axis], k, *x.shape[axis + 1 :])
    at_once = _at_once(n, k, after)
    if after == 1 and x.size <= at_once:
        rows = xp.ascontiguousarray(x.reshape(before, n), dtype=native)
        chosen = indices_of(xp, rows, k, rank)
        return take_rows(xp, rows, chosen).reshape(shape).astype(x.dtype, copy=False), chosen.reshape(shape)
    slices = x.reshape(before, n, after)
    values, indices = (xp.empty((before, k, after), dtype=dtype) for dtype in (x.dtype, xp.int64))
    least = SIDE_BY_SIDE if after >= SIDE_BY_SIDE else 1
    columns = min(after, max(least, at_once // n))
    slabs = max(1, at_once // (n * columns)) if columns == after else 1
    for i in range(0, before, slabs):
        for j in range(0, after, columns):
            here = slice(i, i + slabs), slice(None), slice(j, j + columns)
            block = slices[here].astype(native, copy=False)
            if after < SIDE_BY_SIDE:
                rows = xp.ascontiguousarray(block.transpose(0, 2, 1)).reshape(-1, n)
            else:
                rows = block.transpose(1, 0, 2).reshape(n, -1).T
            chosen = indices_of(xp, rows, k, rank)
            for result, part in (values, take_rows(xp, rows, chosen)), (indices, chosen):
                result[here] = part.reshape(block.shape[0], -1, k).transpose(0, 2, 1)
    return values.reshape(shape), indices.reshape(shape)


def _at_once(n: int, k: int, after: int) -> int:
    """Return how many elements to select from at a time, of rows of which so many lie side by side."""
    return CUT_ELEMENTS if after == 1 and block_length(n, k) else BLOCK_ELEMENTS


def numpy_plan(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Plan:
    """Return which way `numpy_topk` goes."""
    if not x.flags.c_contiguous:
        order, back = _as_it_lies(x)
        x, axis = x.transpose(order), back[axis]
    n, after = x.shape[axis], prod(x.shape[axis + 1 :])
    count = max(1, min(x.size, _at_once(n, k, after)) // n)
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


def numpy_mask(topk: TopkFunction, xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Any:
    """Return True at the top k, set one by one in a new array."""
    mask = xp.zeros(x.shape, dtype=xp.bool)
    _, indices = topk(xp, x, k, axis, rank)
    xp.put_along_axis(mask, indices, True, axis=axis)
    return mask
