"""A lower bound of the k-th value from folded maxima; then only what is not beyond it is looked at again.

Fold a row into `folds` pieces laid over one another and take the maximum of each column of the pile: one pass, and
vectorised however short the columns are. At least k elements are as great as the k-th greatest column maximum, so
the top k are among the elements that reach this bound. These are few more than k, come in the order of their
positions, and include all that tie with the k-th value: so the lower index wins without further ado.

For the least elements read minimum for maximum. The maximum ignores NaN, and NaN reaches no bound. Where NaN is
so frequent that fewer than k elements reach the bound, the row is reported as unanswered; where k or more reach
it, the bound was one.
"""

from typing import Any

from xtopk._select.small import in_order, nth_hits, row_hits, take_rows, worst_value

MAX_FOLDS = 32
COLUMNS_PER_CHOICE = 8
MIN_COLUMNS = 64
"""Deep piles narrow the search; but columns should outnumber k, lest many of the top k share one, and vectors
should not be short."""

FOLDED_ROW = 1 << 14
"""A single row shorter than this is partitioned as it is: folding takes as long as the calls it needs."""

PICKED_SHARE = 512
"""A single row is looked at again only in its best columns if it has so many elements for each of k."""


def indices_of_rows(xp: Any, rows: Any, k: int, *, largest: bool) -> tuple[Any, Any]:
    """Return the indices of the `k` largest or least of each row, in order, and whether each row is unanswered.

    `rows` is C-contiguous of shape (count, n), and small enough for several arrays of its size.
    """
    bound = kth_value(xp, fold(xp, rows, folds_for(rows.shape[1], k), largest=largest), k, largest=largest)
    hits, start = row_hits(xp, rows >= bound if largest else rows <= bound)
    found = start[1:] - start[:-1]
    unanswered = found < k
    width = max(k, min(int(found.max()), 2 * k + COLUMNS_PER_CHOICE))
    slot = xp.arange(width)
    vacant = slot >= found[:, None] if (found < width).any() else None
    chosen = nth_hits(xp, hits, start, slot)
    indices = _finish(xp, rows, chosen, k, largest=largest, vacant=vacant)
    crowded = xp.flatnonzero(found > width)
    if crowded.shape[0]:
        indices[crowded], unanswered[crowded] = _among_ties(xp, rows[crowded], k, largest=largest)
    return indices, unanswered


def indices_of_row(xp: Any, row: Any, k: int, *, largest: bool) -> Any:
    """Return the indices of the `k` largest or least of one row, in order, or None if it is unanswered.

    Only the columns that reach the bound are looked at again. Where ties at the bound make these too many, only
    those beyond it are, and the first ties from the front of the row take the places left.
    """
    n = row.shape[0]
    folds = row_folds(n, k)
    best = fold(xp, row[None], folds, largest=largest)
    best = best[0]
    columns, bound = _reaching_kth(xp, best, k, largest=largest)
    crowded = columns.shape[0] > 2 * k + MIN_COLUMNS
    if crowded:
        columns = xp.flatnonzero(best > bound if largest else best < bound)
    chosen = columns
    if folds > 1:
        chosen = _beyond(xp, row, folds, best.shape[0], columns, bound, largest=largest, strictly=crowded)
    if crowded and chosen.shape[0] < k:
        chosen = xp.concat([chosen, _first_equal(xp, row, bound, k - chosen.shape[0])])
        chosen.sort()
    if chosen.shape[0] < k:
        return None
    return chosen[in_order(xp, row[chosen], k, largest=largest)]


