"""The library's own top-k, asked for more than k, which shows where ties or NaN made it go wrong."""

from collections.abc import Callable
from functools import partial
from operator import gt, lt
from typing import Any

from xtopk._order import FLOAT_INFINITY_BITS, Ranking, dtype_name
from xtopk._select.nth import BATCH, first_of_equals, where_true
from xtopk._select.ranked import as_integers, indices_by_ranking, put_in_order

SORTED_UP_TO = 1 << 12
RANKED_UP_TO = 1 << 15
"""So few elements are sorted, or ranked if they leave room for a position, in less time than it takes to look at the
rows in doubt: float64, and without NumPy."""

ROW_LISTED, ROWS_LISTED, LISTED = 512, 4, 64
"""So few that were chosen of one row, or in so few rows up to the last of each, are put right by Python."""


def topk_and_doubt(x: Any, k: int, axis: int, rank: Ranking) -> tuple[Any, Any, Any]:
    """Return the library's own top k, and which of it may equal the next one or be NaN; None if nothing does."""
    largest, stable = rank.largest, rank.stable
    if k == 1:
        values, indices = x.max(axis, keepdim=True) if largest else x.min(axis, keepdim=True)  # the first of equals
        return values, indices, None if rank.nan_first else _nan(values)
    values, indices = x.topk(min(k + stable, x.shape[axis]), axis, largest, stable or rank.sorted)
    if not stable:
        return values, indices, _nan(values) if largest and not rank.nan_first else None
    return *first_of(values, indices, k, axis), ties(values.detach(), axis, largest=largest)


def are_apart(values: Any, axis: int, rank: Ranking) -> bool:
    """Return whether none of few sorted values equals the next one, nor is NaN, which Python sees in less time."""
    is_better = gt if rank.largest else lt
    if values.ndim == 1:
        row = values.tolist()
        return all(map(is_better, row, row[1:]))
    return all(all(map(is_better, row, row[1:])) for row in values.reshape(-1, values.shape[axis]).tolist())


def first_of(values: Any, indices: Any, k: int, axis: int) -> tuple[Any, Any]:
    """Return k of k or one more, copied, since a view would keep that."""
    if values.shape[axis] == k:
        return values, indices
    return values.narrow_copy(axis, 0, k), indices.narrow_copy(axis, 0, k)


def ties(values: Any, axis: int, *, largest: bool) -> Any:
    """Return which of sorted values equal the next one or are beside NaN; None if none."""
    if values.is_floating_point() and values.dtype.itemsize >= 4:  # equal infinities differ by NaN
        gaps = values.diff(dim=axis)
        beyond, nearest = (lt, gaps.amax()) if largest else (gt, gaps.amin())
        return None if beyond(float(nearest), 0) else ~beyond(gaps, 0)
    count = values.shape[axis] - 1
    apart = (gt if largest else lt)(values.narrow(axis, 0, count), values.narrow(axis, 1, count))
    return None if apart.all() else ~apart


def _nan(values: Any) -> Any:
    """Return which values are NaN, None if none is."""
    return values.isnan() if values.is_floating_point() and values.amax().isnan() else None


def indices_by_topk(xp: Any, rows: Any, k: int, rank: Ranking, *, positive: bool = False) -> Any:
    """Return the indices by `topk_and_doubt`, mended where in doubt; None if floats are not positive."""
    seen = as_integers(xp, rows) if positive else rows
    values, indices, doubt = topk_and_doubt(seen, k, -1, rank)
    if positive:
        least, greatest = values.amin(), values.amax()
        if least < 0 or greatest > FLOAT_INFINITY_BITS[dtype_name(rows.dtype)]:
            return None
        if rank.largest and least == 0:  # the bits of +0, which -0 equals
            zero = values.amin(-1, keepdim=True) == 0
            doubt = zero if rows.ndim == 1 or doubt is None else doubt | zero
    return indices if doubt is None else mended(xp, rows, k, rank, rows.gather(-1, indices), indices, doubt)


