"""A bound from a sample of one row, and a sort of what is beyond it: for a large k.

A sample tells which value a few more than `k` elements are likely to reach. One comparison finds those beyond it in the
order of their positions, so that a stable sort of these is all that is left to do. Where they are fewer than `k`, the
value is that of many, and the first of these follow. Where the sample has too few numbers, all of the row are sorted,
and the first NaN follow. Whether the sample was right shows in how many are found.
"""

from collections.abc import Callable
from functools import partial
from math import gcd
from operator import gt, lt
from typing import Any, NamedTuple

from xtopk._order import Ranking

SAMPLED = 1 << 11
DEVIATIONS = 4
"""How many elements are sampled, or fewer, and for how many standard deviations of what is expected a bound makes room.
"""

GIVEN_UP = 3
"""So many times more elements beyond the bound than expected show that the sample was wrong, which bounds the work."""


class Operations(NamedTuple):
    """What a library does in its own way, for which each function is given the namespace first."""

    kth: Callable[[Any, Any, int, Ranking], Any]
    """From a sample, the value at a place in rank order, in an array of one; NaN if there are fewer numbers."""
    where: Callable[[Any, Any], Any]
    """From a mask, the positions of what is True."""
    order: Callable[[Any, Any, int, Ranking], Any]
    """From numbers, the positions of the first k in rank order, all if there are fewer."""
    every: Callable[[Any, Any, int, Ranking], Any]
    """From a row, the indices of a k so large that nothing is left out first, or None for another way."""
    first: Callable[[Any, Any, Any, int], Any]
    """From a row and a value, so many first positions of the value, all if it has fewer."""


def indices_by_sample(by: Operations, xp: Any, row: Any, k: int, rank: Ranking, at_a_time: int) -> Any:
    """Return the indices of the top k of one row, in rank order, NaN last, comparing `at_a_time` elements at a time.

    None if the sample was wrong: too many are beyond the bound, or too few with those that equal it.
    """
    sample = row[:: stride_from(row.shape[0] // SAMPLED)]
    count = sample.shape[0]
    expected = count * k / row.shape[0]
    place = int(expected + DEVIATIONS * expected**0.5) + 2
    if place > count:
        return by.every(xp, row, k, rank)
    bound = by.kth(xp, sample, place, rank)
    beyond = partial(lt if rank.largest else gt, bound) if bound == bound else is_number
    found, left = [], GIVEN_UP * place * row.shape[0] // count
    for start in range(0, row.shape[0], at_a_time):
        found.append(by.where(xp, beyond(row[start : start + at_a_time])) + start)
        left -= found[-1].shape[0]
        if left < 0:
            return None
    near = found[0] if len(found) == 1 else xp.concat(found)
    chosen = near[by.order(xp, row[near], k, rank)]
    if chosen.shape[0] < k:
        chosen = xp.concat([chosen, by.first(xp, row, bound, k - chosen.shape[0])])
    return chosen if chosen.shape[0] == k else None


def is_number(part: Any) -> Any:
    """Return where a part of a row is not NaN."""
    return part == part


def stride_from(step: int) -> int:
    """Return the stride of a sample, which has no small factors, lest it meet a period of the data."""
    step = max(1, step)
    while gcd(step, 210) > 1:
        step += 1
    return step
