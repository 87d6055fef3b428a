"""The k-th value by ``partition``, which is vectorised where ``argpartition`` is not, then all that is not beyond it."""

from typing import Any


def indices_by_partition(xp: Any, rows: Any, k: int, *, largest: bool, sort: bool) -> Any:
    """Return the indices of the `k` largest or least of each row, the lower index first among equal ones.

    A row in which NaN keeps the k-th value from being found comes back as -1 throughout.
    """
    count, n = rows.shape
    side = n - k if largest else k - 1
    bound = xp.partition(rows, side, axis=-1)[:, side : side + 1]
    keep = rows >= bound if largest else rows <= bound
    found = xp.count_nonzero(keep, axis=-1)
    lost = None
    if (found != k).any():
        tied = xp.flatnonzero(found > k)
        keep[tied] = _drop_last_ties(xp, keep[tied], rows[tied] == bound[tied], found[tied] - k)
        lost = xp.flatnonzero(found < k)
        keep[lost] = xp.arange(n) < k
    indices = xp.flatnonzero(keep).reshape(count, k) - n * xp.arange(count)[:, None]
    if sort:
        indices = _in_order(xp, rows, indices, largest=largest)
    if lost is not None:
        indices[lost] = -1
    return indices


def _drop_last_ties(xp: Any, keep: Any, tie: Any, surplus: Any) -> Any:
    """Return `keep` without the last `surplus` of each row's ties."""
    nth = xp.cumsum(tie, axis=-1)
    return keep & ~(tie & (nth > nth[:, -1:] - surplus[:, None]))


def _in_order(xp: Any, rows: Any, indices: Any, *, largest: bool) -> Any:
    """Return `indices`, which ascend, in the order of what they point at; equal ones keep their order."""
    values = xp.take_along_axis(rows, indices, axis=-1)
    if not largest:
        return xp.take_along_axis(indices, xp.argsort(values, axis=-1, kind="stable"), axis=-1)
    backwards = xp.argsort(values[:, ::-1], axis=-1, kind="stable")
    return xp.take_along_axis(indices[:, ::-1], backwards, axis=-1)[:, ::-1]
