"""A lower bound of the k-th value of a row, from folded maxima.

Fold a row into `folds` pieces laid over one another and take the maximum of each column of the pile: one pass, and
vectorised however short the columns are. At least k elements are as great as the k-th greatest column maximum. For
the least elements read minimum for maximum.
"""

from typing import Any

from xtopk._select.small import kth_of_rows, worst_value

MAX_FOLDS = 32
COLUMNS_PER_CHOICE = 8
MIN_COLUMNS = 64
"""Deep piles narrow the search; but columns should outnumber k, lest many of the top k share one, and vectors
should not be short."""

FOLDED_ROW = 1 << 12
"""A single row shorter than this is partitioned as it is: folding takes as long as the calls it needs."""


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
        return reaching_kth(xp, rows[0], k, largest=largest)[1][None, None]
    return kth_of_rows(xp, rows, n - k if largest else k - 1)


def reaching_kth(xp: Any, row: Any, k: int, *, largest: bool) -> tuple[Any, Any]:
    """Return the positions in a row of what reaches its k-th value, and that value, found among few if it is long."""
    n, near = row.shape[0], None
    values = row
    if n >= FOLDED_ROW and (folds := folds_for(n, k)) > 1:
        rough = reaching_kth(xp, fold(xp, row[None], folds, largest=largest)[0], k, largest=largest)[1]
        near = xp.flatnonzero(reaches(row, rough, largest=largest))
        values = row[near]
        if near.shape[0] < k:  # these are all the numbers
            return near, rough
    place = values.shape[0] - k if largest else k - 1
    bound = kth_of_rows(xp, values[None], place)[0, 0]
    reach = xp.flatnonzero(reaches(values, bound, largest=largest))
    if reach.shape[0] < k and near is None and row.dtype.kind == "f":  # NaN stood at the end for the greatest
        bound = kth_of_rows(xp, numbers_of(xp, row, largest=largest)[None], place)[0, 0]
        reach = xp.flatnonzero(reaches(row, bound, largest=largest))
    return (reach if near is None else near[reach]), bound


def reaches(part: Any, bound: Any, *, largest: bool) -> Any:
    """Return where elements are no worse than a bound; NaN never is."""
    return part >= bound if largest else part <= bound


def numbers_of(xp: Any, rows: Any, *, largest: bool) -> Any:
    """Return the rows with NaN replaced by what no number ranks after."""
    if rows.dtype.kind != "f":
        return rows
    return xp.where(is_nan(rows), worst_value(xp, rows.dtype, largest=largest), rows)


def is_nan(part: Any) -> Any:
    """Return where NaN is, which equals nothing."""
    return part != part
