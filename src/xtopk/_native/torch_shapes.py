"""What the length of rows, k, dtype and layout let torch do where Python may look at the elements."""

from typing import Any

from xtopk._order import Ranking, dtype_name
from xtopk._select.columns import MIN_FOLDS, folds_for
from xtopk._select.long_row import NARROW_GAIN, ROW_GAIN, SHORTEST, least_width, row_width
from xtopk._select.packed import BITS_PACKED
from xtopk._select.piles import columns_for
from xtopk._select.radix import sorts_by_radix

DIRECT_BELOW = 1 << 15
"""Fewer elements are given to `torch.topk` as they are, or packed: calls that would save work take longer than it."""

FOLDED_FROM = 1 << 17
"""So many elements, or more, may be folded."""

ONE_FOLDED_FROM, ONE_CUT_FROM = 1 << 20, 1 << 18
"""For k = 1 so many must be there to be folded, or in a single row to be cut into blocks; fewer have a max or min."""

ROW_FROM = 1 << 16
"""One row so long, or longer, is cut into blocks."""

SAMPLED_FROM, SAMPLED_SHARE = 1 << 29, 400
"""One row is sampled for a k of such a share of it or more, if its length times four times k, or its square if that is
less, reaches the former: the larger k, the shorter a row gains by it."""

SAMPLED_ROWS_FROM, SAMPLED_ROWS_SHARE = 1 << 17, 8
ROWS_AT_ONCE = 2
"""So are more rows of such a length, one after another, if torch's threads would select from so few of them at once."""

MARKED_SHARES = {1: 3, 2: 3, 4: 12, 8: 12}
BRACKETED_FROM, BRACKETED_SHARE, BRACKETED_ROWS_FROM = 1 << 16, 64, 1 << 18
"""For a k of such a share of a row or more, by bytes an element, the top k are marked by the k-th value, which takes no
indices and no order. One row of the second length is bracketed, also for a smaller share, and so are more rows of the
last, one by one."""

HEAPED = 64
FOLDED_HEAPED, FOLDED_HEAPS = 1 << 10, {1: 1 << 18, 2: 1 << 18, 4: 7 << 16, 8: 1 << 18}
FOLDED_WORK, FOLDED_APART, FOLDED_LOOSELY = {1: 1 << 34, 2: 1 << 34, 4: 1 << 34, 8: 1 << 36}, 3 << 31, 2
"""torch keeps the best of a row in a heap if it is so many times longer than k. Then shorter rows than the first are
not folded, nor fewer elements than the second, nor those whose number times the length of a row is less than the third,
both by bytes an element, or, if those of a row lie apart, than the fourth; nor so many times more where ties do not
matter; unless they slow a heap."""

PAIRED, PAIRED_SHARE, PAIRED_BELOW = 16, 3, 1 << 19
"""In rows up to so short every two elements are compared, to mark the top k, or to find a k of such a share or more of
fewer than so many elements or of bytes, or of half, or any of rows that lie side by side."""

ONE_BY_ONE, LOOSE_ONES, HEAPED_ONES = 8, 5, 2
"""So few of a short row, at most half of it, are found by as many reductions in less time than it takes to partition
it, and so few where ties do not matter. Of integers so few are where torch keeps a heap, too, and one more of up to 16
bits, which tie."""

UNSIGNED_AT_A_TIME, UNSIGNED_GAIN = 1 << 20, 32
"""Of an unsigned row so many elements are selected from at a time, and then from their best, if it is so many times
longer than k, at least twice."""

UNSUPPORTED = {"bool": "uint8", "uint16": "int16", "uint32": "int32", "uint64": "int64"}
UNSIGNED = frozenset(UNSUPPORTED) - {"bool"}
"""The dtypes for which torch has no top-k, with one of the same width for which it has; and those without a gather."""


def is_sampled(x: Any, n: int, k: int, rank: Ranking) -> bool:
    """Return whether each row of a tensor is sampled, one after another."""
    count = x.numel() // n
    if count == 1:
        pays = n * min(n, 4 * k) >= SAMPLED_FROM and SAMPLED_SHARE * k >= n
    else:
        pays = n >= SAMPLED_ROWS_FROM and SAMPLED_ROWS_SHARE * k >= n
    if not pays or not (rank.stable or rank.sorted) or not sorts_by_radix():  # the last are not asked of a small call
        return False
    return _are_few(count)


