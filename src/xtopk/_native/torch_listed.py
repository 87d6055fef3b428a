"""torch: few chosen of few rows are lists of Python, which sees ties and puts them right in less time than torch."""

from functools import partial
from operator import gt, lt
from typing import Any

from xtopk._native.torch_numpy import has_numpy, shared
from xtopk._order import Ranking
from xtopk._select.nth import where_true
from xtopk._select.verified import SORTED_UP_TO, indices_by_sort, put_right, topk_beside_nan


def topk_listed(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> tuple[Any, Any]:
    """Return the top k, stable, of rows along the last axis or of a single one, from the library's own k + 1."""
    values, indices = x.topk(min(k + 1, x.shape[axis]), axis, rank.largest)
    more = values.shape[axis]
    seen = [values.tolist()] if x.ndim == 1 else values.reshape(-1, more).tolist()
    better = gt if rank.largest else lt
    tied = [i for i, row in enumerate(seen) if not all(map(better, row, row[1:]))]
    if not tied:
        if more > k:  # a view would keep the one more
            values, indices = values.narrow_copy(axis, 0, k), indices.narrow_copy(axis, 0, k)
        return values, indices
    rows = x.detach().reshape(-1, x.shape[axis])
    hidden = [i for i in tied if seen[i][0] != seen[i][0] or seen[i][-1] != seen[i][-1]]  # by NaN, in front or last
    if hidden and x.numel() <= SORTED_UP_TO:
        found = indices_by_sort(rows, k, -1, rank)
    else:
        lines: Any = rows
        where: Any = partial(where_true, xp)
        if has_numpy():  # which compares halves one by one
            lines, where = (rows, _where_shared) if x.dtype.itemsize == 2 else (shared(rows), _where_true)
        places = indices.view(-1, more).tolist()
        for i in tied:
            if i not in hidden:
                places[i] = put_right(where, lines[i], seen[i], places[i], k, largest=rank.largest)
        found = indices.new_tensor([line[:k] for line in places])
        if hidden:
            found[hidden] = topk_beside_nan(xp, rows[hidden], k, rank)
    indices = found.view(*x.shape[:axis], k, *x.shape[axis + 1 :])
    return x.gather(axis, indices), indices


def _where_shared(mask: Any) -> Any:
    return _where_true(shared(mask))


def _where_true(mask: Any) -> Any:
    return mask.nonzero()[0]
