"""Rows in which k or more equal the best: the first of these, which takes a maximum and no selection."""

from typing import Any

from xtopk._order import Ranking, positions
from xtopk._select.settle import BATCH, LONG_ROW, first_of_value_in_row, nth_and_count

SEEN, APART = 16, 8
"""In about so many rows, at least so far apart, the equals are counted before all rows are looked at."""

ROOM = 5 / 4
"""How many times more than expected of a row are looked at first."""


def indices_of_equals(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return the indices of the top k of each row; None if the best of one is NaN, or fewer than k equal it."""
    n, lines = rows.shape[-1], rows.reshape(-1, rows.shape[-1])
    apart = max(APART, lines.shape[0] // SEEN)
    few = lines[min(apart, lines.shape[0]) - 1 :: apart]
    equal = (few == _best(xp, few, largest=rank.largest)).sum(-1)
    if int(equal.amin()) < k:
        return None
    length = int(ROOM * k * n * equal.shape[0] / int(equal.sum()))
    values = _best(xp, lines, largest=rank.largest)
    indices = xp.empty((lines.shape[0], k), dtype=xp.int64, device=rows.device)
    nth, step = positions(xp, rows, 1, k + 1), 1 if n >= LONG_ROW else BATCH // n
    for line, value, chosen in zip(*(a.split(step) for a in (lines, values, indices)), strict=True):
        if n >= LONG_ROW:
            found = first_of_value_in_row(xp, line[0], value[0], k)
            is_short = found.shape[0] < k
        else:
            found, count = nth_and_count(xp, line, value, nth.expand(value.shape[0], k), length)
            is_short = bool((count < k).any())
        if is_short:
            return None
        chosen.copy_(found)
    return indices.view(*rows.shape[:-1], k)


def _best(xp: Any, rows: Any, *, largest: bool) -> Any:
    if largest:
        return rows.amax(-1, keepdim=True)
    if rows.dtype == xp.int64:  # for which amin takes 15 times longer
        return rows.min(-1, keepdim=True).values
    return rows.amin(-1, keepdim=True)
