"""The library's own unstable partition, asked for one more than k, which shows where ties must be settled.

Where no two neighbours of the k + 1 first are equal, there was nothing to decide. Where some are, their value is known,
and two cheap steps make it stable: of those equal to the k-th the first in the row are taken, and what is chosen is
sorted once more by a number for each distinct value, packed with the position.
"""

from typing import Any

from xtopk._select.packed import BITS_PACKED, unpack
from xtopk._select.small import nth_hits, row_hits, take_rows


def indices_by_partition(xp: Any, key: Any, k: int) -> tuple[Any, Any]:
    """Return the indices of the `k` least of each row, in order, and whether each row is unanswered, for NaN is chosen.

    `key` ascends in rank order, NaN counting as the last.
    """
    n = key.shape[1]
    if k == n:
        order = xp.argsort(key, axis=-1)
    else:
        order = xp.argpartition(key, k, axis=-1)[:, : k + 1]
        order = take_rows(xp, order, xp.argsort(take_rows(xp, key, order), axis=-1))
    values = take_rows(xp, key, order)
    rises = values[:, :-1] < values[:, 1:]
    last = values[:, k - 1]
    unanswered = last != last
    indices = order[:, :k]
    tied = xp.flatnonzero(~(rises.all(axis=-1) | unanswered))
    if tied.shape[0]:
        indices[tied] = _settled(xp, key[tied], indices[tied], values[tied, :k], rises[tied, : k - 1])
    return indices, unanswered


def _settled(xp: Any, key: Any, indices: Any, values: Any, rises: Any) -> Any:
    """Return the indices with the lower ones first, and taken first, among equal elements."""
    count, n = key.shape
    better = (values < values[:, -1:]).sum(axis=-1, keepdims=True)
    slot = xp.arange(indices.shape[1]) - better
    first = nth_hits(xp, *row_hits(xp, key == values[:, -1:]), xp.maximum(slot, 0))
    packed = xp.where(slot < 0, indices, first - n * xp.arange(count)[:, None])
    packed[:, 1:] |= rises.cumsum(axis=-1) << BITS_PACKED
    return unpack(xp.sort(packed, axis=-1))
