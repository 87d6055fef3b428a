"""torch where Python may look at the elements: which way a call goes, by the length of a row, k and the dtype."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from xtopk._explain import Plan
from xtopk._order import Ranking, dtype_name, rank_key
from xtopk._select.columns import folds_for
from xtopk._select.few_numbers import indices_of_few_numbers, numbers_may_be_few
from xtopk._select.long_row import NARROW_GAIN, ROW_GAIN, SHORTEST, indices_of_row, least_width, row_width
from xtopk._select.packed import BITS_PACKED
from xtopk._select.piles import columns_for, indices_by_columns, outer_axis
from xtopk._select.ranked import indices_by_ranking, indices_one_by_one, may_be_positive, peek
from xtopk._select.sampled import indices_by_sample
from xtopk._select.verified import LISTED, indices_by_topk

DIRECT_BELOW = 1 << 15
HEAPED_BELOW, HEAPED_WORK = 1 << 18, 1 << 34
FOLDED_FROM = 1 << 17
"""Fewer elements are selected from as they are, also where torch keeps a heap, or in one piece: calls that would save
work take longer than it. Where few elements show nothing that a heap is slow for, it serves as many as give less work,
times the length of a row up to LONG."""

LONG = 1 << 15
TIED_BELOW = 1 << 21
"""Where torch keeps a heap, so few elements are ranked if they are sure to tie."""

SORTED_SHORTEST, SORTED_LONGEST = 8, 32
MOSTLY = 4 / 3
"""Rows of such lengths are sorted where k is such a share of them."""

ROW_FROM = 1 << 16
"""One row so long, or longer, is cut into blocks."""

SAMPLED_FROM = {1: 1 << 28, 2: 1 << 28, 4: 1 << 28, 8: 1 << 29}
SAMPLED_SHARE = 1 << 10
"""A k of such a share of one row is found by a sample, if the length of the row times that of four times k, or once more
its own if that is less, is such or more, by the bytes of an element."""

SAMPLED_ROWS_FROM = {1: 1 << 17, 2: 1 << 17, 4: 1 << 17, 8: 1 << 19}
SAMPLED_ROWS_SHARE = 16
ROWS_AT_ONCE = 2
"""The same for more rows, one after another, where torch's threads would select from no more than so many at once."""

SORTED_AT_ONCE = 1 << 12
"""So few elements, times the bits of a row's length, are sorted altogether."""

TIED_CHOICES, TIED_MORE = 16, 8
"""Of elements of up to 16 bits, so many chosen ones are sure to tie, and so many times more elements are sorted."""

HEAPED = 64
FOLDED_HEAPED = 1 << 10
"""torch keeps the best of a row in a heap if it is so many times longer than k; shorter ones are then not folded."""

ONE_BY_ONE = 5
REDUCED_ROWS = 1 << 15
REDUCED_LENGTH = 9
"""So few floats of a short row are found by as many reductions in less time than it takes to partition it, if there are
more rows, which torch then reduces by all its threads, or if a row is so many times longer than k."""

FOLDED_AT_A_TIME = 1 << 24
CANDIDATES_AT_A_TIME = 1 << 19
RANKED_AT_A_TIME, RANKED_TOGETHER = 1 << 18, 1 << 22
ONE_BY_ONE_AT_A_TIME = UNSIGNED_AT_A_TIME = 1 << 20
"""How many elements are reduced at a time, how many may be left of them, of how many keys are made at a time, or for a
row each of torch's threads at most, of how many where these are reduced one by one, and of an unsigned row."""

UNSIGNED_GAIN = 32
"""So many times longer than k, at least twice, an unsigned row is selected from in pieces, and then from their best."""

UNSUPPORTED = {"bool": "uint8", "uint16": "int16", "uint32": "int32", "uint64": "int64"}
UNSIGNED = frozenset(UNSUPPORTED) - {"bool"}
"""The dtypes for which torch has no top-k, with one of the same width for which it has; and those without a gather."""


def way_of_few(x: Any, k: int, axis: int, rank: Ranking) -> str:
    """Return the way that few elements go, or those for which nothing is faster than `torch.topk`; else none."""
    n, elements = x.shape[axis], x.numel()
    if _is_sampled(x, n, k) or dtype_name(x.dtype) in UNSUPPORTED:
        return ""
    is_inner = x.stride(axis) == 1
    if rank.stable and is_inner and SORTED_SHORTEST <= n <= SORTED_LONGEST and MOSTLY * k >= n:
        return "sort"
    tied = _is_tied(x, k, axis, rank)
    at_once = SORTED_AT_ONCE * (TIED_MORE if tied else 1)
    is_listed = x.ndim == 1 and k < LISTED and not tied
    if rank.stable and k > 1 and not is_listed and elements * n.bit_length() <= at_once:
        return "sort"
    if tied:
        return ""
    if elements < DIRECT_BELOW:
        return "torch.topk"
    if _is_heaped(n, k) and (k == 1 or not _width(x, k, positive=False)):
        work = elements * (min(n, LONG) if is_inner else LONG)
        if elements < HEAPED_BELOW or (work < HEAPED_WORK and not _slows_a_heap(x, rank)):
            return "torch.topk"
    sure = not rank.stable and (rank.nan_first or not rank.largest or not x.is_floating_point())
    return "torch.topk" if sure and x.dtype.itemsize == 8 and not _folds(x, n, k) else ""


