"""The k least by counting: the bits of the k-th key one after another, then which elements are not beyond it.

Nothing is moved before it is known: a pass counts the elements below a number, and there are as many passes as a key
has bits. One more pass packs what is chosen into words of bits, which are looked through instead of the elements.
Then the k least are put in order by sorting half of each key at a time with its position beside it, from the lower half
to the upper: no two of these numbers are equal, so that each sort keeps the order of the one before.
"""

from collections.abc import Callable
from typing import Any

WORD = 32
HALF = 16
MOST = 1 << HALF
"""So many positions fit beside half a key of 32 bits."""


def indices_by_counting(
    xp: Any, key: Any, k: int, *, bits: int, loop: Callable[..., Any], count_bits: Any, search: Any
) -> Any:
    """Return the indices of the `k` least of each row of a matrix of signed integers of so many `bits`.

    First come those less than the k-th, then its equals, each in the order of their positions.
    ``loop(start, stop, step, value)`` repeats a step, ``count_bits(words)`` counts the ones in each, and
    ``search(ends, slots)`` says for each row how many of its ascending ends are not above each slot.
    """
    count, n = key.shape
    words = -(-n // WORD)
    rest = xp.full((count, words * WORD - n), xp.iinfo(key.dtype).max, dtype=key.dtype)
    key = xp.reshape(xp.concat([key, rest], axis=-1), (count, words, WORD))

    def below(bound: Any) -> Any:
        # In two dtypes, or XLA would make one loop of the two sums, which it does not vectorise.
        return xp.sum(xp.sum(key < bound[:, None, None], axis=-1, dtype=xp.int16), axis=-1, dtype=xp.int32)

    def step(bit: Any, kth: Any) -> Any:
        higher = kth + (xp.asarray(1, dtype=key.dtype) << (bits - 1 - bit))
        return xp.where(below(higher) < k, higher, kth)

    least = key[:, 0, 0] & 0 | -(1 << (bits - 1))  # made of the key, so that in a shard_map it counts as varying, too
    kth = loop(0, bits, step, least)[:, None, None]
    bit_of_word = xp.arange(WORD, dtype=xp.uint32)[None, None]
    powers = xp.asarray(1, dtype=xp.uint32) << bit_of_word
    hits = (key < kth, key == kth)
    chosen = xp.concat([xp.sum(xp.where(hit, powers, 0), axis=-1, dtype=xp.uint32) for hit in hits], axis=-1)
    ends = xp.cumulative_sum(xp.astype(count_bits(chosen), xp.int32), axis=-1)
    slot = xp.arange(k, dtype=xp.int32)
    word = search(ends, slot)
    chosen = xp.take_along_axis(chosen, word, axis=-1)
    left = xp.take_along_axis(ends, word, axis=-1) - slot[None]
    # How many ones remain from each bit on: the one sought is at the last bit from which `left` of them do.
    remaining = xp.astype(count_bits(chosen[..., None] >> bit_of_word), xp.int32)
    bit = xp.sum(remaining >= left[..., None], axis=-1, dtype=xp.int32) - 1
    return word % words * WORD + bit


def order_by_halves(xp: Any, key: Any, bits: int) -> Any:
    """Return the indices that sort rows of signed integers of so many `bits`, of at most `MOST` in a row, stably."""
    slot = xp.arange(key.shape[-1], dtype=xp.int32)[None]
    order = None
    for shift in range(0, bits, HALF):
        half = key if order is None else xp.take_along_axis(key, order, axis=-1)
        half = xp.astype(half >> shift, xp.int32) << HALF
        if shift + HALF < bits:  # all halves but the uppermost are unsigned
            half = half ^ xp.iinfo(xp.int32).min
        place = xp.sort(half | slot, axis=-1, stable=False) & (MOST - 1)
        order = place if order is None else xp.take_along_axis(order, place, axis=-1)
    return order
