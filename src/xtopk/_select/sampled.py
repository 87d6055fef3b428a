"""A bound from a sample of one row, and a sort of what reaches it: for a large k.

A sample tells which value a few more than `k` elements are likely to reach. One comparison finds these in the order of
their positions, so that a stable sort of their keys is all that is left to do. Where the sample has the value often,
what is beyond it is sorted, and the first of its equals follow. Where the sample was wrong, or there are fewer numbers
than `k`, these are sorted, and the first NaN follow.
"""

from math import gcd
from operator import eq, ge, gt, le, lt
from typing import Any

from xtopk._order import Ranking
from xtopk._select.radix import order
from xtopk._select.ranked import integer_key
from xtopk._select.settle import first_of_value_in_row, where_true

SAMPLED = 1 << 11
DEVIATIONS = 4
"""How many elements are sampled, and for how many standard deviations of what is expected a bound makes room."""

COMPARED_AT_A_TIME = 1 << 20
"""How many elements are compared with the bound at a time."""


def indices_by_sample(xp: Any, row: Any, k: int, rank: Ranking) -> Any:
    """Return the indices of the top k of one row, in rank order."""
    if rank.nan_first and row.is_floating_point() and row.amax().isnan():
        missing = first_of_value_in_row(xp, row, row.new_full((1,), xp.nan), k)
        rank, left = rank._replace(nan_first=False), k - missing.shape[0]
        return xp.concat([missing, indices_by_sample(xp, row, left, rank)]) if left else missing
    sample = row[:: _stride(row.shape[0])]
    expected = sample.shape[0] * k / row.shape[0]
    place = int(expected + DEVIATIONS * expected**0.5) + 2
    if place > sample.shape[0]:
        return order(xp, integer_key(xp, row, rank))[:k].clone()
    bound = sample[integer_key(xp, sample, rank).kthvalue(place, keepdim=True).indices]
    is_common = 2 * int((sample == bound).sum()) > place
    beyond, at_least = (gt, ge) if rank.largest else (lt, le)
    near = _where(xp, beyond if is_common else at_least, row, bound)
    first = [first_of_value_in_row(xp, row, bound, k - near.shape[0])] if is_common else []
    if near.shape[0] + sum(a.shape[0] for a in first) < k:
        near = _where(xp, eq, row, None)
        left = k - near.shape[0]
        first = [first_of_value_in_row(xp, row, row.new_full((1,), xp.nan), left)] if left > 0 else []
    chosen = near[order(xp, integer_key(xp, row[near], rank))[:k]]
    return xp.concat([chosen, *first]) if first else chosen


def _stride(n: int) -> int:
    """Return the stride of the sample, which has no small factors, lest it meet a period of the data."""
    step = max(1, n // SAMPLED)
    while gcd(step, 210) > 1:
        step += 1
    return step


def _where(xp: Any, holds: Any, row: Any, bound: Any) -> Any:
    """Return where a comparison with the bound holds, or with the elements themselves if there is none."""
    found = [
        where_true(xp, holds(part, part if bound is None else bound)).add_(i * COMPARED_AT_A_TIME)
        for i, part in enumerate(row.split(COMPARED_AT_A_TIME))
    ]
    return found[0] if len(found) == 1 else xp.concat(found)
