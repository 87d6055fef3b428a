"""The library's own top-k, asked for one more than k, which shows where ties or NaN made it go wrong."""

from functools import reduce
from operator import gt, lt, or_
from typing import Any

from xtopk._order import FLOAT_INFINITY_BITS, Ranking, dtype_name
from xtopk._select.ranked import as_integers, indices_by_ranking

LISTED = 64
"""How many elements are compared by Python faster than by two calls of the library."""


def topk_and_doubt(x: Any, k: int, axis: int, rank: Ranking) -> tuple[Any, Any, Any]:
    """Return the library's own top k, and which rows may be wrong for ties or NaN; None if none is."""
    largest, stable = rank.largest, rank.stable
    if k == 1:
        values, indices = x.max(axis, keepdim=True) if largest else x.min(axis, keepdim=True)  # the first of equals
        return values, indices, None if rank.nan_first else _any_nan(values, axis)
    values, indices = x.topk(min(k + stable, x.shape[axis]), axis, largest=largest, sorted=stable or rank.sorted)
    if not stable:
        return values, indices, _any_nan(values, axis) if largest and not rank.nan_first else None
    if x.ndim == 1 and k < LISTED:
        row, beyond = values.tolist(), gt if largest else lt
        return values[:k], indices[:k], None if all(map(beyond, row, row[1:])) else True
    return *(part.narrow_copy(axis, 0, k) for part in (values, indices)), _tied(values, axis, largest)


def _tied(values: Any, axis: int, descending: bool) -> Any:
    """Return in which rows sorted values have equal neighbours or NaN; None if in none.

    Infinities that are equal differ by NaN, and integers that differ may wrap around, but never to 0.
    """
    gaps = values.detach().diff(dim=axis)
    if not values.is_floating_point():
        return None if gaps.all() else ~gaps.all(axis)
    widest = gaps.amax if descending else gaps.amin
    differ = lt if descending else gt
    return None if differ(float(widest()), 0) else ~differ(widest(axis), 0)


def indices_by_topk(xp: Any, rows: Any, k: int, rank: Ranking, *, positive: bool = False) -> Any:
    """Return the indices by `topk_and_doubt`, and by ranking where in doubt; None if floats are not positive."""
    seen = as_integers(xp, rows) if positive else rows
    values, indices, doubt = topk_and_doubt(seen, k, -1, rank)
    doubts = [] if doubt is None else [doubt]
    if positive:
        least, greatest = values.amin(), values.amax()
        if least < 0 or greatest > FLOAT_INFINITY_BITS[dtype_name(rows.dtype)]:
            return None
        if rank.largest and least == 0:  # the bits of +0, which -0 equals
            doubts.append(values.amin(-1) == 0)
    if doubts:
        if rows.ndim == 1 or (wrong := reduce(or_, doubts)).all():
            return indices_by_ranking(xp, rows, k, rank)
        indices[wrong] = indices_by_ranking(xp, rows[wrong], k, rank)
    return indices


def _any_nan(values: Any, axis: int) -> Any:
    """Return which rows hold NaN, None if none does."""
    if not values.is_floating_point():
        return None
    return values.isnan().any(axis) if values.amax().isnan() else None
