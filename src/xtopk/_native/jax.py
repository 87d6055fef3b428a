"""JAX: ``lax.top_k`` of order-preserving keys, under one ``jit`` with static shapes."""

from functools import cache, partial
from typing import Any

from xtopk._explain import Plan
from xtopk._native.generic import Selected, TopkFunction
from xtopk._order import FLOAT_INFINITY_BITS, Ranking, rank_key
from xtopk._select.blocks import indices_by_blocks, width_for
from xtopk._select.rounds import LANES, elements_of_rounds, indices_by_rounds

FOLDS, COLUMNS = 8, 16
MIN_WIDTH = FOLDS * COLUMNS
MIN_GAIN = 3
"""XLA on the CPU makes one vectorised loop of computing keys and folding them, if so shallow and so narrow."""

SHORT_ROW, SHORT_WIDTH = 1 << 17, 16
"""``lax.top_k`` of 64-bit numbers is a full sort on the CPU, so what is left is cut once more, in shorter blocks."""

CACHED, WHOLE = 1 << 20, 2
"""So many keys stay in the CPU's cache until they are selected from; rows of no more than two such chunks are not cut."""

MANY = 256
"""So many rows are worth the calls of `indices_by_rounds`."""

ROUNDS, SORTED_ROUNDS = 12, 64
"""Instead of ``lax.top_k``, which sorts 64-bit numbers, each element of a row may be looked at so many times."""

NARROW, NARROW_GAIN, UNROLLED = 8, 2, 32
"""XLA on the CPU makes vectorised loops of minima of blocks so short without further ado."""


