"""Keys packed with their positions: no two are equal, so any selection is stable and yields the indices."""

from collections.abc import Callable
from typing import Any

from xtopk._order import positions

BITS_PACKED = 32
"""The widest key that leaves room for a position in an int64."""


def indices_by_packing(xp: Any, key: Any, k: int, least: Callable[[Any, int], Any]) -> Any:
    """Return the indices of the `k` least of `key` along the last axis, in the order ``least(a, k)`` gives.

    `key` holds signed integers of at most 32 bits, and the axis is shorter than 2**32.
    """
    return unpack(least(pack(xp, xp.astype(key, xp.int64)), k))


def pack(xp: Any, key: Any) -> Any:
    """Return int64 `key`, of 32 bits, with its position along the last axis in the lower half."""
    return (key << BITS_PACKED) | positions(xp, key, 0, key.shape[-1])


def unpack(packed: Any) -> Any:
    """Return the positions."""
    return packed & ((1 << BITS_PACKED) - 1)
