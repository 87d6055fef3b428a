"""Block maxima: exact top-k at nearly the speed of one ``max``, in plain array operations with static shapes.

Cut the axis into contiguous blocks and take each block's maximum: one streaming read. Every one of the top k lies
in one of the k blocks with the greatest maxima, for otherwise k blocks would each hold something greater. So it is
enough to select k blocks among few maxima, and then k elements among those blocks. "Dr. Top-k" (Gaihre et al.,
SC 2021) does this in CUDA.

Ties stay exact because both selections prefer the lower index, and the chosen blocks are put back into their order
before they are read, so that the order of the candidates is that of their positions.
"""

from collections.abc import Callable
from typing import Any

ArrayFunction = Callable[[Any], Any]


def same(a: Any) -> Any:
    """Return the array, where elements are their own keys."""
    return a


def indices_by_blocks(
    xp: Any,
    rows: Any,
    k: int,
    width: int,
    *,
    best: ArrayFunction,
    select: Callable[[Any, int], Any],
    key: ArrayFunction = same,
    choose: Callable[[Any, int], Any] | None = None,
) -> Any:
    """Return the indices of the top `k` along the last axis of `rows`.

    ``best(body)`` reduces the last axis of the blocks; ``select(a, k)`` returns the indices of the top k of the few
    it leaves, and of ``key`` of the candidates, in rank order, the lower index first; ``choose(a, k)``, if given, those
    of the few in any order.
    """
    lead, n = rows.shape[:-1], rows.shape[-1]
    blocks = n // width
    body = xp.reshape(rows[..., : blocks * width], (*lead, blocks, width))
    chosen = xp.sort((choose or select)(best(body), k), axis=-1)
    candidates = xp.reshape(xp.take_along_axis(body, chosen[..., None], axis=-2), (*lead, k * width))
    if blocks * width < n:  # as if of one more block
        candidates = xp.concat([candidates, rows[..., blocks * width :]], axis=-1)
        chosen = xp.concat([chosen, xp.full_like(chosen[..., :1], blocks)], axis=-1)
    found = select(key(candidates), k)
    return xp.take_along_axis(chosen, found // width, axis=-1) * width + found % width


def width_for(n: int, k: int, least: int, gain: int) -> int:
    """Return the block length that makes both selections about as long, or 0 where they are not `gain` times shorter.

    The maxima are n / width and the candidates k * width, equal at the square root of n / k; a power of two near it,
    and not so short that reducing a block is slow. Only comparisons, so that a compiler with symbolic lengths keeps
    what it compiled for all lengths that are cut alike.
    """
    if n < gain * k * least:
        return 0
    width = least
    while n > 4 * k * width * width:
        width *= 2
    return width if n >= gain * (n // width + k * width) and n // width >= k else 0


def left_by_blocks(n: int, k: int, width: int) -> int:
    """Return among how many elements of `n` the two selections choose; among all if the width is 0."""
    return n // width + k * width + n % width if width else n
