"""A lower bound of the k-th value from folded maxima; then only what is not beyond it is looked at again.

Fold a row into `folds` pieces laid over one another and take the maximum of each column of the pile: one pass, and
vectorised however short the columns are. At least k elements are as great as the k-th greatest column maximum, so
the top k are among the elements that reach this bound. These are few more than k, come in the order of their
positions, and include all that tie with the k-th value: so the lower index wins without further ado.

For the least elements read minimum for maximum. The maximum ignores NaN, and NaN reaches no bound. So where fewer than
k elements reach it these are all the numbers of the row, and the first NaN follow.
"""

import operator
from collections.abc import Callable
from functools import partial
from typing import Any

from xtopk._select.small import first_hits, in_order, kth_of_rows, nth_hits, row_hits, take_rows, then, worst_value

MAX_FOLDS = 32
COLUMNS_PER_CHOICE = 8
MIN_COLUMNS = 64
"""Deep piles narrow the search; but columns should outnumber k, lest many of the top k share one, and vectors
should not be short."""

FOLDED_ROW = 1 << 14
"""A single row shorter than this is partitioned as it is: folding takes as long as the calls it needs."""

SAMPLE = 16
"""So many elements at the front of rows tell whether NaN is frequent; where it is not, it shows later."""

PIECE = 1 << 17
"""So many elements are compared at a time where a whole row is."""

PICKED_SHARE = 512
"""A single row is looked at again only in its best columns if it has so many elements for each of k."""


def indices_of_rows(xp: Any, rows: Any, k: int, *, largest: bool) -> Any:
    """Return the indices of the `k` largest or least of each row, in order, NaN last.

    `rows`, of shape (count, n), is small enough for several arrays of its size. It may be the transpose of a matrix
    in which rows lie side by side, and is then read as it lies.
    """
    folds = folds_for(rows.shape[1], k)
    best = fold(xp, rows, folds, largest=largest)
    if folds > 1 or _is_nan(rows[:, :SAMPLE]).any():
        best = _numbers(xp, best, largest=largest)
    bound = kth_value(xp, best, k, largest=largest)
    hits, start = row_hits(xp, _reaches(rows, bound, largest=largest))
    found = start[1:] - start[:-1]
    if folds == 1 and rows.dtype.kind == "f" and found.min() < k:
        hidden = found < k  # NaN stood among what was partitioned, at the end that is for the greatest
        bound[hidden] = kth_value(xp, _numbers(xp, rows[hidden], largest=largest), k, largest=largest)
        hits, start = row_hits(xp, _reaches(rows, bound, largest=largest))
        found = start[1:] - start[:-1]
    width = min(int(found.max()), 2 * k + COLUMNS_PER_CHOICE)
    indices = xp.zeros((rows.shape[0], k), dtype=xp.int64)
    crowded = (found > width).nonzero()[0]
    if crowded.shape[0] < rows.shape[0]:
        chosen = nth_hits(xp, hits, start, rows.shape[1], xp.arange(width))
        indices[:, :width] = _finish(xp, rows, chosen, found, k, largest=largest)
    if crowded.shape[0]:
        indices[crowded] = _among_ties(xp, rows[crowded], bound[crowded], k, largest=largest)
    lacking = (found < k).nonzero()[0]
    if lacking.shape[0]:
        missing, _ = first_hits(xp, _is_nan, rows[lacking], k)
        indices[lacking] = then(xp, indices[lacking], found[lacking], missing)
    return indices


