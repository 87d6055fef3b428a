"""The small steps of a selection: the first hits of each row, and few candidates a row put in order.

A matrix of rows is C-contiguous, or the transpose of a matrix in which the rows lie side by side.
"""

from collections.abc import Callable
from typing import Any

from xtopk._order import Ranking
from xtopk._select.packed import BITS_PACKED
from xtopk._select.packed_sort import indices_by_packed_sort

PACKED_FROM = 1024
"""From this many candidates one sort of packed keys is worth making them."""

LOOKED_AT = 4
"""The first few of what is frequent are looked for among so many elements for each of them, before all are read."""


SORTED_BYTES = 2048
"""Rows up to so short are partitioned as fast whatever ties they hold."""

SORTED_ROW = 1 << 10
"""A single row of so few elements is sorted in less time than it takes to ask for ties and partition it."""

DENSE = 8
"""Where such a share of a matrix is True, it is faster to bring its rows together first than their hits afterwards."""

SAMPLED_COLUMNS = 32
TIED_LOW, TIED_HIGH = 12, 40
"""Where an element is so many percent of such a sample of longer rows, a partition in their lower or upper half takes
longer than a sort."""


def in_order(xp: Any, values: Any, k: int, *, largest: bool) -> Any:
    """Return where the first `k` of the values stand, or all if these are fewer, in rank order, along the last axis.

    The values hold no NaN. Equal ones keep their order, so the lower index comes first.
    """
    k = min(k, values.shape[-1])
    if values.size >= PACKED_FROM:
        before, after = values[..., :-1], values[..., 1:]
        if (before >= after if largest else before <= after).all():  # as where nearly all tie
            return xp.broadcast_to(xp.arange(k), (*values.shape[:-1], k))
        if values.dtype.itemsize * 8 <= BITS_PACKED:
            return indices_by_packed_sort(xp, values, k, Ranking(largest, nan_first=False, sorted=True, stable=True))
    if not largest:
        return values.argsort(axis=-1, kind="stable")[..., :k]
    # Backwards twice: the greatest come first, and equal ones keep their order.
    return values.shape[-1] - 1 - values[..., ::-1].argsort(axis=-1, kind="stable")[..., : -k - 1 : -1]


def row_hits(xp: Any, mask: Any) -> tuple[Any, Any]:
    """Return where a matrix is True, counted through all rows, and where among these hits each row starts and ends."""
    count, n = mask.shape
    together = mask.flags.c_contiguous
    if not together and DENSE * xp.count_nonzero(mask) > mask.size:
        mask, together = xp.ascontiguousarray(mask), True
    if together:
        hits = mask.reshape(-1).nonzero()[0]
    else:
        place, row = xp.divmod(mask.T.reshape(-1).nonzero()[0], count)
        hits = row * n + place
        hits.sort()
    return hits, hits.searchsorted(n * xp.arange(count + 1))


def nth_hits(xp: Any, hits: Any, start: Any, n: int, slot: Any) -> Any:
    """Return the hits number `slot` of each row of `n`, counted within it; anything where there is none."""
    place = xp.minimum(start[:-1, None] + slot, max(0, hits.shape[0] - 1))
    return hits[place] - n * xp.arange(start.shape[0] - 1)[:, None] if hits.shape[0] else xp.zeros_like(place)


def first_hits(xp: Any, test: Callable[[Any], Any], rows: Any, k: int, needed: Any = None) -> tuple[Any, Any]:
    """Return the first `k` positions in each row that pass a test, and how many of these there are.

    Only the front of the rows is looked at, if that has as many as each needs, all `k` if it is not said.
    """
    n = rows.shape[1]
    stop = min(n, LOOKED_AT * k)
    while True:
        hits, start = row_hits(xp, test(rows[:, :stop]))
        found = start[1:] - start[:-1]
        if stop == n or (found >= (k if needed is None else needed)).all():
            return nth_hits(xp, hits, start, stop, xp.arange(k)), xp.minimum(found, k)
        stop = min(n, 2 * LOOKED_AT * stop)


def then(xp: Any, indices: Any, count: Any, others: Any) -> Any:
    """Return in each row the first `count` of the indices, and then the first of the others."""
    slot = xp.arange(indices.shape[1])
    late = slot - count[:, None]
    return xp.where(late < 0, indices, xp.take_along_axis(others, xp.maximum(late, 0), axis=-1))


def sampled(xp: Any, rows: Any) -> Any:
    """Return some elements of each row, in order."""
    return xp.sort(rows[:, :: rows.shape[1] // SAMPLED_COLUMNS | 1], axis=-1)


def is_tied(xp: Any, rows: Any, place: int) -> bool:
    """Return whether partitioning rows at a place is slow; a sample tells.

    NumPy's partition for AVX-512 splits at a pivot into what is less and what is not; if the pivot is the least of what
    it looks at, it is no further than before. That is so where what is frequent begins before the place, unless it is
    the greatest of a row that is not constant.
    """
    n = rows.shape[1]
    if n * rows.dtype.itemsize <= SORTED_BYTES:
        return False
    sample = sampled(xp, rows)
    count = sample.shape[1]
    apart = count * (TIED_LOW if 2 * place < n else TIED_HIGH) // 100
    begins = min(count - apart, 1 + place * count // n)
    first, greatest = sample[:, :begins], sample[:, -1:]
    slow = (first == sample[:, apart : apart + begins]) & (first != greatest) | (sample[:, :1] == greatest)
    return bool(2 * xp.count_nonzero(slow.any(axis=-1)) >= rows.shape[0])


def kth_of_rows(xp: Any, rows: Any, place: int) -> Any:
    """Return the element number `place` of each row in ascending order, of shape (count, 1)."""
    is_sorted = (rows.shape[0] == 1 and rows.size <= SORTED_ROW) or is_tied(xp, rows, place)
    ordered = xp.sort(rows, axis=-1) if is_sorted else xp.partition(rows, place, axis=-1)
    return ordered[:, place : place + 1]


def indices_in_pieces(xp: Any, rows: Any, k: int, step: int, select: Callable[[Any, int], Any]) -> Any:
    """Return ``select(rows, k)``, the indices of the top k, made of a piece of each row at a time."""
    pieces = range(0, rows.shape[1], step)
    found = [start + xp.sort(select(rows[:, start : start + step], k), axis=-1) for start in pieces]
    near = xp.concat(found, axis=-1)
    return take_rows(xp, near, select(take_rows(xp, rows, near), k))


def take_rows(xp: Any, rows: Any, indices: Any) -> Any:
    """Return the elements of each row at its `indices`."""
    count, n = rows.shape
    if count == 1:
        return rows[0][indices]
    if rows.flags.c_contiguous:
        return rows.reshape(-1).take(indices + n * xp.arange(count)[:, None])
    return rows[xp.arange(count)[:, None], indices]


def worst_value(xp: Any, dtype: Any, *, largest: bool) -> Any:
    """Return the value that no number of the dtype ranks after."""
    if dtype.kind == "f":
        return -xp.inf if largest else xp.inf
    return xp.iinfo(dtype).min if largest else xp.iinfo(dtype).max
