"""JAX: ``lax.top_k`` of order-preserving keys, under one ``jit`` with static shapes."""

from functools import cache, partial
from math import prod
from typing import Any

from xtopk._cuda.select import plan_of_rows
from xtopk._explain import Plan
from xtopk._native.generic import Selected, TopkFunction
from xtopk._native.jax_cpu import (
    in_pieces,
    is_sharded,
    least_by_counting,
    least_by_rounds,
    least_of_blocks,
    marked_by_counting,
    narrow_width,
    top_k_of_floats,
)
from xtopk._native.jax_cuda import kernels_serve, least_by_kernels
from xtopk._native.jax_gpu import FEW, least_elsewhere, width_elsewhere
from xtopk._native.jax_sharded import (
    is_on_cpu,
    is_shard,
    marked,
    mask_across_devices,
    shape_of_shard,
    topk_across_devices,
)
from xtopk._native.jax_ways import MIN_GAIN, MIN_WIDTH, way_of, way_of_many, width_of
from xtopk._order import Ranking, rank_key
from xtopk._select.blocks import indices_by_blocks, width_for

MARKED_SHARE = 32
"""Where k is such a share of a row or more, it is marked by comparing all of it, instead of what blocks leave."""


def jax_topk(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of a JAX array; the gradient is that of gathering the values."""
    return _called(_compiled(k, axis, rank), x)  # type: ignore[no-any-return]


def jax_plan(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Plan:
    """Return which way `jax_topk` goes."""
    shape = shape_of_shard(x)
    n = shape[axis]
    k = min(k, n)
    if not is_on_cpu(x) and kernels_serve(shape, x.dtype.itemsize, k, axis):
        return plan_of_rows(prod(shape) // n, n, k, x.dtype.itemsize * 8)
    way = way_of(shape, x.dtype, k, axis) if is_on_cpu(x) else "elsewhere"
    if way == "elsewhere":
        width = width_elsewhere(prod(shape), n, k, x.dtype.itemsize)
    else:
        width = width_of(shape, x.dtype, n, k) if way == "lax.top_k" else narrow_width(n, k)
    left = f"{n // width} maxima and {k * width} candidates are left of {n}" if width else f"each has {n} elements"
    if way == "rounds of minima":
        return Plan(way, width, f"many rows at once; {left}")
    if way == "counting":
        return Plan(way, width, f"the k-th is found bit by bit; {left}")
    if width:
        return Plan("block maxima", width, left)
    if way == "elsewhere" and k <= FEW and x.dtype.itemsize <= 4:
        return Plan("sort with positions", 0, f"each row has {n} elements, whose positions make ties distinct")
    if width_for(n, k, MIN_WIDTH, MIN_GAIN):
        return Plan("lax.top_k", 0, f"{prod(shape)} elements are too few to be cut into blocks")
    return Plan("lax.top_k", 0, f"blocks would not leave a third of {n} elements")


def jax_mask(topk: TopkFunction, xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Any:
    """Return True at the top k."""
    return _called(_compiled(k, axis, rank._replace(sorted=False), _mark), x)


def _called(compiled: Any, x: Any) -> Any:
    """Call, of 64 bits where there are such numbers: an array made under x64 keeps them where that is off."""
    if x.dtype.itemsize <= 4:
        return compiled(x)
    from jax import config, enable_x64

    if config.jax_enable_x64:
        return compiled(x)
    with enable_x64(True):
        return compiled(x)


@cache
def _compiled(k: int, axis: int, rank: Ranking, mark: Any = None) -> Any:
    # Not by static arguments of one function: hashing them would take longer than a short row.
    import jax

    if mark is not None:
        return jax.jit(mask_across_devices(_select, mark, k, axis, rank))
    return jax.jit(topk_across_devices(_select, k, axis, rank))


def _select(x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    import jax.numpy as jnp
    from jax.lax import stop_gradient

    rows = stop_gradient(x)
    indices = _batched(k, axis, rank)(rows) if is_shard(x) else _indices(rows, k, axis, rank)
    return jnp.take_along_axis(x, indices, axis=axis, mode="promise_in_bounds"), indices


def _batched(k: int, axis: int, rank: Ranking) -> Any:
    """Return a function to the indices of `x`, of which `vmap` makes one of all the rows together."""
    from jax.custom_batching import custom_vmap

    batched = custom_vmap(lambda x: _indices(x, k, axis, rank))
    batched.def_vmap(lambda size, is_batched, x: (_batched(k, axis + 1, rank)(x), True))
    return batched


def _indices(x: Any, k: int, axis: int, rank: Ranking) -> Any:
    import jax.numpy as jnp
    from jax.lax import platform_dependent

    index = jnp.arange(1).dtype

    def least(way: Any) -> Any:
        return lambda a: way(jnp, a, k, rank).astype(index)

    def least_on_cpu(a: Any) -> Any:
        found = way(jnp, a, k, rank)
        return found if found.dtype == index else in_pieces(jnp, lambda piece: piece.astype(index), found)

    name = "lax.top_k" if is_sharded(x) else way_of(x.shape, x.dtype, k, axis)
    way: Any = WAYS[name]
    if name != "lax.top_k":
        # Rows of which the elements lie apart are not cut into chunks, for XLA would first copy all of them together.
        way = partial(way, cut=axis == x.ndim - 1)
    ways = {"cpu": least_on_cpu, "default": least(least_elsewhere)}
    if kernels_serve(x.shape, x.dtype.itemsize, k, axis):
        ways["cuda"] = least(least_by_kernels)
    return jnp.moveaxis(platform_dependent(jnp.moveaxis(x, axis, -1), **ways), -1, axis)


def _mark(x: Any, k: int, axis: int, rank: Ranking) -> Any:
    """Return True at the top k, scattered into a new array, or where keys are less than the k-th."""
    import jax.numpy as jnp
    from jax.lax import platform_dependent

    def scattered(a: Any) -> Any:
        return marked(a, _select(a, k, axis, rank)[1], axis)

    def counted(a: Any) -> Any:
        rows = marked_by_counting(jnp, jnp.moveaxis(a, axis, -1), k, rank, cut=axis == a.ndim - 1)
        return jnp.moveaxis(rows, -1, axis)

    is_counted = k * MARKED_SHARE >= x.shape[axis] and way_of_many(x.shape, x.dtype, k, axis) == "counting"
    if is_sharded(x) or not is_counted:
        return scattered(x)
    return platform_dependent(x, cpu=counted, default=scattered)


def _least(jnp: Any, rows: Any, k: int, rank: Ranking | None) -> Any:
    """Return the indices of the k least by a key, computed of what is compared and never kept whole.

    Without a rank the rows are such keys.
    """
    from jax.lax import top_k

    key = partial(_key, jnp, rank)
    if width := width_of(rows.shape, rows.dtype, rows.shape[-1], k):
        best, select = partial(least_of_blocks, key), partial(_least, jnp, rank=None)
        return indices_by_blocks(jnp, rows, k, width, best=best, select=select, key=key)
    if rows.dtype.itemsize > 4:
        return top_k(in_pieces(jnp, lambda a: ~key(a), rows), k)[1]
    return top_k_of_floats(jnp, rows, k, rank)


def _key(jnp: Any, rank: Ranking | None, a: Any) -> Any:
    return a if rank is None else rank_key(jnp, a, rank)


WAYS = {"lax.top_k": _least, "rounds of minima": least_by_rounds, "counting": least_by_counting}
"""How each way selects on the CPU."""
