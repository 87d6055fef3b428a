"""torch: the top k in no order, where Python may look at the elements: what reaches the k-th value of its row."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from xtopk._native.torch_operations import (
    COMPARED_AT_A_TIME,
    OPERATIONS,
    PAIRED_AT_A_TIME,
    columns_of,
    parts_of,
    signed,
)
from xtopk._native.torch_shapes import PAIRED, is_bracketed
from xtopk._order import ASCENDING, Ranking
from xtopk._select.blocks import same
from xtopk._select.bracket import chosen_by_bracket
from xtopk._select.nth import nth_of, where_true
from xtopk._select.pairs import ranks_by_pairs
from xtopk._select.ranked import PEEKED, integer_key, looks_tied, peek
from xtopk._select.reaching import mask_by_last, reaching
from xtopk._select.settle import settle

MARKED_AT_A_TIME = 1 << 20
"""Of how many elements the rows are marked at a time."""


def marked(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return True at exactly the top k along the last axis; None if a bracket was wrong."""
    rows = signed(xp, rows.view(xp.uint8) if rows.dtype == xp.bool else rows, rank)
    mask = xp.empty(rows.shape, dtype=xp.bool, device=rows.device)
    n = rows.shape[-1]
    if is_bracketed(rows, n):
        pairs = zip(rows.reshape(-1, n), mask.view(-1, n), strict=True)
        return mask if all(_mark_row(xp, row.contiguous(), marks, k, rank) for row, marks in pairs) else None
    if n <= PAIRED and rows.ndim > 1:
        for part, marks in parts_of(rows, mask, PAIRED_AT_A_TIME):
            columns, in_order = columns_of(xp, part, rank)
            marks.copy_((ranks_by_pairs(xp, columns, largest=in_order.largest) < k).T.view(marks.shape))
        return mask
    for part, marks in _few_rows_at_a_time(rows, mask):
        marks.copy_(_marked_together(xp, part, k, rank).view(marks.shape))
    return mask


def unordered(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return the indices of the top k along the last axis, in any order; None where many tie or a bracket was wrong."""
    n = rows.shape[-1]
    if rows.ndim == 1 and is_bracketed(rows, n):
        marks = marked(xp, rows, k, rank)
        return None if marks is None else where_true(xp, marks)
    rows = signed(xp, rows, rank)
    few = peek(rows[..., :: max(1, n // PEEKED)])
    if looks_tied(integer_key(xp, few, rank), -(-k * few.shape[-1] // n)):
        return None
    indices = xp.empty((*rows.shape[:-1], k), dtype=xp.int64, device=rows.device)
    for part, chosen in _few_rows_at_a_time(rows, indices):
        key, last, found = _least(xp, part, k, rank)
        wrong = reaching(xp, key, last, largest=False)[1] != k
        if wrong.any():
            settle(xp, key, found, wrong, None, ASCENDING)
        chosen.copy_(found.view(chosen.shape))
    return indices


def _few_rows_at_a_time(rows: Any, results: Any) -> Iterable[tuple[Any, Any]]:
    return [(rows, results)] if rows.ndim == 1 else parts_of(rows, results, MARKED_AT_A_TIME)


def _mark_row(xp: Any, row: Any, mask: Any, k: int, rank: Ranking) -> bool:
    """Return whether the top k of a row are marked."""
    key, by = same, rank
    if rank.nan_first and row.is_floating_point() and row.amax().isnan():
        key, by = partial(integer_key, xp, rank=rank), ASCENDING
    chosen = chosen_by_bracket(OPERATIONS, xp, row, k, by, COMPARED_AT_A_TIME, key)
    if chosen is not None:
        chosen.mark(row, mask, COMPARED_AT_A_TIME)
    return chosen is not None


def _marked_together(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return True at the top k of each row, by the k-th of integer keys, which torch compares faster than floats."""
    key, last, _ = _least(xp, rows, k, rank)
    return mask_by_last(xp, key, last, k, largest=False, nth=nth_of)


def _least(xp: Any, rows: Any, k: int, rank: Ranking) -> tuple[Any, Any, Any]:
    """Return keys in a matrix, the k-th least of each row, and where k of those stand that are no greater."""
    key = integer_key(xp, rows, rank).reshape(-1, rows.shape[-1])
    values, found = key.topk(k, largest=False, sorted=False)
    return key, values.amax(-1, keepdim=True), found