def _is_sampled(x: Any, n: int, k: int) -> bool:
    """Return whether rows go one by one, each with a bound from a sample of it."""
    import torch

    size, rows = x.dtype.itemsize, x.numel() // n
    if rows == 1:
        return bool(n * min(n, 4 * k) >= SAMPLED_FROM[size] and SAMPLED_SHARE * k >= n)
    is_long = n >= SAMPLED_ROWS_FROM[size] and SAMPLED_ROWS_SHARE * k >= n
    return bool(is_long and rows <= ROWS_AT_ONCE * -(-rows // torch.get_num_threads()))


def _slows_a_heap(x: Any, rank: Ranking) -> bool:
    """Return whether few elements of few rows rise, or hold NaN that is in front, or many that are equal."""
    few = peek(x)
    before, after = few[..., :-1], few[..., 1:]
    ordered = few.sort().values
    equal = ordered[..., 1:] == ordered[..., :-1]
    return bool(
        (before < after if rank.largest else before > after).all()
        or 4 * int(equal.sum()) >= equal.numel()
        or (rank.largest and not rank.nan_first and ordered[..., -1:].isnan().any())
    )


def _is_tied(x: Any, k: int, axis: int, rank: Ranking) -> bool:
    """Return whether elements of few bits are sure to tie, and order counts, so that it is asked for at once."""
    return bool(x.dtype.itemsize <= 2 and rank.stable and k > 1 and k * x.numel() >= TIED_CHOICES * x.shape[axis])


def eager_plan(x: Any, k: int, axis: int, rank: Ranking) -> Plan:
    """Return which way a call goes."""
    n, how = x.shape[axis], "with a look for ties and NaN"
    way = way_of_few(x, k, axis, rank)
    if way == "sort":
        return Plan(way, 0, f"few elements, {x.numel()}, in rows of {n}")
    if way:
        return Plan(way, 0, f"{x.numel()} elements in rows of {n}, {how}")
    if _is_sampled(x, n, k):
        return Plan("sampled bound", 0, f"{k} of {n} are not many more than reach it, and are sorted")
    if dtype_name(x.dtype) in UNSIGNED:
        if _is_in_pieces(x, k):
            return Plan("ranking", 0, f"pieces of {n} elements, and then what is best in them")
    elif width := _width(x, k, positive=False):
        return Plan("block maxima", width, f"{n // width} maxima and {k * width} candidates are left of {n}")
    if folds := _folds(x, n, k):
        return Plan("column maxima", folds, f"{n // folds} maxima of columns are left of {n}, {how}")
    return _plan_of_rows(x, k, axis, rank)


def _plan_of_rows(x: Any, k: int, axis: int, rank: Ranking) -> Plan:
    """Return which way rows go that are not cut or folded."""
    n, few = x.shape[axis], f"torch.topk of integer keys, of {x.numel()} elements, few or sure to tie"
    if x.numel() < DIRECT_BELOW and not x.is_floating_point():
        return Plan("ranking", 0, few)
    if _is_heaped(n, k):
        if x.numel() < TIED_BELOW and _is_tied(x, k, axis, rank):
            return Plan("ranking", 0, few)
        return Plan("torch.topk", 0, f"it keeps {k} of {n} in a heap, with a look for ties and NaN")
    pays = k <= ONE_BY_ONE and (x.numel() > REDUCED_ROWS * n or n >= REDUCED_LENGTH * k)
    if pays and x.is_floating_point():
        return Plan("one by one", 0, f"{k} reductions of rows of {n}")
    return Plan("ranking", 0, f"torch.topk of integer keys, since columns would not pay for {k} of {n}")


def gather(xp: Any, x: Any, axis: int, indices: Any) -> Any:
    """Return the elements at `indices` along an axis, of every dtype."""
    if (name := dtype_name(x.dtype)) in UNSIGNED:
        return x.view(getattr(xp, UNSUPPORTED[name])).gather(axis, indices).view(x.dtype)
    return x.gather(axis, indices)


def indices_eager(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return the indices along the last axis."""
    n, name = rows.shape[-1], dtype_name(rows.dtype)
    if name == "bool":
        rows, name = rows.view(xp.uint8), "uint8"
    if name in UNSUPPORTED and _is_in_pieces(rows, k):
        return _indices_in_pieces(xp, rows, k, rank)
    is_sampled = _is_sampled(rows, n, k)
    if name not in UNSUPPORTED and not is_sampled:
        indices = _indices_of_some(xp, rows, k, rank)
        if indices is not None:
            return indices
    select: Any
    positive, at_a_time = False, FOLDED_AT_A_TIME
    if is_sampled:
        select, at_a_time = indices_by_sample, n
    elif folds := _folds(rows, n, k):
        select, positive = partial(indices_by_columns, folds=folds), may_be_positive(rows, k, rank)
        at_a_time = min(at_a_time, n * CANDIDATES_AT_A_TIME // (folds * columns_for(rows, k)))
    else:
        way = _plan_of_rows(rows, k, -1, rank).algorithm
        if way == "one by one":
            select, at_a_time = indices_one_by_one, ONE_BY_ONE_AT_A_TIME
        elif way == "torch.topk":
            select = indices_by_topk
        else:
            select, together = indices_by_ranking, min(xp.get_num_threads() * n, RANKED_TOGETHER)
            at_a_time = max(RANKED_AT_A_TIME, together)
        positive = way != "one by one" and may_be_positive(rows, k, rank)

    def select_from(part: Any) -> Any:
        nonlocal positive
        seen = rank_key(xp, part, rank._replace(largest=False)) if name in UNSUPPORTED else part
        found = select(xp, seen, k, rank, positive=True) if positive else None
        positive = found is not None
        return select(xp, seen, k, rank) if found is None else found

    if is_sampled and rows.ndim > 1:
        indices = [select_from(row.contiguous()) for row in rows.reshape(-1, n)]
        return xp.stack(indices).view(*rows.shape[:-1], k)
    if rows.numel() <= at_a_time or rows.ndim == 1:
        return select_from(rows)
    indices = xp.empty((*rows.shape[:-1], k), dtype=xp.int64, device=rows.device)
    for part, chosen in _parts(rows, indices, at_a_time):
        chosen.copy_(select_from(part))
    return indices


def _indices_of_some(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return the indices of one long row by its blocks, of rows that are nearly all NaN by their numbers, else None."""
    if rows.ndim > 1:
        is_few = rows.numel() >= FOLDED_FROM and numbers_may_be_few(rows, rank)
        return indices_of_few_numbers(xp, rows, k, rank) if is_few else None
    if rows.numel() < ROW_FROM:
        return None
    if rows.is_floating_point() and peek(rows).isnan().any():
        return None
    for positive in (True, False):
        if (width := _width(rows, k, positive=positive)) and (not positive or may_be_positive(rows, k, rank)):
            found = indices_of_row(xp, rows, k, rank, width, positive=positive)
            if found is not None:
                return found
    return None


def _width(x: Any, k: int, *, positive: bool) -> int:
    """Return the length of the blocks of a row, 0 where it is not one long row of few bits an element."""
    if x.ndim > 1 or x.shape[0] < ROW_FROM or x.stride(0) != 1 or 8 * x.dtype.itemsize > BITS_PACKED:
        return 0
    n, least = x.shape[0], least_width(x.dtype, positive=positive)
    return row_width(n, k, least, ROW_GAIN) or row_width(n, k, SHORTEST, NARROW_GAIN)


def _is_in_pieces(x: Any, k: int) -> bool:
    return bool(x.ndim == 1 and x.shape[0] > max(UNSIGNED_AT_A_TIME, UNSIGNED_GAIN * k))


def _indices_in_pieces(xp: Any, row: Any, k: int, rank: Ranking) -> Any:
    """Return the indices among those of each piece of a row, of which no keys are made at once."""
    step, found = max(UNSIGNED_AT_A_TIME, 2 * k), []
    for start in range(0, row.shape[0], step):
        piece = row[start : start + step]
        found.append(indices_eager(xp, piece, min(k, piece.shape[0]), rank) + start)
    few = xp.concat(found).sort().values  # so that the lower index wins among equals
    return few[indices_eager(xp, gather(xp, row, 0, few), k, rank)]


def _folds(x: Any, n: int, k: int) -> int:
    """Return into how many pieces rows of `n` are folded, 0 where that would not pay."""
    if x.numel() < FOLDED_FROM or HEAPED * k <= n < FOLDED_HEAPED:
        return 0
    return folds_for(n, columns_for(x, k))


def _is_heaped(n: int, k: int) -> bool:
    return k == 1 or n >= HEAPED * (k + 1)


def _parts(rows: Any, indices: Any, most: int) -> Iterable[tuple[Any, Any]]:
    """Return few rows at a time with their indices, about `most` elements of them."""
    axis = outer_axis(rows, rows.numel() // most)
    step = max(1, most * rows.shape[axis] // rows.numel())
    return zip(rows.split(step, axis), indices.split(step, axis), strict=True)
