"""Keys packed with their positions: no two are equal, so any selection is stable and yields the indices."""

from collections.abc import Callable
from typing import Any

from xtopk._order import positions

BITS_PACKED = 32
BITS_NARROW = 16
"""The widest keys that leave room for a position in an int64, and in an int32."""


def indices_by_packing(xp: Any, key: Any, k: int, least: Callable[[Any, int], Any]) -> Any:
    """Return the indices of the `k` least of `key` along the last axis, in the order ``least(a, k)`` gives.

    `key` holds signed integers of at most 32 bits, and the axis is shorter than 2**32.
    """
    return unpack(least(pack(xp, xp.astype(key, xp.int64)), k))


def indices_by_narrow_packing(xp: Any, key: Any, k: int, least: Callable[[Any, int], Any]) -> Any:
    """Do as `indices_by_packing` in half the bytes, for keys of at most 16 bits and an axis of at most 2**16."""
    position = xp.astype(positions(xp, key, 0, key.shape[-1]), xp.int32)
    packed = (xp.astype(key, xp.int32) << BITS_NARROW) | position
    return xp.astype(least(packed, k) & ((1 << BITS_NARROW) - 1), xp.int64)


def pack(xp: Any, key: Any) -> Any:
    """Return int64 `key`, of 32 bits, with its position along the last axis in the lower half."""
    return (key << BITS_PACKED) | positions(xp, key, 0, key.shape[-1])


def unpack(packed: Any) -> Any:
    """Return the positions."""
    return packed & ((1 << BITS_PACKED) - 1)
