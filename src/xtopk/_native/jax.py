"""JAX: ``lax.top_k`` of order-preserving keys, under one ``jit`` with static shapes."""

from functools import cache
from typing import Any

from xtopk._explain import Plan
from xtopk._native.generic import Selected, TopkFunction
from xtopk._order import Ranking, rank_key
from xtopk._select.blocks import indices_by_blocks, width_for

FOLDS, COLUMNS = 8, 16
MIN_WIDTH = FOLDS * COLUMNS
MIN_GAIN = 3
"""XLA on the CPU makes one vectorised loop of computing keys and folding them, if so shallow and so narrow."""

SHORT_ROW, SHORT_WIDTH = 1 << 17, 16
"""``lax.top_k`` of 64-bit numbers is a full sort on the CPU, so what is left is cut once more, in shorter blocks."""


def jax_topk(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of a JAX array; the gradient is that of gathering the values."""
    return _compiled()(x, k, axis, rank)  # type: ignore[no-any-return]


def jax_plan(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Plan:
    """Return which way `jax_topk` goes."""
    n = x.shape[axis]
    if width := _width(n, k, x.dtype.itemsize > 4):
        return Plan("block maxima", width, f"{n // width} maxima and {k * width} candidates are left of {n}")
    return Plan("lax.top_k", 0, f"blocks would not leave a third of {n} elements")


def jax_mask(topk: TopkFunction, xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Any:
    """Return True at the top k, scattered into a new array."""
    _, indices = topk(xp, x, k, axis, rank)
    return xp.put_along_axis(xp.zeros(x.shape, dtype=xp.bool), indices, True, axis=axis, inplace=False)


@cache
def _compiled() -> Any:
    import jax

    return jax.jit(_select, static_argnums=(1, 2, 3))


def _select(x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    import jax.numpy as jnp
    from jax.lax import stop_gradient

    def key(a: Any) -> Any:
        return rank_key(jnp, a, rank)

    indices = jnp.moveaxis(_least(jnp, jnp.moveaxis(stop_gradient(x), axis, -1), k, key), -1, axis)
    indices = indices.astype(jnp.arange(1).dtype)
    return jnp.take_along_axis(x, indices, axis=axis, mode="promise_in_bounds"), indices


def _least(jnp: Any, rows: Any, k: int, key: Any) -> Any:
    """Return the indices of the k least by `key`, which is computed of what is compared and never kept whole."""
    from jax.lax import optimization_barrier, platform_dependent

    n, sorts = rows.shape[-1], rows.dtype.itemsize > 4
    if width := _width(n, k, sorts):

        def best(body: Any) -> Any:
            if width < MIN_WIDTH:
                return key(body).min(-1)
            pile = key(body.reshape(*body.shape[:-1], width // MIN_WIDTH, FOLDS, COLUMNS))
            return optimization_barrier(pile.min(-2)).min((-2, -1))

        def select(few: Any, k: int) -> Any:
            return _least(jnp, few, k, lambda a: a)

        return indices_by_blocks(jnp, rows, k, width, best=best, select=select, key=key)[0]
    few = ~key(rows)
    if sorts:
        return _top_k(few, k)
    few = few.astype(jnp.int32)
    return platform_dependent(few, cpu=lambda a: _top_k(_as_float(a), k), default=lambda a: _top_k(a, k))


def _width(n: int, k: int, sorts: bool) -> int:
    return width_for(n, k, SHORT_WIDTH if sorts and n < SHORT_ROW else MIN_WIDTH, MIN_GAIN)


def _top_k(key: Any, k: int) -> Any:
    from jax.lax import top_k

    return top_k(key, k)[1]


def _as_float(key: Any) -> Any:
    """Return floats in the order of 32-bit integers, which is how XLA's CPU kernel, for float32 alone, orders bits.

    Some are NaN and some subnormal; they are only copied and compared as bits, never computed with.
    """
    import jax.numpy as jnp

    return jnp.where(key < 0, key ^ jnp.iinfo(jnp.int32).max, key).view(jnp.float32)
