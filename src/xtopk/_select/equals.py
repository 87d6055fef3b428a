"""Rows in which k or more equal the best: the first of these, which takes a maximum and no selection."""

from typing import Any

from xtopk._order import Ranking
from xtopk._select.nth import first_of_value

SEEN, APART = 16, 8
"""In about so many rows, at least so far apart, the equals are counted before all rows are looked at."""

DEVIATIONS = 4
"""So many standard deviations less than is counted must be k, for all rows to have so many, and so many more than what
is expected to hold k equals of a row is looked at first."""


def indices_of_equals(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return the indices of the top k of each row; None if one holds NaN that is last, or fewer than k of the best."""
    rows = rows.view(xp.uint8) if rows.dtype == xp.bool else rows
    n, lines = rows.shape[-1], rows.reshape(-1, rows.shape[-1])
    apart = max(APART, lines.shape[0] // SEEN)
    few = lines[min(apart, lines.shape[0]) - 1 :: apart]
    counts = (few == _best(xp, few, largest=rank.largest)).sum(-1).tolist()
    mean = sum(counts) / len(counts)
    deviation = (sum((count - mean) ** 2 for count in counts) / len(counts)) ** 0.5
    if min(counts) < k or mean - DEVIATIONS * deviation < k:
        return None
    length = int((k + DEVIATIONS * (k**0.5 + 1)) * n / mean)
    best = _best(xp, rows, largest=rank.largest)
    if rows.is_floating_point() and not rank.nan_first and best.isnan().any():
        return None
    return first_of_value(xp, rows, best, k, length)


def _best(xp: Any, rows: Any, *, largest: bool) -> Any:
    if largest:
        return rows.amax(-1, keepdim=True)
    if rows.dtype == xp.int64:  # for which amin takes 15 times longer
        return rows.min(-1, keepdim=True).values
    return rows.amin(-1, keepdim=True)
