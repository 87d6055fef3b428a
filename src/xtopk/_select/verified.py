"""The library's own top-k, asked for one more than k, which shows where ties or NaN made it go wrong."""

from functools import reduce
from operator import or_
from typing import Any

from xtopk._order import FLOAT_INFINITY_BITS, Ranking, dtype_name
from xtopk._select.ranked import as_integers, indices_by_ranking


def indices_by_topk(xp: Any, rows: Any, k: int, rank: Ranking, *, positive: bool = False) -> Any:
    """Return the indices by the library's top-k of one more than `k`, which shows where ties made it go wrong."""
    n, largest, stable = rows.shape[-1], rank.largest, rank.stable
    seen, doubts = as_integers(xp, rows) if positive else rows, []
    if k == 1:
        values, indices = seen.max(-1, keepdim=True) if largest else seen.min(-1, keepdim=True)  # the first of equals
    else:
        values, indices = seen.topk(min(k + stable, n), largest=largest, sorted=stable or rank.sorted)
        if stable:
            differ = values[..., :-1] > values[..., 1:] if largest else values[..., :-1] < values[..., 1:]
            if not differ.all():
                doubts.append(~differ.all(-1))
            indices, values = indices[..., :k].contiguous(), values[..., :k]
    if positive:
        least, greatest = values.amin(), values.amax()
        if least < 0 or greatest > FLOAT_INFINITY_BITS[dtype_name(rows.dtype)]:
            return None
        if largest and least == 0:  # the bits of +0, which -0 equals
            doubts.append(values.amin(-1) == 0)
    elif rows.is_floating_point() and not rank.nan_first and (largest or k == 1):
        doubts.append(values.isnan().any(-1))
    if doubts and (wrong := reduce(or_, doubts)).any():
        if wrong.all():
            return indices_by_ranking(xp, rows, k, rank)
        indices[wrong] = indices_by_ranking(xp, rows[wrong], k, rank)
    return indices
