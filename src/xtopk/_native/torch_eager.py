"""torch where Python may look at the elements: what goes the ways of `torch_ways`, few rows at a time."""

from collections.abc import Callable
from functools import partial
from typing import Any

from xtopk._native.torch_looks import holds_few_numbers, slows_a_heap
from xtopk._native.torch_marks import unordered
from xtopk._native.torch_operations import (
    COMPARED_AT_A_TIME,
    OPERATIONS,
    PAIRED_AT_A_TIME,
    gather,
    indices_of_pairs,
    parts_of,
    signed,
)
from xtopk._native.torch_shapes import UNSUPPORTED, block_length, is_sampled, is_unordered, piece_length, pile_folds
from xtopk._native.torch_ways import plan_of_rows
from xtopk._order import Ranking, dtype_name
from xtopk._select.few_numbers import indices_of_few_numbers
from xtopk._select.long_row import indices_of_row
from xtopk._select.nth import first_of_value_in_row
from xtopk._select.piles import columns_for, indices_by_columns
from xtopk._select.ranked import indices_by_ranking, indices_one_by_one, may_be_positive, peek
from xtopk._select.sampled import indices_by_sample
from xtopk._select.verified import indices_by_topk, topk_beside_nan

FOLDED_AT_A_TIME = 1 << 24
CANDIDATES_AT_A_TIME = 1 << 19
RANKED_AT_A_TIME, RANKED_TOGETHER = 1 << 18, 1 << 22
ONE_BY_ONE_AT_A_TIME, NUMBERS_AT_A_TIME = 1 << 20, 1 << 22
"""How many elements are reduced at a time, how many may be left of them, of how many keys are made at a time, or for a
row each of torch's threads at most, of how many where these are reduced one by one, and of how many the numbers among
NaN are looked for."""


def indices_eager(xp: Any, rows: Any, k: int, rank: Ranking, looked: str = "") -> Any:
    """Return the indices along the last axis; `looked` is the way that a look at a few elements showed."""
    n, name = rows.shape[-1], dtype_name(rows.dtype)
    if name == "bool":
        rows, name = rows.view(xp.uint8), "uint8"
    if looked == "ranking" and rows.numel() <= RANKED_AT_A_TIME and not rows.is_floating_point():
        return indices_by_ranking(xp, rows, k, rank)
    if looked == "numbers":
        return topk_beside_nan(xp, rows, k, rank)
    if name in UNSUPPORTED and (length := piece_length(rows, k)):
        return _indices_in_pieces(xp, rows, k, rank, length)
    if not rank.sorted and is_unordered(rows, k, -1) and (found := unordered(xp, rows, k, rank)) is not None:
        return found
    if is_sampled(rows, n, k, rank) and (found := _indices_by_samples(xp, rows, k, rank)) is not None:
        return found
    if name not in UNSUPPORTED and (found := _indices_of_some(xp, rows, k, rank)) is not None:
        return found
    select: Any
    at_a_time = FOLDED_AT_A_TIME
    folds = pile_folds(rows, k, -1, rank, heaps=False)
    if folds and not pile_folds(rows, k, -1, rank) and (name in UNSUPPORTED or not slows_a_heap(rows, rank)):
        folds = 0
    if folds:
        select, positive = partial(indices_by_columns, folds=folds), may_be_positive(rows, k, rank)
        at_a_time = min(at_a_time, n * CANDIDATES_AT_A_TIME // (folds * columns_for(rows, k)))
    else:
        way = looked if looked == "ranking" else plan_of_rows(rows, k, -1, rank).algorithm
        if way == "one by one":
            select, at_a_time = indices_one_by_one, ONE_BY_ONE_AT_A_TIME
        elif way == "pairs":
            select, at_a_time = indices_of_pairs, PAIRED_AT_A_TIME
        elif way == "torch.topk":
            select = indices_by_topk
        else:
            select, together = indices_by_ranking, min(xp.get_num_threads() * n, RANKED_TOGETHER)
            at_a_time = max(RANKED_AT_A_TIME, together)
        positive = way not in ("one by one", "pairs") and may_be_positive(rows, k, rank)

    def select_from(part: Any) -> Any:
        nonlocal positive
        seen = signed(xp, part, rank)
        found = select(xp, seen, k, rank, positive=True) if positive else None
        positive = found is not None
        return select(xp, seen, k, rank) if found is None else found

    return _in_parts(xp, rows, k, at_a_time, select_from)


def _in_parts(xp: Any, rows: Any, k: int, at_a_time: int, select: Callable[[Any], Any]) -> Any:
    """Return what is selected from few rows at a time, None if that is None for some."""
    if rows.numel() <= at_a_time or rows.ndim == 1:
        return select(rows)
    indices = xp.empty_like(rows[..., :k], dtype=xp.int64)  # its axes in the order of those of the rows in memory
    for part, chosen in parts_of(rows, indices, at_a_time):
        found = select(part)
        if found is None:
            return None
        chosen.copy_(found)
    return indices


def _indices_by_samples(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return the indices of one row after another; None if the sample of one was wrong."""
    if rows.ndim == 1:
        return _indices_by_a_sample(xp, signed(xp, rows, rank), k, rank)
    indices = xp.empty((*rows.shape[:-1], k), dtype=xp.int64, device=rows.device)
    for row, chosen in zip(rows.reshape(-1, rows.shape[-1]), indices.view(-1, k), strict=True):
        found = _indices_by_a_sample(xp, signed(xp, row.contiguous(), rank), k, rank)
        if found is None:
            return None
        chosen.copy_(found)
    return indices


def _indices_by_a_sample(xp: Any, row: Any, k: int, rank: Ranking) -> Any:
    """Return the indices of one row, where NaN comes first the first of them and then the top numbers."""
    if not (rank.nan_first and row.is_floating_point() and row.amax().isnan()):
        return indices_by_sample(OPERATIONS, xp, row, k, rank, COMPARED_AT_A_TIME)
    missing = first_of_value_in_row(xp, row, row.new_full((1,), xp.nan), k)
    if missing.shape[0] == k:
        return missing
    found = _indices_by_a_sample(xp, row, k - missing.shape[0], rank._replace(nan_first=False))
    return None if found is None else xp.concat([missing, found])


def _indices_of_some(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return the indices of one long row by its blocks, of rows that are nearly all NaN by their numbers, else None."""
    if rows.ndim > 1:
        select = partial(indices_of_few_numbers, xp, k=k, rank=rank)
        return _in_parts(xp, rows, k, NUMBERS_AT_A_TIME, select) if holds_few_numbers(rows, rank) else None
    if not block_length(rows, k, positive=True) or (rows.is_floating_point() and peek(rows).isnan().any()):
        return None
    for positive in (True, False):
        if (width := block_length(rows, k, positive=positive)) and (not positive or may_be_positive(rows, k, rank)):
            found = indices_of_row(xp, rows, k, rank, width, positive=positive)
            if found is not None:
                return found
    return None


def _indices_in_pieces(xp: Any, row: Any, k: int, rank: Ranking, length: int) -> Any:
    """Return the indices among those of each piece of a row, of which no keys are made at once."""
    parts = enumerate(row.split(length))
    found = [indices_eager(xp, part, min(k, part.shape[0]), rank) + i * length for i, part in parts]
    few = xp.concat(found).sort().values  # so that the lower index wins among equals
    return few[indices_eager(xp, gather(xp, row, 0, few), k, rank)]
