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

AT_A_TIME = 1 << 25
"""Bytes that stay in a GPU's cache while they are read again, and are not read before the next call can start."""


def keys_of_maxima(xp: Any, body: Any, rank: Ranking) -> Any:
    """Return the key of the first in rank order of each block on the last axis.

    Where that takes more than one pass, they are over few bytes at a time.
    """
    reduce = xp.max if rank.largest else xp.min
    if dtype_name(body.dtype) not in FLOAT_BITS or rank.nan_first:
        return rank_key(xp, reduce(body, axis=-1), rank)
    worst = -xp.inf if rank.largest else xp.inf
    best, total = [], []
    for piece in _pieces(body):
        best.append(reduce(xp.nan_to_num(piece, nan=worst, posinf=xp.inf, neginf=-xp.inf), axis=-1))
        total.append(xp.nansum(piece, -1))
    found, sum_ = (parts[0] if len(parts) == 1 else xp.concat(parts, axis=-1) for parts in (best, total))
    key = rank_key(xp, found, rank)
    return xp.where((found == worst) & (sum_ != worst), xp.iinfo(key.dtype).max, key)


def _pieces(body: Any) -> list[Any]:
    """Return few blocks of each row at a time."""
    blocks = body.shape[-2]
    step = max(1, AT_A_TIME * blocks // (prod(body.shape) * body.dtype.itemsize))
    return [body] if step >= blocks else [body[..., start : start + step, :] for start in range(0, blocks, step)]
