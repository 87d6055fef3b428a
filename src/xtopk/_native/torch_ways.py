"""Which way a call on torch goes where Python may look at the elements: by the length of a row, k, dtype and layout."""

from typing import Any

from xtopk._explain import Plan
from xtopk._native.numpy_ways import PACKED_ROW, RADIX_SORTED, SORTED_SHARES
from xtopk._native.torch_numpy import has_numpy, is_packed_for_torch
from xtopk._native.torch_numpy_ways import (
    NUMPY_NARROW_ROW,
    NUMPY_SHARE,
    REDUCED_FROM,
    is_by_numpy,
    may_be_by_numpy,
    reduced_width,
)
from xtopk._native.torch_shapes import (
    DIRECT_BELOW,
    HEAPED,
    UNSUPPORTED,
    block_length,
    is_heaped,
    is_one_by_one,
    is_paired,
    is_sampled,
    is_unordered,
    pile_folds,
)
from xtopk._order import Ranking, dtype_name

UNTIED_BELOW, UNTIED_FLOATS = 1 << 17, 1 << 22
"""So are fewer that seem not to tie, of floats if they are fewer than the second divided by k; or of which it does not
matter, for rows in order or with ties take `torch.topk` a fourth of the time."""

HEAPED_BELOW = 1 << 20
"""So are fewer, where torch keeps a heap and rows are not folded."""

TIED_BELOW, TIED_CHOICES = 1 << 21, 16
"""Of up to 16 bits so many chosen ones are sure to tie. So few elements are ranked then where torch keeps a heap."""

SORTED_SHORTEST, SORTED_LONGEST, SORTED_BELOW = 8, 32, 1 << 19
MOSTLY = 3
"""Rows of such lengths, and of so few elements, are sorted where k is three quarters of them, or more."""

SORTED_AT_ONCE = 1 << 12
"""So few elements, times the bits of a row's length, are sorted altogether."""

LOOSE_FROM, LOOSE_CHOSEN, LOOSE_SHORTEST = 1 << 14, 4, 8
"""Of fewer elements, where each that is chosen counts so many more, or of rows that are shorter, `torch.topk` is faster
than packed keys where ties do not matter."""

LISTED_BELOW, LISTED_IN_ALL, LISTED_ROW = 1 << 18, {1: 128, 2: 128, 4: 448, 8: 448}, 16
"""Of fewer than so many elements what is chosen is listed by Python if it is so little, by bytes an element, so much
more counted for each row."""


def direct_way(x: Any, k: int, axis: int, rank: Ranking, *, blocks: bool = True) -> str:
    """Return the way of what is sorted or given to `torch.topk` as it lies; none of what is cut, folded or ranked."""
    n, elements = x.shape[axis], x.numel()
    if elements < DIRECT_BELOW and k > 1 and (way := _way_of_few(x, k, axis, rank)):
        return way
    is_small = elements < NUMPY_NARROW_ROW
    by_numpy = k > 1 and not is_small and is_by_numpy(x, k, axis, rank)
    if by_numpy and elements == n and NUMPY_SHARE * k <= n and rank.sorted:
        return "NumPy"
    if not is_small and (is_sampled(x, n, k, rank) or (not rank.sorted and is_unordered(x, k, axis))):
        return ""
    if not x.is_floating_point() and dtype_name(x.dtype) in UNSUPPORTED:
        return "NumPy" if is_by_numpy(x, k, axis, rank) else ""
    if elements < SORTED_BELOW and _are_mostly_chosen(x, k, axis, rank):
        return "sort"
    if by_numpy:
        return "NumPy"
    if blocks and elements >= REDUCED_FROM and reduced_width(x, k, axis, rank):
        return "blocks"
    if elements < LISTED_BELOW and _is_listed(x, k, axis, rank):
        return "listed"
    if _is_tied(x, k, axis, rank):
        return "NumPy" if is_heaped(n, k) and may_be_by_numpy(x, k, axis) else ""
    if elements < DIRECT_BELOW or (is_heaped(n, k) and elements < HEAPED_BELOW and not _is_cut(x, k, axis, rank)):
        return "torch.topk"
    sure = is_sure(x, rank)
    if sure and elements < UNTIED_BELOW:
        return "torch.topk"
    if not sure and (elements >= UNTIED_BELOW or (x.is_floating_point() and elements * k >= UNTIED_FLOATS)):
        return ""
    pairs = is_paired(x, k, axis) and (x.stride(axis) != 1 or not sure)
    is_cut = _is_cut(x, k, axis, rank, heaps=False)
    return "" if is_cut or pairs or is_one_by_one(x, k, axis, rank) else "torch.topk"