def mended(xp: Any, rows: Any, k: int, rank: Ranking, values: Any, indices: Any, doubt: Any) -> Any:
    """Return the indices put right: equal ones in order, from the front where the last may equal what was left out.

    The values are in order. `doubt` is for each index, the next to last being the last where all are chosen, or for all
    of a row. Few elements are sorted or ranked, and what few are chosen of few rows is put in order by Python.
    """
    if rows.ndim == 1 < k <= ROW_LISTED and rank.stable:
        if not values[:: k - 1].isnan().any():
            return _mended_row(xp, rows, k, rank, values, indices)
        if rows.numel() > SORTED_UP_TO:
            return indices_by_ranking(xp, rows, k, rank)
    if rows.numel() <= SORTED_UP_TO:
        return indices_by_sort(rows, k, -1, rank)
    if rows.ndim != 2:
        given = (a.reshape(-1, a.shape[-1]) for a in (values, indices, doubt))
        return mended(xp, rows.reshape(-1, rows.shape[-1]), k, rank, *given).view(indices.shape)
    wrong = doubt.any(-1)
    count = int(wrong.sum())
    if count <= ROWS_LISTED and 1 < k <= LISTED and rank.stable and not values[wrong].isnan().any():
        for place in wrong.nonzero().squeeze(-1).tolist():
            indices[place] = _mended_row(xp, rows[place], k, rank, values[place], indices[place])
        return indices
    if rows.numel() <= RANKED_UP_TO and (rows.dtype.itemsize < 8 or not rows.is_floating_point()):
        return indices_by_ranking(xp, rows, k, rank)
    is_most = 2 * count >= rows.shape[0]  # then none is copied
    few, values, chosen, is_open = (a if is_most else a[wrong] for a in (rows, values, indices, doubt[:, -1]))
    hidden = values.isnan().any(-1) if few.is_floating_point() else xp.zeros_like(is_open)
    if is_most and rows.numel() <= BATCH and hidden.all():
        return topk_beside_nan(xp, rows, k, rank)
    if rank.stable and not hidden.all():
        if (is_open & ~hidden).any():
            chosen = first_of_equals(xp, few, chosen, values)
        chosen = put_in_order(xp, chosen, values)
    if hidden.any():
        step = max(1, BATCH // rows.shape[-1])
        for part in zip(*(where.split(step) for where in hidden.nonzero(as_tuple=True)), strict=True):
            chosen[part] = topk_beside_nan(xp, few[part], k, rank)
    if is_most:
        return chosen
    indices[wrong] = chosen
    return indices


def _mended_row(xp: Any, row: Any, k: int, rank: Ranking, values: Any, indices: Any) -> Any:
    """Return what `mended` does of a few numbers of a row."""
    places = put_right(partial(where_true, xp), row, values.tolist(), indices.tolist(), k, largest=rank.largest)
    return indices.new_tensor(places)


def put_right(
    where: Callable[[Any], Any], row: Any, seen: list[Any], places: list[int], k: int, *, largest: bool
) -> list[int]:
    """Return where the first k of a row stand, of which the best are seen in order, `k` of them or one more.

    Python puts those in order that are better than the last. Of what equals it more may stand in the row, unless the
    one more is worse; then the first are looked for.
    """
    last = seen[k - 1]
    better = seen.index(last)
    ranks = [-value for value in seen[:better]] if largest else seen[:better]
    first = [place for _, place in sorted(zip(ranks, places, strict=False))]
    if seen[-1] != last:
        return first + sorted(places[better:k])
    equal: list[int] = where(row[: max(places[better:]) + 1] == last)[: k - better].tolist()
    return first + equal


def topk_beside_nan(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return the indices of rows that hold NaN: where it only hides numbers, with -inf in its place.

    Then none is chosen, so that what is mended of that is not done again.
    """
    if not rank.largest or rank.nan_first:
        return indices_by_ranking(xp, rows, k, rank)
    numbers = rows.nan_to_num(nan=-xp.inf, posinf=xp.inf, neginf=-xp.inf)
    values, chosen, doubt = topk_and_doubt(numbers, k, -1, rank)
    late = values.amin(-1) == -xp.inf  # which may have been NaN
    if late.all():
        return indices_by_ranking(xp, rows, k, rank)
    if doubt is not None:
        chosen = mended(xp, numbers, k, rank, values, chosen, doubt)
    if late.any():
        chosen[late] = indices_by_ranking(xp, rows[late], k, rank)
    return chosen


def indices_by_sort(x: Any, k: int, axis: int, rank: Ranking) -> Any:
    """Return where the first k along an axis stand, by a sort of all; it takes NaN for the greatest."""
    if rank.largest and not rank.nan_first:
        x = -x if x.is_floating_point() else ~x
    return x.sort(dim=axis, stable=True, descending=rank.nan_first).indices.narrow_copy(axis, 0, k)
