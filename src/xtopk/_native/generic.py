"""Any library that follows the array API standard: its own ``top_k`` if it has one, else its ``argsort``."""

from collections.abc import Callable
from typing import Any

from xtopk._explain import Plan
from xtopk._order import Ranking, dtype_name, may_hold_nan, positions, sort_key
from xtopk._select.kth import indices_by_kth_key
from xtopk._select.sort import indices_by_sort

MERGED_AT_ONCE = 4
"""With more candidates than that for each of k, all but k are left out before any are sorted by their index."""

Selected = tuple[Any, Any]
TopkFunction = Callable[[Any, Any, int, int, Ranking], Selected]


def generic_topk(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k by the standard's functions alone."""
    key, late = sort_key(xp, x, rank)
    if hasattr(xp, "top_k"):
        key = xp.moveaxis(key, axis, -1)
        late = None if late is None else xp.moveaxis(late, axis, -1)
        indices = indices_by_kth_key(xp, key, late, k, lambda a, k: xp.top_k(a, k, mode="smallest")[0])
        indices = xp.moveaxis(indices, -1, axis)
    else:
        indices = indices_by_sort(xp, key, late, k, axis)
    return xp.take_along_axis(x, indices, axis=axis), indices


def generic_plan(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Plan:
    """Return which way `generic_topk` goes."""
    if hasattr(xp, "top_k"):
        return Plan("top_k", 0, "the library's own, whose ties are settled afterwards")
    return Plan("argsort", 0, "the library follows the standard and has no top_k")


def native_plan(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Plan:
    """Return the plan of a library whose file has one way for all."""
    return Plan("native", 0, "the library's file has one way for all")


def mask_by_topk(topk: TopkFunction, xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Any:
    """Return True where `x` ranks no later than the last of its top k."""
    top = topk(xp, x, k, axis, rank._replace(sorted=True, stable=True))
    last, last_index = (part[(slice(None),) * axis + (slice(-1, None), ...)] for part in top)
    position = xp.reshape(positions(xp, x, 0, x.shape[axis]), (-1,) + (1,) * (x.ndim - 1 - axis))
    if dtype_name(x.dtype) == "bool":
        x, last = xp.astype(x, xp.uint8), xp.astype(last, xp.uint8)
    better, tie = (x > last if rank.largest else x < last), x == last
    if may_hold_nan(x.dtype):
        missing, last_missing = xp.isnan(x), xp.isnan(last)
        better = better | (missing & ~last_missing if rank.nan_first else last_missing & ~missing)
        tie = tie | (missing & last_missing)
    return better | (tie & (position <= last_index))


def mask_by_indices(topk: TopkFunction, xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Any:
    """Return True at the top k, set one by one in a new array of a library that can."""
    mask = xp.zeros(x.shape, dtype=xp.bool)
    _, indices = topk(xp, x, k, axis, rank._replace(sorted=False))
    xp.put_along_axis(mask, indices, True, axis=axis)
    return mask


def take(xp: Any, x: Any, axis: int, indices: Any) -> Any:
    """Return the elements at `indices` along an axis."""
    return xp.take_along_axis(x, indices, axis=axis)


def first(x: Any, k: int, axis: int) -> Any:
    """Return the first elements along an axis."""
    return x[(slice(None),) * axis + (slice(0, k), ...)]


def concat(xp: Any, arrays: list[Any], axis: int) -> Any:
    """Return the arrays one after another along an axis."""
    return xp.concat(arrays, axis=axis)


def merge_by_topk(
    topk: TopkFunction,
    xp: Any,
    values: Any,
    indices: Any,
    k: int,
    axis: int,
    rank: Ranking,
    take: Callable[..., Any] = take,
) -> Selected:
    """Return the top k of candidates that know their index in the whole, which decides between equal ones."""
    if rank.stable:
        order = xp.argsort(indices, axis=axis)
        values, indices = take(xp, values, axis, order), take(xp, indices, axis, order)
    values, chosen = topk(xp, values, k, axis, rank)
    return values, take(xp, indices, axis, chosen)


def merge_by_few(topk: TopkFunction, xp: Any, values: Any, indices: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Do as `merge_by_topk`, but look at elements, and where no tie is cut sort no more than `k` by their index."""
    if rank.stable and values.shape[axis] > MERGED_AT_ONCE * k:
        best, chosen = topk(xp, values, k + 1, axis, rank._replace(sorted=True, stable=False))
        best = xp.moveaxis(best, axis, -1)
        last, next_ = best[..., -2], best[..., -1]
        tie = last == next_
        if may_hold_nan(best.dtype):
            tie = tie | (xp.isnan(last) & xp.isnan(next_))
        if not tie.any():
            chosen = chosen[(slice(None),) * axis + (slice(0, k), ...)]
            values, indices = take(xp, values, axis, chosen), take(xp, indices, axis, chosen)
    return merge_by_topk(topk, xp, values, indices, k, axis, rank)
