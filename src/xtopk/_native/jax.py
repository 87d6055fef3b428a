"""JAX: ``lax.top_k`` of order-preserving keys, under one ``jit`` with static shapes."""

from functools import cache
from typing import Any

from xtopk._native.generic import Selected, TopkFunction
from xtopk._order import Ranking, rank_key


def jax_topk(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of a JAX array; the gradient is that of gathering the values."""
    return _compiled()(x, k, axis, rank)  # type: ignore[no-any-return]


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
    from jax.lax import platform_dependent, stop_gradient

    key = ~jnp.moveaxis(rank_key(jnp, stop_gradient(x), rank), axis, -1)
    if key.dtype.itemsize > 4:
        indices = _top_k(key, k)
    else:
        key = key.astype(jnp.int32)
        indices = platform_dependent(
            key, cpu=lambda a: _top_k(_as_float(a), k), default=lambda a: _top_k(a, k)
        )
    indices = jnp.moveaxis(indices, -1, axis).astype(jnp.arange(1).dtype)
    return jnp.take_along_axis(x, indices, axis=axis, mode="promise_in_bounds"), indices


def _top_k(key: Any, k: int) -> Any:
    from jax.lax import top_k

    return top_k(key, k)[1]


def _as_float(key: Any) -> Any:
    """Return floats in the order of 32-bit integers, which is how XLA's CPU kernel, for float32 alone, orders bits.

    Some are NaN and some subnormal; they are only copied and compared as bits, never computed with.
    """
    import jax.numpy as jnp

    return jnp.where(key < 0, key ^ jnp.iinfo(jnp.int32).max, key).view(jnp.float32)
