"""The small steps of a selection: the first hits of each row, and few candidates a row put in order."""

from typing import Any

from xtopk._select.packed import BITS_PACKED, pack, unpack

PACKED_FROM = 1024
"""From this many candidates one sort of packed keys is worth making them."""


def in_order(xp: Any, values: Any, k: int, *, largest: bool) -> Any:
    """Return where the first `k` of the values stand, in rank order, along the last axis.

    The values hold no NaN. Equal ones keep their order, so the lower index comes first.
    """
    if values.size >= PACKED_FROM and values.dtype.itemsize * 8 <= BITS_PACKED:
        key = _ascending_key(xp, values)
        return unpack(xp.sort(pack(xp, ~key if largest else key), axis=-1)[..., :k])
    if not largest:
        return xp.argsort(values, axis=-1, kind="stable")[..., :k]
    # Backwards twice: the greatest come first, and equal ones keep their order.
    return values.shape[-1] - 1 - xp.argsort(values[..., ::-1], axis=-1, kind="stable")[..., : -k - 1 : -1]


def row_hits(xp: Any, mask: Any) -> tuple[Any, Any]:
    """Return where a matrix is True, counted through all rows, and where among these hits each row starts and ends."""
    hits = xp.flatnonzero(mask)
    return hits, xp.searchsorted(hits, mask.shape[1] * xp.arange(mask.shape[0] + 1))


def nth_hits(xp: Any, hits: Any, start: Any, slot: Any) -> Any:
    """Return the hits number `slot` of each row, counted through all rows; any position where there is none."""
    place = xp.minimum(start[:-1, None] + slot, hits.shape[0] - 1)
    return hits[place] if hits.shape[0] else xp.zeros_like(place)


def take_rows(xp: Any, rows: Any, indices: Any) -> Any:
    """Return the elements of each row at its `indices`."""
    count, n = rows.shape
    return rows.reshape(-1).take(indices + n * xp.arange(count)[:, None])


def worst_value(xp: Any, dtype: Any, *, largest: bool) -> Any:
    """Return the value that no number of the dtype ranks after."""
    if dtype.kind == "f":
        return -xp.inf if largest else xp.inf
    return xp.iinfo(dtype).min if largest else xp.iinfo(dtype).max


def _ascending_key(xp: Any, values: Any) -> Any:
    """Return int64 in the order of numbers of at most 32 bits, themselves of at most 32 bits and a sign."""
    if values.dtype.kind == "i":
        return values.astype(xp.int64)
    if values.dtype.kind == "u":
        return values.astype(xp.int64) - (1 << 31)
    bits = (values + values.dtype.type(0)).view(xp.int32)  # -0 + 0 is +0
    return (bits ^ ((bits >> 31) & xp.iinfo(xp.int32).max)).astype(xp.int64)
