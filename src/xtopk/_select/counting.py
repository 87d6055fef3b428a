"""The k least by counting: the bits of the k-th key one after another, then which elements are not beyond it.

Nothing is moved before it is known: a pass counts the elements below a number, and there are as many passes as a key
has bits. One more pass packs what is chosen into words of bits, which are looked through instead of the elements.
Then the k least are put in order by sorting a part of each key at a time with its position beside it, from the lowest
part to the uppermost: no two of these numbers are equal, so that each sort keeps the order of the one before.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

WORD = 32


class Counters(NamedTuple):
    """What a library counts with."""

    loop: Callable[..., Any]
    """``loop(start, stop, step, value)`` repeats a step."""
    count_bits: Callable[[Any], Any]
    """How many ones each word has."""
    search: Callable[[Any, Any], Any]
    """From ascending ends and slots, for each row how many of its ends are not above each slot."""


def indices_by_counting(by: Counters, xp: Any, key: Any, k: int, bits: int) -> Any:
    """Return the indices of the `k` least of each row of a matrix of signed integers of so many `bits`.

    First come those less than the k-th, then its equals, each in the order of their positions.
    """
    key = _in_words(xp, key)
    return _positions(by, xp, key, _kth(by, xp, key, k, bits), xp.arange(k, dtype=xp.int32))


def mask_by_counting(by: Counters, xp: Any, key: Any, k: int, bits: int) -> Any:
    """Return True at the `k` least of each row of a matrix of signed integers of so many `bits`."""
    count, n = key.shape
    key = _in_words(xp, key)
    kth = _kth(by, xp, key, k, bits)
    last = _positions(by, xp, key, kth, xp.arange(k - 1, k, dtype=xp.int32))[..., None]
    position = xp.reshape(xp.arange(key[0].size, dtype=xp.int32), (1, *key.shape[1:]))
    return xp.reshape((key < kth) | ((key == kth) & (position <= last)), (count, -1))[:, :n]


def _in_words(xp: Any, key: Any) -> Any:
    """Return the rows cut into as many elements as a word has bits, the last of them filled with the greatest."""
    count, n = key.shape
    words = -(-n // WORD)
    rest = xp.full((count, words * WORD - n), xp.iinfo(key.dtype).max, dtype=key.dtype)
    return xp.reshape(xp.concat([key, rest], axis=-1), (count, words, WORD))


def _kth(by: Counters, xp: Any, key: Any, k: int, bits: int) -> Any:
    """Return the k-th least key of each row, of shape (count, 1, 1)."""

    def below(bound: Any) -> Any:
        # In two dtypes, or XLA would make one loop of the two sums, which it does not vectorise.
        return xp.sum(xp.sum(key < bound[:, None, None], axis=-1, dtype=xp.int16), axis=-1, dtype=xp.int32)

    def step(bit: Any, kth: Any) -> Any:
        higher = kth + (xp.asarray(1, dtype=key.dtype) << (bits - 1 - bit))
        return xp.where(below(higher) < k, higher, kth)

    least = key[:, 0, 0] & 0 | -(1 << (bits - 1))  # made of the key, so that in a shard_map it counts as varying, too
    return by.loop(0, bits, step, least)[:, None, None]


def _positions(by: Counters, xp: Any, key: Any, kth: Any, slot: Any) -> Any:
    """Return the positions of those of each row at some slots, first of what is less than the k-th, then equals it."""
    words = key.shape[1]
    bit_of_word = xp.arange(WORD, dtype=xp.uint32)[None, None]
    powers = xp.asarray(1, dtype=xp.uint32) << bit_of_word
    hits = (key < kth, key == kth)
    chosen = xp.concat([xp.sum(xp.where(hit, powers, 0), axis=-1, dtype=xp.uint32) for hit in hits], axis=-1)
    ends = xp.cumulative_sum(xp.astype(by.count_bits(chosen), xp.int32), axis=-1, dtype=xp.int32)
    word = by.search(ends, slot)
    chosen = xp.take_along_axis(chosen, word, axis=-1)
    left = xp.take_along_axis(ends, word, axis=-1) - slot[None]
    # How many ones remain from each bit on: the one sought is at the last bit from which `left` of them do.
    remaining = xp.astype(by.count_bits(chosen[..., None] >> bit_of_word), xp.int32)
    bit = xp.sum(remaining >= left[..., None], axis=-1, dtype=xp.int32) - 1
    return word % words * WORD + bit


def order_by_parts(xp: Any, key: Any, bits: int) -> Any:
    """Return the indices that sort rows of signed integers of so many `bits`, stably.

    A part has as many bits as the library's default integers have beside a position.
    """
    slot = xp.arange(key.shape[-1])[None]
    integer, places = slot.dtype, max(1, (key.shape[-1] - 1).bit_length())
    part = xp.iinfo(integer).bits - places
    take = partial(xp.take_along_axis, axis=-1)
    order = None
    for shift in range(0, bits, part):
        digits = key if order is None else take(key, order)
        digits = xp.astype(digits >> shift, integer) << places
        if shift + part < bits:  # all parts but the uppermost are unsigned
            digits = digits ^ xp.iinfo(integer).min
        place = xp.sort(digits | slot, axis=-1) & ((1 << places) - 1)
        order = place if order is None else take(order, place)
    return order
