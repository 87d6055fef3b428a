"""Block maxima, where one may look at elements: the k-th maximum is a bound that few elements of the best blocks reach.

The top k of a row are in the k contiguous blocks with the best maxima, or after the last block. Of equal blocks the
first are taken, as of equal elements: what comes later ranks later. So nothing beyond these k blocks is read twice,
whatever ties there are.
"""

from math import isqrt
from typing import Any

from xtopk._select.bound import COLUMNS_PER_CHOICE, folds_for, is_nan, kth_value, reaches
from xtopk._select.small import first_hits, in_order, row_hits, take_rows
from xtopk._select.threshold import indices_among, indices_of_row, indices_of_rows

BLOCK_GAIN = 64
"""Blocks of the square root of so many times n / k balance what it takes to begin them and to read the best again."""

PICKED_SHARE = 512
FEW_BLOCKS, LONG_BLOCKS = 1 << 25, 1 << 15
"""Rows so many times longer than k are cut if their length times k is no more, which leaves few blocks, or if they are
longer by the last, which leaves long ones: NumPy takes as long to begin a block as to reduce a thousand elements."""

SAMPLED = 1 << 10
"""So many elements at the front of rows tell whether NaN is frequent; where it is not, it shows later."""

CROWD = 1 << 10
"""So many candidates of a single row are put in order as fast as the first k of them are found."""


def block_length(n: int, k: int) -> int:
    """Return how long to make the blocks of rows of `n`, 0 where columns are faster."""
    is_cut = n >= PICKED_SHARE * k and (n * k <= FEW_BLOCKS or n >= LONG_BLOCKS * k)
    return isqrt(BLOCK_GAIN * n // k) if is_cut else 0


def indices_by_best_blocks(xp: Any, rows: Any, k: int, length: int, *, largest: bool) -> tuple[Any, Any]:
    """Return the indices of the `k` largest or least of each row, in order, and which rows hold NaN and have none.

    That is None if no row does.
    """
    number, count = rows.shape[0], rows.shape[1] // length
    indices = xp.empty((number, k), dtype=xp.int64)
    floats = rows.dtype.kind == "f"
    if floats and 2 * xp.count_nonzero(is_nan(rows[:, : 1 + SAMPLED // number]).any(axis=1)) > number:
        return indices, xp.ones(number, dtype=xp.bool)
    body = rows[:, : count * length].reshape(number, count, length)
    best = (xp.maximum if largest else xp.minimum).reduce(body, axis=2)
    if not floats or not xp.isnan(best.max()):
        return indices_in_blocks(xp, rows, body, best, xp.arange(number), k, largest=largest), None
    hidden = is_nan(best).any(axis=1)
    seen = (~hidden).nonzero()[0]
    if seen.shape[0]:
        indices[seen] = indices_in_blocks(xp, rows, body, best[seen], seen, k, largest=largest)
    return indices, hidden


def indices_in_blocks(xp: Any, rows: Any, body: Any, best: Any, seen: Any, k: int, *, largest: bool) -> Any:
    """Return the indices in the rows that are seen, of whose blocks the best are known."""
    (number, count), length = best.shape, body.shape[2]
    bound = kth_value(xp, best, k, largest=largest)
    taken = reaches(best, bound, largest=largest)
    if xp.count_nonzero(taken) > number * k:
        tied = best == bound
        room = k - xp.count_nonzero(taken & ~tied, axis=1, keepdims=True)
        taken &= ~tied | (tied.cumsum(axis=1) <= room)
    row, block = taken.nonzero()
    tail = rows[:, count * length :] if number == rows.shape[0] else rows[seen, count * length :]
    near = xp.empty((number, k * length + tail.shape[1]), dtype=rows.dtype)
    near[:, k * length :] = tail
    if number == 1:  # into place, for a long row has long blocks
        body[seen[0]].take(block, axis=0, out=near[0, : k * length].reshape(k, length), mode="clip")
    else:
        near[:, : k * length] = body[seen[row], block].reshape(number, k * length)
    blocks = xp.empty((number, k + 1), dtype=xp.int64)
    blocks[:, :k], blocks[:, k] = block.reshape(number, k), count
    which, place = xp.divmod(_indices_of_near(xp, near, k, bound, largest=largest), length)
    return take_rows(xp, blocks, which) * length + place


def _indices_of_near(xp: Any, near: Any, k: int, bound: Any, *, largest: bool) -> Any:
    """Return the indices among the elements of the best blocks, of which at least k reach the bound."""
    number, reach = near.shape[0], reaches(near, bound, largest=largest)
    found = xp.count_nonzero(reach)
    is_crowded = found > (CROWD if number == 1 else number * (2 * k + COLUMNS_PER_CHOICE))
    if is_crowded:
        if not (near > bound if largest else near < bound).any():  # all that reach it are equal
            return first_hits(xp, lambda part: part == bound, near, k)[0]
        if number > 1:
            return indices_of_rows(xp, near, k, largest=largest)
        folds = folds_for(near.shape[1], COLUMNS_PER_CHOICE * k)
        return indices_of_row(xp, near[0], folds, k, largest=largest)[None]
    if number > 1:
        return indices_among(xp, near, k, bound, *row_hits(xp, reach), largest=largest)
    chosen = reach[0].nonzero()[0]
    return chosen[in_order(xp, near[0][chosen], k, largest=largest)][None]
