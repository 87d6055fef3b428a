"""JAX on the CPU: what XLA compiles there to fast code, and what keeps the rows in the cache meanwhile."""

from functools import partial
from typing import Any

from xtopk._order import FLOAT_INFINITY_BITS, Ranking, rank_key
from xtopk._select.blocks import indices_by_blocks, left_by_blocks, width_for
from xtopk._select.counting import Counters, indices_by_counting, mask_by_counting, order_by_parts
from xtopk._select.rounds import LANES, indices_by_rounds

FOLDS, COLUMNS = 8, 16
"""XLA makes one vectorised loop of computing keys and folding them, if so shallow and so narrow."""

NARROW, NARROW_GAIN, UNROLLED = 8, 2, 32
"""XLA makes vectorised loops of minima of blocks so short without further ado."""

CACHED, WHOLE = 1 << 20, 2
"""So many keys stay in the cache until they are selected from; fewer than two such chunks are not cut."""

PIECE, IN_PIECES, SINGLE = 32, 1 << 17, 3
"""XLA runs a program in the caller's thread if it counts fewer than a thousand operations, and of a loop it counts one
turn. So something is done to so many elements at a time, by one thread, if there are no more of them than the second,
nor so few of 32 bits as the last times the first, for which a loop would only take longer."""

LOOKED_ROWS, LOOKED_AT, DISORDERED, ORDERED_SHARE = 8, 16, 8, 4
"""Rows are in order if of so many along each other axis, and so many elements of each, no more than such a part ranks
before the one before it; or behind it, too, if k is such a share of a row."""

HEAPED = 128
"""The heap of ``lax.top_k`` is quick with so few of few candidates, above all where they are in order or tied."""


