"""A bound from a sample of one row, and a sort of what reaches it: for a large k.

A sample tells which value a few more than `k` elements are likely to reach. One comparison finds these in the order of
their positions, so that a stable sort of their keys is all that is left to do. Where the sample has the value often,
what is beyond it is sorted, and the first of its equals follow; where it tells that there are fewer numbers than that,
all are sorted, and the first NaN follow. Whether the sample was right shows in how many are found.
"""

from math import gcd
from operator import ge, gt, le, lt
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
    """Return the indices of the top k of one row, in rank order; None if the sample was wrong."""
    if rank.nan_first and row.is_floating_point() and row.amax().isnan():
        missing = first_of_value_in_row(xp, row, row.new_full((1,), xp.nan), k)
        if missing.shape[0] == k:
            return missing
        found = indices_by_sample(xp, row, k - missing.shape[0], rank._replace(nan_first=False))
        return None if found is None else xp.concat([missing, found])
    sample = row[:: _stride(row.shape[0])]
    count = sample.shape[0]
    expected = count * k / row.shape[0]
    place = int(expected + DEVIATIONS * expected**0.5) + 2
    if place > count:
        return order(xp, integer_key(xp, row, rank))[:k].clone()
    bound = sample[integer_key(xp, sample, rank).kthvalue(place, keepdim=True).indices]
    is_missing = row.is_floating_point() and bool(bound.isnan())
    is_common = not is_missing and 2 * int((sample == bound).sum()) > place
    near = _reaching(xp, row, None if is_missing else bound, rank, 2 * place * row.shape[0] // count, beyond=is_common)
    if near is None:
        return None
    chosen = near[order(xp, integer_key(xp, row[near], rank))[:k]]
    if chosen.shape[0] < k and (is_common or is_missing):
        chosen = xp.concat([chosen, first_of_value_in_row(xp, row, bound, k - chosen.shape[0])])
    return chosen if chosen.shape[0] == k else None


def _stride(n: int) -> int:
    """Return the stride of the sample, which has no small factors, lest it meet a period of the data."""
    step = max(1, n // SAMPLED)
    while gcd(step, 210) > 1:
        step += 1
    return step


def _reaching(xp: Any, row: Any, bound: Any, rank: Ranking, most: int, *, beyond: bool) -> Any:
    """Return where elements reach a bound or are beyond it, or all numbers for none; None if more than `most` do."""
    holds = (gt if beyond else ge) if rank.largest else (lt if beyond else le)
    found, count = [], 0
    for i, part in enumerate(row.split(COMPARED_AT_A_TIME)):
        hits = part == part if bound is None else holds(part, bound)
        found.append(where_true(xp, hits).add_(i * COMPARED_AT_A_TIME))
        count += found[-1].shape[0]
        if count > most:
            return None
    return found[0] if len(found) == 1 else xp.concat(found)