def is_marked(x: Any, k: int, axis: int) -> bool:
    """Return whether the top k are marked by their k-th value."""
    if x.numel() < DIRECT_BELOW or k == 1:
        return False
    n = x.shape[axis]
    share = BRACKETED_SHARE if is_bracketed(x, n) else MARKED_SHARES[x.dtype.itemsize]
    return bool(n <= PAIRED or (k > ONE_BY_ONE and share * k >= n))


def is_unordered(x: Any, k: int, axis: int) -> bool:
    """Return whether indices that need not be in order are found by the k-th value, or of one row by a bracket."""
    n, itemsize = x.shape[axis], x.dtype.itemsize
    if x.numel() == n:
        return itemsize > 1 and is_marked(x, k, axis)
    # Elements of few bits tie, and of rows that do the k-th value is found twice.
    return bool(itemsize > 2 and n > PAIRED and MARKED_SHARES[itemsize] * k >= n and is_marked(x, k, axis))


def is_bracketed(x: Any, n: int) -> bool:
    """Return whether each row of a tensor is bracketed, one after another."""
    if n < BRACKETED_FROM:
        return False
    count = x.numel() // n
    return count == 1 or (x.dtype.itemsize > 2 and n >= BRACKETED_ROWS_FROM and _are_few(count))


def _are_few(count: int) -> bool:
    import torch

    return bool(count <= ROWS_AT_ONCE * -(-count // torch.get_num_threads()))


def block_length(x: Any, k: int, *, positive: bool) -> int:
    """Return the length of the blocks of a row, 0 where it is not one long row of few bits an element."""
    is_short = x.ndim > 1 or x.shape[0] < (ROW_FROM if k > 1 else ONE_CUT_FROM)
    if is_short or x.stride(0) != 1 or 8 * x.dtype.itemsize > BITS_PACKED:
        return 0
    n, least = x.shape[0], least_width(x.dtype, positive=positive)
    return row_width(n, k, least, ROW_GAIN) or row_width(n, k, SHORTEST, NARROW_GAIN)


def piece_length(x: Any, k: int) -> int:
    """Return how much of an unsigned row is selected from at a time, 0 if all of it."""
    is_cut = x.ndim == 1 and x.shape[0] > max(UNSIGNED_AT_A_TIME, UNSIGNED_GAIN * k)
    return max(UNSIGNED_AT_A_TIME, 2 * k) if is_cut else 0


def pile_folds(x: Any, k: int, axis: int, rank: Ranking, *, heaps: bool = True) -> int:
    """Return into how many pieces rows are folded, 0 where that would not pay, nor instead of a heap if that may be."""
    n = x.shape[axis]
    if x.numel() < (FOLDED_FROM if k > 1 else ONE_FOLDED_FROM) or HEAPED * k <= n < FOLDED_HEAPED:
        return 0
    is_slow = not rank.stable and dtype_name(x.dtype) == "bfloat16"  # its maxima take twice the time
    size = 8 if is_slow else x.dtype.itemsize
    work = FOLDED_WORK[size] if x.stride(axis) == 1 else FOLDED_APART
    elements = x.numel() // (1 if rank.stable else FOLDED_LOOSELY)
    is_light = elements < FOLDED_HEAPS[size] or elements * n < work
    if heaps and x.ndim > 1 and is_light and is_heaped(n, k):
        return 0
    folds = folds_for(n, columns_for(x, k))
    least = MIN_FOLDS
    if not rank.stable:  # torch.topk alone is right, and faster for integers; what is wide is folded at half the speed
        least += 1 + (not x.is_floating_point()) + (x.dtype.itemsize == 8)
    return folds if folds >= least else 0


def is_heaped(n: int, k: int) -> bool:
    return k == 1 or n >= HEAPED * (k + 1)


def is_paired(x: Any, k: int, axis: int) -> bool:
    """Return whether every two elements of short rows are compared, which ties and order do not slow."""
    n = x.shape[axis]
    if not 1 < n <= PAIRED:
        return False
    if x.stride(axis) != 1:
        return True
    is_small = x.dtype.itemsize == 1 or (k > 2 and x.numel() < PAIRED_BELOW)
    return PAIRED_SHARE * k >= n and (2 * k > n or is_small)


def is_one_by_one(x: Any, k: int, axis: int, rank: Ranking) -> bool:
    """Return whether few of a row are found by as many reductions, which ties do not slow."""
    n = x.shape[axis]
    if is_heaped(n, k):  # floats where NaN hides the best
        return k == 1 if x.is_floating_point() else rank.stable and 1 < k <= HEAPED_ONES + (x.dtype.itemsize <= 2)
    if 2 * k > n or is_paired(x, k, axis):
        return False
    return k <= (ONE_BY_ONE if rank.stable else LOOSE_ONES)
