"""torch: ``torch.topk``, whose ties are arbitrary and for which NaN is the greatest, and what is faster and exact."""

from functools import partial
from operator import gt, lt
from typing import Any

from xtopk._explain import Plan
from xtopk._native.generic import Selected, TopkFunction, concat, first, merge_by_topk
from xtopk._native.torch_dtensor import (
    dtensor_concat,
    dtensor_mask,
    dtensor_merge,
    dtensor_nothing,
    dtensor_plan,
    dtensor_topk,
    is_dtensor,
    refuse_transformed_dtensor,
)
from xtopk._native.torch_static import indices_static, static_plan
from xtopk._order import Ranking, dtype_name, rank_key
from xtopk._select.columns import folds_for
from xtopk._select.piles import columns_for, indices_by_columns, outer_axis
from xtopk._select.ranked import indices_by_ranking, indices_one_by_one, may_be_positive
from xtopk._select.verified import indices_by_topk

DIRECT_BELOW = 1 << 15
FOLDED_FROM = 1 << 17
"""Fewer elements are selected from as they are, or in one piece: calls that would save work take longer than it."""

HEAPED = 64
FOLDED_HEAPED = 1 << 10
"""torch keeps the best of a row in a heap if it is so many times longer than k; shorter ones are then not folded."""

ONE_BY_ONE = 5
"""So few floats of a short row are found by as many reductions in less time than it takes to partition it."""

FOLDED_AT_A_TIME = 1 << 24
RANKED_AT_A_TIME = 1 << 20
"""How many elements are reduced at a time, and of how many integer keys are made at a time."""

LISTED = 64
"""How many elements are compared by Python faster than by two calls of torch."""

UNSUPPORTED = {"bool": "uint8", "uint16": "int16", "uint32": "int32", "uint64": "int64"}
"""The dtypes for which torch has no top-k or gather, and a dtype of the same width for which it has."""


