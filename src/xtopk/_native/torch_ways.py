"""Which way a call on torch goes where Python may look at the elements: by the length of a row, k, dtype and layout."""

from typing import Any

from xtopk._explain import Plan
from xtopk._native.numpy_ways import PACKED_ROW, path_of
from xtopk._native.torch_numpy import has_numpy
from xtopk._order import Ranking, dtype_name
from xtopk._select.columns import MIN_FOLDS, folds_for
from xtopk._select.long_row import NARROW_GAIN, ROW_GAIN, SHORTEST, least_width, row_width
from xtopk._select.packed import BITS_PACKED
from xtopk._select.piles import columns_for
from xtopk._select.radix import sorts_by_radix

DIRECT_BELOW = 1 << 15
"""Fewer elements are given to `torch.topk` as they are: calls that would save work take longer than it."""

UNTIED_BELOW, UNTIED_FLOATS = 1 << 17, 1 << 22
"""So are fewer that seem not to tie, of floats if they are fewer than the second divided by k."""

HEAPED_BELOW = 1 << 20
"""So are fewer, where torch keeps a heap and rows are not folded."""

FOLDED_FROM = 1 << 17
"""So many elements, or more, may be folded."""

ONE_FOLDED_FROM, ONE_CUT_FROM = 1 << 20, 1 << 18
"""For k = 1 so many must be there to be folded, or in a single row to be cut into blocks; fewer have a max or min."""

TIED_BELOW, MORE = 1 << 21, 128
"""Where torch keeps a heap, so few elements are ranked if they are sure to tie; of 16 bits a few more than k are asked
for in rows so many times longer than these."""

SORTED_SHORTEST, SORTED_LONGEST, SORTED_BELOW = 8, 32, 1 << 19
MOSTLY = 3
"""Rows of such lengths, and of so few elements, are sorted where k is three quarters of them, or more."""

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

SORTED_AT_ONCE = 1 << 12
"""So few elements, times the bits of a row's length, are sorted altogether."""

TIED_CHOICES, TIED_MORE = 4, 8
"""Of elements of up to 16 bits, so many chosen ones are sure to tie, and so many times more elements are sorted."""

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

NUMPY_ROW, NUMPY_NARROW_ROW, NUMPY_ROW_BELOW, NUMPY_HALVES_BELOW = 1 << 15, 1 << 12, 1 << 21, 1 << 18
"""NumPy selects from one row of so many elements, twice as many for a heap where ties do not matter, or of the second
of up to 16 bits if torch keeps no heap; but not of so many as the third, divided by torch's threads, nor, of halves,
which it may have to convert, as the last."""

NUMPY_SLOWED_BELOW, NUMPY_SLOWED_LONG, NUMPY_SLOWED_CHOICES = 1 << 19, 1 << 11, 1 << 12
"""So does it from rows that get better, of which each element would enter a heap, or whose equals were counted in vain,
of fewer elements than the first, in rows so long or longer, of which fewer than the last are chosen."""

REDUCED_FROM, REDUCED_LONGER, REDUCED_LONG, REDUCED_K = 1 << 17, 1 << 14, 1 << 11, 1 << 10
"""Of so many elements, or more, in rows so long, or longer, torch takes the best of blocks, of twice as many in rows as
long as the third, for a k up to the last."""

REDUCED_WIDTH, REDUCED_GAIN, REDUCED_WIDE_GAIN = 4, 2, 8
"""The blocks are as long as the first times a power of two next to the square root of n / k, and there are none if k of
them hold more than such a part of the row, or such a part where there are many rows of 64 bits."""

REDUCED_ROWS, REDUCED_THREADS = 16, 4
"""Rows are many if more than so many, and are cut if torch would share them among so many threads, half as many if they
are many, or fewer."""

GRAIN = 1 << 15
"""How many elements torch gives to each of its threads, or more."""