def top_k_of_floats(jnp: Any, rows: Any, k: int, rank: Ranking | None) -> Any:
    """Return the indices of the k least of rows of at most 32 bits, or of keys if without a rank, by ``lax.top_k``."""
    from jax.lax import optimization_barrier, top_k

    def key(a: Any) -> Any:
        if rank is not None and a.dtype == jnp.float32:
            return _float_key(jnp, a, rank)
        if a.dtype.itemsize < 4 and a.dtype.kind in "bu":
            a = a.astype(jnp.int32)  # which XLA vectorises, and not that of their own width
        return _as_float(jnp, ~(a if rank is None else rank_key(jnp, a, rank)).astype(jnp.int32))

    def select(a: Any) -> Any:
        key_of_all = in_pieces(jnp, key, a)
        if k == a.shape[-1] and not is_sharded(a):  # then XLA would sort, which takes two to four times as long
            least = jnp.full_like(key_of_all[..., :1], -1, jnp.int32).view(jnp.float32)
            key_of_all = jnp.concat([key_of_all, least], axis=-1)
        return optimization_barrier(top_k(key_of_all, k)[1])  # of which XLA would sort all to take two slices

    return _in_chunks(jnp, select, rows, CACHED // rows.shape[-1])


def least_by_rounds(jnp: Any, rows: Any, k: int, rank: Ranking, *, cut: bool) -> Any:
    """Return the indices of the k least of each of many rows, k being small."""

    def take(a: Any, row: Any, column: Any) -> Any:
        return a.at[row, column].get(mode="promise_in_bounds")

    def select(a: Any) -> Any:
        best = partial(least_of_blocks, key)
        found = indices_by_rounds(jnp, a.reshape(-1, n), k, width, best=best, key=key, take=take)
        return found.reshape(*a.shape[:-1], k)

    key = partial(_wide_key, jnp, rank)
    n = rows.shape[-1]
    width = narrow_width(n, k)
    step = CACHED // left_by_blocks(n, k, width) // LANES * LANES
    return _in_chunks(jnp, select, rows, step) if cut else select(rows)


def least_by_counting(jnp: Any, rows: Any, k: int, rank: Ranking, *, cut: bool) -> Any:
    """Return the indices of the k least of each row, k being large or the rows many; in any order if that may be.

    Of up to 32 bits in no blocks ``lax.top_k`` is faster if what comes later seldom ranks before what came first.
    """
    from jax.lax import cond, top_k

    bits = _bits(rows)

    def choose(a: Any, k: int) -> Any:
        return indices_by_counting(_counters(jnp), jnp, a, k, bits)

    def by_heap(a: Any, k: int) -> Any:
        return top_k(_as_float(jnp, ~a), k)[1]

    def in_order(a: Any, k: int) -> Any:
        chosen = choose(a, k)
        order = order_by_parts(jnp, jnp.take_along_axis(a, chosen, axis=-1), bits)
        return jnp.take_along_axis(chosen, order, axis=-1)

    def select(a: Any) -> Any:
        a = a.reshape(-1, n)
        if not width:
            return last(key(a), k)
        best = partial(least_of_blocks, key)
        return indices_by_blocks(jnp, a, k, width, best=best, select=last, choose=choose, key=key)

    key = partial(_wide_key, jnp, rank)
    n = rows.shape[-1]
    width = narrow_width(n, k)
    last = by_heap if width and k <= HEAPED and bits <= 32 else in_order if rank.sorted else choose

    def counted(rows: Any) -> Any:
        found = _in_chunks(jnp, select, rows, CACHED // left_by_blocks(n, k, width)) if cut else select(rows)
        return found.reshape(*rows.shape[:-1], k).astype(jnp.int32)

    if bits > 32 or width:
        return counted(rows)
    return cond(_seem_ordered(jnp, key, rows, k), lambda rows: top_k_of_floats(jnp, rows, k, rank), counted, rows)


def _seem_ordered(jnp: Any, key: Any, rows: Any, k: int) -> Any:
    """Return whether a few elements of a few rows rank as they stand, nearly all, or the other way if k is large."""
    n = rows.shape[-1]
    steps = [-(-length // LOOKED_ROWS) for length in rows.shape[:-1]] + [-(-n // LOOKED_AT)]
    few = key(rows[tuple(slice(None, None, step) for step in steps)])
    before, after = few[..., :-1], few[..., 1:]
    disordered = jnp.sum(before > after)
    if ORDERED_SHARE * k >= n:
        disordered = jnp.minimum(disordered, jnp.sum(before < after))
    return DISORDERED * disordered <= before.size


def marked_by_counting(jnp: Any, rows: Any, k: int, rank: Ranking, *, cut: bool) -> Any:
    """Return True at the k first of each row, k being large."""

    def mark(a: Any) -> Any:
        return mask_by_counting(_counters(jnp), jnp, _wide_key(jnp, rank, a.reshape(-1, n)), k, _bits(rows))

    n = rows.shape[-1]
    return (_in_chunks(jnp, mark, rows, CACHED // n) if cut else mark(rows)).reshape(rows.shape)


def _bits(rows: Any) -> int:
    return 8 * max(int(rows.dtype.itemsize), 2)


def _counters(jnp: Any) -> Counters:
    from jax import vmap
    from jax.lax import fori_loop, population_count

    return Counters(fori_loop, population_count, vmap(partial(jnp.searchsorted, side="right"), (0, None)))


def _wide_key(jnp: Any, rank: Ranking, a: Any) -> Any:
    """Return keys of at least 32 bits, since XLA on the CPU takes longer over narrower ones."""
    key = rank_key(jnp, a, rank)
    return key if key.dtype.itemsize > 4 else key.astype(jnp.int32)


def least_of_blocks(key: Any, body: Any) -> Any:
    """Return the least key of each block on the last axis, in loops that XLA vectorises."""
    from jax.lax import optimization_barrier

    width = body.shape[-1]
    if width <= UNROLLED:
        return key(body).min(-1)
    folds = min(FOLDS, width // COLUMNS)
    pile = key(body.reshape(*body.shape[:-1], width // (folds * COLUMNS), folds, COLUMNS))
    return optimization_barrier(pile.min(-2)).min((-2, -1))


def narrow_width(n: int, k: int) -> int:
    """Return the length of the blocks of rounds and of counting."""
    return width_for(n, k, NARROW, NARROW_GAIN)


def is_sharded(rows: Any) -> bool:
    """Return whether rows are explicitly spread over devices, which a loop over them would cross."""
    from jax import typeof

    return any(typeof(rows).sharding.spec)


def _in_chunks(jnp: Any, select: Any, rows: Any, step: int) -> Any:
    """Return ``select(rows)``, made of `step` rows at a time where there are many; the last chunk may overlap."""
    from jax.lax import dynamic_slice_in_dim, map

    lead, n = rows.shape[:-1], rows.shape[-1]
    step = max(step, 1)
    if rows.size <= WHOLE * step * n or is_sharded(rows):
        return select(rows)
    rows = rows.reshape(-1, n)
    count = rows.shape[0]
    found = map(lambda start: select(dynamic_slice_in_dim(rows, start, step)), step * jnp.arange(-(-count // step)))
    whole = (count - 1) // step * step
    found = found.reshape(-1, found.shape[-1])
    return jnp.concat([found[:whole], found[whole - count :]]).reshape(*lead, -1)


def has_pieces(dtype: Any) -> bool:
    """Return whether XLA takes pieces of a dtype as they are, and does not first make another of the whole array."""
    return str(dtype) != "bfloat16"


def in_pieces(jnp: Any, function: Any, a: Any) -> Any:
    """Return an elementwise function of an array, of a small one made piece by piece; the last two may overlap."""
    from jax.lax import dynamic_slice_in_dim, dynamic_update_slice_in_dim, fori_loop

    def step(turn: Any, made: Any) -> Any:
        start = jnp.minimum(turn * PIECE, a.size - PIECE)
        piece = function(dynamic_slice_in_dim(flat, start, PIECE))
        return dynamic_update_slice_in_dim(made, piece, start, 0)

    least = SINGLE * PIECE if a.dtype.itemsize == 4 else PIECE
    if not least < a.size <= IN_PIECES or not has_pieces(a.dtype) or is_sharded(a):
        return function(a)
    flat = a.reshape(-1)
    anything = jnp.broadcast_to(function(flat[:1]), flat.shape)
    return fori_loop(0, -(-a.size // PIECE), step, anything).reshape(a.shape)


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
