"""A sort of values packed with their positions, by NumPy: stable, though its fast sort of integers is not.

NumPy sorts integers of 32 and 64 bits in vector instructions, short rows without a branch; nothing else that it has is
both stable and fast. The key of a value in the upper half and its position in the lower make one such integer, and no
two are equal.
"""

from typing import Any

from xtopk._order import FLOAT_INFINITY_BITS, Ranking, dtype_name, rank_key


def indices_by_packed_sort(xp: Any, values: Any, k: int, rank: Ranking) -> Any:
    """Return the indices of the top k along the last axis, in order, of values of at most 32 bits, and no bool."""
    n = values.shape[-1]
    narrow = values.dtype.itemsize <= 2 and n <= 1 << 16
    half, integer = (16, xp.int32) if narrow else (32, xp.int64)
    packed = ascending_key(xp, values, rank).astype(integer)
    packed <<= half
    position = xp.arange(n, dtype=integer)
    packed ^= position - (1 << half) if rank.largest else position  # ones above the position turn the key around
    packed.sort(axis=-1)
    return (packed[..., :k] & ((1 << half) - 1)).astype(xp.int64, copy=False)


def vectorised_rank_key(xp: Any, values: Any, rank: Ranking) -> Any:
    """Return what orders values as `rank_key` does, of floats in steps that NumPy vectorises."""
    if dtype_name(values.dtype) not in FLOAT_INFINITY_BITS:
        return rank_key(xp, values, rank)
    key = ascending_key(xp, values, rank)
    return ~key if rank.largest else key


def ascending_key(xp: Any, values: Any, rank: Ranking) -> Any:
    """Return signed integers of the same width that ascend with the values, NaN at the end where its rank has it."""
    bits = values.view(f"i{values.dtype.itemsize}")
    name, sign = dtype_name(values.dtype), 8 * bits.dtype.itemsize - 1
    greatest = (1 << sign) - 1
    if name not in FLOAT_INFINITY_BITS:
        return bits if name[0] == "i" else bits ^ ~greatest
    magnitude, is_negative = bits & greatest, bits >> sign  # -1 or 0
    nan = FLOAT_INFINITY_BITS[name] + 1
    if magnitude.max(initial=0) >= nan:
        xp.minimum(magnitude, nan, out=magnitude)
        is_number = magnitude - nan  # -1, too, or 0
        is_number >>= sign
        if rank.largest and not rank.nan_first:
            is_negative |= ~is_number
        else:
            is_negative &= is_number
    magnitude ^= is_negative
    magnitude -= is_negative
    return magnitude
