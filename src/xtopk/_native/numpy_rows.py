"""NumPy: a matrix of rows goes the ways of `numpy_ways`, each dtype compared as what is fast and in order."""

from collections.abc import Callable
from functools import partial
from operator import eq
from typing import Any

from xtopk._native.numpy_ways import BLOCK_ELEMENTS, RADIX_SORTED, path_of
from xtopk._order import FLOAT_INFINITY_BITS, INTEGER_BITS, Ranking, dtype_name
from xtopk._select.best_blocks import block_length, indices_by_best_blocks
from xtopk._select.bound import folds_for, is_nan, row_folds
from xtopk._select.cut_sort import indices_by_cut_sort
from xtopk._select.packed_sort import indices_by_packed_sort, vectorised_rank_key
from xtopk._select.pairs import indices_by_pairs
from xtopk._select.partition import indices_by_partition
from xtopk._select.sampled import Operations, indices_by_sample
from xtopk._select.small import LOOKED_AT, first_hits, in_order, indices_in_pieces, kth_of_rows, take_rows, then
from xtopk._select.sort import indices_by_sort
from xtopk._select.threshold import PIECE, indices_of_row, indices_of_rows

COMPARED_DIRECTLY = frozenset(INTEGER_BITS) | {"float32", "float64"}
"""The dtypes that NumPy itself compares fast and, but for NaN, in the right order."""


