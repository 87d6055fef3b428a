"""A lower bound of the k-th value; then only what reaches it is looked at again.

The top k are among the elements that reach the bound. These are few more than k, come in the order of their positions,
and include all that tie with the k-th value: so the lower index wins without further ado. NaN reaches no bound. So
where fewer than k elements reach it these are all the numbers of the row, and the first NaN follow.
"""

import operator
from collections.abc import Callable
from functools import partial
from typing import Any

from xtopk._select.bound import (
    MAX_FOLDS,
    MIN_COLUMNS,
    fold,
    folds_for,
    is_nan,
    kth_value,
    numbers_of,
    reaches,
    reaching_kth,
)
from xtopk._select.small import (
    DENSE,
    first_hits,
    in_order,
    indices_in_pieces,
    nth_hits,
    row_hits,
    take_rows,
    then,
    worst_value,
)

SAMPLE = 16
"""So many elements at the front of rows tell whether NaN is frequent; where it is not, it shows later."""

CUT = 1 << 18
"""Of so many elements, or more, of which many reach the bound, fewer are looked at together."""

PIECE = 1 << 17
"""So many elements are compared at a time where a whole row is."""


def indices_of_rows(xp: Any, rows: Any, k: int, *, largest: bool) -> Any:
    """Return the indices of the `k` largest or least of each row, in order, NaN last.

    `rows`, of shape (count, n), is small enough for several arrays of its size. It may be the transpose of a matrix
    in which rows lie side by side, and is then read as it lies.
    """
    folds = folds_for(rows.shape[1], k)
    best = fold(xp, rows, folds, largest=largest)
    if folds > 1 or is_nan(rows[:, :SAMPLE]).any():
        best = numbers_of(xp, best, largest=largest)
    bound = kth_value(xp, best, k, largest=largest)
    mask = reaches(rows, bound, largest=largest)
    cuttable = mask.size >= CUT and (rows.shape[0] > 1 or rows.shape[1] >= 16 * k)
    if cuttable and DENSE * xp.count_nonzero(mask) > mask.size:
        del mask
        return _indices_in_parts(xp, rows, k, largest=largest)
    hits, start = row_hits(xp, mask)
    if folds == 1 and rows.dtype.kind == "f" and (hidden := start[1:] - start[:-1] < k).any():
        # NaN stood among what was partitioned, at the end that is for the greatest.
        bound[hidden] = kth_value(xp, numbers_of(xp, rows[hidden], largest=largest), k, largest=largest)
        hits, start = row_hits(xp, reaches(rows, bound, largest=largest))
    return indices_among(xp, rows, k, bound, hits, start, largest=largest)


def indices_among(xp: Any, rows: Any, k: int, bound: Any, hits: Any, start: Any, *, largest: bool) -> Any:
    """Return the indices in order where it is known what reaches a bound: `k` of each row, or all its numbers."""
    found = start[1:] - start[:-1]
    width = min(int(found.max()), 2 * k + MAX_FOLDS)  # what no column holds may be as great
    indices = xp.zeros((rows.shape[0], k), dtype=xp.int64)
    crowded = (found > width).nonzero()[0]
    if crowded.shape[0] < rows.shape[0]:
        chosen = nth_hits(xp, hits, start, rows.shape[1], xp.arange(width))
        indices[:, :width] = _finish(xp, rows, chosen, found, k, largest=largest)
    if crowded.shape[0]:
        indices[crowded] = _among_ties(xp, rows[crowded], bound[crowded], k, largest=largest)
    lacking = (found < k).nonzero()[0]
    if lacking.shape[0]:
        missing, _ = first_hits(xp, is_nan, rows[lacking], k)
        indices[lacking] = then(xp, indices[lacking], found[lacking], missing)
    return indices


