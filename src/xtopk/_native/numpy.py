"""NumPy: folded maxima and a threshold, on blocks of rows that fit the cache; odd dtypes compared as integers."""

from functools import partial
from math import prod
from typing import Any

from xtopk._explain import Plan
from xtopk._native.generic import Selected, TopkFunction
from xtopk._order import FLOAT_INFINITY_BITS, INTEGER_BITS, Ranking, dtype_name, rank_key
from xtopk._select.bound import FOLDED_ROW, folds_for, row_folds
from xtopk._select.counting import indices_by_counting
from xtopk._select.packed import BITS_PACKED, indices_by_packing
from xtopk._select.partition import indices_by_partition
from xtopk._select.small import LOOKED_AT, first_hits, take_rows, then
from xtopk._select.sort import indices_by_sort
from xtopk._select.threshold import PICKED_SHARE, indices_of_row, indices_of_rows

BLOCK_ELEMENTS = 1 << 17
"""How many elements are selected from at a time, so that what is derived from them stays in the cache."""

SORTED_SHARES = {1: 6, 2: 6, 4: 2, 8: 5}
"""Where k is more than such a share of the row, by bytes an element, a bound narrows little, and sorting is faster."""

RADIX_SORTED = 256
"""From this length NumPy sorts integers of up to 16 bits faster than packed ones."""

COUNTED, COUNTED_ROWS = 32, 512
"""Rows up to so short, and at least so many, are ranked by comparing every two elements."""

