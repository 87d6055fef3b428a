"""Elements ranked exactly, by integers: packed with their positions where that fits, mended where it does not.

For a library of methods ``topk``, ``gather`` and ``sort`` whose top-k breaks ties arbitrarily. It compares integers in
two thirds of the time that floats take, which have NaN to ask for.

Floats that are not negative are in the order of their bits, taken for integers. So they are taken for these at first,
and what is chosen shows whether that was right: if none of it is negative or NaN, nothing else can be in front of it.
"""

from functools import reduce
from math import inf, nan
from operator import or_
from typing import Any

from xtopk._order import FLOAT_BITS, FLOAT_INFINITY_BITS, Ranking, dtype_name, positions
from xtopk._select.packed import BITS_PACKED, unpack
from xtopk._select.settle import settle

PEEKED = 16
"""How many elements of how many rows are looked at to guess whether what is chosen is positive, and where NaN is."""

SORTED_SHARE, SORTED_WIDE_SHARE = 2, 4
"""Rows in which many of the chosen tie are sorted for a k of such a share, of keys with no room for a position for the
other: to put them right takes longer."""


def indices_by_ranking(xp: Any, rows: Any, k: int, rank: Ranking, *, positive: bool = False) -> Any:
    """Return the indices by ranking all elements; or None if floats were to be positive and are not."""
    indices, key, unsettled = ranked(xp, as_integers(xp, rows) if positive else rows, None, k, rank)
    last = key[..., -1] if rank.sorted else key.amax(-1)
    if positive and not in_order(key, last, rows.dtype, rank):
        return None
    return settled(xp, rows, indices, rank, unsettled, is_zero(last, rank, positive=positive))


