"""What a look at a few elements shows of rows of torch: in order, or many that are equal, or NaN."""

from operator import eq, ge, gt, le, lt, ne
from typing import Any

from xtopk._native.torch_numpy_ways import may_be_by_numpy
from xtopk._native.torch_shapes import (
    FOLDED_FROM,
    UNSIGNED,
    UNSUPPORTED,
    block_length,
    is_heaped,
    is_one_by_one,
    is_sampled,
    is_unordered,
    pile_folds,
)
from xtopk._native.torch_ways import direct_way, is_sure
from xtopk._order import Ranking, dtype_name
from xtopk._select.few_numbers import numbers_may_be_few
from xtopk._select.ranked import PEEKED, peek

LOOKED_FROM, LOOKED_AT = 1 << 17, 8
"""Of so many elements, or more, a few are looked at: so many of as many rows."""

PLAIN_FROM, PLAIN_LOOSELY = 1 << 15, 1 << 19
PLAIN_ROWS, PLAIN_AT = 3, 16
"""Before so many elements, or where ties do not matter so many, are given to `torch.topk`, so many rows, or up to twice
as many, are looked at, and up to so many elements of each."""

LISTED_FROM = 1 << 16
"""So few are listed without a look for an order."""

RANKED_BELOW, TAIL = 1 << 18, 4
"""Fewer elements are ranked if they will tie: if there are equals in the better half of a few, and that is no long tail
of all but so small a part of their range."""

NUMBERS = 2
"""So many times more numbers than are chosen must be expected beside NaN, to look at nothing else."""

FOLDED_LOOK, FOLDED_DEEP = 1 << 21, 5
"""Of fewer elements that are folded more often, none is looked at: that takes up to a tenth of what they do."""

EQUAL, EQUAL_LONG = 2, 64
"""If so small a part of the ties is seen that k equals of the best let expect, or more, these are counted in some rows,
if rows are so long, or longer."""

IN_ORDER, ORDERED_CHOICES, ORDERED_LONG = 8, 1 << 20, 1 << 12
"""Rows are in order if all but so small a part are, each beside the next one. That matters where fewer than so many are
chosen altogether; what never enters the heap of a row up to so long is not folded."""

FEW_ONES = 3
"""More of short rows that are in order, but for equals, or tie are ranked, and not found one by one."""

HEAPED_FLOATS = 1 << 21
"""Fewer floats are given to the heap as they are, and more of them as integers, if none that is chosen is negative."""


def way_of(x: Any, k: int, axis: int, rank: Ranking, *, equals: bool = True, blocks: bool = True) -> str:
    """Return the way of `direct_way`, unless a few elements speak against `torch.topk`, or that of `looked_way`.

    That is "equals" only if these are still to be counted, and "blocks" if these are still to be tried.
    """
    way = direct_way(x, k, axis, rank, blocks=blocks)
    if way == "blocks":
        is_one = x.numel() == x.shape[axis]
        return way if is_one or not _is_odd(x, k, axis, rank) else way_of(x, k, axis, rank, equals=equals, blocks=False)
    least = PLAIN_FROM if rank.stable else PLAIN_LOOSELY
    if way == "NumPy":
        is_little = x.numel() < LOOKED_FROM and rank.stable and x.dtype.itemsize < 8
        is_few = is_little or x.shape[axis] < LOOKED_AT or x.numel() == x.shape[axis]
        return way if is_few else _way_of_sorted(x, k, axis, rank, equals=equals)
    if way and (way in ("sort", "packed keys") or k == 1 or x.numel() < least):
        return way
    seen = _seen_against_topk(x, k, axis, rank, listed=way == "listed", equals=equals) if way else ""
    if way and not seen:
        return way
    if seen in ("equals", "numbers"):
        return seen
    # A heap that every element enters is slow; without one torch.topk makes use of an order, which few equals spoil.
    is_heap, is_small, is_half = is_heaped(x.shape[axis], k), x.numel() < LOOKED_FROM, x.dtype.itemsize <= 2
    if seen == "order" and not is_heap and is_small and x.is_floating_point() and not is_half:
        return way
    is_slow = (seen == "order" and is_heap and not is_half) or (seen == "NaN" and is_half and is_small)
    if is_slow and rank.stable and may_be_by_numpy(x, k, axis):
        return "NumPy"
    is_narrow = x.dtype.itemsize < 8 or not x.is_floating_point()
    if seen == "ties" and is_narrow and x.numel() < RANKED_BELOW:
        return "ranking"
    return looked_way(x, k, axis, rank, equals=equals)