SIDE_BY_SIDE = 64
"""So many rows that lie side by side in memory are read as they lie; fewer are copied to make each contiguous."""

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
    columns = min(after, max(SIDE_BY_SIDE, BLOCK_ELEMENTS // n))
    slabs = max(1, BLOCK_ELEMENTS // (n * columns)) if columns == after else 1
    for i in range(0, before, slabs):
        for j in range(0, after, columns):
            here = slice(i, i + slabs), slice(None), slice(j, j + columns)
            block = ranked[here]
            if after < SIDE_BY_SIDE:
                rows = xp.ascontiguousarray(block.transpose(0, 2, 1)).reshape(-1, n)
            else:
                rows = block.transpose(1, 0, 2).reshape(n, -1).T
            chosen = _indices_of_rows(xp, rows, k, rank)
            for result, part in (values, take_rows(xp, rows, chosen)), (indices, chosen):
                result[here] = part.reshape(block.shape[0], -1, k).transpose(0, 2, 1)
    return values.reshape(shape).astype(x.dtype, copy=False), indices.reshape(shape)


def numpy_plan(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Plan:
    """Return which way `numpy_topk` goes."""
    n = x.shape[axis]
    path = _path(max(1, min(x.size, BLOCK_ELEMENTS) // n), n, k, x.dtype.itemsize)
    if path == "counting":
        return Plan(path, 0, f"every two of {n} elements are compared, in all rows at a time")
    if path in ("sort", "partition"):
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
    half = name in ("float16", "bfloat16")
    count, n = rows.shape
    path = _path(count, n, k, rows.dtype.itemsize)
    if path == "sort":
        return _indices_by_sort(xp, rank_key(xp, xp.ascontiguousarray(rows), rank), k)
    if rank.nan_first and name in FLOAT_INFINITY_BITS:
        return _indices_after_nan(xp, rows, k, rank, name)
    if kind == "b":
        return _indices(xp, rows.view(xp.uint8), k, largest=rank.largest)[0]
    if half and path != "counting":
        indices, unanswered = _indices_of_half(xp, rows, k, rank, FLOAT_INFINITY_BITS[name])
    elif name in COMPARED_DIRECTLY:
        indices, unanswered = _indices(xp, rows, k, largest=rank.largest)
    else:
        return _indices(xp, rank_key(xp, rows, rank), k, largest=False)[0]
    if unanswered is not None and unanswered.any():
        key = rank_key(xp, rows[unanswered], rank)
        indices[unanswered] = _indices(xp, key, k, largest=False)[0]
    return indices


def _indices_after_nan(xp: Any, rows: Any, k: int, rank: Ranking, name: str) -> Any:
    """Return the indices with NaN first: in rows that have some the first of them, and then the top numbers."""
    numbers_first = rank._replace(nan_first=False)
    missing = _holds_nan(xp, rows, name)
    if not missing.any():
        return _indices_of_rows(xp, rows, k, numbers_first)
    indices = xp.empty((rows.shape[0], k), dtype=xp.int64)
    indices[missing], count = first_hits(xp, partial(_is_nan, xp, name), rows[missing], k)
    found = xp.zeros(rows.shape[0], dtype=xp.int64)
    found[missing] = count
    lacking = found < k
    if lacking.any():
        numbers = _indices_of_rows(xp, rows[lacking], k, numbers_first)
        indices[lacking] = then(xp, indices[lacking], found[lacking], numbers)
    return indices


def _holds_nan(xp: Any, rows: Any, name: str) -> Any:
    """Return which rows hold a NaN, of half floats by their bits, of which those of NaN are beyond infinity."""
    if rows.dtype.itemsize > 2:
        return xp.isnan(xp.max(rows, axis=-1))
    infinity = FLOAT_INFINITY_BITS[name]
    positive, negative = (rows.view(bits).max(axis=-1) for bits in (xp.int16, xp.uint16))
    return (positive > infinity) | (negative > 0x8000 + infinity)


def _is_nan(xp: Any, name: str, part: Any) -> Any:
    if part.dtype.itemsize > 2:
        return xp.isnan(part)
    return part.view(xp.uint16) << 1 > FLOAT_INFINITY_BITS[name] << 1


def _indices_by_sort(xp: Any, key: Any, k: int) -> Any:
    n = key.shape[1]
    if 8 * key.dtype.itemsize < BITS_PACKED and n >= RADIX_SORTED:
        return indices_by_sort(xp, key, None, k, axis=1)
    return indices_by_packing(xp, key, k, lambda packed, k: xp.sort(packed, axis=-1)[:, :k])


def _indices(xp: Any, rows: Any, k: int, *, largest: bool) -> tuple[Any, Any]:
    """Return the indices, and which rows are unanswered for NaN or None."""
    count, n = rows.shape
    path = _path(count, n, k, rows.dtype.itemsize)
    if path == "counting":
        return indices_by_counting(xp, rows, k, largest=largest), _is_hidden(xp, rows)
    if path == "row":
        return indices_of_row(xp, rows[0], k, largest=largest)[None], None
    if path == "partition":
        key = rows if not largest else -rows if rows.dtype.kind == "f" else ~rows
        return indices_by_partition(xp, xp.ascontiguousarray(key), k)
    if folds_for(n, k) == 1:
        rows = xp.ascontiguousarray(rows)
    return indices_of_rows(xp, rows, k, largest=largest), None


def _is_hidden(xp: Any, rows: Any) -> Any:
    return xp.isnan(xp.max(rows, axis=-1)) if rows.dtype.kind == "f" else None


def _path(count: int, n: int, k: int, itemsize: int) -> str:
    if n <= COUNTED and count >= COUNTED_ROWS:
        return "counting"
    if n < SORTED_SHARES[itemsize] * k:
        return "sort" if 8 * itemsize <= BITS_PACKED else "partition"
    return "rows" if count > 1 or FOLDED_ROW <= n < PICKED_SHARE * k else "row"


def _indices_of_half(xp: Any, rows: Any, k: int, rank: Ranking, infinity: int) -> tuple[Any, Any]:
    """Select among the bits: where the sign is the wanted one they are in order, the further from zero the greater.

    A row is unanswered if its k-th is not of that sign, or if NaN, which is beyond infinity, came first. Where the
    front of a row looks like that, it is not tried.
    """
    bits = rows.view(xp.int16 if rank.largest else xp.uint16)
    zero = 0 if rank.largest else 0x8000
    front = bits[:, : LOOKED_AT * k]
    wanted = (front > zero) & (front <= zero + infinity)
    tried = (wanted.sum(axis=-1) >= k) & (front.max(axis=-1) <= zero + infinity)
    indices = xp.zeros((rows.shape[0], k), dtype=xp.int64)
    if tried.any():
        bits = bits if tried.all() else bits[tried]
        indices[tried], _ = _indices(xp, bits, k, largest=True)
        ends = take_rows(xp, bits, indices[tried][:, :: max(1, k - 1)])
        tried[tried] = (ends[:, -1] > zero) & (ends[:, 0] <= zero + infinity)
    return indices, ~tried
