"""A sort of values packed with their positions, by NumPy: stable, though its fast sort of integers is not.

NumPy sorts integers of 32 and 64 bits in vector instructions, short rows without a branch; nothing else that it has is
both stable and fast. The key of a value in the upper half and its position in the lower make one such integer, and no
two are equal.
"""

from typing import Any

from xtopk._order import FLOAT_INFINITY_BITS, INTEGER_BITS, TIME_DTYPES, Ranking, dtype_name, rank_key
from xtopk._select.packed import BITS_NARROW, BITS_PACKED

PARTED, PARTED_SHARE = 512, 2
"""Of longer rows such a share or less is found before it is sorted."""


def indices_by_packed_sort(xp: Any, values: Any, k: int, rank: Ranking, name: str = "") -> Any:
    """Return the indices of the top k along the last axis, in order, or None; of no bool.

    Of values of at most 32 bits, or of integers of 64 that differ by so little that their position fits in beside; or
    of the bits of a dtype with another name.
    """
    found = packed_keys(xp, ascending_key(xp, values, rank, name), rank)
    if found is None:
        return None
    packed, bits = found
    return (least(packed, k) & ((1 << bits) - 1)).astype(xp.int64, copy=False)


def packed_keys(xp: Any, key: Any, rank: Ranking) -> Any:
    """Return integers that ascend as ascending keys rank, and of which so many lower bits are their position.

    None where 64 bits do not hold a position beside how much keys of 64 bits differ.
    """
    n, itemsize = key.shape[-1], key.dtype.itemsize
    if itemsize == 8:
        lowest, bits = int(key.min()), (n - 1).bit_length()
        if int(key.max()) - lowest >> (63 - bits):
            return None
        packed = key - lowest
    else:
        narrow = itemsize <= 2 and n <= 1 << BITS_NARROW
        bits, packed = (BITS_NARROW, key.astype(xp.int32)) if narrow else (BITS_PACKED, key.astype(xp.int64))
    packed <<= bits
    return with_positions(xp, packed, bits, rank), bits


def with_positions(xp: Any, packed: Any, bits: int, rank: Ranking) -> Any:
    """Put positions into the lower bits, which are zero; for the largest, turn the others around."""
    first = -(1 << bits) if rank.largest else 0
    packed ^= xp.arange(first, first + packed.shape[-1], dtype=packed.dtype)
    return packed


def least(packed: Any, k: int) -> Any:
    """Return the `k` least along the last axis, in order; what is given is changed."""
    if PARTED < packed.shape[-1] >= PARTED_SHARE * k:
        packed.partition(k - 1, axis=-1)
        packed = packed[..., :k]
    packed.sort(axis=-1)
    return packed[..., :k]


def vectorised_rank_key(xp: Any, values: Any, rank: Ranking) -> Any:
    """Return what orders values as `rank_key` does, of floats in steps that NumPy vectorises."""
    if dtype_name(values.dtype) not in FLOAT_INFINITY_BITS:
        return rank_key(xp, values, rank)
    key = ascending_key(xp, values, rank)
    return ~key if rank.largest else key


def ascending_key(xp: Any, values: Any, rank: Ranking, name: str = "") -> Any:
    """Return signed integers of the same width that ascend with the values, NaN at the end where its rank has it."""
    bits = values.view(f"i{values.dtype.itemsize}")
    name, sign = name or dtype_name(values.dtype), 8 * bits.dtype.itemsize - 1
    greatest = (1 << sign) - 1
    if name in INTEGER_BITS:
        return bits if name[0] == "i" else bits ^ ~greatest
    if name.startswith(TIME_DTYPES):  # NaT is the least int64, and wraps around to the greatest
        return bits if rank.largest and not rank.nan_first else bits - 1
    magnitude, is_negative = bits & greatest, bits >> sign  # -1 or 0
    infinity = FLOAT_INFINITY_BITS[name]
    nan, quiet = infinity + 1, (infinity & -infinity) >> 1
    if magnitude.max(initial=0) >= nan:
        xp.minimum(magnitude, nan, out=magnitude)
        is_nan = ~((magnitude - nan) >> sign)  # -1, too, or 0
        magnitude += is_nan & (quiet - 1)  # further from infinity than by bits that are cut off
        if rank.largest and not rank.nan_first:
            is_negative |= is_nan
        else:
            is_negative &= ~is_nan
    magnitude ^= is_negative
    magnitude -= is_negative
    return magnitude
