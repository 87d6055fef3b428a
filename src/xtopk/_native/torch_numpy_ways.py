"""Which calls on torch NumPy serves, alone or after a reduction by torch: by shape, k, dtype and threads."""

from typing import Any

from xtopk._native.numpy_ways import PACKED_ROW, path_of
from xtopk._native.torch_numpy import has_numpy
from xtopk._native.torch_shapes import (
    DIRECT_BELOW,
    ONE_CUT_FROM,
    UNSUPPORTED,
    is_heaped,
    is_one_by_one,
    is_paired,
)
from xtopk._order import Ranking, dtype_name

NUMPY_ROW, NUMPY_NARROW_ROW, NUMPY_ROW_BELOW, NUMPY_HALVES_BELOW = 1 << 15, 1 << 12, 1 << 21, 1 << 18
"""NumPy selects from one row of so many elements, twice as many for a heap where ties do not matter, or of the second
of up to 16 bits if torch keeps no heap; but not of so many as the third, divided by torch's threads, nor, of halves,
which it may have to convert, as the last."""

NUMPY_SHARE = 16
"""A greater share of such a row is left to torch's sample and its sort by radix."""

NUMPY_SLOWED_BELOW, NUMPY_SLOWED_LONG, NUMPY_SLOWED_CHOICES = 1 << 19, 1 << 11, 1 << 12
NUMPY_SLOWED_THREADS = 2
"""So does it from rows that get better, of which each element would enter a heap, or whose equals were counted in vain,
of fewer elements than the first, in rows so long or longer, of which fewer than the third are chosen, and which torch
would share among so many threads or fewer."""

REDUCED_FROM, REDUCED_LONGER, REDUCED_LONG_FROM, REDUCED_LONG = 3 << 16, 1 << 14, 1 << 18, 1 << 11
REDUCED_K, REDUCED_LOOSELY = 1 << 10, 1 << 20
"""Of so many elements, or more, in rows so long, or longer, torch takes the best of blocks, and of so many in rows as
long as the fourth, for a k up to the fifth; where ties do not matter of so many as the last."""

REDUCED_WIDTH, REDUCED_GAIN, REDUCED_WIDE_GAIN = 4, 2, 8
"""The blocks are as long as the first times a power of two next to the square root of n / k, and there are none if k of
them hold more than such a part of the row, or such a part where there are many rows of 64 bits."""

REDUCED_ROWS, REDUCED_THREADS = 16, 4
"""Rows are many if more than so many, and are cut if torch would share them among so many threads, half as many if they
are many, or fewer."""

GRAIN = 1 << 15
"""How many elements torch gives to each of its threads, or more."""

NUMPY_THREADS, NUMPY_ONES = {1: 4, 2: 4, 4: 2, 8: 2}, {1: 1, 2: 2, 4: 5, 8: 5}
"""NumPy selects from rows that it sorts, if torch keeps no heap; where torch would share them among no more threads
than the first, by bytes an element, and more are chosen than the second, which as many reductions find."""


def reduced_width(x: Any, k: int, axis: int, rank: Ranking) -> int:
    """Return the length of the blocks of rows of which torch takes the best and NumPy the rest, 0 if they are none.

    torch takes long for the least of int64. Where ties do not matter `torch.topk` alone is right.
    """
    n, elements = x.shape[axis], x.numel()
    count = elements // n
    is_long = n >= (REDUCED_LONG if elements >= REDUCED_LONG_FROM else REDUCED_LONGER)
    is_least = not rank.largest and dtype_name(x.dtype) == "int64"
    is_one = k == 1 and (rank.nan_first or n < ONE_CUT_FROM)
    if not is_long or k > REDUCED_K or is_least or is_one or (elements < REDUCED_LOOSELY and not rank.stable):
        return 0
    width = REDUCED_WIDTH << ((n // k).bit_length() - (count == 1)) // 2
    gain = REDUCED_GAIN if x.dtype.itemsize <= 4 or count <= REDUCED_ROWS else REDUCED_WIDE_GAIN
    is_read = x.stride(axis) == 1 and (count == 1 or (axis == x.ndim - 1 and x.is_contiguous()))
    return width if n >= gain * k * width and is_read and _is_shared_by_few(x, count) and has_numpy() else 0


def _is_shared_by_few(x: Any, count: int) -> bool:
    """Return whether torch shares rows among so few threads that NumPy, which has one, does not take longer."""
    import torch

    threads = min(torch.get_num_threads(), count, -(-x.numel() // GRAIN))
    return bool(threads <= (REDUCED_THREADS if count <= REDUCED_ROWS else REDUCED_THREADS // 2))


def is_by_numpy(x: Any, k: int, axis: int, rank: Ranking) -> bool:
    """Return whether NumPy selects from a tensor: a row of middle length, or rows that it sorts."""
    is_served = _is_middle(x, k, rank) if x.numel() == x.shape[axis] else _are_sorted(x, k, axis, rank)
    return is_served and has_numpy()


def may_be_by_numpy(x: Any, k: int, axis: int) -> bool:
    """Return whether NumPy may select from rows in which a look shows what slows torch, which has few threads there."""
    import torch

    n, elements = x.shape[axis], x.numel()
    is_little = elements < NUMPY_SLOWED_BELOW and n >= NUMPY_SLOWED_LONG and elements // n * k < NUMPY_SLOWED_CHOICES
    return is_little and min(torch.get_num_threads(), -(-elements // GRAIN)) <= NUMPY_SLOWED_THREADS and has_numpy()


def _is_middle(row: Any, k: int, rank: Ranking) -> bool:
    """Return whether a row is so long that it takes torch many calls, and so short that its threads do not pay."""
    import torch

    n, name, heaped = row.numel(), dtype_name(row.dtype), is_heaped(row.numel(), k)
    is_narrow = row.dtype.itemsize <= 2 and rank.stable and not heaped
    least = NUMPY_NARROW_ROW if is_narrow or name in UNSUPPORTED else NUMPY_ROW << (heaped and not rank.stable)
    most = NUMPY_ROW_BELOW // torch.get_num_threads()
    return bool(least <= n < (min(most, NUMPY_HALVES_BELOW) if name in ("float16", "bfloat16") else most))


def _are_sorted(x: Any, k: int, axis: int, rank: Ranking) -> bool:
    """Return whether NumPy sorts rows, in less time than all threads of torch select from them."""
    import torch

    n, elements, itemsize, name = x.shape[axis], x.numel(), x.dtype.itemsize, dtype_name(x.dtype)
    if elements < (NUMPY_NARROW_ROW if name in UNSUPPORTED else DIRECT_BELOW):
        return False
    if name not in UNSUPPORTED and is_heaped(n, k - (not rank.stable)):
        return False
    is_long = (itemsize > 2 or name == "bfloat16") and n > PACKED_ROW[itemsize]
    is_few = k <= NUMPY_ONES[itemsize] and is_one_by_one(x, k, axis, rank)
    if is_long or is_few or is_paired(x, k, axis):
        return False
    is_sorted = path_of(elements // n, n, k, itemsize, apart=False) == "sort"
    return is_sorted and min(torch.get_num_threads(), -(-elements // GRAIN)) <= NUMPY_THREADS[itemsize]