def _is_odd(x: Any, k: int, axis: int, rank: Ranking) -> bool:
    """Return whether a few elements of rows are NaN, equal the best k times, or rise or fall, but for equals."""
    before, after = _neighbours(_matrix(x, axis))
    equal = _count_best(before, rank)  # torch.topk is fast with these where ties do not matter
    few, most = sorted(sum(map(compare, before, after)) for compare in (lt, gt))
    is_ordered = IN_ORDER * few <= len(before) and most > IN_ORDER * few + 1
    is_tied = equal > 1 and equal * x.shape[axis] >= k * len(before)
    return bool(is_ordered or is_tied or _holds_nan(before))


def _way_of_sorted(x: Any, k: int, axis: int, rank: Ranking, *, equals: bool) -> str:
    """Return the way of rows that NumPy sorts, unless a few elements show that they rise or fall, or equal the best.

    Of an order `torch.topk` makes use, a sort of packed keys does not.
    """
    if dtype_name(x.dtype) in UNSUPPORTED:
        return "NumPy"
    before, after = _neighbours(_matrix(x, axis))
    if equals and x.numel() >= LOOKED_FROM and _may_hold_equals(x, k, axis, rank, before):
        return "equals"
    ways = (lt, gt) if rank.stable else (le, ge)
    return "torch.topk" if any(_is_most(sum(map(compare, before, after)), before) for compare in ways) else "NumPy"


def _seen_against_topk(x: Any, k: int, axis: int, rank: Ranking, *, listed: bool, equals: bool) -> str:
    """Return what a few elements show that slows a heap or will be chosen, "" for nothing.

    That is "order", "NaN", "numbers" where there are enough of these beside NaN, "equals" of the best, or "ties". To
    what is listed neither equals nor ties matter, and little is looked at only for NaN in front of numbers.
    """
    hides = rank.largest and (rank.stable or not rank.nan_first)
    if listed and x.numel() < LISTED_FROM and not (hides and x.is_floating_point()):
        return ""
    rows = _matrix(x, axis)
    steps = rows.shape[0] // PLAIN_ROWS or 1, -(-rows.shape[1] // PLAIN_AT)
    seen = rows[:: steps[0], :: steps[1]].tolist()
    few = [each for row in seen for each in row]
    is_better = lt if rank.largest else gt
    if any(all(map(is_better, row, row[1:])) for row in seen):  # each element enters the heap
        return "order"
    if hides and _holds_nan(few):  # it hides numbers, or ties
        is_many = sum(map(eq, few, few)) * x.shape[axis] >= NUMBERS * k * len(few)
        return "numbers" if is_many and x.dtype.itemsize > 2 and not rank.nan_first else "NaN"
    if listed or not rank.stable:
        return ""
    if equals and _may_hold_equals(x, k, axis, rank, few):
        return "equals"
    if x.dtype.itemsize <= 2:
        return "" if all(_count_best(row, rank) == 1 for row in seen) else "ties"
    if not is_heaped(x.shape[axis], k) and not x.is_floating_point():  # then whole numbers of no great range tie
        return "" if max(few) - min(few) > k * x.numel() else "ties"
    return "ties" if _count_ties(few, rank) else ""


