"""One long row: the best of its blocks, then the best of their elements, both packed with their positions.

All that is done for each element is one maximum. The blocks lie one after another, so that of two with equal maxima the
lower one has the lower positions, and no two packed keys are equal: ties are exact, and no data make it slower.
"""

from typing import Any

from xtopk._order import FLOAT_INFINITY_BITS, Ranking, dtype_name
from xtopk._select.nth import where_true
from xtopk._select.packed import BITS_PACKED, pack, unpack
from xtopk._select.ranked import as_integers, number_key
from xtopk._select.settle import settle

INTEGERS_WIDTH = 64
FLOATS_WIDTH = 512
HALVES_WIDTH = 2048
"""The shortest blocks that are reduced fast: of integers, of floats of 32 bits, and of floats of 16 bits."""

CUT_FROM = 1 << 14
CUT_WIDTH = 32
"""So many candidates are cut into blocks once more, at least so long."""

REACHING, LOOKED_AT = 4, 1 << 12
"""Candidates that reach a bound are selected from if they are so many times fewer, as they must be among the first."""

ROW_GAIN = 32
SHORTEST, NARROW_GAIN = 64, 4
CUT_GAIN = 4
"""Blocks of a row leave so many times fewer elements; where those that are reduced fast leave more, shorter ones do, by
less. So do those of candidates, which are already few."""


def row_width(n: int, k: int, least: int, gain: int) -> int:
    """Return how long to make the blocks, near twice the square root of n / k, or 0 if k hold more than a `gain`-th."""
    width = max(least, 2 << ((n // k).bit_length() // 2))
    return width if gain * k * width <= n else 0


def least_width(dtype: Any, *, positive: bool) -> int:
    """Return the length of the shortest blocks."""
    if positive or not dtype.is_floating_point:
        return INTEGERS_WIDTH * 4 // int(dtype.itemsize)
    return HALVES_WIDTH if dtype.itemsize == 2 else FLOATS_WIDTH


def indices_of_row(xp: Any, row: Any, k: int, rank: Ranking, width: int, *, positive: bool = False) -> Any:
    """Return the indices of the top k; None where floats were to be positive and are not, or NaN hides a number."""
    seen, largest = as_integers(xp, row) if positive else row, rank.largest
    maxima = _best_of_blocks(seen, width, largest)
    if maxima.is_floating_point() and (maxima.amax() if largest else maxima.amin()).isnan():
        return None
    if rank.nan_first and row.is_floating_point() and row[maxima.shape[0] * width :].isnan().any():
        return None  # as a number, NaN with a sign would rank last
    packed = _packed_of_blocks(xp, seen, maxima, k, width, rank)
    indices = unpack(packed)
    if row.is_floating_point():
        first, last = int(packed[0]) >> BITS_PACKED, int(packed[-1]) >> BITS_PACKED
        if largest:
            first, last = (~first, ~last) if positive else (-first, -last)
        if max(abs(first), last) > FLOAT_INFINITY_BITS[dtype_name(row.dtype)] or (positive and min(first, last) < 0):
            return None
        if positive and largest and rank.stable and last == 0:  # +0, which -0 equals
            settle(xp, row, indices, xp.ones((), dtype=xp.bool, device=row.device), None, rank)
    return indices


def _best_of_blocks(row: Any, width: int, largest: bool) -> Any:
    blocks = row[: row.shape[0] // width * width].view(-1, width)
    return blocks.amax(-1) if largest else blocks.amin(-1)


def _packed(xp: Any, row: Any, k: int, rank: Ranking) -> Any:
    """Return the keys of the top k, their positions in the lower half, in order."""
    n = row.shape[0]
    if n < CUT_FROM or not (width := row_width(n, k, CUT_WIDTH, CUT_GAIN)):
        return pack(xp, number_key(xp, row, rank).to(xp.int64)).topk(k, largest=False).values
    return _packed_of_blocks(xp, row, _best_of_blocks(row, width, rank.largest), k, width, rank)


def _packed_of_blocks(xp: Any, row: Any, maxima: Any, k: int, width: int, rank: Ranking) -> Any:
    """Return what `_packed` does, where the maxima of the blocks are known."""
    count = maxima.shape[0]
    best = unpack(_packed(xp, maxima, k, rank))
    chosen = best.sort().values
    few = _elements(xp, row, chosen, width, count)
    near = _reaching(xp, few, maxima[best[-1:]], rank) if few.shape[0] >= CUT_FROM else None
    packed = _packed(xp, few if near is None else few[near], k, rank)
    where = unpack(packed)
    place = where if near is None else near[where]
    return packed - where + _positions(xp, place, chosen, width, count)


def _reaching(xp: Any, few: Any, bound: Any, rank: Ranking) -> Any:
    """Return where elements rank no later than the bound, None if those are many, as the first of them may show."""
    reach = (few < bound if rank.largest else few > bound).logical_not_()  # as NaN does
    if REACHING * int(reach[:LOOKED_AT].sum()) > LOOKED_AT:
        return None
    near = where_true(xp, reach)
    return near if REACHING * near.shape[0] <= few.shape[0] else None


def _elements(xp: Any, row: Any, chosen: Any, width: int, count: int) -> Any:
    """Return the elements of the chosen of so many blocks, and those behind the last."""
    cut = count * width
    few = row[:cut].view(count, width).index_select(0, chosen).view(-1)
    return xp.concat([few, row[cut:]]) if cut < row.shape[0] else few


def _positions(xp: Any, where: Any, chosen: Any, width: int, count: int) -> Any:
    """Return where in the row those stand that `_elements` put there."""
    blocks = xp.concat([chosen, chosen.new_full((1,), count)])
    shift = width.bit_length() - 1
    return (blocks.gather(0, where >> shift) << shift) + (where & (width - 1))
