"""What torch does in its own way for the algorithms, where Python may look at the elements."""

from collections.abc import Iterable
from typing import Any

from xtopk._native.torch_shapes import UNSIGNED, UNSUPPORTED
from xtopk._order import ASCENDING, Ranking, dtype_name, rank_key
from xtopk._select.nth import first_of_value_in_row, where_true
from xtopk._select.pairs import indices_by_pairs
from xtopk._select.piles import outer_axis
from xtopk._select.radix import order
from xtopk._select.ranked import integer_key
from xtopk._select.sampled import Operations

COMPARED_AT_A_TIME, PAIRED_AT_A_TIME = 1 << 20, 1 << 21
"""How many elements are compared with a value of a sample at a time, or of how many in each of the rows every two."""


def gather(xp: Any, x: Any, axis: int, indices: Any) -> Any:
    """Return the elements at `indices` along an axis, of every dtype."""
    if (name := dtype_name(x.dtype)) in UNSIGNED:
        return x.view(getattr(xp, UNSUPPORTED[name])).gather(axis, indices).view(x.dtype)
    return x.gather(axis, indices)


def signed(xp: Any, rows: Any, rank: Ranking) -> Any:
    """Return the elements, or signed integers in the order of unsigned ones."""
    return rank_key(xp, rows, rank._replace(largest=False)) if dtype_name(rows.dtype) in UNSIGNED else rows


def parts_of(rows: Any, results: Any, most: int) -> Iterable[tuple[Any, Any]]:
    """Return few rows at a time with their part of the results, about `most` elements of them."""
    axis = outer_axis(rows, rows.numel() // most)
    step = max(1, most * rows.shape[axis] // rows.numel())
    return zip(rows.split(step, axis), results.split(step, axis), strict=True)


def columns_of(xp: Any, rows: Any, rank: Ranking) -> tuple[Any, Ranking]:
    """Return rows side by side in memory, or keys of them if they hold NaN, and their ranking."""
    if rows.is_floating_point() and rows.amax().isnan():
        rows, rank = integer_key(xp, rows, rank), ASCENDING
    return rows.movedim(-1, 0).reshape(rows.shape[-1], -1).contiguous(), rank


def indices_of_pairs(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return the indices of the top k of each short row, by comparing every two elements."""
    columns, rank = columns_of(xp, rows, rank)
    side_by_side = rows.stride(-1) != 1  # then the indices lie so, too
    shape = (k, columns.shape[1]) if side_by_side else (columns.shape[1], k)
    indices = xp.empty(shape, dtype=xp.int64, device=rows.device)
    indices = indices.T if side_by_side else indices
    indices_by_pairs(xp, columns, indices, largest=rank.largest)
    return indices.view(*rows.shape[:-1], k)


def _kth(xp: Any, sample: Any, place: int, rank: Ranking) -> Any:
    return sample[integer_key(xp, sample, rank).kthvalue(place, keepdim=True).indices]


def _order(xp: Any, values: Any, k: int, rank: Ranking) -> Any:
    return order(xp, integer_key(xp, values, rank))[:k]


def _every(xp: Any, row: Any, k: int, rank: Ranking) -> Any:
    return _order(xp, row, k, rank).clone()


OPERATIONS = Operations(_kth, where_true, _order, _every, first_of_value_in_row)
