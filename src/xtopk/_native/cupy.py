"""CuPy: packed integer keys, whose order is stable by construction, and ``partition`` from the near side."""

from typing import Any

from xtopk._explain import Plan
from xtopk._native.generic import Selected
from xtopk._order import Ranking, rank_key
from xtopk._select.packed import BITS_PACKED, indices_by_packing
from xtopk._select.sort import indices_by_sort


def cupy_topk(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of a CuPy array."""
    key = xp.moveaxis(rank_key(xp, x, rank), axis, -1)
    if key.dtype.itemsize * 8 <= BITS_PACKED:
        indices = indices_by_packing(
            xp, key, k, lambda a, k: xp.sort(xp.partition(a, k - 1, axis=-1)[..., :k], axis=-1)
        )
    else:
        indices = indices_by_sort(xp, key, None, k, key.ndim - 1)
    indices = xp.moveaxis(indices, -1, axis)
    return xp.take_along_axis(x, indices, axis=axis), indices


def cupy_plan(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Plan:
    """Return which way `cupy_topk` goes."""
    if x.dtype.itemsize * 8 <= BITS_PACKED:
        return Plan("packed partition", 0, f"keys of up to {BITS_PACKED} bits share an int64 with their positions")
    return Plan("argsort", 0, f"keys of more than {BITS_PACKED} bits leave no room for positions")
