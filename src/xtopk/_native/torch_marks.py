"""torch: the top k in no order, where Python may look at the elements: what reaches the k-th value of its row."""

from typing import Any

from xtopk._native.torch_operations import (
    COMPARED_AT_A_TIME,
    OPERATIONS,
    PAIRED_AT_A_TIME,
    columns_of,
    parts_of,
    signed,
)
from xtopk._native.torch_ways import PAIRED, is_bracketed
from xtopk._order import ASCENDING, Ranking
from xtopk._select.bracket import chosen_by_bracket
from xtopk._select.pairs import ranks_by_pairs
from xtopk._select.ranked import integer_key
from xtopk._select.reaching import mask_by_last, reaching
from xtopk._select.settle import nth_of, where_true

MARKED_AT_A_TIME = 1 << 22
"""Of how many elements the rows are marked at a time."""


def marked(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return True at exactly the top k along the last axis."""
    rows = signed(xp, rows.view(xp.uint8) if rows.dtype == xp.bool else rows, rank)
    mask = xp.empty(rows.shape, dtype=xp.bool, device=rows.device)
    n = rows.shape[-1]
    if is_bracketed(rows, n):
        for row, marks in zip(rows.reshape(-1, n), mask.view(-1, n), strict=True):
            _mark_row(xp, row.contiguous(), marks, k, rank)
    elif n <= PAIRED and rows.ndim > 1:
        for part, marks in parts_of(rows, mask, PAIRED_AT_A_TIME):
            columns, in_order = columns_of(xp, part, rank)
            marks.copy_((ranks_by_pairs(xp, columns, largest=in_order.largest) < k).T.view(marks.shape))
    elif rows.ndim == 1:
        mask = _marked_together(xp, rows[None], k, rank)[0]
    else:
        for part, marks in parts_of(rows, mask, MARKED_AT_A_TIME):
            marks.copy_(_marked_together(xp, part.reshape(-1, n), k, rank).view(marks.shape))
    return mask


def unordered(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return the indices of the top k along the last axis, in any order."""
    n = rows.shape[-1]
    if rows.ndim == 1 and is_bracketed(rows, n):
        return where_true(xp, marked(xp, rows, k, rank))
    flat = signed(xp, rows, rank).reshape(-1, n)
    values, indices = flat.topk(k, largest=rank.largest, sorted=False)
    wrong = reaching(xp, flat, _last(values, rank), largest=rank.largest)[1] != k
    if wrong.any():
        indices[wrong] = marked(xp, flat[wrong], k, rank).nonzero()[:, 1].view(-1, k)
    return indices.view(*rows.shape[:-1], k)


def _mark_row(xp: Any, row: Any, mask: Any, k: int, rank: Ranking) -> None:
    if rank.nan_first and row.is_floating_point() and row.amax().isnan():
        row, rank = integer_key(xp, row, rank), ASCENDING
    chosen = chosen_by_bracket(OPERATIONS, xp, row, k, rank, COMPARED_AT_A_TIME)
    if chosen is None:
        mask.copy_(_marked_together(xp, row[None], k, rank)[0])
    else:
        chosen.mark(row, mask, COMPARED_AT_A_TIME)


def _marked_together(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return True at the top k of each row, by the k-th values of all of them, with NaN taken for the greatest."""
    values = rows.topk(k, largest=rank.largest, sorted=False).values

    def again(few: Any) -> Any:
        return _marked_together(xp, integer_key(xp, few, rank), k, ASCENDING)

    last = _last(values, rank)
    return mask_by_last(xp, rows, last, k, largest=rank.largest, nth=nth_of, again=again)


def _last(values: Any, rank: Ranking) -> Any:
    """Return the last of the chosen values of each row; NaN where one is."""
    return values.amin(-1, keepdim=True) if rank.largest else values.amax(-1, keepdim=True)
