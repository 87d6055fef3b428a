"""Column maxima: exact top-k of values from interleaved blocks, reduced in vectors however short the blocks are.

Lay `folds` pieces of a row over one another and take the maximum of each column of this pile. The top k values lie in
the k columns with the greatest maxima and in the few elements that the pile leaves over, for otherwise k columns would
each hold something greater.

What the other columns hold is no greater than the least of the chosen maxima, the bound. While the k-th value found is
greater than the bound, all that tie with it are among the candidates, too, and the lower index can win among these.
Columns beyond the k-th lower the bound, so that a few ties need nothing else. Where the k-th value equals the bound,
the values are right, but which of its equals come first is open.

The candidates are numbered fold by fold, so that where the chosen columns ascend, positions ascend with the numbers.
"""

from math import isqrt
from typing import Any

from xtopk._order import positions

MIN_FOLDS = 3
MAX_FOLDS = 15
"""Shallower piles save nothing; a processor follows 16 streams, one of which is written."""

MIN_COLUMNS = 64
"""Fewer columns do not fill the vectors of a reduction."""


def folds_for(n: int, k: int) -> int:
    """Return how deep a pile makes both selections about as long, or 0 where they would not be much shorter."""
    folds = min(isqrt(n // k), MAX_FOLDS, n // MIN_COLUMNS)
    return folds if folds >= MIN_FOLDS else 0


def candidate_positions(xp: Any, chosen: Any, folds: int, n: int) -> Any:
    """Return the position of each candidate in its row of `n`."""
    lead, columns = chosen.shape[:-1], n // folds
    start = xp.reshape(positions(xp, chosen, 0, folds) * columns, (folds, 1))
    found = xp.reshape(chosen[..., None, :] + start, (*lead, folds * chosen.shape[-1]))
    if folds * columns == n:
        return found
    left = xp.broadcast_to(positions(xp, chosen, folds * columns, n), (*lead, n - folds * columns))
    return xp.concat([found, left], axis=-1)


def take(rows: Any, position: Any) -> Any:
    """Return the elements of each row at its positions; of a single row in a third of the time of a gather."""
    return rows.index_select(0, position) if rows.ndim == 1 else rows.gather(-1, position)