def folds_for(n: int, k: int) -> int:
    """Return into how many pieces to fold a row of `n`; 1 where folding would not narrow the search."""
    return max(1, min(MAX_FOLDS, n // max(MIN_COLUMNS, COLUMNS_PER_CHOICE * k)))


def row_folds(n: int, k: int) -> int:
    """Return into how many pieces to fold a single row, of which only the best columns are looked at again."""
    return folds_for(n, COLUMNS_PER_CHOICE * k) if n >= FOLDED_ROW else 1


def fold(xp: Any, rows: Any, folds: int, *, largest: bool) -> Any:
    """Return the best of each column of each row's pile; the last few elements may be left out."""
    if folds == 1:
        return rows
    columns = rows.shape[-1] // folds
    pile = rows[:, : folds * columns].reshape(-1, folds, columns)
    if rows.dtype.kind == "f":
        return (xp.fmax if largest else xp.fmin).reduce(pile, axis=1)
    return (xp.maximum if largest else xp.minimum).reduce(pile, axis=1)


def kth_value(xp: Any, rows: Any, k: int, *, largest: bool) -> Any:
    """Return a value of each row, of shape (count, 1), that at least k elements reach if k are numbers."""
    count, n = rows.shape
    if count == 1 and n >= FOLDED_ROW:
        return _reaching_kth(xp, rows[0], k, largest=largest)[1][None, None]
    side = n - k if largest else k - 1
    return xp.partition(rows, side, axis=-1)[:, side : side + 1]


def _reaching_kth(xp: Any, row: Any, k: int, *, largest: bool) -> tuple[Any, Any]:
    """Return the positions in a row of what reaches its k-th value, and that value, found among few if it is long."""
    n, near = row.shape[0], None
    values = row
    if n >= FOLDED_ROW and (folds := folds_for(n, k)) > 1:
        rough = _reaching_kth(xp, fold(xp, row[None], folds, largest=largest)[0], k, largest=largest)[1]
        reach = xp.flatnonzero(row >= rough if largest else row <= rough)
        if reach.shape[0] >= k:  # but for NaN
            near, values = reach, row[reach]
    side = values.shape[0] - k if largest else k - 1
    bound = xp.partition(values, side)[side]
    reach = xp.flatnonzero(values >= bound if largest else values <= bound)
    return (reach if near is None else near[reach]), bound


def _beyond(
    xp: Any, row: Any, folds: int, width: int, columns: Any, bound: Any, *, largest: bool, strictly: bool
) -> Any:
    """Return the positions of the elements that reach the bound, in these columns of the pile and after it."""

    def reach(part: Any) -> Any:
        if strictly:
            return xp.flatnonzero(part > bound if largest else part < bound)
        return xp.flatnonzero(part >= bound if largest else part <= bound)

    piled = reach(row[: folds * width].reshape(folds, width)[:, columns])
    depth, place = xp.divmod(piled, max(1, columns.shape[0]))
    return xp.concat([depth * width + columns[place], folds * width + reach(row[folds * width :])])


def _first_equal(xp: Any, row: Any, value: Any, count: int) -> Any:
    """Return the first `count` positions of a value, looking no further than needed."""
    step = 1 << 18
    found, parts = 0, []
    for start in range(0, row.shape[0], step):
        parts.append(start + xp.flatnonzero(row[start : start + step] == value)[: count - found])
        found += parts[-1].shape[0]
        if found == count:
            break
    return xp.concat(parts)


def _among_ties(xp: Any, rows: Any, k: int, *, largest: bool) -> tuple[Any, Any]:
    """Return what `indices_of_rows` does, for rows in which more tie with the k-th value than are kept."""
    bound = kth_value(xp, rows, k, largest=largest)
    better, start = row_hits(xp, rows > bound if largest else rows < bound)
    tie, tie_start = row_hits(xp, rows == bound)
    ahead, tied = start[1:] - start[:-1], tie_start[1:] - tie_start[:-1]
    slot = xp.arange(k)
    late = slot - ahead[:, None]
    chosen = nth_hits(xp, tie, tie_start, xp.maximum(late, 0))
    if better.shape[0]:
        chosen = xp.where(late < 0, nth_hits(xp, better, start, slot), chosen)
    return _finish(xp, rows, chosen, k, largest=largest), ahead + tied < k


def _finish(xp: Any, rows: Any, chosen: Any, k: int, *, largest: bool, vacant: Any = None) -> Any:
    """Return the first `k` of the candidates of each row in rank order; none is meant where `vacant`.

    The candidates are counted through all rows, what is returned within each.
    """
    count, n = rows.shape
    values = rows.reshape(-1).take(chosen)
    if vacant is not None:
        values[vacant] = worst_value(xp, values.dtype, largest=largest)
    return take_rows(xp, chosen, in_order(xp, values, k, largest=largest)) - n * xp.arange(count)[:, None]
