"""Selection by column maxima: the best columns of a pile, then the best of their elements; what ties leave open.

NaN hides what shares its column from a maximum. It shows in the few maxima, and these are then taken again with the
worst infinity in its place. So what is better than that infinity is found, and a row that has too few of these is left
to be settled.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from xtopk._order import FLOAT_INFINITY_BITS, Ranking, dtype_name
from xtopk._select.columns import candidate_positions, folds_for, take
from xtopk._select.nth import first_of_value
from xtopk._select.ranked import as_integers, in_order, integer_key, is_zero, peek, ranked, settled

CLEANED_AT_A_TIME = 1 << 18
"""How many elements are copied at a time to replace NaN."""

PILED_FROM = 1 << 14
"""From so many maxima the best columns are chosen by columns of them."""

ArrayFunction = Callable[[Any], Any]


def columns_for(x: Any, k: int) -> int:
    """Return how many columns to choose: more than `k`, so that a few ties leave nothing open."""
    return k + 4 + k // 8 if x.dtype.itemsize > 2 else k + 4 + k // 2


def indices_by_columns(xp: Any, rows: Any, k: int, rank: Ranking, folds: int, *, positive: bool = False) -> Any:
    """Return the indices by column maxima; or None if floats were to be positive and are not."""
    look: ArrayFunction = partial(as_integers, xp) if positive else _same
    n, largest = rows.shape[-1], rank.largest
    clean, late = look, None
    maxima: Any = None
    hides = rows.is_floating_point() and not rank.nan_first and (largest or not positive)
    shown = hides and bool(peek(rows).isnan().any())
    if not shown:
        seen = look(rows)
        inverted = not largest and seen.dtype == xp.int64  # a piece at a time
        maxima = (partial(_best_in_pieces, xp, clean=_same) if inverted else best_of_columns)(seen, folds, largest)
    if shown or (hides and _shows_nan(maxima, rows.dtype, largest)):
        worst = -xp.inf if largest else xp.inf

        def clean(a: Any) -> Any:
            return look(xp.nan_to_num(a, nan=worst, posinf=xp.inf, neginf=-xp.inf))

        maxima = _best_in_pieces(xp, rows, folds, largest, clean)
    chosen = best_columns(xp, maxima, columns_for(rows, k), rank)
    bound = integer_key(xp, maxima.gather(-1, chosen), rank)
    best, bound = bound.amin(-1), bound.amax(-1)
    if bool((best == bound).all()):
        value = maxima.gather(-1, chosen[..., :1]).view(rows.dtype)
        if _is_all(xp, rows, value, best, rank, folds, look):
            return first_of_value(xp, rows, value, k)
    position = candidate_positions(xp, chosen, folds, n)
    few = take(rows, position)
    indices, key, unsettled = ranked(xp, clean(few) if positive else few, position, k, rank)
    last = key[..., -1] if rank.sorted else key.amax(-1)
    if positive and not in_order(key, last, rows.dtype, rank):
        return None
    if clean is not look and not positive:
        late = last > bound  # NaN is chosen, and infinities may be left out
    open_ = last >= bound if rank.stable else late
    return settled(xp, rows, indices, rank, unsettled, open_, is_zero(last, rank, positive=positive), late=late)


def _same(a: Any) -> Any:
    return a


def _is_all(xp: Any, rows: Any, value: Any, key: Any, rank: Ranking, folds: int, look: ArrayFunction) -> bool:
    """Return whether nothing that the pile leaves over is better, and the value is beyond doubt."""
    left = look(rows[..., rows.shape[-1] // folds * folds :])
    if left.shape[-1] and (integer_key(xp, left, rank).amin(-1) < key).any():
        return False
    if not value.is_floating_point():
        return True
    return bool(value.isfinite().all()) and (look is _same or bool(value.amin() > 0))


def _shows_nan(maxima: Any, dtype: Any, largest: bool) -> bool:
    best = maxima.amax() if largest else maxima.amin()
    return bool(best.isnan() if best.is_floating_point() else best > FLOAT_INFINITY_BITS[dtype_name(dtype)])


def outer_axis(rows: Any, parts: int) -> int:
    """Return which axis but the last to split: the outermost in memory that is long enough, or the longest."""
    lead = rows.shape[:-1]
    return max(range(len(lead)), key=lambda axis: (min(lead[axis], parts), rows.stride(axis)))


def _best_in_pieces(xp: Any, rows: Any, folds: int, largest: bool, clean: ArrayFunction) -> Any:
    """Return the best of each column, of few copied elements at a time."""
    columns = rows.shape[-1] // folds
    pile = rows[..., : folds * columns].unflatten(-1, (folds, columns))
    axis = -1
    if pile.stride(-1) == 1 and rows.ndim > 1:
        axis = outer_axis(rows, pile.numel() // CLEANED_AT_A_TIME)
    step = max(1, CLEANED_AT_A_TIME * pile.shape[axis] // pile.numel())
    parts = [best_of_columns(clean(part).flatten(-2), folds, largest) for part in pile.split(step, axis)]
    return xp.concat(parts, axis=axis)


def best_of_columns(rows: Any, folds: int, largest: bool) -> Any:
    """Return the best of each column of the pile, reduced in the order in which it lies in memory."""
    if not largest and rows.dtype.itemsize == 8 and not rows.is_floating_point():
        return ~best_of_columns(~rows, folds, True)  # torch's minima of int64 take 25 times longer than its maxima
    columns = rows.shape[-1] // folds
    pile = rows[..., : folds * columns].unflatten(-1, (folds, columns))
    if pile.stride(-1) == 1 or pile.ndim == 2:
        return pile.amax(-2) if largest else pile.amin(-2)
    pile = pile.movedim((-2, -1), (0, 1))
    return (pile.amax(0) if largest else pile.amin(0)).movedim(0, -1)


def best_columns(xp: Any, maxima: Any, k: int, rank: Ranking) -> Any:
    """Return the `k` columns with the best maxima, in any order, themselves chosen by columns where there are many."""
    n = maxima.shape[-1]
    folds = folds_for(n, k)
    if not folds or maxima.numel() < PILED_FROM:
        return _topk(xp, maxima, k, rank)
    chosen = best_columns(xp, best_of_columns(maxima, folds, rank.largest), k, rank)
    position = candidate_positions(xp, chosen, folds, n)
    return position.gather(-1, _topk(xp, take(maxima, position), k, rank))


def _topk(xp: Any, few: Any, k: int, rank: Ranking) -> Any:
    if few.is_floating_point():
        return integer_key(xp, few, rank).topk(k, largest=False, sorted=False).indices
    return few.topk(k, largest=rank.largest, sorted=False).indices
