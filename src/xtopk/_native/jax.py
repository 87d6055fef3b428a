"""JAX: ``lax.top_k`` of order-preserving keys, under one ``jit`` with static shapes."""

from functools import cache, partial
from math import prod
from typing import Any

from xtopk._cuda.select import plan_of_rows
from xtopk._explain import Plan
from xtopk._native.generic import Selected, TopkFunction
from xtopk._native.jax_cpu import (
    COLUMNS,
    FOLDS,
    is_sharded,
    least_by_counting,
    least_by_rounds,
    least_of_blocks,
    narrow_width,
    top_k_of_floats,
)
from xtopk._native.jax_cuda import kernels_serve, least_by_kernels
from xtopk._native.jax_gpu import FEW, least_elsewhere, width_elsewhere
from xtopk._native.jax_sharded import is_on_cpu, mask_across_devices, shape_of_shard, topk_across_devices
from xtopk._order import Ranking, rank_key
from xtopk._select.blocks import indices_by_blocks, width_for
from xtopk._select.counting import MOST

MIN_WIDTH = FOLDS * COLUMNS
MIN_GAIN = 3
"""Blocks as `least_of_blocks` folds them, if they leave a third or less."""

SHORT_ROW, SHORT_WIDTH = 1 << 17, 16
"""``lax.top_k`` of 64-bit numbers is a full sort on the CPU, so what is left is cut once more, in shorter blocks."""

MANY, MOST_ROUNDS = 256, 16
"""So many rows are worth the calls of `indices_by_rounds`, and so many rounds do not yet take long to compile."""

COUNTED = 1 << 12
"""So many elements to choose, of all rows, are worth the passes of `indices_by_counting`."""


def jax_topk(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of a JAX array; the gradient is that of gathering the values."""
    return _compiled(k, axis, rank)(x)  # type: ignore[no-any-return]


def jax_plan(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Plan:
    """Return which way `jax_topk` goes."""
    shape = shape_of_shard(x)
    n = shape[axis]
    k = min(k, n)
    if not is_on_cpu(x) and kernels_serve(shape, x.dtype.itemsize, k, axis):
        return plan_of_rows(prod(shape) // n, n, k, x.dtype.itemsize * 8)
    way = _way(shape, k, axis) if is_on_cpu(x) else least_elsewhere
    if way is least_elsewhere:
        width = width_elsewhere(prod(shape), n, k, x.dtype.itemsize)
    else:
        width = _width(n, k, x.dtype.itemsize > 4) if way is _least else narrow_width(n, k)
    left = f"{n // width} maxima and {k * width} candidates are left of {n}" if width else f"each has {n} elements"
    if way is least_by_rounds:
        return Plan("rounds of minima", width, f"many rows at once; {left}")
    if way is least_by_counting:
        return Plan("counting", width, f"the k-th is found bit by bit; {left}")
    if width:
        return Plan("block maxima", width, left)
    if way is least_elsewhere and k <= FEW and x.dtype.itemsize <= 4:
        return Plan("sort with positions", 0, f"each row has {n} elements, whose positions make ties distinct")
    return Plan("lax.top_k", 0, f"blocks would not leave a third of {n} elements")


def jax_mask(topk: TopkFunction, xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Any:
    """Return True at the top k, scattered into a new array."""
    return _compiled(k, axis, rank, mask_across_devices)(x)


@cache
def _compiled(k: int, axis: int, rank: Ranking, across_devices: Any = topk_across_devices) -> Any:
    # Not by static arguments of one function: hashing them would take longer than a short row.
    import jax

    return jax.jit(across_devices(_select, k, axis, rank))


def _select(x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    import jax.numpy as jnp
    from jax.lax import platform_dependent, stop_gradient

    index = jnp.arange(1).dtype
    rows = jnp.moveaxis(stop_gradient(x), axis, -1)

    def least(way: Any) -> Any:
        return lambda a: way(jnp, a, k, rank).astype(index)

    way: Any = _least if is_sharded(x) else _way(x.shape, k, axis)
    if way is not _least:
        # Rows of which the elements lie apart are not cut into chunks, for XLA would first copy all of them together.
        way = partial(way, cut=axis == x.ndim - 1)
    ways = {"cpu": least(way), "default": least(least_elsewhere)}
    if kernels_serve(x.shape, x.dtype.itemsize, k, axis):
        ways["cuda"] = least(least_by_kernels)
    indices = platform_dependent(rows, **ways)
    indices = jnp.moveaxis(indices, -1, axis)
    return jnp.take_along_axis(x, indices, axis=axis, mode="promise_in_bounds"), indices


def _way(shape: tuple[int, ...], k: int, axis: int) -> Any:
    """Return the function that selects on the CPU."""
    rows = prod(shape) // shape[axis]
    if k <= MOST_ROUNDS and rows >= MANY:
        return least_by_rounds
    if MOST_ROUNDS < k <= MOST and rows * k >= COUNTED:
        return least_by_counting
    return _least


def _least(jnp: Any, rows: Any, k: int, rank: Ranking | None) -> Any:
    """Return the indices of the k least by a key, computed of what is compared and never kept whole.

    Without a rank the rows are such keys.
    """
    from jax.lax import top_k

    key = partial(_key, jnp, rank)
    n, sorts = rows.shape[-1], rows.dtype.itemsize > 4
    if width := _width(n, k, sorts):
        best, select = partial(least_of_blocks, key), partial(_least, jnp, rank=None)
        return indices_by_blocks(jnp, rows, k, width, best=best, select=select, key=key)
    return top_k(~key(rows), k)[1] if sorts else top_k_of_floats(jnp, rows, k, rank)


def _key(jnp: Any, rank: Ranking | None, a: Any) -> Any:
    return a if rank is None else rank_key(jnp, a, rank)


def _width(n: int, k: int, sorts: bool) -> int:
    return width_for(n, k, SHORT_WIDTH if sorts and n < SHORT_ROW else MIN_WIDTH, MIN_GAIN)