NUMPY_FROM, NUMPY_THREADS, NUMPY_ONES = 1 << 14, {1: 4, 2: 4, 4: 2}, {1: 2, 2: 4, 4: 5}
"""NumPy selects from rows that it sorts, if torch keeps no heap, of so many elements, or of a narrow row if they are
narrow; where torch would share them among no more threads than the second, by bytes an element, and more are chosen
than the last, which as many reductions find."""

LISTED_BELOW, LISTED_IN_ALL, LISTED_ROW = 1 << 18, {1: 224, 2: 224, 4: 448, 8: 448}, 16
UNSORTED_K = 64
"""Of fewer than so many elements what is chosen is listed by Python if it is so little, by bytes an element, so much
more counted for each row. A row that is not sure to tie is not sorted before, however short, for a k less than the
last."""

UNSUPPORTED = {"bool": "uint8", "uint16": "int16", "uint32": "int32", "uint64": "int64"}
UNSIGNED = frozenset(UNSUPPORTED) - {"bool"}
"""The dtypes for which torch has no top-k, with one of the same width for which it has; and those without a gather."""


def direct_way(x: Any, k: int, axis: int, rank: Ranking, *, blocks: bool = True) -> str:
    """Return the way of what is sorted or given to `torch.topk` as it lies; none of what is cut, folded or ranked."""
    n, elements = x.shape[axis], x.numel()
    is_small = elements < NUMPY_NARROW_ROW
    if not is_small and (is_sampled(x, n, k, rank) or (not rank.sorted and is_unordered(x, k, axis))):
        return ""
    if not x.is_floating_point() and dtype_name(x.dtype) in UNSUPPORTED:
        return "NumPy" if is_by_numpy(x, k, axis, rank) else ""
    is_short = SORTED_SHORTEST <= n <= SORTED_LONGEST and elements < SORTED_BELOW
    if is_short and rank.stable and rank.sorted and 4 * k >= MOSTLY * n and x.stride(axis) == 1:
        return "sort"
    tied = _is_tied(x, k, axis, rank)
    at_once = SORTED_AT_ONCE * (TIED_MORE if tied else 1)
    is_unsorted = x.ndim == 1 and k < UNSORTED_K and not tied
    if rank.stable and k > 1 and not is_unsorted and elements * n.bit_length() <= at_once:
        return "sort"
    if k > 1 and not is_small and is_by_numpy(x, k, axis, rank):
        return "NumPy"
    if elements < LISTED_BELOW and _is_listed(x, k, axis, rank):
        return "listed"
    if blocks and elements >= REDUCED_FROM and reduced_width(x, k, axis, rank):
        return "blocks"
    if elements < DIRECT_BELOW and not tied:
        return "torch.topk"
    is_direct = is_heaped(n, k) and elements < HEAPED_BELOW and not _is_cut(x, k, axis, rank)
    if tied:
        return "a few more" if is_direct and x.dtype.itemsize == 2 and n >= MORE * columns_for(x, k) else ""
    if is_direct:
        return "torch.topk"
    is_untied = elements < UNTIED_BELOW and (not x.is_floating_point() or elements * k < UNTIED_FLOATS)
    if not is_untied and not is_sure(x, rank):
        return ""
    is_paired = _is_paired(x, k, axis) and (x.stride(axis) != 1 or not is_sure(x, rank))
    is_cut = _is_cut(x, k, axis, rank, heaps=False)
    return "" if is_cut or is_paired or is_one_by_one(x, k, axis, rank) else "torch.topk"


def _is_listed(x: Any, k: int, axis: int, rank: Ranking) -> bool:
    """Return whether few are chosen of few rows along the last axis, or of one."""
    count = x.numel() // x.shape[axis]
    is_little = count * (k + LISTED_ROW) <= LISTED_IN_ALL[x.dtype.itemsize]
    return is_little and rank.stable and k > 1 and (axis == x.ndim - 1 or count == 1)


