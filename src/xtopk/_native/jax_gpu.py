"""JAX off the CPU: positions go along with keys, so that nothing has to be stable and blocks may come in any order.

XLA sorts nearly all that ``lax.top_k`` is given there. So few elements are left to sort, and with their positions as a
second key, which makes no two equal. Few of many short rows are found by rounds of minima.
"""

from functools import partial
from typing import Any

from xtopk._order import Ranking, rank_key
from xtopk._select.blocks import indices_by_blocks, width_for
from xtopk._select.packed import BITS_NARROW

NARROWEST, MIN_GAIN = 8, 3
SORTED, FEW = 1 << 12, 256
"""Rows up to so long are sorted, and so few are chosen by positions that go along."""

UNSORTED = 1 << 18
"""To choose more, or by 64-bit keys, so many elements are sorted in the time that blocks take to start."""

COUNTED = 1 << 15
"""Of so few it is counted how many of the row come before each in less time than to sort them."""

ROUNDS, MANY = 16, 1 << 18
"""So many rounds over so many elements take less time than to sort them."""


def least_elsewhere(jnp: Any, rows: Any, k: int, rank: Ranking | None) -> Any:
    """Return the indices of the k least by a key off the CPU, where keys and minima of blocks are one pass."""
    if k <= FEW and rows.dtype.itemsize <= 4 and rows.shape[-1] < 1 << 31:
        return _least_with_positions(jnp, rows, None, k, rank)
    from jax.lax import top_k

    key = partial(_key, jnp, rank)
    if width := width_elsewhere(rows.size, rows.shape[-1], k, rows.dtype.itemsize):
        select = partial(least_elsewhere, jnp, rank=None)
        return indices_by_blocks(jnp, rows, k, width, best=lambda body: key(body).min(-1), select=select, key=key)
    least = key(rows)
    return top_k(~(least if least.dtype.itemsize > 4 else least.astype(jnp.int32)), k)[1]


def width_elsewhere(size: int, n: int, k: int, itemsize: int) -> int:
    """Return the length of the blocks, 0 where they would not pay."""
    pays = n > SORTED if k <= FEW and itemsize <= 4 else size >= UNSORTED
    return width_for(n, k, NARROWEST, MIN_GAIN) if pays else 0


def _key(jnp: Any, rank: Ranking | None, a: Any) -> Any:
    return a if rank is None else rank_key(jnp, a, rank)


def _least_with_positions(jnp: Any, rows: Any, positions: Any, k: int, rank: Ranking | None) -> Any:
    """Return which positions, by default those along the last axis, have the k least keys, the lower among equals."""
    width = width_elsewhere(rows.size, rows.shape[-1], k, 4)
    if not width:
        key = _key(jnp, rank, rows)
        return _first_of_rows(jnp, key, k) if positions is None else _first(jnp, key, positions, k)
    if positions is None:
        positions = jnp.broadcast_to(jnp.arange(rows.shape[-1], dtype=jnp.int32), rows.shape)
    return positions_by_blocks(jnp, rows, k, width, positions, rank)


def positions_by_blocks(jnp: Any, rows: Any, k: int, width: int, positions: Any, rank: Ranking | None) -> Any:
    """Do as `indices_by_blocks`, where positions that go along make the order of blocks matter no more."""
    (*lead, n), key = rows.shape, partial(_key, jnp, rank)
    cut = n // width * width
    body, tail = rows[..., :cut].reshape(*lead, -1, width), rows[..., cut:]
    chosen = _least_with_positions(jnp, key(body).min(-1), None, k, None)
    many = k * width + n - cut
    if width_elsewhere(rows.size // n * many, many, k, 4):  # in the order of the row, to be cut into blocks again
        chosen = jnp.sort(chosen, axis=-1)
    take = partial(jnp.take_along_axis, indices=chosen[..., None], axis=-2, mode="promise_in_bounds")
    left = jnp.concatenate([take(body).reshape(*lead, k * width), tail], axis=-1)
    where = take(positions[..., :cut].reshape(*lead, -1, width)).reshape(*lead, k * width)
    where = jnp.concatenate([where, positions[..., cut:]], axis=-1)
    return _least_with_positions(jnp, key(left), where, k, None)


def _first_of_rows(jnp: Any, key: Any, k: int) -> Any:
    """Return the positions along the last axis; keys of 16 bits share a number with them, which is then the key."""
    positions = jnp.broadcast_to(jnp.arange(key.shape[-1], dtype=jnp.int32), key.shape)
    if key.dtype.itemsize > 2 or key.shape[-1] > 1 << BITS_NARROW:
        return _first(jnp, key, positions, k)
    packed = (key.astype(jnp.int32) << BITS_NARROW) | positions
    return _first(jnp, packed, packed, k) & ((1 << BITS_NARROW) - 1)


def _first(jnp: Any, key: Any, positions: Any, k: int) -> Any:
    """Return the positions of the k first by key, then position."""
    from jax.lax import sort

    if key.size <= COUNTED:
        return _counted(jnp, key, positions, k)
    if k > ROUNDS or key.size < MANY:
        if positions is key:
            return sort(key, is_stable=False)[..., :k]
        return sort((key, positions), num_keys=2, is_stable=False)[1][..., :k]
    greatest, found = jnp.iinfo(jnp.int32).max, []
    is_packed, key = positions is key, key.astype(jnp.int32)
    for _ in range(k):
        least = key.min(-1, keepdims=True)
        if not is_packed:
            least = jnp.where(key == least, positions, greatest).min(-1, keepdims=True)
        taken = (key if is_packed else positions) == least
        key, positions = jnp.where(taken, greatest, key), jnp.where(taken, greatest, positions)
        found.append(least)
    return jnp.concatenate(found, axis=-1)


def _counted(jnp: Any, key: Any, positions: Any, k: int) -> Any:
    """Return the positions of the k first, each put where the number of those before it says; no comparison is kept."""
    key, other = key[..., :, None], key[..., None, :]
    before = (other < key) | ((other == key) & (positions[..., None, :] < positions[..., :, None]))
    place = before.sum(-1, dtype=jnp.int32)[..., None, :]
    is_there = place == jnp.arange(k, dtype=jnp.int32).reshape(*(1,) * (key.ndim - 2), k, 1)
    return jnp.where(is_there, positions[..., None, :], 0).sum(-1, dtype=positions.dtype)
