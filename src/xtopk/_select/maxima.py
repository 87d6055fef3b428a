"""Keys of block maxima, by reductions of the elements themselves: none is looked at, and no keys of all are made.

A library that runs one operation at a time writes keys of all elements and reads them again, several times over. A
maximum of the elements is one pass, and only the maxima need keys.

NaN that ranks last hides the numbers of its block from the library's maximum. So it is replaced by the infinity that
ranks last among numbers, and a block whose maximum is this infinity holds NaN alone or the infinity, too. A sum that
leaves NaN out tells these apart: of such a block it is either nothing or the infinity.
"""

from math import prod
from typing import Any

from xtopk._order import FLOAT_BITS, Ranking, dtype_name, rank_key


def keys_of_maxima(xp: Any, body: Any, rank: Ranking, at_a_time: int = 0) -> Any:
    """Return the key of the first in rank order of each block on the last axis.

    Where that takes more than one pass, they are over `at_a_time` bytes of each block's, or over all if that is 0.
    """
    if dtype_name(body.dtype) not in FLOAT_BITS or rank.nan_first:
        return rank_key(xp, _best(xp, body, rank), rank)
    blocks, step = body.shape[-2], body.shape[-2]
    if at_a_time:
        step = max(1, at_a_time * blocks // (prod(body.shape) * body.dtype.itemsize))
    if step >= blocks:
        return _keys_without_nan(xp, body, rank)
    pieces = (body[..., start : start + step, :] for start in range(0, blocks, step))
    return xp.concat([_keys_without_nan(xp, piece, rank) for piece in pieces], axis=-1)


def _best(xp: Any, body: Any, rank: Ranking) -> Any:
    return (xp.max if rank.largest else xp.min)(body, axis=-1)


def _keys_without_nan(xp: Any, body: Any, rank: Ranking) -> Any:
    worst = -xp.inf if rank.largest else xp.inf
    best = _best(xp, xp.nan_to_num(body, nan=worst, posinf=xp.inf, neginf=-xp.inf), rank)
    key = rank_key(xp, best, rank)
    only_nan = (best == worst) & (xp.nansum(body, -1) != worst)
    return xp.where(only_nan, xp.iinfo(key.dtype).max, key)