def indices_of_row(xp: Any, row: Any, k: int, *, largest: bool) -> Any:
    """Return the indices of the `k` largest or least of one row, in order, NaN last.

    Only the columns that reach the bound are looked at again, or the whole row if NaN hides what is in them. Where ties
    at the bound make these too many, only those beyond it are, and the first ties from the front of the row take the
    places left.
    """
    folds = row_folds(row.shape[0], k)
    best = fold(xp, row[None], folds, largest=largest, shows_nan=True)[0]
    if hidden := folds > 1 and row.dtype.kind == "f" and bool(xp.isnan(best.max())):
        best = fold(xp, row[None], folds, largest=largest)[0]
    chosen, bound = _reaching_kth(xp, best, k, largest=largest)
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
        missing, _ = first_hits(xp, _is_nan, row[None], k - indices.shape[0])
        indices = xp.concat([indices, missing[0]])
    return indices


def _is_nan(part: Any) -> Any:
    return part != part


def _reaches(part: Any, bound: Any, *, largest: bool) -> Any:
    return part >= bound if largest else part <= bound


def _numbers(xp: Any, rows: Any, *, largest: bool) -> Any:
    """Return the rows with NaN replaced by what no number ranks after."""
    if rows.dtype.kind != "f":
        return rows
    return xp.where(_is_nan(rows), worst_value(xp, rows.dtype, largest=largest), rows)


def folds_for(n: int, k: int) -> int:
    """Return into how many pieces to fold a row of `n`; 1 where folding would not narrow the search."""
    return max(1, min(MAX_FOLDS, n // max(MIN_COLUMNS, COLUMNS_PER_CHOICE * k)))


def row_folds(n: int, k: int) -> int:
    """Return into how many pieces to fold a single row, of which only the best columns are looked at again."""
    return folds_for(n, COLUMNS_PER_CHOICE * k) if n >= FOLDED_ROW else 1


def fold(xp: Any, rows: Any, folds: int, *, largest: bool, shows_nan: bool = False) -> Any:
    """Return the best of each column of each row's pile; the last few elements may be left out.

    Where NaN must not show it is ignored, and may hide numbers: ``fmax`` of a signaling NaN is NaN on some machines.
    """
    if folds == 1:
        return rows
    columns = rows.shape[-1] // folds
    pile = rows[:, : folds * columns].reshape(-1, folds, columns)
    if rows.dtype.kind == "f" and not shows_nan:
        return (xp.fmax if largest else xp.fmin).reduce(pile, axis=1)
    return (xp.maximum if largest else xp.minimum).reduce(pile, axis=1)


def kth_value(xp: Any, rows: Any, k: int, *, largest: bool) -> Any:
    """Return a value of each row, of shape (count, 1), that at least k elements reach if none is NaN."""
    count, n = rows.shape
    if count == 1 and n >= FOLDED_ROW:
        return _reaching_kth(xp, rows[0], k, largest=largest)[1][None, None]
    return kth_of_rows(xp, rows, n - k if largest else k - 1)


def _reaching_kth(xp: Any, row: Any, k: int, *, largest: bool) -> tuple[Any, Any]:
    """Return the positions in a row of what reaches its k-th value, and that value, found among few if it is long."""
    n, near = row.shape[0], None
    values = row
    if n >= FOLDED_ROW and (folds := folds_for(n, k)) > 1:
        rough = _reaching_kth(xp, fold(xp, row[None], folds, largest=largest)[0], k, largest=largest)[1]
        near = xp.flatnonzero(_reaches(row, rough, largest=largest))
        values = row[near]
        if near.shape[0] < k:  # these are all the numbers
            return near, rough
    place = values.shape[0] - k if largest else k - 1
    bound = kth_of_rows(xp, values[None], place)[0, 0]
    reach = xp.flatnonzero(_reaches(values, bound, largest=largest))
    if reach.shape[0] < k and near is None and row.dtype.kind == "f":  # NaN stood at the end for the greatest
        bound = kth_of_rows(xp, _numbers(xp, row, largest=largest)[None], place)[0, 0]
        reach = xp.flatnonzero(_reaches(row, bound, largest=largest))
    return (reach if near is None else near[reach]), bound


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
        bound = kth_value(xp, _numbers(xp, rows, largest=largest), k, largest=largest)
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
