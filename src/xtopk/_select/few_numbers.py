"""Rows that are nearly all NaN: their few numbers are collected, ranked, and followed by the first NaN.

Where the numbers stand says where the NaN do: before NaN j stand those numbers that are no more than j places behind
their own count.
"""

from typing import Any

from xtopk._order import Ranking, positions
from xtopk._select.nth import where_true
from xtopk._select.ranked import indices_by_ranking, peek

FEW = 16
"""The numbers of a row are few if there is at most one for so many elements, or if there are no more than k."""

LONG = 1 << 7
"""Shorter rows are ranked as they are."""

SEARCHED_AT_A_TIME = 1 << 20
"""Of how many elements the mask of the numbers is made at a time."""


def numbers_may_be_few(rows: Any, rank: Ranking) -> bool:
    """Return whether a look at few elements lets expect that nearly all are NaN, and that these rank last."""
    if rank.nan_first or not rows.is_floating_point() or not rows.is_contiguous() or rows.shape[-1] < LONG:
        return False
    few = peek(rows)
    return bool(FEW * (few == few).sum() <= few.numel())


def indices_of_few_numbers(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return the indices of the top k of contiguous rows of floats, NaN last; None where the numbers are not few."""
    n, flat = rows.shape[-1], rows.view(-1)
    parts = enumerate(flat.split(SEARCHED_AT_A_TIME))
    hits = xp.concat([where_true(xp, part == part).add_(i * SEARCHED_AT_A_TIME) for i, part in parts])
    lines = flat.shape[0] // n
    start = xp.searchsorted(hits, n * positions(xp, rows, 0, lines + 1))
    count = start.diff()
    most = max(1, int(count.max()))
    if most > k and FEW * most > n:
        return None
    line, slot = hits // n, positions(xp, rows, 0, most)
    place = line * most + positions(xp, rows, 0, hits.shape[0]) - start[line]
    position = (slot + n).repeat(lines)
    position[place] = hits - n * line
    values = flat.new_full(position.shape, -xp.inf if rank.largest else xp.inf)
    values[place] = flat[hits]
    order = indices_by_ranking(xp, values.view(lines, most), min(k, most), rank._replace(sorted=True, stable=True))
    position = position.view(lines, most)
    nth = positions(xp, rows, 0, k) - count[:, None]
    found = nth + xp.searchsorted(position - slot, nth, right=True)
    front = found[:, :most]
    front.copy_(xp.where(nth[:, :most] < 0, position.gather(-1, order), front))
    return found.view(*rows.shape[:-1], k)
