"""Block maxima, where one may look at elements: the k-th maximum is a bound that few elements of the best blocks reach.

The top k of a row are in the k contiguous blocks with the best maxima, or after the last block. Of equal blocks the
first are taken, as of equal elements: what comes later ranks later. So nothing beyond these k blocks is read twice,
whatever ties there are.
"""

from math import isqrt
from typing import Any

from xtopk._select.bound import COLUMNS_PER_CHOICE, folds_for, is_nan, kth_value, reaches
from xtopk._select.small import in_order, row_hits, take_rows
from xtopk._select.threshold import PICKED_SHARE, indices_among, indices_of_row, indices_of_rows

BLOCK_GAIN = 64
"""Blocks of the square root of so many times n / k balance what it takes to begin them and to read the best again."""

FEW_BLOCKS, LONG_BLOCKS = 1 << 25, 1 << 15
"""Rows are cut if their length times k is no more, which leaves few blocks, or if they are so many times longer than k,
which leaves long ones: NumPy takes as long to begin a block as to reduce a thousand elements."""

SAMPLED = 1 << 10
"""So many elements at the front of rows tell whether NaN is frequent; where it is not, it shows later."""

CROWD = 1 << 10
"""So many candidates of a single row are put in order as fast as the first k of them are found."""


def block_length(n: int, k: int) -> int:
    """Return how long to make the blocks of rows of `n`, 0 where columns are faster."""
    is_cut = n >= PICKED_SHARE * k and (n * k <= FEW_BLOCKS or n >= LONG_BLOCKS * k)
    return isqrt(BLOCK_GAIN * n // k) if is_cut else 0


def indices_by_best_blocks(xp: Any, rows: Any, k: int, length: int, *, largest: bool) -> Any:
    """Return the indices of the `k` largest or least of each row, in order, or None if a block holds NaN."""
    (rows_, n), count = rows.shape, rows.shape[1] // length
    if is_nan(rows[:, : 1 + SAMPLED // rows_]).any():
        return None
    body = rows[:, : count * length].reshape(rows_, count, length)
    best = (xp.maximum if largest else xp.minimum).reduce(body, axis=2)
    if rows.dtype.kind == "f" and xp.isnan(best.max()):
        return None
    bound = kth_value(xp, best, k, largest=largest)
    taken = reaches(best, bound, largest=largest)
    if xp.count_nonzero(taken) > rows_ * k:
        tied = best == bound
        room = k - xp.count_nonzero(taken & ~tied, axis=1, keepdims=True)
        taken &= ~tied | (tied.cumsum(axis=1) <= room)
    row, block = taken.nonzero()
    near = body[row, block].reshape(rows_, k * length)
    if count * length < n:
        near = xp.concat([near, rows[:, count * length :]], axis=1)
    blocks = xp.empty((rows_, k + 1), dtype=xp.int64)
    blocks[:, :k], blocks[:, k] = block.reshape(rows_, k), count
    which, place = xp.divmod(_indices_of_near(xp, near, k, bound, largest=largest), length)
    return take_rows(xp, blocks, which) * length + place


def _indices_of_near(xp: Any, near: Any, k: int, bound: Any, *, largest: bool) -> Any:
    """Return the indices among the elements of the best blocks, of which at least k reach the bound."""
    reach = reaches(near, bound, largest=largest)
    found = xp.count_nonzero(reach)
    if near.shape[0] > 1:
        if found > near.shape[0] * (2 * k + COLUMNS_PER_CHOICE):
            return indices_of_rows(xp, near, k, largest=largest)
        return indices_among(xp, near, k, bound, *row_hits(xp, reach), largest=largest)
    if found > CROWD:
        folds = folds_for(near.shape[1], COLUMNS_PER_CHOICE * k)
        return indices_of_row(xp, near[0], folds, k, largest=largest)[None]
    chosen = reach[0].nonzero()[0]
    return chosen[in_order(xp, near[0][chosen], k, largest=largest)][None]
