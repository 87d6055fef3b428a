"""CuPy: block maxima, then packed integer keys, whose order is stable by construction, and ``partition`` of these."""

from functools import partial
from typing import Any

from xtopk._explain import Plan
from xtopk._native.generic import Selected
from xtopk._order import Ranking, rank_key
from xtopk._select.blocks import indices_by_blocks, width_for
from xtopk._select.maxima import keys_of_maxima
from xtopk._select.packed import BITS_PACKED, indices_by_packing
from xtopk._select.sort import indices_by_sort

MIN_WIDTH = 256
MIN_GAIN = 3
"""CUB reduces a block with as many threads, and what is left is a third at most."""

FEW = 1 << 18
"""So few elements are partitioned in less time than it takes to start the calls that blocks need."""


def cupy_topk(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of a CuPy array."""
    rows = xp.moveaxis(x, axis, -1)
    if width := _width(x, x.shape[axis], k):
        best = partial(keys_of_maxima, xp, rank=rank)
        select, key = partial(_least_of_key, xp), partial(rank_key, xp, rank=rank)
        indices = indices_by_blocks(xp, rows, k, width, best=best, select=select, key=key)
    else:
        indices = _least_of_key(xp, rank_key(xp, rows, rank), k)
    indices = xp.moveaxis(indices, -1, axis)
    return xp.take_along_axis(x, indices, axis=axis), indices


def cupy_plan(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Plan:
    """Return which way `cupy_topk` goes."""
    n = x.shape[axis]
    if width := _width(x, n, k):
        return Plan("block maxima", width, f"{n // width} maxima and {k * width} candidates are left of {n}")
    if x.dtype.itemsize * 8 <= BITS_PACKED:
        return Plan("packed partition", 0, f"keys of up to {BITS_PACKED} bits share an int64 with their positions")
    return Plan("argsort", 0, f"keys of more than {BITS_PACKED} bits leave no room for positions")


def _width(x: Any, n: int, k: int) -> int:
    return width_for(n, k, MIN_WIDTH, MIN_GAIN) if x.size > FEW else 0


def _least_of_key(xp: Any, key: Any, k: int) -> Any:
    if key.dtype.itemsize * 8 > BITS_PACKED:
        return indices_by_sort(xp, key, None, k, key.ndim - 1)
    return indices_by_packing(xp, key, k, lambda a, k: xp.sort(xp.partition(a, k - 1, axis=-1)[..., :k], axis=-1))
