"""JAX: ``lax.top_k`` of order-preserving keys, under one ``jit`` with static shapes."""

from functools import cache
from typing import Any

from xtopk._explain import Plan
from xtopk._native.generic import Selected, TopkFunction
from xtopk._native.jax_sharded import length_of_shard, mask_across_devices, topk_across_devices
from xtopk._order import FLOAT_INFINITY_BITS, Ranking, rank_key
from xtopk._select.blocks import indices_by_blocks, width_for

FOLDS, COLUMNS = 8, 16
MIN_WIDTH = FOLDS * COLUMNS
MIN_GAIN = 3
"""XLA on the CPU makes one vectorised loop of computing keys and folding them, if so shallow and so narrow."""

SHORT_ROW, SHORT_WIDTH = 1 << 17, 16
"""``lax.top_k`` of 64-bit numbers is a full sort on the CPU, so what is left is cut once more, in shorter blocks."""

CACHED = 1 << 20
WHOLE = 8 * CACHED
"""So many keys stay in the CPU's cache until they are selected from; what is not much longer is not cut for that."""


def jax_topk(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of a JAX array; the gradient is that of gathering the values."""
    return _compiled(k, axis, rank)(x)  # type: ignore[no-any-return]


def jax_plan(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Plan:
    """Return which way `jax_topk` goes."""
    n = length_of_shard(x, axis)
    if width := _width(n, k, x.dtype.itemsize > 4):
        return Plan("block maxima", width, f"{n // width} maxima and {k * width} candidates are left of {n}")
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
    from jax.lax import stop_gradient

    indices = jnp.moveaxis(_least(jnp, jnp.moveaxis(stop_gradient(x), axis, -1), k, rank), -1, axis)
    indices = indices.astype(jnp.arange(1).dtype)
    return jnp.take_along_axis(x, indices, axis=axis, mode="promise_in_bounds"), indices


def _least(jnp: Any, rows: Any, k: int, rank: Ranking | None) -> Any:
    """Return the indices of the k least by a key, computed of what is compared and never kept whole.

    Without a rank the rows are such keys.
    """
    from jax.lax import optimization_barrier, platform_dependent

    def key(a: Any) -> Any:
        return a if rank is None else rank_key(jnp, a, rank)

    n, sorts = rows.shape[-1], rows.dtype.itemsize > 4
    if width := _width(n, k, sorts):

        def best(body: Any) -> Any:
            if width < MIN_WIDTH:
                return key(body).min(-1)
            pile = key(body.reshape(*body.shape[:-1], width // MIN_WIDTH, FOLDS, COLUMNS))
            return optimization_barrier(pile.min(-2)).min((-2, -1))

        def select(few: Any, k: int) -> Any:
            return _least(jnp, few, k, None)

        return indices_by_blocks(jnp, rows, k, width, best=best, select=select, key=key)[0]
    if sorts:
        return _top_k(~key(rows), k)

    def of_floats(a: Any) -> Any:
        if rank is not None and a.dtype == jnp.float32:
            return _top_k(_float_key(jnp, a, rank), k)
        return _top_k(_as_float(jnp, ~key(a).astype(jnp.int32)), k)

    return platform_dependent(
        rows, cpu=lambda a: _in_chunks(jnp, of_floats, a), default=lambda a: _top_k(~key(a).astype(jnp.int32), k)
    )


def _width(n: int, k: int, sorts: bool) -> int:
    return width_for(n, k, SHORT_WIDTH if sorts and n < SHORT_ROW else MIN_WIDTH, MIN_GAIN)


def _top_k(key: Any, k: int) -> Any:
    from jax.lax import top_k

    return top_k(key, k)[1]


def _in_chunks(jnp: Any, select: Any, rows: Any) -> Any:
    """Return ``select(rows)``, made of a few rows at a time where there are many; the last chunk may overlap."""
    from jax import typeof
    from jax.lax import dynamic_slice_in_dim, map

    lead, n = rows.shape[:-1], rows.shape[-1]
    sharded = any(typeof(rows).sharding.spec)  # explicitly: a loop over rows would cross the devices
    if rows.size <= WHOLE or 2 * n > WHOLE or sharded:
        return select(rows)
    rows = rows.reshape(-1, n)
    count, step = rows.shape[0], max(1, CACHED // n)
    found = map(lambda start: select(dynamic_slice_in_dim(rows, start, step)), jnp.arange(0, count, step))
    whole = (count - 1) // step * step
    found = found.reshape(-1, found.shape[-1])
    return jnp.concat([found[:whole], found[whole - count :]]).reshape(*lead, -1)


def _float_key(jnp: Any, x: Any, rank: Ranking) -> Any:
    """Return what `_as_float` would of the key of float32, in half the operations.

    XLA gives a loop of few operations a byte to one thread where the array is small.
    """
    greatest = jnp.iinfo(jnp.int32).max
    bits = x.view(jnp.int32) if rank.largest else x.view(jnp.int32) ^ ~greatest
    magnitude = bits & greatest
    bits = jnp.where(magnitude == 0, 0, bits)
    return jnp.where(magnitude > FLOAT_INFINITY_BITS["float32"], greatest if rank.nan_first else -1, bits).view(
        jnp.float32
    )


def _as_float(jnp: Any, key: Any) -> Any:
    """Return floats in the order of 32-bit integers, which is how XLA's CPU kernel, for float32 alone, orders bits.

    Some are NaN and some subnormal; they are only copied and compared as bits, never computed with.
    """
    return jnp.where(key < 0, key ^ jnp.iinfo(jnp.int32).max, key).view(jnp.float32)
