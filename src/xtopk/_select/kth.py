"""The k-th key as a threshold: a selection that breaks ties arbitrarily, made stable with static shapes."""

from collections.abc import Callable
from typing import Any

from xtopk._order import positions


def indices_by_kth_key(xp: Any, key: Any, late: Any, k: int, least: Callable[[Any, int], Any]) -> Any:
    """Return the indices of the `k` least of `key` along the last axis, in rank order, the lower index first.

    ``least(a, k)`` returns the k least of an array in ascending order. Of the elements equal to the k-th, the
    first are kept, and those marked `late` only when all others are. A second selection, among the positions
    of what is kept, then gathers them without a data-dependent shape.
    """
    n = key.shape[-1]
    bound = least(key, k)[..., -1:]
    better, tie = key < bound, key == bound
    room = k - _count(xp, better)
    nth = _running_count(xp, tie if late is None else tie & ~late)
    if late is not None:
        nth = xp.where(late, nth[..., -1:] + _running_count(xp, tie & late), nth)
    keep = better | (tie & (nth <= room))
    position = positions(xp, key, 0, n)
    kept = least(xp.where(keep, position, positions(xp, key, n, n + 1)), k)
    order = xp.argsort(xp.take_along_axis(key, kept, axis=-1), axis=-1, stable=True)
    if late is not None:
        marks = xp.astype(xp.take_along_axis(late, xp.take_along_axis(kept, order, axis=-1), axis=-1), xp.uint8)
        order = xp.take_along_axis(order, xp.argsort(marks, axis=-1, stable=True), axis=-1)
    return xp.take_along_axis(kept, order, axis=-1)


def _count(xp: Any, mask: Any) -> Any:
    return xp.sum(xp.astype(mask, xp.int64), axis=-1, keepdims=True)


def _running_count(xp: Any, mask: Any) -> Any:
    # Under its older name where there is one: torch.compile warns of how array_api_compat wraps the newer.
    running_sum = xp.cumsum if hasattr(xp, "cumsum") else xp.cumulative_sum
    return running_sum(xp.astype(mask, xp.int64), axis=-1)