def _way_of_few(x: Any, k: int, axis: int, rank: Ranking, *, tied: bool = False) -> str:
    """Return the way of few elements: unless they are known to tie, `torch.topk` where ties are rare or do not matter.

    "" where it takes NumPy, which may not read them.
    """
    n, elements = x.shape[axis], x.numel()
    if x.is_floating_point() or dtype_name(x.dtype) not in UNSUPPORTED:
        if not rank.stable and not _is_packed_loosely(x, n, k):
            return ""
        may_list = not tied and _is_listed(x, k, axis, rank)
        if may_list and elements == n:
            return "listed"
        if elements * n.bit_length() <= SORTED_AT_ONCE:
            return "sort"
        if may_list:
            return "listed"
    if not has_numpy():
        return ""
    by_radix = n >= RADIX_SORTED and x.dtype.itemsize <= 2 and dtype_name(x.dtype) != "bfloat16"
    if by_radix and SORTED_SHARES[2] * k > n and elements >= NUMPY_NARROW_ROW:
        return "NumPy"
    # Of what takes 64 bits nothing is left of them for torch, but of integers that differ little.
    is_wide = x.dtype.itemsize == 8 and x.is_floating_point()
    return "torch.topk" if is_wide and is_packed_for_torch(x, k, axis) else "packed keys"


def _is_packed_loosely(x: Any, n: int, k: int) -> bool:
    """Return whether NumPy sorts packed keys of rows faster than `torch.topk` selects, though ties do not matter."""
    is_work = x.numel() // n * (n + LOOSE_CHOSEN * k) >= LOOSE_FROM
    return is_work and LOOSE_SHORTEST <= n <= PACKED_ROW[x.dtype.itemsize] and n < HEAPED * k


def way_of_tied(x: Any, k: int, axis: int, rank: Ranking) -> str:
    """Return the way of what was listed and ties, or holds NaN; that is "torch.topk" if its choice is to be mended."""
    return (x.numel() < DIRECT_BELOW and _way_of_few(x, k, axis, rank, tied=True)) or "torch.topk"


def _are_mostly_chosen(x: Any, k: int, axis: int, rank: Ranking) -> bool:
    """Return whether nearly all of short rows are chosen, which a sort puts in order."""
    n, in_order = x.shape[axis], rank.stable and rank.sorted
    return SORTED_SHORTEST <= n <= SORTED_LONGEST and in_order and 4 * k >= MOSTLY * n and x.stride(axis) == 1


def _is_listed(x: Any, k: int, axis: int, rank: Ranking) -> bool:
    """Return whether few are chosen of few rows along the last axis, or of one."""
    count = x.numel() // x.shape[axis]
    is_little = count * (k + LISTED_ROW) <= LISTED_IN_ALL[x.dtype.itemsize] and not _is_tied(x, k, axis, rank)
    return is_little and rank.stable and k > 1 and (axis == x.ndim - 1 or count == 1)


def _is_cut(x: Any, k: int, axis: int, rank: Ranking, *, heaps: bool = True) -> bool:
    """Return whether rows are cut into blocks or folded."""
    return bool(block_length(x, k, positive=False) or pile_folds(x, k, axis, rank, heaps=heaps))


def is_sure(x: Any, rank: Ranking) -> bool:
    """Return whether all that `torch.topk` may choose is right."""
    return not rank.stable and (rank.nan_first or not rank.largest or not x.is_floating_point())


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
    if is_paired(x, k, axis):
        return Plan("pairs", 0, f"every two of {n} elements are compared, in all rows at a time")
    if is_heaped(n, k):
        if x.numel() < TIED_BELOW and _is_tied(x, k, axis, rank):
            return Plan("ranking", 0, few)
        return Plan("torch.topk", 0, f"it keeps {k} of {n} in a heap, with a look for ties and NaN")
    return Plan("ranking", 0, f"torch.topk of integer keys, since columns would not pay for {k} of {n}")
