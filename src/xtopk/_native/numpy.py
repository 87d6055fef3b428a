"""NumPy: vectorised selection on blocks of rows that fit the cache, as integers where those compare faster."""

from math import prod
from typing import Any

from xtopk._native.generic import Selected, TopkFunction
from xtopk._order import INTEGER_BITS, Ranking, dtype_name, may_hold_nan, rank_key
from xtopk._select.partition import indices_by_partition

BLOCK_ELEMENTS = 1 << 18
"""How many elements are selected from at a time, so that what is derived from them stays in the cache."""

COMPARED_DIRECTLY = frozenset(INTEGER_BITS) | {"float32", "float64"}
"""The dtypes that NumPy itself compares fast and in the right order; the others are compared as integers."""


def numpy_topk(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of a NumPy array."""
    ranked = xp.asarray(x) if x.dtype.isnative else x.astype(x.dtype.newbyteorder("="))
    if x.ndim == 1:
        indices = _indices_of_rows(xp, ranked[None], k, rank)[0]
        return x[indices], indices
    before, n, after = prod(x.shape[:axis]), x.shape[axis], prod(x.shape[axis + 1 :])
    ranked = ranked.reshape(before, n, after)
    indices = xp.empty((before, k, after), dtype=xp.int64)
    columns = min(after, max(16, BLOCK_ELEMENTS // n))
    slabs = max(1, BLOCK_ELEMENTS // (n * columns)) if columns == after else 1
    for i in range(0, before, slabs):
        for j in range(0, after, columns):
            block = xp.moveaxis(ranked[i : i + slabs, :, j : j + columns], 1, 2)
            chosen = _indices_of_rows(xp, block.reshape(-1, n), k, rank)
            indices[i : i + slabs, :, j : j + columns] = xp.moveaxis(chosen.reshape(*block.shape[:2], k), 2, 1)
    indices = indices.reshape(*x.shape[:axis], k, *x.shape[axis + 1 :])
    return xp.take_along_axis(x, indices, axis=axis), indices


def numpy_mask(topk: TopkFunction, xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Any:
    """Return True at the top k, set one by one in a new array."""
    mask = xp.zeros(x.shape, dtype=xp.bool)
    _, indices = topk(xp, x, k, axis, rank._replace(sorted=False))
    xp.put_along_axis(mask, indices, True, axis=axis)
    return mask


def _indices_of_rows(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    if dtype_name(rows.dtype) not in COMPARED_DIRECTLY:
        return indices_by_partition(xp, rank_key(xp, rows, rank), k, largest=False, sort=rank.sorted)
    if rank.nan_first and may_hold_nan(rows.dtype) and xp.isnan(xp.max(rows)):
        return indices_by_partition(xp, rank_key(xp, rows, rank), k, largest=False, sort=rank.sorted)
    indices = indices_by_partition(xp, rows, k, largest=rank.largest, sort=rank.sorted)
    lost = indices[:, 0] < 0
    if lost.any():
        indices[lost] = indices_by_partition(xp, rank_key(xp, rows[lost], rank), k, largest=False, sort=rank.sorted)
    return indices
