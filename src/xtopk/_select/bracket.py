"""What is chosen of one long row, in no order: two values of a sample, between which the k-th is likely to be.

What reaches the upper value is chosen, what is not beyond the lower one is not. So only what lies between them is
moved, a few hundredths of a row, and the k-th value found among it. Where many are equal the k-th may be one of the two
values itself, and the first of its equals are all that is missing. Whether the sample was right shows in how many are
counted.
R. W. Floyd and R. L. Rivest, "Expected time bounds for selection" (CACM 1975), narrow a selection like this.
"""

from collections.abc import Callable
from functools import partial
from operator import eq, ge, gt, le, lt
from typing import Any, NamedTuple

from xtopk._order import Ranking
from xtopk._select.blocks import same
from xtopk._select.bound import is_nan
from xtopk._select.sampled import DEVIATIONS, GIVEN_UP, Operations, is_number, stride_from

Function = Callable[[Any], Any]

SAMPLE_ROOT = 3
"""Every so many elements are sampled as this root of their number: the time that the sample takes and the time that it
saves are about equal then."""


class Chosen(NamedTuple):
    """Which elements of a row are chosen: what passes a test, what are ties and stand before `stop`, and some more."""

    test: Function
    ties: Function
    stop: int
    positions: Any = None
    """Of some more."""

    def mark(self, row: Any, mask: Any, at_a_time: int) -> None:
        """Write into `mask` where an element is chosen, comparing so many at a time."""
        for start in range(0, row.shape[0], at_a_time):
            part, marks = (a[start : start + at_a_time] for a in (row, mask))
            marks[...] = self.test(part)
            if start < self.stop:
                marks[: self.stop - start] |= self.ties(part[: self.stop - start])
        if self.positions is not None:
            mask[self.positions] = True


def chosen_by_bracket(
    by: Operations, xp: Any, row: Any, k: int, rank: Ranking, at_a_time: int, key: Function = same
) -> Chosen | None:
    """Return which elements of one row are its top k by a key, NaN last, the lower index first among equals.

    None if the sample was wrong: the k-th is not between its two values, or too much is.
    """
    n, (beyond, reach) = row.shape[0], (lt, le) if rank.largest else (gt, ge)
    sample = key(row[:: stride_from(round(n ** (1 / SAMPLE_ROOT)))])
    count = sample.shape[0]
    expected = count * k / n
    spread = DEVIATIONS * (expected * (1 - k / n)) ** 0.5
    first, last = int(expected - spread) - 1, int(expected + spread) + 2
    # Without an upper value nothing is sure to be chosen; without a lower one, every number may be.
    upper: Any = by.kth(xp, sample, first, rank) if first > 0 else None
    lower: Any = by.kth(xp, sample, last, rank) if last <= count else None
    reaches = partial(xp.zeros_like, dtype=xp.bool) if upper is None else partial(reach, upper)
    has_lower = lower is not None and lower == lower
    passes = partial(beyond, lower) if has_lower else is_number
    near, ahead, left = [], 0, GIVEN_UP * (last - first) * n // count
    for start in range(0, n, at_a_time):
        part = key(row[start : start + at_a_time])
        is_ahead = reaches(part)
        ahead += int(xp.count_nonzero(is_ahead))
        near.append(by.where(xp, passes(part) > is_ahead) + start)
        left -= near[-1].shape[0]
        if left < 0:
            return None
    between = near[0] if len(near) == 1 else xp.concat(near)
    if ahead >= k:
        return _with_ties(by, xp, row, k, partial(beyond, upper), partial(eq, upper), at_a_time, key)
    if ahead + between.shape[0] < k:
        return _with_ties(by, xp, row, k, passes, partial(eq, lower) if has_lower else is_nan, at_a_time, key)
    values = key(row[between])
    kth = by.kth(xp, values, k - ahead, rank)
    better = between[beyond(kth, values)]
    equal = between[values == kth][: k - ahead - better.shape[0]]
    return Chosen(lambda part: reaches(key(part)), is_nan, 0, xp.concat([better, equal]))


def _with_ties(
    by: Operations, xp: Any, row: Any, k: int, test: Function, ties: Function, at_a_time: int, key: Function
) -> Chosen | None:
    """Return what passes a test and the first ties to make them `k`; None if these are too few, or those too many."""
    parts = [(start, row[start : start + at_a_time]) for start in range(0, row.shape[0], at_a_time)]
    lacking, stop = k - sum(int(xp.count_nonzero(test(key(part)))) for _, part in parts), 0
    for start, part in parts:
        if lacking <= 0:
            break
        equal = ties(key(part))
        if (found := int(xp.count_nonzero(equal))) >= lacking:
            stop = start + int(by.where(xp, equal)[lacking - 1]) + 1
        lacking -= found
    if lacking > 0 or (lacking < 0 and not stop):
        return None
    return Chosen(lambda part: test(key(part)), lambda part: ties(key(part)), stop)