def _count_ties(few: list[Any], rank: Ranking) -> int:
    """Return how many of the few elements that are better than the median, or of half if none is, equal another.

    That is none if they are a long tail, where equals become rare.
    """
    if len({*few}) == len(few):
        return 0
    few = sorted(few, reverse=rank.largest)
    best = few[: few.index(few[len(few) // 2])] or few[: len(few) // 2]
    is_tail = best[0] != best[-1] and TAIL * abs(best[0] - best[-1]) > (TAIL - 1) * abs(few[0] - few[-1])
    return 0 if is_tail else len(best) - len({*best})


def looked_way(x: Any, k: int, axis: int, rank: Ranking, *, equals: bool = True) -> str:
    """Return the way that a few elements show: "equals", "torch.topk" where it is fast, "ranking" or none."""
    n, elements = x.shape[axis], x.numel()
    if elements < LOOKED_FROM or n < (LOOKED_AT if k > 1 else 2) or dtype_name(x.dtype) in UNSIGNED:
        return ""
    if is_sampled(x, n, k, rank) or (not rank.sorted and is_unordered(x, k, axis)):
        return ""
    if block_length(x, k, positive=True):
        return ""
    if elements < FOLDED_LOOK and pile_folds(x, k, axis, rank) > FOLDED_DEEP:
        return ""
    before, after = _neighbours(_matrix(x, axis))
    if equals and _may_hold_equals(x, k, axis, rank, before):
        return "equals"
    if _is_easy(x, k, axis, rank, before, after):
        return "torch.topk"
    if k <= FEW_ONES or is_heaped(n, k) or not is_one_by_one(x, k, axis, rank):
        return ""
    rises, falls, equal = (sum(map(compare, before, after)) for compare in (lt, gt, eq))
    is_tied = 4 * _count_best(before, rank) >= len(before) or len({*before, *after}) <= len(before) // 2
    if is_tied or _is_most(max(rises, falls) + equal, before):
        return "torch.topk" if is_sure(x, rank) and dtype_name(x.dtype) not in UNSUPPORTED else "ranking"
    return ""


def _may_hold_equals(x: Any, k: int, axis: int, rank: Ranking, few: list[Any]) -> bool:
    """Return whether k elements may equal the best, of rows of which no matrix must be made by a copy.

    That is so if enough of a few do. Of D values evenly spread k of n are the best one if k * D = n, and then so many
    of the better half of a few are expected to tie: their number squared, by 4 * D. A fraction of that is by chance,
    and of up to 16 bits many are.
    """
    n, seen = x.shape[axis], len(few)
    if not rank.stable or k == 1 or n < EQUAL_LONG or x.stride(axis) != 1 or _holds_nan(few):
        return False
    ties, equal = 0 if x.dtype.itemsize <= 2 else _count_ties(few, rank), _count_best(few, rank)
    is_often = (equal > 1 and equal * n >= k * seen) or (ties and EQUAL * 4 * ties * n >= k * seen**2)
    return bool(is_often and (x.ndim <= 2 or x.is_contiguous()))


def _is_easy(x: Any, k: int, axis: int, rank: Ranking, before: list[Any], after: list[Any]) -> bool:
    """Return whether `torch.topk` is as fast as anything, and few ties are expected where they matter."""
    n, elements, heaped = x.shape[axis], x.numel(), is_heaped(x.shape[axis], k)
    is_tied = rank.stable and x.dtype.itemsize <= 2
    if k > 1 and (dtype_name(x.dtype) in UNSUPPORTED or is_tied or (heaped and is_one_by_one(x, k, axis, rank))):
        return False
    ways = (lt, gt) if rank.stable else (le, ge)
    rises, falls = (_is_most(sum(map(compare, before, after)), before) for compare in ways)
    better, worse = (rises, falls) if rank.largest else (falls, rises)
    if not heaped:  # a third of the time if they rise or fall
        return (better or worse) and (elements // n * k < ORDERED_CHOICES or is_sure(x, rank))
    if pile_folds(x, k, axis, rank):
        return worse and n <= ORDERED_LONG
    if better:  # each element enters the heap
        return not pile_folds(x, k, axis, rank, heaps=False)
    if worse or not x.is_floating_point():
        return True
    hides = not rank.nan_first and _holds_nan(before)
    return not hides and (k == 1 or elements < HEAPED_FLOATS)


def _count_best(few: list[Any], rank: Ranking) -> int:
    return few.count(max(few) if rank.largest else min(few))


def _holds_nan(few: list[Any]) -> bool:
    return any(map(ne, few, few))


def _is_most(count: int, few: list[Any]) -> bool:
    return IN_ORDER * count >= (IN_ORDER - 1) * len(few)


def _matrix(x: Any, axis: int) -> Any:
    """Return the first matrix of rows along an axis, a row as a matrix of one."""
    rows = x.movedim(axis, -1)
    return rows[(0,) * (rows.ndim - 2)] if rows.ndim > 1 else rows[None]


def _neighbours(rows: Any) -> tuple[list[Any], list[Any]]:
    """Return a few elements of a few rows, and those behind them."""
    steps = [-(-length // LOOKED_AT) for length in rows.shape]
    few = rows[:: steps[0]].unfold(-1, 2, steps[1]).flatten().tolist()
    return few[::2], few[1::2]


def holds_few_numbers(rows: Any, rank: Ranking) -> bool:
    """Return whether a look at few elements lets expect that nearly all are NaN, and so many that it matters."""
    return bool(rows.numel() >= FOLDED_FROM and numbers_may_be_few(rows, rank))


def slows_a_heap(rows: Any, rank: Ranking) -> bool:
    """Return whether a few elements show that rows get better, or hold equals, or NaN that is in front for torch.

    Rows that `pile_folds` leaves as they are for their heaps are folded then.
    """
    few = peek(rows[(..., *(slice(None, None, max(1, length // PEEKED)) for length in rows.shape[-2:]))])
    before, after, ordered = few[..., :-1], few[..., 1:], few.sort().values
    rises = before < after if rank.largest else before > after
    equal = ordered[..., 1:] == ordered[..., :-1]
    hides = rank.largest and not rank.nan_first
    return bool(
        (hides and ordered[..., -1].isnan().any())
        or 4 * int(rises.sum()) > 3 * rises.numel()
        or (rank.stable and 4 * int(equal.sum()) > equal.numel())
    )
