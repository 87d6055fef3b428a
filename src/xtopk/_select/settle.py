"""Rows in which more tie with the last chosen than were looked at: the first of these in the row take its places.

What ranks before the last chosen is already among the chosen. So its value is known, and of the elements that equal
it the first are taken. They are looked for in the beginning of the row, and in all of it where that has too few.

Where the worst infinity or NaN is chosen, every number beyond that infinity is, and places are left for the first of
these infinities, then for the first NaN.
"""

from functools import reduce
from operator import or_
from typing import Any

from xtopk._order import Ranking

LONG_ROW = 1 << 18
BATCH = 1 << 20
"""A longer row is looked at by itself, so many elements after one another; of shorter ones, so many together."""

PREFIX_PER_CHOICE = 8
LENGTHENED = 8
"""How many elements are looked at first for each place that is left, and how many times more if these are too few."""


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
            chosen[places] = _first_of_row(xp, row, last, int(places.sum()), late=bool(after))
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


def first_of_value(xp: Any, rows: Any, value: Any, k: int) -> Any:
    """Return the first `k` positions of a value in each row, that has so many."""
    if rows.shape[-1] >= LONG_ROW:
        flat = zip(rows.reshape(-1, rows.shape[-1]), value.reshape(-1, 1), strict=True)
        return xp.stack([_first_of_row(xp, row, v, k, late=False) for row, v in flat]).view(*rows.shape[:-1], k)
    given = (a.reshape(-1, a.shape[-1]) for a in (rows, value))
    parts = zip(*(a.split(max(1, BATCH // rows.shape[-1])) for a in given), strict=True)
    nth = xp.arange(1, k + 1, dtype=xp.int32, device=rows.device)
    return xp.concat([_nth_of(xp, part, v, nth.expand(v.shape[0], k)) for part, v in parts]).view(*rows.shape[:-1], k)


def _nth_of(xp: Any, rows: Any, value: Any, nth: Any) -> Any:
    """Return where the elements that equal the value stand, those of these numbers, counted from 1."""
    length = PREFIX_PER_CHOICE * nth.shape[-1]
    found, short = None, None
    while True:
        part, v, number = (a if short is None else a[short] for a in (rows[:, :length], value, nth))
        count = _ties(part, v).cumsum(-1, dtype=xp.int32)
        first = xp.searchsorted(count, number.contiguous())
        if found is None:
            found = first
        else:
            found[short] = first
        if length >= rows.shape[-1]:
            return found
        lacking = (count[:, -1] < number[:, -1]).nonzero()[:, 0]
        short = lacking if short is None else short[lacking]
        if not short.numel():
            return found
        length *= LENGTHENED


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


def _ties(part: Any, last: Any) -> Any:
    ties = part == last
    if part.is_floating_point() and last.isnan().any():
        ties |= part.isnan() & last.isnan()
    return ties


def _first_of_row(xp: Any, row: Any, last: Any, count: int, *, late: bool) -> Any:
    found = []
    for value in (last, xp.full_like(last, xp.nan)) if late else (last,):
        start, step = 0, PREFIX_PER_CHOICE * count
        while count and start < row.shape[0]:
            ties = _ties(row[start : start + step], value)
            if ties.any():
                found.append(ties.nonzero()[:count, 0] + start)
                count -= found[-1].shape[0]
            start, step = start + step, min(LENGTHENED * step, LONG_ROW)
    return xp.concat(found)


def _first_of_rows(xp: Any, rows: Any, indices: Any, late: Any, rank: Ranking) -> Any:
    if late.any():
        late = late & _hold_worst(xp, rows, rank)
    last, places = _last(xp, rows, indices, late, rank)
    nth = places.cumsum(-1, dtype=xp.int32)
    if late.any():
        count = _ties(rows, last).cumsum(-1, dtype=xp.int32)
        total = count[:, -1:]
        missing = (rows.isnan() & late).cumsum(-1, dtype=xp.int32)
        first = xp.where(nth <= total, xp.searchsorted(count, nth), xp.searchsorted(missing, nth - total))
    else:
        first = _nth_of(xp, rows, last, nth)
    return xp.where(places, first, indices)
