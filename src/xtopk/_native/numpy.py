"""NumPy: folded maxima and a threshold, on blocks of rows that fit the cache; odd dtypes compared as integers."""

from math import prod
from typing import Any

from xtopk._explain import Plan
from xtopk._native.generic import Selected, TopkFunction
from xtopk._order import FLOAT_INFINITY_BITS, INTEGER_BITS, Ranking, dtype_name, rank_key
from xtopk._select.partition import indices_by_partition
from xtopk._select.small import take_rows
from xtopk._select.threshold import FOLDED_ROW, PICKED_SHARE, folds_for, indices_of_row, indices_of_rows, row_folds

BLOCK_ELEMENTS = 1 << 17
"""How many elements are selected from at a time, so that what is derived from them stays in the cache."""

PARTITIONED_SHARE = 4
"""Where k is at least such a share of the row, a bound narrows little, and `argpartition` with `argsort` is faster."""

WIDE = 4
"""They are vectorised from this many bytes an element."""

COMPARED_DIRECTLY = frozenset(INTEGER_BITS) | {"float32", "float64"}
"""The dtypes that NumPy itself compares fast and, but for NaN, in the right order."""


def numpy_topk(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of a NumPy array."""
    import numpy as xp  # itself: each call through its wrapper in array_api_compat takes a microsecond more

    ranked = xp.asarray(x) if x.dtype.isnative else x.astype(x.dtype.newbyteorder("="))
    if x.ndim == 1:
        indices = _indices_of_rows(xp, ranked[None], k, rank)[0]
        return x[indices], indices
    before, n, after = prod(x.shape[:axis]), x.shape[axis], prod(x.shape[axis + 1 :])
    shape = (*x.shape[:axis], k, *x.shape[axis + 1 :])
    if after == 1 and x.size <= BLOCK_ELEMENTS:
        rows = xp.ascontiguousarray(ranked.reshape(before, n))
        chosen = _indices_of_rows(xp, rows, k, rank)
        return take_rows(xp, rows, chosen).reshape(shape).astype(x.dtype, copy=False), chosen.reshape(shape)
    ranked = ranked.reshape(before, n, after)
    values, indices = (xp.empty((before, k, after), dtype=dtype) for dtype in (ranked.dtype, xp.int64))
    columns = min(after, max(16, BLOCK_ELEMENTS // n))
    slabs = max(1, BLOCK_ELEMENTS // (n * columns)) if columns == after else 1
    for i in range(0, before, slabs):
        for j in range(0, after, columns):
            here = slice(i, i + slabs), slice(None), slice(j, j + columns)
            block = ranked[here].transpose(0, 2, 1)
            rows = xp.ascontiguousarray(block).reshape(-1, n)
            chosen = _indices_of_rows(xp, rows, k, rank)
            for result, part in (values, take_rows(xp, rows, chosen)), (indices, chosen):
                result[here] = part.reshape(*block.shape[:2], k).transpose(0, 2, 1)
    return values.reshape(shape).astype(x.dtype, copy=False), indices.reshape(shape)


def numpy_plan(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Plan:
    """Return which way `numpy_topk` goes."""
    n = x.shape[axis]
    path = _path(max(1, min(x.size, BLOCK_ELEMENTS) // n), n, k, x.dtype.itemsize)
    if path == "partition":
        return Plan(path, 0, f"{k} of {n} is too great a share for a bound to narrow")
    folds = folds_for(n, k) if path == "rows" else row_folds(n, k)
    if folds == 1:
        return Plan("threshold", 0, f"the k-th of all {n} elements, for which the row is not too long, is the bound")
    return Plan("threshold", folds, f"the k-th of {n // folds} column maxima is a bound that few of {n} elements reach")


def numpy_mask(topk: TopkFunction, xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Any:
    """Return True at the top k, set one by one in a new array."""
    mask = xp.zeros(x.shape, dtype=xp.bool)
    _, indices = topk(xp, x, k, axis, rank)
    xp.put_along_axis(mask, indices, True, axis=axis)
    return mask


def _indices_of_rows(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    kind, name = rows.dtype.kind, dtype_name(rows.dtype)
    if rank.nan_first and name in FLOAT_INFINITY_BITS:
        missing = _holds_nan(xp, rows, name)
        indices = xp.empty((rows.shape[0], k), dtype=xp.int64)
        if missing.any():
            indices[missing] = _indices(xp, rank_key(xp, rows[missing], rank), k, largest=False)[0]
        if not missing.all():
            indices[~missing] = _indices_of_rows(xp, rows[~missing], k, rank._replace(nan_first=False))
        return indices
    if name in ("float16", "bfloat16"):
        indices, unanswered = _indices_of_half(xp, rows, k, rank, FLOAT_INFINITY_BITS[name])
    elif kind == "b":
        return _indices(xp, rows.view(xp.uint8), k, largest=rank.largest)[0]
    elif name in COMPARED_DIRECTLY:
        indices, unanswered = _indices(xp, rows, k, largest=rank.largest)
    else:
        return _indices(xp, rank_key(xp, rows, rank), k, largest=False)[0]
    if unanswered.any():
        key = rank_key(xp, rows[unanswered], rank)
        indices[unanswered] = _indices(xp, key, k, largest=False)[0]
    return indices


def _holds_nan(xp: Any, rows: Any, name: str) -> Any:
    """Return which rows hold a NaN, of half floats by their bits, of which those of NaN are beyond infinity."""
    if rows.dtype.itemsize > 2:
        return xp.isnan(xp.max(rows, axis=-1))
    infinity = FLOAT_INFINITY_BITS[name]
    positive, negative = (rows.view(bits).max(axis=-1) for bits in (xp.int16, xp.uint16))
    return (positive > infinity) | (negative > 0x8000 + infinity)


def _indices(xp: Any, rows: Any, k: int, *, largest: bool) -> tuple[Any, Any]:
    count, n = rows.shape
    path = _path(count, n, k, rows.dtype.itemsize)
    if path == "partition":
        key = rows if not largest else -rows if rows.dtype.kind == "f" else ~rows
        return indices_by_partition(xp, key, k)
    if path == "rows":
        return indices_of_rows(xp, rows, k, largest=largest)
    indices = indices_of_row(xp, rows[0], k, largest=largest)
    unanswered = xp.full(1, indices is None)
    return (xp.zeros((1, k), dtype=xp.int64) if indices is None else indices[None]), unanswered


def _path(count: int, n: int, k: int, itemsize: int) -> str:
    if n <= PARTITIONED_SHARE * k and itemsize >= WIDE:
        return "partition"
    return "rows" if count > 1 or FOLDED_ROW <= n < PICKED_SHARE * k else "row"


def _indices_of_half(xp: Any, rows: Any, k: int, rank: Ranking, infinity: int) -> tuple[Any, Any]:
    """Select among the bits: where the sign is the wanted one they are in order, the further from zero the greater.

    A row is unanswered if its k-th is not of that sign, or if NaN, which is beyond infinity, came first.
    """
    bits = rows.view(xp.int16 if rank.largest else xp.uint16)
    indices, unanswered = _indices(xp, bits, k, largest=True)
    zero = 0 if rank.largest else 0x8000
    ends = xp.take_along_axis(bits, indices[:, :: max(1, k - 1)], axis=-1)
    return indices, unanswered | (ends[:, -1] <= zero) | (ends[:, 0] > zero + infinity)