def jax_topk(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of a JAX array; the gradient is that of gathering the values."""
    return _compiled(k, axis, rank)(x)  # type: ignore[no-any-return]


def jax_plan(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Plan:
    """Return which way `jax_topk` goes."""
    n = x.shape[axis]
    if _are_many(xp.moveaxis(x, axis, -1), k):
        left = elements_of_rounds(n, k, _narrow(n, k))
        return Plan("rounds of minima", _narrow(n, k), f"{k} rounds over {left} elements of {n}, of many rows at once")
    if width := _width(n, k, x.dtype.itemsize > 4):
        return Plan("block maxima", width, f"{n // width} maxima and {k * width} candidates are left of {n}")
    return Plan("lax.top_k", 0, f"blocks would not leave a third of {n} elements")


def jax_mask(topk: TopkFunction, xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Any:
    """Return True at the top k, scattered into a new array."""
    _, indices = topk(xp, x, k, axis, rank)
    return xp.put_along_axis(xp.zeros(x.shape, dtype=xp.bool), indices, True, axis=axis, inplace=False)


@cache
def _compiled(k: int, axis: int, rank: Ranking) -> Any:
    # Not by static arguments of one function: hashing them would take longer than a short row.
    import jax

    def select(x: Any) -> Selected:
        return _select(x, k, axis, rank)

    return jax.jit(select)


def _select(x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    import jax.numpy as jnp
    from jax.lax import platform_dependent, stop_gradient

    index = jnp.arange(1).dtype

    def least(rows: Any) -> Any:
        return _least(jnp, rows, k, rank).astype(index)

    def least_of_many(rows: Any) -> Any:
        return _least_of_many(jnp, rows, k, rank).astype(index)

    rows = jnp.moveaxis(stop_gradient(x), axis, -1)
    indices = platform_dependent(rows, cpu=least_of_many, default=least) if _are_many(rows, k) else least(rows)
    indices = jnp.moveaxis(indices, -1, axis)
    return jnp.take_along_axis(x, indices, axis=axis, mode="promise_in_bounds"), indices


def _least(jnp: Any, rows: Any, k: int, rank: Ranking | None) -> Any:
    """Return the indices of the k least by a key, computed of what is compared and never kept whole.

    Without a rank the rows are such keys.
    """
    from jax.lax import platform_dependent

    def key(a: Any) -> Any:
        return a if rank is None else rank_key(jnp, a, rank)

    n, sorts = rows.shape[-1], rows.dtype.itemsize > 4
    if width := _width(n, k, sorts):

        def select(few: Any, k: int) -> Any:
            return _least(jnp, few, k, None)

        return indices_by_blocks(
            jnp, rows, k, width, best=lambda body: _least_of_blocks(key, body), select=select, key=key
        )[0]
    if sorts:
        return _top_k(~key(rows), k)

    def of_floats(a: Any) -> Any:
        if rank is not None and a.dtype == jnp.float32:
            return _top_k(_float_key(jnp, a, rank), k)
        return _top_k(_as_float(jnp, ~key(a).astype(jnp.int32)), k)

    return platform_dependent(
        rows,
        cpu=lambda a: _in_chunks(jnp, of_floats, a, CACHED // n),
        default=lambda a: _top_k(~key(a).astype(jnp.int32), k),
    )


def _least_of_many(jnp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return what `_least` does, of so many rows that `_are_many`."""

    def key(a: Any) -> Any:
        few = rank_key(jnp, a, rank)
        return few if few.dtype.itemsize > 4 else few.astype(jnp.int32)

    def take(a: Any, row: Any, column: Any) -> Any:
        return a.at[row, column].get(mode="promise_in_bounds")

    def select(a: Any) -> Any:
        best = partial(_least_of_blocks, key)
        found = indices_by_rounds(jnp, a.reshape(-1, n), k, width, best=best, key=key, take=take)
        return found.reshape(*a.shape[:-1], k)

    n = rows.shape[-1]
    width = _narrow(n, k)
    return _in_chunks(jnp, select, rows, CACHED // elements_of_rounds(n, k, width) // LANES * LANES)


def _least_of_blocks(key: Any, body: Any) -> Any:
    """Return the least key of each block on the last axis, in loops that XLA vectorises."""
    from jax.lax import optimization_barrier

    width = body.shape[-1]
    if width <= UNROLLED:
        return key(body).min(-1)
    folds = min(FOLDS, width // COLUMNS)
    pile = key(body.reshape(*body.shape[:-1], width // (folds * COLUMNS), folds, COLUMNS))
    return optimization_barrier(pile.min(-2)).min((-2, -1))


def _are_many(rows: Any, k: int) -> bool:
    """Return whether so many rows are selected from, and so few elements of each, that rounds of minima pay."""
    n = rows.shape[-1]
    looks = ROUNDS if rows.dtype.itemsize <= 4 else SORTED_ROUNDS
    pays = k * elements_of_rounds(n, k, _narrow(n, k)) <= looks * n
    return pays and rows.size >= MANY * n and not _is_sharded(rows)


def _is_sharded(rows: Any) -> bool:
    """Return whether rows are explicitly spread over devices, which a loop over them would cross."""
    from jax import typeof

    return any(typeof(rows).sharding.spec)


def _narrow(n: int, k: int) -> int:
    return width_for(n, k, NARROW, NARROW_GAIN)


def _width(n: int, k: int, sorts: bool) -> int:
    return width_for(n, k, SHORT_WIDTH if sorts and n < SHORT_ROW else MIN_WIDTH, MIN_GAIN)


def _top_k(key: Any, k: int) -> Any:
    from jax.lax import top_k

    return top_k(key, k)[1]


def _in_chunks(jnp: Any, select: Any, rows: Any, step: int) -> Any:
    """Return ``select(rows)``, made of `step` rows at a time where there are many; the last chunk may overlap."""
    from jax.lax import dynamic_slice_in_dim, map

    lead, n = rows.shape[:-1], rows.shape[-1]
    step = max(step, 1)
    if rows.size <= WHOLE * step * n or _is_sharded(rows):
        return select(rows)
    rows = rows.reshape(-1, n)
    count = rows.shape[0]
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
