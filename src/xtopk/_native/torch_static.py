"""torch where Python may not look at elements: in a compiler or a transform, and off the CPU, where looking waits."""

from functools import partial
from typing import Any

from xtopk._explain import Plan
from xtopk._order import FLOAT_BITS, Ranking, dtype_name, rank_key
from xtopk._select.blocks import indices_by_blocks, width_for
from xtopk._select.kth import indices_by_kth_key
from xtopk._select.maxima import keys_of_maxima
from xtopk._select.packed import BITS_NARROW, BITS_PACKED, indices_by_narrow_packing, indices_by_packing

MIN_WIDTH = 64
MIN_GAIN = 3
"""Blocks are as long as a fast reduction needs, and leave a third to select from."""

FEW = 1 << 25
"""Off the CPU `torch.topk` takes less time for so few elements than the calls that blocks need."""

WIDE_UNSIGNED = ("uint16", "uint32", "uint64")
"""What torch cannot reduce or gather."""


def indices_static(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return the indices by operations whose shapes depend on no element."""
    width, plain = _width(rows, rows.shape[-1], k), ranks_as_torch(rows, rank)
    if width and dtype_name(rows.dtype) not in WIDE_UNSIGNED:
        return (_by_plain_blocks if plain and _reduces(rows.dtype, rank) else _by_blocks)(xp, rows, k, width, rank)
    return _plainly(xp, rank, rows, k) if plain else _least_of_key(xp, rank_key(xp, rows, rank), k, rank.sorted)


def static_plan(x: Any, n: int, k: int, rank: Ranking) -> Plan:
    """Return which way `indices_static` goes."""
    plain = ranks_as_torch(x, rank)
    how = f"of {'elements' if plain else 'keys that settle ties and NaN'}, shapes static"
    if width := _width(x, n, k):
        return Plan("block maxima", width, f"{n // width} maxima and {k * width} candidates are left of {n}, {how}")
    return Plan("torch.topk", 0, f"blocks would not pay for {x.numel()} elements in rows of {n}; {how}")


def _width(x: Any, n: int, k: int) -> int:
    """Return the length of the blocks, 0 where they would not pay."""
    import torch

    if torch.compiler.is_exporting():  # what is exported serves every length, and so cannot be cut by one
        return 0
    if not torch.compiler.is_compiling() and not x.is_cpu and x.numel() < FEW:
        return 0
    return width_for(n, k, MIN_WIDTH, MIN_GAIN)


def ranks_as_torch(x: Any, rank: Ranking) -> bool:
    """Return whether `torch.topk` chooses what is asked: its ties are arbitrary, and NaN is the greatest to it."""
    name = dtype_name(x.dtype)
    if rank.stable or name == "bool" or name in WIDE_UNSIGNED:
        return False
    return name not in FLOAT_BITS or rank.nan_first or not rank.largest


def _reduces(dtype: Any, rank: Ranking) -> bool:
    """Return whether NaN does not hide what shares its block."""
    return dtype_name(dtype) not in FLOAT_BITS or rank.nan_first


def _by_plain_blocks(xp: Any, rows: Any, k: int, width: int, rank: Ranking) -> Any:
    def best(body: Any) -> Any:
        return body.amax(-1) if rank.largest else body.amin(-1)

    return indices_by_blocks(xp, rows, k, width, best=best, select=partial(_plainly, xp, rank))


def _by_blocks(xp: Any, rows: Any, k: int, width: int, rank: Ranking) -> Any:
    import torch

    def key(a: Any) -> Any:
        return rank_key(xp, a, rank)

    def best(body: Any) -> Any:
        if torch.compiler.is_compiling():  # which makes one pass of keys and minima
            return key(body).amin(-1)
        return keys_of_maxima(xp, body, rank)

    return indices_by_blocks(xp, rows, k, width, best=best, select=partial(_least_of_key, xp), key=key)


def _plainly(xp: Any, rank: Ranking, few: Any, k: int) -> Any:
    if few.is_cpu or not rank.sorted or not few.is_floating_point():
        return few.topk(k, largest=rank.largest, sorted=rank.sorted).indices
    # On a GPU torch.topk chooses NaN rightly, but may put it behind numbers (torch 2.11, 33 of 34 elements).
    chosen = few.topk(k, largest=rank.largest, sorted=False).indices
    return chosen.gather(-1, rank_key(xp, few.gather(-1, chosen), rank).argsort(-1))


def _least_of_key(xp: Any, key: Any, k: int, sort: bool = True) -> Any:
    import torch

    if width := _width(key, key.shape[-1], k):
        select = partial(_least_of_key, xp)
        return indices_by_blocks(xp, key, k, width, best=lambda body: body.amin(-1), select=select)
    bits = key.dtype.itemsize * 8
    if bits <= BITS_PACKED:
        narrow = bits <= BITS_NARROW and not torch.compiler.is_exporting() and key.shape[-1] <= 1 << BITS_NARROW
        pack = indices_by_narrow_packing if narrow else indices_by_packing
        return pack(xp, key, k, lambda a, k: a.topk(k, largest=False, sorted=sort).values)
    return indices_by_kth_key(xp, key, None, k, lambda a, k: a.topk(k, largest=False).values)
