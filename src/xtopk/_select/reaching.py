"""The top k in no order by the k-th value of each row: all that reaches it, but for ties beyond k."""

from collections.abc import Callable
from typing import Any

Nth = Callable[[Any, Any, Any, Any], Any]
"""``nth(xp, rows, value, number)`` returns where the so manieth element of each row that equals a value stands."""


def reaching(xp: Any, rows: Any, last: Any, *, largest: bool) -> tuple[Any, Any]:
    """Return what reaches the last value of each row, and how much that is; nothing does where it is NaN."""
    mask = rows >= last if largest else rows <= last
    return mask, mask.sum(-1, dtype=xp.int32)


def mask_by_last(
    xp: Any, rows: Any, last: Any, k: int, *, largest: bool, nth: Nth, again: Callable[[Any], Any] | None = None
) -> Any:
    """Return True at the top `k` of each row of a matrix, of which the last in rank order are known.

    Where a library took NaN for the greatest, too little reaches that: ``again(rows)`` returns the marks of these rows.
    """
    mask, found = reaching(xp, rows, last, largest=largest)
    if (found == k).all():
        return mask
    many, few = found > k, found < k
    if many.any():
        tied, value = rows[many], last[many]
        equal = tied == value
        room = (k - found[many] + equal.sum(-1, dtype=xp.int32))[:, None]
        mask[many] &= ~equal | (xp.arange(rows.shape[1], device=rows.device) <= nth(xp, tied, value, room))
    if again is not None and few.any():
        mask[few] = again(rows[few])
    return mask