def reduced_width(x: Any, k: int, axis: int, rank: Ranking) -> int:
    """Return the length of the blocks of rows of which torch takes the best and NumPy the rest, 0 if they are none.

    torch takes long for the least of int64, and has no maximum of most unsigned integers.
    """
    n, name = x.shape[axis], dtype_name(x.dtype)
    count = x.numel() // n
    is_long = n >= (REDUCED_LONG if x.numel() >= 2 * REDUCED_FROM else REDUCED_LONGER)
    if not is_long or k > REDUCED_K or name in UNSIGNED or (name == "int64" and not rank.largest):
        return 0
    width = REDUCED_WIDTH << ((n // k).bit_length() - (count == 1)) // 2
    gain = REDUCED_GAIN if x.dtype.itemsize <= 4 or count <= REDUCED_ROWS else REDUCED_WIDE_GAIN
    is_cut = n >= gain * k * width and (k > 1 or n >= ONE_CUT_FROM)
    is_read = x.stride(axis) == 1 and (count == 1 or (axis == x.ndim - 1 and x.is_contiguous()))
    return width if is_cut and is_read and _is_shared_by_few(x, count) and has_numpy() else 0


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
    return is_little and min(torch.get_num_threads(), -(-elements // GRAIN)) <= NUMPY_THREADS[4] and has_numpy()


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
    if name not in UNSUPPORTED and (not rank.stable or is_heaped(n, k)):
        return False
    if elements < (NUMPY_NARROW_ROW if itemsize <= 2 else NUMPY_FROM):
        return False
    if elements >= DIRECT_BELOW:
        is_long = itemsize > 2 and n > PACKED_ROW.get(itemsize, 0)
        is_few = k <= NUMPY_ONES.get(itemsize, 0) and is_one_by_one(x, k, axis, rank)
        if is_long or is_few or name == "bfloat16" or _is_paired(x, k, axis):
            return False
    is_sorted = path_of(elements // n, n, k, itemsize, apart=False) == "sort"
    return is_sorted and min(torch.get_num_threads(), -(-elements // GRAIN)) <= NUMPY_THREADS[itemsize]


def _is_cut(x: Any, k: int, axis: int, rank: Ranking, *, heaps: bool = True) -> bool:
    """Return whether rows are cut into blocks or folded."""
    return bool(block_length(x, k, positive=False) or pile_folds(x, k, axis, rank, heaps=heaps))


def is_sure(x: Any, rank: Ranking) -> bool:
    """Return whether all that `torch.topk` may choose is right."""
    return not rank.stable and (rank.nan_first or not rank.largest or not x.is_floating_point())


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


def _is_tied(x: Any, k: int, axis: int, rank: Ranking) -> bool:
    """Return whether elements of few bits are sure to tie, and order counts, so that it is asked for at once."""
    return bool(x.dtype.itemsize <= 2 and rank.stable and k > 1 and k * x.numel() >= TIED_CHOICES * x.shape[axis])


def plan_of_rows(x: Any, k: int, axis: int, rank: Ranking) -> Plan:
    """Return which way rows go that are not cut or folded."""
    n, few = x.shape[axis], f"torch.topk of integer keys, of {x.numel()} elements, few or sure to tie"
    if x.numel() < DIRECT_BELOW and not x.is_floating_point():
        return Plan("ranking", 0, few)
    if is_one_by_one(x, k, axis, rank):
        return Plan("one by one", 0, f"{k} reductions of rows of {n}")
    if _is_paired(x, k, axis):
        return Plan("pairs", 0, f"every two of {n} elements are compared, in all rows at a time")
    if is_heaped(n, k):
        if x.numel() < TIED_BELOW and _is_tied(x, k, axis, rank):
            return Plan("ranking", 0, few)
        return Plan("torch.topk", 0, f"it keeps {k} of {n} in a heap, with a look for ties and NaN")
    return Plan("ranking", 0, f"torch.topk of integer keys, since columns would not pay for {k} of {n}")


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


def _is_paired(x: Any, k: int, axis: int) -> bool:
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
    if 2 * k > n or _is_paired(x, k, axis):
        return False
    return k <= (ONE_BY_ONE if rank.stable else LOOSE_ONES)
