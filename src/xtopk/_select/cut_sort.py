"""A sort of 64-bit floats whose lowest bits are cut off, to make room for their positions.

No integer of the machine holds such a value and a position. In rows of some hundred elements the position takes eight
bits or nine, and of random floats hardly any two differ in no others. Those that do may be in the wrong order, or the
wrong ones of them chosen: what was chosen shows whether they are, and what equals in all bits comes in order anyhow.
"""

from operator import gt, lt
from typing import Any

from xtopk._order import Ranking
from xtopk._select.packed_sort import ascending_key, least, with_positions
from xtopk._select.small import take_rows


def indices_by_cut_sort(xp: Any, rows: Any, k: int, rank: Ranking) -> tuple[Any, Any]:
    """Return the indices of the top k of each row of 64-bit floats, in order, and which rows are wrong.

    As many are chosen that are better than the last one as there are in a row if, and only if, none of them is missing.
    """
    key, n = ascending_key(xp, rows, rank), rows.shape[1]
    bits = (n - 1).bit_length()
    few = least(with_positions(xp, key & -(1 << bits), bits, rank), min(k + 1, n))
    indices, cut = few[:, :k] & ((1 << bits) - 1), few >> bits
    tied = (cut[:, 1:] == cut[:, :-1]).any(axis=1)
    if not tied.any() or not int(xp.bitwise_or.reduce(key, axis=None)) & ((1 << bits) - 1):  # nothing was cut off
        return indices, xp.zeros_like(tied)
    key, is_better = key[tied], gt if rank.largest else lt
    chosen = take_rows(xp, key, indices[tied])
    last = chosen[:, -1:]
    lacks = is_better(key, last).sum(axis=1) != is_better(chosen, last).sum(axis=1)
    tied[tied] = lacks | is_better(chosen[:, 1:], chosen[:, :-1]).any(axis=1)
    return indices, tied