def _indices_in_parts(xp: Any, rows: Any, k: int, *, largest: bool) -> Any:
    """Return what `indices_of_rows` does, of fewer rows at a time, or of pieces of a long one."""
    count = rows.shape[0]
    if count > 1:
        halves = rows[: count // 2], rows[count // 2 :]
        return xp.concat([indices_of_rows(xp, half, k, largest=largest) for half in halves])
    return indices_in_pieces(
        xp,
        rows,
        k,
        max(8 * k, CUT // 2),
        lambda part, k: indices_of_rows(xp, part, min(k, part.shape[1]), largest=largest),
    )


def indices_of_row(xp: Any, row: Any, folds: int, k: int, *, largest: bool, hidden: bool = False) -> Any:
    """Return the indices of the `k` largest or least of one row, in order, NaN last.

    Only the columns that reach the bound are looked at again, or the whole row if NaN hides what is in them. Where ties
    at the bound make these too many, only those beyond it are, and the first ties from the front of the row take the
    places left.
    """
    best = fold(xp, row[None], folds, largest=largest, shows_nan=not hidden)[0]
    if not hidden and (hidden := folds > 1 and row.dtype.kind == "f" and bool(xp.isnan(best.max()))):
        best = fold(xp, row[None], folds, largest=largest)[0]
    chosen, bound = reaching_kth(xp, best, k, largest=largest)
    crowded = chosen.shape[0] > 2 * k + MIN_COLUMNS
    beyond = partial(_beyond, xp, bound, largest=largest, strictly=crowded)
    if crowded:
        chosen = beyond(best)
    if hidden:
        chosen = beyond(row)
    elif folds > 1:
        chosen = _in_columns(xp, row, folds, chosen, beyond)
    if crowded and chosen.shape[0] < k:
        ties, found = first_hits(xp, lambda part: part == bound, row[None], k - chosen.shape[0])
        chosen = xp.concat([chosen, ties[0, : found[0]]])
        chosen.sort()
    indices = chosen[in_order(xp, row[chosen], k, largest=largest)]
    if indices.shape[0] < k:
        missing, _ = first_hits(xp, is_nan, row[None], k - indices.shape[0])
        indices = xp.concat([indices, missing[0]])
    return indices


def _beyond(xp: Any, bound: Any, row: Any, *, largest: bool, strictly: bool) -> Any:
    """Return the positions of the elements that reach the bound, or are beyond it, a piece of the row at a time."""
    compare = (operator.gt if largest else operator.lt) if strictly else (operator.ge if largest else operator.le)
    pieces = range(0, row.shape[0], PIECE) or (0,)
    return xp.concat([start + compare(row[start : start + PIECE], bound).nonzero()[0] for start in pieces])


def _in_columns(xp: Any, row: Any, folds: int, columns: Any, beyond: Callable[[Any], Any]) -> Any:
    """Return the positions of what is beyond the bound in some columns of the row's pile, and after the pile."""
    width = row.shape[0] // folds
    piled = beyond(row[: folds * width].reshape(folds, width)[:, columns].reshape(-1))
    depth, place = xp.divmod(piled, max(1, columns.shape[0]))
    return xp.concat([depth * width + columns[place], folds * width + beyond(row[folds * width :])])


def _among_ties(xp: Any, rows: Any, bound: Any, k: int, *, largest: bool) -> Any:
    """Return the indices of the top `k` of each row if at least so many reach a bound, and more than are kept.

    Where fewer than k are beyond it, it is the k-th value itself.
    """
    better, start = row_hits(xp, rows > bound if largest else rows < bound)
    ahead = start[1:] - start[:-1]
    if (ahead >= k).any():
        bound = kth_value(xp, numbers_of(xp, rows, largest=largest), k, largest=largest)
        better, start = row_hits(xp, rows > bound if largest else rows < bound)
        ahead = start[1:] - start[:-1]
    ties, _ = first_hits(xp, lambda part: part == bound, rows, k, k - ahead)
    chosen = then(xp, nth_hits(xp, better, start, rows.shape[1], xp.arange(k)), ahead, ties)
    return _finish(xp, rows, chosen, ahead + k, k, largest=largest)


def _finish(xp: Any, rows: Any, chosen: Any, found: Any, k: int, *, largest: bool) -> Any:
    """Return the first `k` in rank order of the candidates of each row, of which there are `found`."""
    vacant = None
    if found.min() < chosen.shape[1]:
        vacant = xp.arange(chosen.shape[1]) >= found[:, None]
        chosen[vacant] = 0
    values = take_rows(xp, rows, chosen)
    if vacant is not None:
        values[vacant] = worst_value(xp, values.dtype, largest=largest)
    return take_rows(xp, chosen, in_order(xp, values, k, largest=largest))
