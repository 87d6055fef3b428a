"""JAX: ``lax.top_k`` of order-preserving keys, under one ``jit`` with static shapes."""

from functools import cache, partial
from typing import Any

from xtopk._explain import Plan
from xtopk._native.generic import Selected, TopkFunction
from xtopk._order import FLOAT_INFINITY_BITS, Ranking, rank_key
from xtopk._select.blocks import indices_by_blocks, left_by_blocks, width_for
from xtopk._select.counting import MOST, indices_by_counting, order_by_halves
from xtopk._select.rounds import LANES, indices_by_rounds

FOLDS, COLUMNS = 8, 16
MIN_WIDTH = FOLDS * COLUMNS
MIN_GAIN = 3
"""XLA on the CPU makes one vectorised loop of computing keys and folding them, if so shallow and so narrow."""

SHORT_ROW, SHORT_WIDTH = 1 << 17, 16
"""``lax.top_k`` of 64-bit numbers is a full sort on the CPU, so what is left is cut once more, in shorter blocks."""

CACHED, WHOLE = 1 << 20, 2
"""So many keys stay in the CPU's cache until they are selected from; fewer than two such chunks are not cut."""

MANY, MOST_ROUNDS = 256, 16
"""So many rows are worth the calls of `indices_by_rounds`, and so many rounds do not yet take long to compile."""

COUNTED = 1 << 12
"""So many elements to choose, of all rows, are worth the passes of `indices_by_counting`."""

NARROW, NARROW_GAIN, UNROLLED = 8, 2, 32
"""XLA on the CPU makes vectorised loops of minima of blocks so short without further ado."""


def jax_topk(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of a JAX array; the gradient is that of gathering the values."""
    return _compiled(k, axis, rank)(x)  # type: ignore[no-any-return]


def jax_plan(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Plan:
    """Return which way `jax_topk` goes."""
    n = x.shape[axis]
    way = _way(x, k, axis)
    width = _width(n, k, x.dtype.itemsize > 4) if way is _least else _narrow(n, k)
    left = f"{n // width} maxima and {k * width} candidates are left of {n}" if width else f"each has {n} elements"
    if way is _least_by_rounds:
        return Plan("rounds of minima", width, f"many rows at once; {left}")
    if way is _least_by_counting:
        return Plan("counting", width, f"the k-th is found bit by bit; {left}")
    if width:
        return Plan("block maxima", width, left)
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
    rows = jnp.moveaxis(stop_gradient(x), axis, -1)

    def least(way: Any) -> Any:
        return lambda a: way(jnp, a, k, rank).astype(index)

    way = _way(x, k, axis)
    indices = platform_dependent(rows, cpu=least(way), default=least(_least)) if way is not _least else least(way)(rows)
    indices = jnp.moveaxis(indices, -1, axis)
    return jnp.take_along_axis(x, indices, axis=axis, mode="promise_in_bounds"), indices


def _way(x: Any, k: int, axis: int) -> Any:
    """Return the function that selects on the CPU."""
    rows = x.size // x.shape[axis]
    if _is_sharded(x):
        return _least
    if k <= MOST_ROUNDS and rows >= MANY:
        return _least_by_rounds
    if MOST_ROUNDS < k <= MOST and rows * k >= COUNTED:
        return _least_by_counting
    return _least


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


def _least_by_rounds(jnp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    def take(a: Any, row: Any, column: Any) -> Any:
        return a.at[row, column].get(mode="promise_in_bounds")

    def select(a: Any) -> Any:
        best = partial(_least_of_blocks, key)
        found = indices_by_rounds(jnp, a.reshape(-1, n), k, width, best=best, key=key, take=take)
        return found.reshape(*a.shape[:-1], k)

    key = partial(_wide_key, jnp, rank)
    n = rows.shape[-1]
    width = _narrow(n, k)
    return _in_chunks(jnp, select, rows, CACHED // left_by_blocks(n, k, width) // LANES * LANES)


def _least_by_counting(jnp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    from jax import vmap
    from jax.lax import fori_loop, population_count

    bits = 8 * max(rows.dtype.itemsize, 2)

    def choose(a: Any, k: int) -> Any:
        search = vmap(partial(jnp.searchsorted, side="right"), (0, None))
        return indices_by_counting(jnp, a, k, bits=bits, loop=fori_loop, count_bits=population_count, search=search)

    def in_order(a: Any, k: int) -> Any:
        chosen = choose(a, k)
        order = order_by_halves(jnp, jnp.take_along_axis(a, chosen, axis=-1), bits)
        return jnp.take_along_axis(chosen, order, axis=-1)

    def select(a: Any) -> Any:
        a = a.reshape(-1, n)
        if not width:
            return in_order(key(a), k)
        best = partial(_least_of_blocks, key)
        return indices_by_blocks(jnp, a, k, width, best=best, select=in_order, choose=choose, key=key)[0]

    key = partial(_wide_key, jnp, rank)
    n = rows.shape[-1]
    width = _narrow(n, k)
    found = _in_chunks(jnp, select, rows, CACHED // left_by_blocks(n, k, width))
    return found.reshape(*rows.shape[:-1], k)


def _wide_key(jnp: Any, rank: Ranking, a: Any) -> Any:
    """Return keys of at least 32 bits, since XLA on the CPU takes longer over narrower ones."""
    key = rank_key(jnp, a, rank)
    return key if key.dtype.itemsize > 4 else key.astype(jnp.int32)


def _least_of_blocks(key: Any, body: Any) -> Any:
    """Return the least key of each block on the last axis, in loops that XLA vectorises."""
    from jax.lax import optimization_barrier

    width = body.shape[-1]
    if width <= UNROLLED:
        return key(body).min(-1)
    folds = min(FOLDS, width // COLUMNS)
    pile = key(body.reshape(*body.shape[:-1], width // (folds * COLUMNS), folds, COLUMNS))
    return optimization_barrier(pile.min(-2)).min((-2, -1))


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
