"""The k least one after another, of many rows at once: a minimum, where it stands first, and on without it.

A round is three passes that compare and choose. They are vectorised across the rows, which are laid side by side in
tiles, and take the same time for all data. Of a row cut into blocks little is left, so that a few rounds take less than
one selection that moves elements.
"""

from collections.abc import Callable
from typing import Any

ArrayFunction = Callable[[Any], Any]

LANES = 128
"""How many rows lie side by side in a tile: whole vectors, and few enough for a tile to stay in the cache."""


def indices_by_rounds(
    xp: Any, rows: Any, k: int, width: int, *, best: ArrayFunction, key: ArrayFunction, take: Callable[..., Any]
) -> Any:
    """Return the indices of the top `k` of each row of a matrix, in rank order, the lower index first.

    ``best(body)`` reduces blocks of `width`, on the last axis, to their least key; there are none if `width` is 0.
    ``take(rows, row, column)`` gathers elements.
    """
    count, n = rows.shape
    tiles = -(-count // LANES)
    row = xp.minimum(xp.reshape(xp.arange(tiles * LANES, dtype=xp.int32), (tiles, 1, LANES)), count - 1)

    def ascending(start: int, stop: int) -> Any:
        along = start + xp.arange(stop - start, dtype=xp.int32)  # arange(start, stop) is a constant to JAX before 0.10
        return xp.broadcast_to(along[None, :, None], (tiles, stop - start, LANES))

    column = ascending(0, n)
    if width:
        blocks = n // width
        least = best(xp.reshape(rows[:, : blocks * width], (count, blocks, width)))
        block = ascending(0, blocks)
        chosen = _first(xp, take(least, row, block), block, k)[:, :, None] * width
        column = xp.reshape(chosen + xp.arange(width, dtype=xp.int32)[None, None, :, None], (tiles, k * width, LANES))
        column = xp.concat([column, ascending(blocks * width, n)], axis=1)
    found = _first(xp, key(take(rows, row, column)), column, k)
    return xp.reshape(xp.moveaxis(found, 1, 2), (tiles * LANES, k))[:count]


def _first(xp: Any, key: Any, position: Any, k: int) -> Any:
    """Return the positions of the `k` least along axis 1, which may stand there in any order."""
    greatest, far = (xp.iinfo(a.dtype).max for a in (key, position))
    left, before, last = key, None, None
    found: list[Any] = []
    for _ in range(k):
        least = xp.min(left, axis=1, keepdims=True)
        here = key == least
        if found:  # the greatest key may also be an element's own, which its position alone tells from those left out
            here &= position > xp.where(least == before, last, -1)
        before, last = least, xp.min(xp.where(here, position, far), axis=1, keepdims=True)
        left = xp.where(position == last, greatest, left)
        found.append(last)
    return xp.concat(found, axis=1)