def indices_one_by_one(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return the indices by `k` reductions, each of which finds the first of the best and removes it."""
    key = integer_key(xp, rows, rank)
    key = rows.clone(memory_format=xp.contiguous_format) if key is rows else key.contiguous()  # it is written to
    key = key.view(-1, rows.shape[-1])
    removed = xp.iinfo(key.dtype).max  # no float has this key
    if not rows.is_floating_point():
        few = peek(key)
        if int((few != removed).sum()) * key.shape[1] < 2 * k * few.numel():  # the worst integer is often chosen
            return indices_by_ranking(xp, rows, k, rank)
    start = positions(xp, rows, 0, key.shape[0]) * key.shape[1]
    found: list[Any] = []
    for place in range(k):
        if place:
            key.view(-1).index_fill_(0, start + found[-1], removed)
        found.append(key.argmin(-1))  # in half the time of min, which compares for NaN
    indices = xp.stack(found, axis=-1)
    if not rows.is_floating_point():  # where the worst is chosen last, it may be one that was removed
        wrong = key.view(-1)[start + found[-1]] == removed
        if wrong.any():
            indices[wrong] = indices_by_ranking(xp, rows.reshape(key.shape)[wrong], k, rank)
    return indices.view(*rows.shape[:-1], k)


def ranked(xp: Any, few: Any, position: Any, k: int, rank: Ranking) -> tuple[Any, Any, Any]:
    """Return the positions of the first `k` in rank order, the lower first among equals, their keys, and what is open.

    `position` is where each candidate stands, None if they are the whole row. A row is open where equals of the last
    chosen may stand lower than it.
    """
    key = integer_key(xp, few, rank)
    if rank.stable:
        n = few.shape[-1]
        place = positions(xp, few, 0, n) if position is None else position
        fits = key.dtype.itemsize * 8 <= BITS_PACKED
        shift = BITS_PACKED if fits else (n - 1 if position is None else int(position.amax())).bit_length()
        fits = fits or (not few.is_floating_point() and _magnitude(key) >> 63 - shift == 0)
        if position is None and k * (SORTED_SHARE if fits else SORTED_WIDE_SHARE) >= n and looks_tied(key, k):
            key, indices = key.contiguous().sort(stable=True)
            return indices.narrow_copy(-1, 0, k), key[..., :k], None
        if fits:
            packed = key.to(xp.int64, copy=True).bitwise_left_shift_(shift).bitwise_or_(place)
            packed = packed.topk(k, largest=False, sorted=rank.sorted).values
            return packed & (1 << shift) - 1, packed >> shift, None
    key, chosen = key.topk(min(k + rank.stable, few.shape[-1]), largest=False, sorted=rank.stable or rank.sorted)
    indices = chosen.narrow_copy(-1, 0, k) if position is None else position.gather(-1, chosen[..., :k])
    rises = key[..., :-1] < key[..., 1:]
    if not rank.stable or not rises.numel() or rises.view(xp.uint8).amin():
        return indices, key[..., :k], None
    indices = put_in_order(xp, indices, key[..., :k])
    return indices, key[..., :k], ~rises[..., k - 1] if key.shape[-1] > k else None


def looks_tied(key: Any, k: int) -> bool:
    """Return whether a fourth of the least that would be chosen of a few elements of a few rows equal the next one."""
    n = key.shape[-1]
    few = peek(key[..., :: max(1, n // PEEKED)]).sort().values[..., : PEEKED * k // n + 2]
    equal = few[..., 1:] == few[..., :-1]
    return bool(4 * int(equal.sum()) >= equal.numel())


def _magnitude(key: Any) -> int:
    least, greatest = key.aminmax()
    return max(int(greatest), ~int(least))


def put_in_order(xp: Any, indices: Any, values: Any) -> Any:
    """Return the indices of sorted values with the lower first among equals.

    Sorts integers: how many other values come before an element, with its index in the lower half. They are nearly in
    order, which makes that quick.
    """
    before = (values != values.roll(1, -1)).cumsum(-1)
    return unpack(before.bitwise_left_shift_(BITS_PACKED).bitwise_or_(indices).sort().values)


def integer_key(xp: Any, x: Any, rank: Ranking) -> Any:
    """Return what `rank_key` does for signed integers and floats, in the passes that vector instructions make fast."""
    if not x.is_floating_point():
        return number_key(xp, x, rank)
    if x.dtype == xp.bfloat16:  # for which nan_to_num makes no NaN with a sign
        x = x.to(xp.float32)
    # One NaN for all of them: above +inf, or below -inf where the greatest come first.
    x = xp.nan_to_num(x, nan=-nan if rank.largest and not rank.nan_first else nan, posinf=inf, neginf=-inf)
    return number_key(xp, x, rank)


def number_key(xp: Any, x: Any, rank: Ranking) -> Any:
    """Return the integer key of what is no NaN; that of NaN is beyond that of an infinity."""
    if not x.is_floating_point():
        return ~x if rank.largest else x
    bits = FLOAT_BITS[dtype_name(x.dtype)]
    signed = getattr(xp, f"int{bits}")
    x = x.view(signed)
    sign = x >> (bits - 1)
    key = (x & xp.iinfo(signed).max).bitwise_xor_(sign).sub_(sign)
    return key.neg_() if rank.largest else key


def may_be_positive(rows: Any, k: int, rank: Ranking) -> bool:
    """Return whether a look at few elements lets expect that no chosen one is negative."""
    if not rows.is_floating_point() or rank.nan_first:
        return False
    few = peek(rows)
    if not rank.largest:
        return bool((few >= 0).all())
    count, seen = int((few > 0).sum()), few.numel()  # zero as the last is looked for once more, since -0 equals it
    return count == seen or bool(count * rows.shape[-1] >= 2 * (k + PEEKED) * seen)


def peek(rows: Any) -> Any:
    """Return a few elements of a few rows."""
    return rows[(0,) * (rows.ndim - 2) + (slice(PEEKED),) * min(rows.ndim, 2)]


def as_integers(xp: Any, rows: Any) -> Any:
    return rows.view(getattr(xp, f"int{8 * rows.dtype.itemsize}"))


def in_order(key: Any, last: Any, dtype: Any, rank: Ranking) -> bool:
    """Return whether all that was chosen by bits are numbers and not negative, so that their bits are in order."""
    first, last = int(key.amin()), int(last.amax())
    least, greatest = (~last, ~first) if rank.largest else (first, last)
    return least >= 0 and greatest <= FLOAT_INFINITY_BITS[dtype_name(dtype)]


def is_zero(last: Any, rank: Ranking, *, positive: bool) -> Any:
    """Return where the last chosen by bits is +0, which -0 equals."""
    return last == ~0 if positive and rank.stable and rank.largest else None


def settled(xp: Any, rows: Any, indices: Any, rank: Ranking, *doubts: Any, late: Any = None) -> Any:
    doubts = tuple(doubt for doubt in doubts if doubt is not None)
    if doubts and (unsettled := reduce(or_, doubts)).any():
        settle(xp, rows, indices, unsettled, late, rank)
    return indices