def torch_topk(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of a torch tensor; the gradient is that of gathering the values."""
    import torch

    if is_dtensor(x):
        return dtensor_topk(torch_topk, torch_merge, xp, x, k, axis, rank)
    is_compiling = torch.compiler.is_compiling()
    if not is_compiling and torch.jit.is_tracing():
        raise TypeError(
            "x must be traced by torch.compile or torch.export, since torch.jit.trace would keep the way that "
            "ties and NaN took once; got a tensor traced by torch.jit"
        )
    if is_compiling or x.is_neg():  # a view that stands for its negative, as of the imaginary part of a conjugate
        x = x.resolve_neg()
    looks = _may_branch(x)
    if not looks and not torch.compiler.is_compiling():
        refuse_transformed_dtensor(x)
    if looks and _is_direct(x, k, axis, rank):
        found = _direct(x, k, axis, rank)
        if found is not None:
            return found
    rows = x if axis == x.ndim - 1 else x.movedim(axis, -1)
    indices = (_indices_eager if looks else indices_static)(xp, rows.detach(), k, rank)
    values = _gather(xp, rows, -1, indices)
    if rows is not x:
        return values.movedim(-1, axis).contiguous(), indices.movedim(-1, axis).contiguous()
    return values, indices


def torch_plan(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Plan:
    """Return which way `torch_topk` goes."""
    if is_dtensor(x):
        return dtensor_plan(torch_plan, xp, x, k, axis, rank)
    n = x.shape[axis]
    if not _may_branch(x):
        return static_plan(x, n, k, rank)
    how = "with a look for ties and NaN"
    if _is_direct(x, k, axis, rank):
        return Plan("torch.topk", 0, f"{x.numel()} elements in rows of {n}, {how}")
    if folds := _folds(x, n, k):
        return Plan("column maxima", folds, f"{n // folds} maxima of columns are left of {n}, {how}")
    if _is_heaped(n, k):
        return Plan("torch.topk", 0, f"it keeps {k} of {n} in a heap, {how}")
    if _is_one_by_one(x, k):
        return Plan("one by one", 0, f"{k} reductions of rows of {n}")
    return Plan("ranking", 0, f"torch.topk of integer keys, since columns would not pay for {k} of {n}")


def torch_mask(topk: TopkFunction, xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Any:
    """Return True at the top k, scattered into a new tensor."""
    if is_dtensor(x):
        return dtensor_mask(topk, torch_merge, xp, x, k, axis, rank)
    _, indices = topk(xp, x, k, axis, rank._replace(sorted=False))
    return xp.zeros_like(x, dtype=xp.bool).scatter(axis, indices, True)


def torch_merge(topk: TopkFunction, xp: Any, values: Any, indices: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of candidates, gathered as torch can."""
    if _are_dtensors([values, indices]):
        return dtensor_merge(topk, torch_merge, xp, values, indices, k, axis, rank)
    return merge_by_topk(topk, xp, values, indices, k, axis, rank, take=_gather)


def torch_concat(xp: Any, arrays: list[Any], axis: int) -> Any:
    """Return the tensors one after another along an axis."""
    return (dtensor_concat if _are_dtensors(arrays) else concat)(xp, arrays, axis)


def torch_first(x: Any, k: int, axis: int) -> Any:
    """Return the first elements along an axis; of a DTensor, which moves data to be sliced, there must be none."""
    return (dtensor_nothing if is_dtensor(x) else first)(x, k, axis)


def _are_dtensors(parts: list[Any]) -> bool:
    found = [is_dtensor(part) for part in parts]
    if any(found) and not all(found):
        raise TypeError("parts must hold DTensors alone or none, such as full_tensor() makes; got both")
    return found[0]


def _gather(xp: Any, x: Any, axis: int, indices: Any) -> Any:
    name = dtype_name(x.dtype)
    if name in UNSUPPORTED and name != "bool":
        return x.view(getattr(xp, UNSUPPORTED[name])).gather(axis, indices).view(x.dtype)
    return x.gather(axis, indices)


def _may_branch(x: Any) -> bool:
    """Return whether Python may look at the elements: not while compiling, in a transform, or off the CPU."""
    import torch

    return (
        not torch.compiler.is_compiling()
        and type(x) in (torch.Tensor, torch.nn.Parameter)
        and x.is_cpu
        and not torch._C._functorch.is_functorch_wrapped_tensor(x)
    )


def _is_direct(x: Any, k: int, axis: int, rank: Ranking) -> bool:
    """Return whether to ask `torch.topk` at once: of few elements, or where nothing is faster and it does all."""
    if dtype_name(x.dtype) in UNSUPPORTED:
        return False
    if x.numel() < DIRECT_BELOW:
        return True
    sure = not rank.stable and (rank.nan_first or not rank.largest or not x.is_floating_point())
    return sure and x.dtype.itemsize == 8 and not _folds(x, x.shape[axis], k)


def _direct(x: Any, k: int, axis: int, rank: Ranking) -> Selected | None:
    """Return the top k by `torch.topk` of one more, or None where that shows ties or NaN that make it go wrong."""
    largest, hides = rank.largest, not rank.nan_first and x.is_floating_point()
    if k == 1:
        values, indices = x.max(axis, keepdim=True) if largest else x.min(axis, keepdim=True)  # the first of equals
        return None if hides and values.isnan().any() else (values, indices)
    stable = rank.stable
    values, indices = x.topk(min(k + stable, x.shape[axis]), axis, largest=largest, sorted=stable or rank.sorted)
    if not stable:
        return None if hides and largest and values.isnan().any() else (values, indices)
    if not _all_differ(values.detach(), axis, largest):
        return None
    if x.ndim == 1:
        return values[:k], indices[:k]
    return values.narrow(axis, 0, k).contiguous(), indices.narrow(axis, 0, k).contiguous()


def _all_differ(values: Any, axis: int, descending: bool) -> bool:
    """Return whether sorted values have no equal neighbours; nothing is beyond a NaN, so that it counts as a tie."""
    if values.ndim == 1 and values.shape[0] <= LISTED:
        row = values.tolist()
        return all(map(gt if descending else lt, row, row[1:]))
    rest = values.shape[axis] - 1
    left, right = values.narrow(axis, 0, rest), values.narrow(axis, 1, rest)
    return bool((left > right if descending else left < right).all())


def _indices_eager(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    n, name = rows.shape[-1], dtype_name(rows.dtype)
    if name == "bool":
        rows, name = rows.view(xp.uint8), "uint8"
    if name in UNSUPPORTED and rows.ndim == 1 and n > max(RANKED_AT_A_TIME, 2 * k):
        return _indices_in_pieces(xp, rows, k, rank)
    select: Any
    at_a_time, positive = FOLDED_AT_A_TIME, False
    if folds := _folds(rows, n, k):
        select, positive = partial(indices_by_columns, folds=folds), may_be_positive(rows, k, rank)
    elif rows.numel() < DIRECT_BELOW:
        select = indices_by_ranking
    elif _is_heaped(n, k):
        select, positive = indices_by_topk, may_be_positive(rows, k, rank)
    elif _is_one_by_one(rows, k):
        select, at_a_time = indices_one_by_one, RANKED_AT_A_TIME
    else:
        select, at_a_time, positive = indices_by_ranking, RANKED_AT_A_TIME, may_be_positive(rows, k, rank)
    indices = xp.empty((*rows.shape[:-1], k), dtype=xp.int64, device=rows.device)
    for part, chosen in _parts(rows, indices, at_a_time):
        seen = rank_key(xp, part, rank._replace(largest=False)) if name in UNSUPPORTED else part
        found = select(xp, seen, k, rank, positive=True) if positive else None
        positive = found is not None
        chosen.copy_(select(xp, seen, k, rank) if found is None else found)
    return indices


def _indices_in_pieces(xp: Any, row: Any, k: int, rank: Ranking) -> Any:
    """Return the indices among those of each piece of a row, of which no keys are made at once."""
    step, found = max(RANKED_AT_A_TIME, 2 * k), []
    for start in range(0, row.shape[0], step):
        piece = row[start : start + step]
        found.append(_indices_eager(xp, piece, min(k, piece.shape[0]), rank) + start)
    few = xp.concat(found).sort().values  # so that the lower index wins among equals
    return few[_indices_eager(xp, _gather(xp, row, 0, few), k, rank)]


def _folds(x: Any, n: int, k: int) -> int:
    """Return into how many pieces rows of `n` are folded, 0 where that would not pay."""
    if x.numel() < FOLDED_FROM or HEAPED * k <= n < FOLDED_HEAPED:
        return 0
    return folds_for(n, columns_for(x, k))


def _is_heaped(n: int, k: int) -> bool:
    return k == 1 or n >= HEAPED * (k + 1)


def _is_one_by_one(x: Any, k: int) -> bool:
    return k <= ONE_BY_ONE and bool(x.is_floating_point())


def _parts(rows: Any, indices: Any, most: int) -> Any:
    """Return few rows at a time with their indices, about `most` elements of them."""
    if rows.numel() <= most or rows.ndim == 1:
        return [(rows, indices)]
    axis = outer_axis(rows, rows.numel() // most)
    step = max(1, most * rows.shape[axis] // rows.numel())
    return zip(rows.split(step, axis), indices.split(step, axis), strict=True)