def indices_of(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return the indices of the top k of each row, in order."""
    rows = as_numbers(xp, rows)
    name, (count, n) = dtype_name(rows.dtype), rows.shape
    if path_of(count, n, k, rows.dtype.itemsize, apart=not rows.flags.c_contiguous) == "sort":
        rows = xp.ascontiguousarray(rows)
        if rows.dtype.itemsize <= 2 and n >= RADIX_SORTED:
            return indices_by_sort(xp, vectorised_rank_key(xp, rows, rank), None, k, axis=1).copy()
        if (found := indices_by_keys(xp, rows, k, rank)) is not None:
            return found
    if rank.nan_first and name in FLOAT_INFINITY_BITS:
        return _indices_after_nan(xp, rows, k, rank, name)
    if name in ("float16", "bfloat16"):
        indices, unanswered = indices_of_half(xp, rows, k, rank, FLOAT_INFINITY_BITS[name])
    elif name in COMPARED_DIRECTLY:
        indices, unanswered = _indices(xp, rows, k, largest=rank.largest)
    else:
        return _indices_by_key(xp, rows, k, rank)
    if unanswered is not None and unanswered.any():
        indices[unanswered] = _indices_by_key(xp, _picked(rows, unanswered), k, rank)
    return indices


def indices_by_keys(xp: Any, rows: Any, k: int, rank: Ranking, name: str = "") -> Any:
    """Return the indices by keys sorted with their positions; None of integers that leave no room for these."""
    if rows.dtype != xp.float64:
        return indices_by_packed_sort(xp, rows, k, rank, name)
    indices, wrong = indices_by_cut_sort(xp, rows, k, rank)
    if wrong.any():
        indices[wrong] = _indices_by_key(xp, _picked(rows, wrong), k, rank)
    return indices


def as_numbers(xp: Any, rows: Any) -> Any:
    """Return the rows, or the integers 0 and 1 for truths."""
    if rows.dtype.kind != "b":
        return rows
    return (rows.view(xp.uint8) != 0).view(xp.uint8)  # a byte of True that is not 1 is no greater


def _picked(rows: Any, mask: Any) -> Any:
    """Return the rows where a mask is True, copied only if these are not all."""
    return rows if mask.all() else rows[mask]


def _indices_by_key(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return the indices by integer keys, made of few rows at a time."""
    return _few_at_a_time(xp, lambda few: _indices_by_key_in_pieces(xp, few, k, rank), rows)


def _indices_by_key_in_pieces(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return the indices by keys of a piece of the rows at a time: the top k are among those of pieces."""
    count, n = rows.shape
    step = max(8 * k, PIECE // count)
    if n >= 2 * step:
        return indices_in_pieces(
            xp, rows, k, step, lambda part, k: _indices_by_key_in_pieces(xp, part, min(k, part.shape[1]), rank)
        )
    return _indices(xp, vectorised_rank_key(xp, rows, rank), k, largest=False)[0]


def _indices_after_nan(xp: Any, rows: Any, k: int, rank: Ranking, name: str) -> Any:
    """Return the indices with NaN first: in rows that have some the first of them, and then the top numbers."""
    numbers_first = rank._replace(nan_first=False)
    missing = _holds_nan(xp, rows, name)
    if not missing.any():
        return indices_of(xp, rows, k, numbers_first)
    indices = xp.empty((rows.shape[0], k), dtype=xp.int64)
    indices[missing], count = first_hits(xp, partial(_is_nan, xp, name), _picked(rows, missing), k)
    found = xp.zeros(rows.shape[0], dtype=xp.int64)
    found[missing] = count
    lacking = found < k
    if lacking.any():
        numbers = indices_of(xp, _picked(rows, lacking), k, numbers_first)
        indices[lacking] = then(xp, indices[lacking], found[lacking], numbers)
    return indices


def _holds_nan(xp: Any, rows: Any, name: str) -> Any:
    """Return which rows hold a NaN, of half floats by their bits, of which those of NaN are beyond infinity."""
    if rows.dtype.itemsize > 2:
        return _is_hidden(xp, rows)
    infinity = FLOAT_INFINITY_BITS[name]
    positive, negative = (rows.view(bits).max(axis=-1) for bits in (xp.int16, xp.uint16))
    return (positive > infinity) | (negative > 0x8000 + infinity)


def _is_nan(xp: Any, name: str, part: Any) -> Any:
    if part.dtype.itemsize > 2:
        return xp.isnan(part)
    return part.view(xp.uint16) << 1 > FLOAT_INFINITY_BITS[name] << 1


def _indices(xp: Any, rows: Any, k: int, *, largest: bool) -> tuple[Any, Any]:
    """Return the indices, and which rows are unanswered for NaN or None."""
    count, n = rows.shape
    path = path_of(count, n, k, rows.dtype.itemsize, apart=not rows.flags.c_contiguous, keys=False)
    if path == "blocks":
        indices, hidden = indices_by_best_blocks(xp, rows, k, block_length(n, k), largest=largest)
        if hidden is not None:
            by_bound = partial(_indices_by_bound, xp, k=k, largest=largest, hidden=True)
            indices[hidden] = _few_at_a_time(xp, by_bound, _picked(rows, hidden))
        return indices, None
    if path == "sample":
        rank = Ranking(largest, nan_first=False, sorted=True, stable=True)
        if (found := _indices_by_samples(xp, rows, k, rank)) is not None:
            return found, None
        if path_of(count, n, k, rows.dtype.itemsize, apart=not rows.flags.c_contiguous, samples=False) == "sort":
            return indices_by_packed_sort(xp, xp.ascontiguousarray(rows), k, rank), None
    if path == "pairs":
        indices = xp.empty((count, k), dtype=xp.int64)
        indices_by_pairs(xp, xp.ascontiguousarray(rows.T), indices, largest=largest)
        return indices, _is_hidden(xp, rows)
    if path == "partition":
        key = rows if not largest else -rows if rows.dtype.kind == "f" else ~rows
        return indices_by_partition(xp, xp.ascontiguousarray(key), k)
    return _indices_by_bound(xp, rows, k, largest=largest), None


def _indices_by_samples(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return the indices of one row after another; None if the sample of one was wrong."""
    indices = xp.empty((rows.shape[0], k), dtype=xp.int64)
    for row, chosen in zip(rows, indices, strict=True):
        found = indices_by_sample(OPERATIONS, xp, row, k, rank, PIECE)
        if found is None:
            return None
        chosen[:] = found
    return indices


def _indices_by_bound(xp: Any, rows: Any, k: int, *, largest: bool, hidden: bool = False) -> Any:
    """Return the indices by a bound from columns, of a single long row by its best columns.

    If numbers are `hidden`, the rows are known to hold NaN.
    """
    count, n = rows.shape
    if count == 1:
        return indices_of_row(xp, rows[0], row_folds(n, k), k, largest=largest, hidden=hidden)[None]
    rows = rows if folds_for(n, k) > 1 else xp.ascontiguousarray(rows)
    return indices_of_rows(xp, rows, k, largest=largest)


def _few_at_a_time(xp: Any, select: Callable[[Any], Any], rows: Any) -> Any:
    """Return ``select(rows)``, made of so few rows at a time as fit the cache, unless they lie side by side."""
    count, n = rows.shape
    step = max(1, BLOCK_ELEMENTS // n)
    if count <= step or not rows.flags.c_contiguous:
        return select(rows)
    return xp.concat([select(rows[i : i + step]) for i in range(0, count, step)])


def _is_hidden(xp: Any, rows: Any) -> Any:
    """Return which rows hold a NaN, or None if none can."""
    return xp.isnan(xp.max(rows, axis=-1)) if rows.dtype.kind == "f" else None


def _kth(xp: Any, sample: Any, place: int, rank: Ranking) -> Any:
    count = int(xp.count_nonzero(sample == sample))
    if place > count:
        return sample[sample != sample][:1]
    return kth_of_rows(xp, sample[None], count - place if rank.largest else place - 1)[0]


def _where(xp: Any, mask: Any) -> Any:
    return mask.nonzero()[0]


def _order(xp: Any, values: Any, k: int, rank: Ranking) -> Any:
    return in_order(xp, values, k, largest=rank.largest)


def _every(xp: Any, row: Any, k: int, rank: Ranking) -> None:
    """Leave what is not narrowed to `path_of`."""


def _first(xp: Any, row: Any, value: Any, count: int) -> Any:
    test = is_nan if value != value else partial(eq, value)
    hits, found = first_hits(xp, test, row[None], count)
    return hits[0, : found[0]]


OPERATIONS = Operations(_kth, _where, _order, _every, _first)


def indices_of_half(xp: Any, rows: Any, k: int, rank: Ranking, infinity: int) -> tuple[Any, Any]:
    """Select among the bits, which are in order where they are of one sign: the further from zero the greater.

    So the top k are the greatest of the wanted sign, or where all are of the other, the least. A row is unanswered if
    what was chosen is not of that sign, or if NaN, which is beyond infinity, came first. Where the front of a row looks
    like that, it is not tried.
    """
    indices = xp.zeros((rows.shape[0], k), dtype=xp.int64)
    unanswered = xp.ones(rows.shape[0], dtype=xp.bool)
    for wanted in (True, False):
        zero = 0 if wanted == rank.largest else 0x8000
        bits = rows.view(xp.uint16 if zero else xp.int16)
        least, most = zero + wanted, zero + infinity
        front = bits[:, : LOOKED_AT * k]
        within = (front >= least) & (front <= most)
        fits = (within.sum(axis=-1) >= k) & (front.max(axis=-1) <= most) if wanted else within.all(axis=-1)
        tried = unanswered & fits
        if tried.any():
            bits = _picked(bits, tried)
            found, _ = _indices(xp, bits, k, largest=wanted)
            ends = take_rows(xp, bits, found[:, :: max(1, k - 1)])
            indices[tried] = found
            unanswered[tried] = (ends.min(axis=-1) < least) | (ends.max(axis=-1) > most)
        if not unanswered.any():
            break
    return indices, unanswered
