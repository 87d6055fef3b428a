"""NumPy: the top k in no order: what reaches the k-th value of its row is chosen, and nothing is sorted."""

from functools import partial
from typing import Any

from xtopk._native.numpy_rows import COMPARED_DIRECTLY, OPERATIONS, as_numbers
from xtopk._native.numpy_ways import BRACKETED_FROM, PAIRED, SORTED_ROWS
from xtopk._order import ASCENDING, Ranking, dtype_name
from xtopk._select.blocks import same
from xtopk._select.bound import is_nan
from xtopk._select.bracket import chosen_by_bracket
from xtopk._select.packed_sort import vectorised_rank_key
from xtopk._select.pairs import ranks_by_pairs
from xtopk._select.reaching import mask_by_last
from xtopk._select.small import kth_of_rows
from xtopk._select.threshold import PIECE, SAMPLE


def marked(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return True at exactly the top k of each row."""
    rows = as_numbers(xp, xp.ascontiguousarray(rows))
    n, key, by = rows.shape[1], same, rank
    if dtype_name(rows.dtype) not in COMPARED_DIRECTLY or ((rank.nan_first or n <= PAIRED) and _holds_nan(xp, rows)):
        key, by = partial(vectorised_rank_key, xp, rank=rank), ASCENDING
    if n <= PAIRED:
        ranks = ranks_by_pairs(xp, xp.ascontiguousarray(key(rows).T), largest=by.largest)
        return xp.ascontiguousarray((ranks < k).T)
    if n < BRACKETED_FROM:
        return _marked_together(xp, key(rows), k, by)
    mask = xp.empty(rows.shape, dtype=xp.bool)
    for i, row in enumerate(rows):
        chosen = chosen_by_bracket(OPERATIONS, xp, row, k, by, PIECE, key)
        if chosen is None:  # and the next sample would be as wrong
            mask[i:] = _marked_together(xp, key(rows[i:]), k, by)
            break
        chosen.mark(row, mask[i], PIECE)
    return mask


def unordered(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return the indices of the top k of each row, in the order of their positions."""
    count, n = rows.shape
    indices = xp.flatnonzero(marked(xp, rows, k, rank)).reshape(count, k)
    indices -= n * xp.arange(count)[:, None]
    return indices


def _marked_together(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return True at the top k of each row, by the k-th values of all of them."""

    def again(few: Any) -> Any:
        return _marked_together(xp, vectorised_rank_key(xp, few, rank), k, ASCENDING)

    if rank.largest and rows.dtype.kind == "f" and is_nan(rows[:, :SAMPLE]).any():
        return again(rows)
    n = rows.shape[1]
    place = n - k if rank.largest else k - 1
    last = xp.sort(rows, axis=1)[:, place : place + 1] if n <= SORTED_ROWS else kth_of_rows(xp, rows, place)
    return mask_by_last(xp, rows, last, k, largest=rank.largest, nth=_nth, again=again)


def _nth(xp: Any, rows: Any, value: Any, number: Any) -> Any:
    """Return where in each row the so manieth element that equals a value stands."""
    return ((rows == value).cumsum(axis=1, dtype=xp.int32) >= number).argmax(axis=1)[:, None]


def _holds_nan(xp: Any, rows: Any) -> bool:
    return rows.dtype.kind == "f" and bool(xp.isnan(rows.max()))
