"""Rows in which more tie with the last chosen than were looked at: the first of these in the row take its places.

What ranks before the last chosen is already among the chosen. So its value is known, and of the elements that equal
it the first are taken. None of these is behind the last of those that were chosen. Where the library's own top-k chose,
that is about where it began to leave equals out; else they may be anywhere.

Where the worst infinity or NaN is chosen, every number beyond that infinity is, and places are left for the first of
these infinities, then for the first NaN.
"""

from functools import reduce
from operator import or_
from typing import Any

from xtopk._order import Ranking
from xtopk._select.nth import BATCH, LONG_ROW, equals_or_nan, first_of_value_in_row, nth_of


def settle(xp: Any, rows: Any, indices: Any, unsettled: Any, late: Any, rank: Ranking) -> None:
    """Put right, in place, the indices of the rows that are unsettled.

    Where `late` is not None and True, NaN was chosen though infinities may have been left out.
    """
    if late is None:
        late = xp.zeros_like(unsettled)
    if rows.shape[-1] >= LONG_ROW:
        for where in map(tuple, unsettled.nonzero().tolist()):
            row, chosen = rows[where], indices[where]
            after = late[where][None]
            if after:
                after = reduce(or_, (_hold_worst(xp, part, rank) for part in row.split(LONG_ROW)))
            last, places = _last(xp, row, chosen, after, rank)
            count = int(places.sum())
            first = first_of_value_in_row(xp, row, last, count)
            if after:
                missing = xp.full_like(last, xp.nan)
                first = xp.concat([first, first_of_value_in_row(xp, row, missing, count - first.shape[0])])
            chosen[places] = first
        return
    given = rows, indices, late[..., None]
    if 2 * int(unsettled.sum()) >= unsettled.numel():  # what is settled stays as it is
        picked = [a.reshape(-1, a.shape[-1]) for a in given]
    else:
        picked = [a[unsettled] for a in given]
    step = max(1, BATCH // rows.shape[-1])
    parts = zip(*(a.split(step) for a in picked), strict=True)
    settled = xp.concat([_first_of_rows(xp, part, few, after, rank) for part, few, after in parts])
    if settled.numel() == indices.numel():
        indices.copy_(settled.view(indices.shape))
    else:
        indices[unsettled] = settled


def _first_of_rows(xp: Any, rows: Any, indices: Any, late: Any, rank: Ranking) -> Any:
    if late.any():
        late = late & _hold_worst(xp, rows, rank)
    last, places = _last(xp, rows, indices, late, rank)
    nth = places.cumsum(-1, dtype=xp.int32)
    if late.any():
        count = equals_or_nan(rows, last).cumsum(-1, dtype=xp.int32)
        total = count[:, -1:]
        missing = (rows.isnan() & late).cumsum(-1, dtype=xp.int32)
        first = xp.where(nth <= total, xp.searchsorted(count, nth), xp.searchsorted(missing, nth - total))
    else:
        first = nth_of(xp, rows[:, : int((indices * places).amax()) + 1], last, nth)
    return xp.where(places, first, indices)


def _last(xp: Any, rows: Any, indices: Any, late: Any, rank: Ranking) -> tuple[Any, Any]:
    """Return the value that is chosen last, NaN taken for the worst infinity where `late`, and what shares it."""
    values = rows.gather(-1, indices)
    if not rows.is_floating_point():
        last = values.amin(-1, keepdim=True) if rank.largest else values.amax(-1, keepdim=True)
        return last, values == last
    missing = values.isnan()
    if rank.nan_first and missing.any():
        last = values.nan_to_num(nan=xp.inf, posinf=xp.inf, neginf=-xp.inf).amin(-1, keepdim=True)
        last = last.masked_fill(missing.all(-1, keepdim=True), xp.nan)
    else:
        values = values.masked_fill(missing & late, -xp.inf if rank.largest else xp.inf)
        last = values.amin(-1, keepdim=True) if rank.largest else values.amax(-1, keepdim=True)
    return last, (values == last) | (missing & last.isnan())


def _hold_worst(xp: Any, rows: Any, rank: Ranking) -> Any:
    """Return which rows hold the worst infinity, in a fraction of the time of a comparison and its `any`."""
    numbers = xp.nan_to_num(rows, nan=0.0, posinf=xp.inf, neginf=-xp.inf)
    return numbers.amin(-1, keepdim=True) == -xp.inf if rank.largest else numbers.amax(-1, keepdim=True) == xp.inf
