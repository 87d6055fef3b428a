"""The library's own unstable partition, asked for one more than k, which shows where ties must be settled.

Where no two neighbours of the k + 1 first are equal, there was nothing to decide. Where some are, their value is known,
and two cheap steps make it stable: of those equal to the k-th the first in the row are taken, and what is chosen is
sorted once more by a number for each distinct value, packed with the position.

Where a sample shows that many are equal, a stable sort of all takes less time: it is the faster the more there are, and
of integers in the order of floats faster than of floats.
"""

from typing import Any

from xtopk._order import Ranking
from xtopk._select.packed import BITS_PACKED, unpack
from xtopk._select.packed_sort import vectorised_rank_key
from xtopk._select.small import first_hits, is_tied, sampled, take_rows, then

SAMPLED_ROWS = 64
MANY_EQUAL, MANY_CHOSEN = 60, 50
"""All are sorted stably where so many percent of a sample, of about so many rows, equal the next, or where any do and
half or more are chosen."""


def indices_by_partition(xp: Any, key: Any, k: int) -> tuple[Any, Any]:
    """Return the indices of the `k` least of each row, in order, and whether each row is unanswered, for NaN is chosen.

    `key` ascends in rank order, NaN counting as the last.
    """
    if _is_sorted(xp, key, k):
        ascending = Ranking(largest=False, nan_first=False, sorted=True, stable=True)
        return vectorised_rank_key(xp, key, ascending).argsort(axis=-1, kind="stable")[:, :k].copy(), None
    order = _least(xp, key, min(k + 1, key.shape[1]))
    order = take_rows(xp, order, xp.argsort(take_rows(xp, key, order), axis=-1))
    values = take_rows(xp, key, order)
    last = values[:, k - 1]
    unanswered = last != last
    indices = order[:, :k]
    rises = values[:, :-1] < values[:, 1:]
    tied = (~(rises.all(axis=-1) | unanswered)).nonzero()[0]
    if tied.shape[0]:
        indices[tied] = _settled(xp, key[tied], indices[tied], values[tied, :k], rises[tied, : k - 1])
    return indices, unanswered


def _is_sorted(xp: Any, key: Any, k: int) -> bool:
    """Return whether to sort all, since many are equal."""
    count, n = key.shape
    sample = sampled(xp, key[:: 1 + count // SAMPLED_ROWS])
    equal = xp.count_nonzero(sample[:, 1:] == sample[:, :-1])
    return bool(100 * equal >= MANY_EQUAL * sample.size or (equal and 100 * k >= MANY_CHOSEN * n))


def _settled(xp: Any, key: Any, indices: Any, values: Any, rises: Any) -> Any:
    """Return the indices with the lower ones first, and taken first, among equal elements."""
    k, last = indices.shape[1], values[:, -1:]
    better = (values < last).sum(axis=-1)
    first, _ = first_hits(xp, lambda part: part == last, key, k, k - better)
    packed = then(xp, indices, better, first)
    packed[:, 1:] |= rises.cumsum(axis=-1) << BITS_PACKED
    return unpack(xp.sort(packed, axis=-1))


def _least(xp: Any, key: Any, count: int) -> Any:
    """Return where the `count` least of each row are, partitioned from the side that has fewer ties."""
    n = key.shape[1]
    if is_tied(xp, key, count - 1) and not (key.dtype.kind == "f" and xp.isnan(key.max())):
        return xp.argpartition(-key if key.dtype.kind == "f" else ~key, n - count, axis=-1)[:, n - count :]
    return xp.argpartition(key, count - 1, axis=-1)[:, :count]
