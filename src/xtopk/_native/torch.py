"""torch: ``torch.topk``, whose ties are arbitrary and for which NaN is the greatest, and what mends that."""

from functools import partial
from operator import gt, lt
from typing import Any

from xtopk._explain import Plan
from xtopk._native.generic import Selected, TopkFunction, merge_by_topk
from xtopk._native.torch_dtensor import dtensor_mask, dtensor_merge, dtensor_plan, dtensor_topk, is_dtensor
from xtopk._order import Ranking, dtype_name, rank_key
from xtopk._select.blocks import ArrayFunction, indices_by_blocks, width_for
from xtopk._select.kth import indices_by_kth_key
from xtopk._select.packed import BITS_PACKED, indices_by_packing

MIN_WIDTH = 64
MIN_GAIN = 3
"""Blocks are as long as a fast reduction needs, and used where they leave a third to select from."""

BLOCKED_FROM = 1 << 17
"""Fewer elements are selected from in less time than the calls that blocks need."""

CLEANED_AT_A_TIME = 1 << 18
"""How many elements are copied at a time to replace NaN, or made keys of to settle ties."""

LISTED = 64
"""How many elements are compared by Python faster than by two calls of torch."""

UNSUPPORTED = {"bool": "uint8", "uint16": "int16", "uint32": "int32", "uint64": "int64"}
"""The dtypes for which torch has no top-k or gather, and a dtype of the same width for which it has."""


def torch_topk(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of a torch tensor; the gradient is that of gathering the values."""
    import torch

    if is_dtensor(x):
        return dtensor_topk(torch_topk, torch_merge, xp, x, k, axis, rank)
    if not torch.compiler.is_compiling():
        if torch.jit.is_tracing():
            raise TypeError(
                "x must be traced by torch.compile or torch.export, since torch.jit.trace would keep the way that "
                "ties and NaN took once; got a tensor traced by torch.jit"
            )
        if x.is_neg():  # a view that stands for its negative, as of the imaginary part of a conjugate
            x = x.resolve_neg()
    last = axis == x.ndim - 1
    rows = x.detach() if last else x.detach().movedim(axis, -1)
    indices = _indices_eager(xp, rows, k, rank) if _may_branch(x) else _indices_static(xp, rows, k, rank)
    if not last:
        indices = indices.movedim(-1, axis)
    return _gather(xp, x, axis, indices), indices


def torch_plan(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Plan:
    """Return which way `torch_topk` goes."""
    if is_dtensor(x):
        return dtensor_plan(torch_plan, xp, x, k, axis, rank)
    n, looks = x.shape[axis], _may_branch(x)
    how = "with a look for ties and NaN" if looks else "of keys that settle ties and NaN, shapes static"
    width = _width(x, n, k) if looks else width_for(n, k, MIN_WIDTH, MIN_GAIN)
    if width:
        return Plan("block maxima", width, f"{n // width} maxima and {k * width} candidates are left of {n}, {how}")
    return Plan("torch.topk", 0, f"blocks would not pay for {x.numel()} elements in rows of {n}; {how}")


def torch_mask(topk: TopkFunction, xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Any:
    """Return True at the top k, scattered into a new tensor."""
    if is_dtensor(x):
        return dtensor_mask(topk, torch_merge, xp, x, k, axis, rank)
    _, indices = topk(xp, x, k, axis, rank._replace(sorted=False))
    return xp.zeros_like(x, dtype=xp.bool).scatter(axis, indices, True)


def torch_merge(topk: TopkFunction, xp: Any, values: Any, indices: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of candidates, gathered as torch can."""
    if is_dtensor(values):
        return dtensor_merge(topk, torch_merge, xp, values, indices, k, axis, rank)
    return merge_by_topk(topk, xp, values, indices, k, axis, rank, take=_gather)


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
        and x.device.type == "cpu"
        and not torch._C._functorch.is_functorch_wrapped_tensor(x)
    )


def _indices_static(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return the indices by operations whose shapes depend on no element."""
    return _least_of_key(xp, rank_key(xp, rows, rank), k, rank.sorted)


def _least_of_key(xp: Any, key: Any, k: int, sort: bool = True) -> Any:
    import torch

    # An exported program serves every length, and so cannot be cut by one.
    width = 0 if torch.compiler.is_exporting() else width_for(key.shape[-1], k, MIN_WIDTH, MIN_GAIN)
    if width:
        select = partial(_least_of_key, xp)
        return indices_by_blocks(xp, key, k, width, best=lambda body: body.amin(-1), select=select, key=_same)[0]
    if key.dtype.itemsize * 8 <= BITS_PACKED:
        return indices_by_packing(xp, key, k, lambda a, k: a.topk(k, largest=False, sorted=sort).values)
    return indices_by_kth_key(xp, key, None, k, lambda a, k: a.topk(k, largest=False).values)


def _indices_eager(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    name = dtype_name(rows.dtype)
    if name == "bool":
        rows = rows.view(xp.uint8)
    elif name in UNSUPPORTED:
        rows, rank = rank_key(xp, rows, rank), rank._replace(largest=False)
    width = _width(rows, rows.shape[-1], k)
    if not width:
        return _indices_mended(xp, rows, k, rank)
    maxima = _best_of_blocks(xp, rows, rank, width, _same)
    if not rows.is_floating_point() or rank.nan_first:
        return _indices_by_blocks(xp, rows, k, rank, width, maxima, _same)
    hidden = maxima.isnan().any(-1)
    if hidden.all():
        return _indices_among_nan(xp, rows, k, rank)
    indices = _indices_by_blocks(xp, rows, k, rank, width, maxima, _same)
    if hidden.any():
        indices[hidden] = _indices_among_nan(xp, _picked(rows, hidden), k, rank)
    return indices


def _width(x: Any, n: int, k: int) -> int:
    return width_for(n, k, MIN_WIDTH, MIN_GAIN) if x.numel() >= BLOCKED_FROM else 0


def _best_of_blocks(xp: Any, rows: Any, rank: Ranking, width: int, clean: ArrayFunction) -> Any:
    """Return the best of each block, reduced in the order in which the blocks lie in memory."""

    def best(body: Any, axis: int) -> Any:
        return clean(body).amax(axis) if rank.largest else clean(body).amin(axis)

    body = rows[..., : rows.shape[-1] // width * width].unflatten(-1, (-1, width))
    if body.stride(-1) == 1 and clean is _same:
        return best(body, -1)
    piles = body.movedim((-2, -1), (0, 1))
    step = max(1, CLEANED_AT_A_TIME // piles[0].numel())
    maxima = rows.new_empty((piles.shape[0], *piles.shape[2:]))
    for part, pile in zip(maxima.split(step), piles.split(step), strict=True):
        part.copy_(best(pile, 1))  # kept alone it would lie between the copies made for it, and all of them stay
    return maxima.movedim(0, -1)


def _indices_by_blocks(xp: Any, rows: Any, k: int, rank: Ranking, width: int, maxima: Any, clean: ArrayFunction) -> Any:
    def select(few: Any, k: int) -> Any:
        return _indices_mended(xp, few, k, rank)

    return indices_by_blocks(xp, rows, k, width, best=lambda _: maxima, select=select, key=clean)[0]


def _same(a: Any) -> Any:
    return a


def _indices_among_nan(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return the indices with NaN taken for the worst number, and exactly where that reaches the top k."""
    worst = -xp.inf if rank.largest else xp.inf

    def clean(a: Any) -> Any:
        return xp.nan_to_num(a, nan=worst, posinf=xp.inf, neginf=-xp.inf)

    if width := _width(rows, rows.shape[-1], k):
        maxima = _best_of_blocks(xp, rows, rank, width, clean)
        indices = _indices_by_blocks(xp, rows, k, rank, width, maxima, clean)
    else:
        parts = rows.split(max(1, CLEANED_AT_A_TIME // rows[0].numel()))
        indices = xp.concat([_indices_mended(xp, clean(part), k, rank) for part in parts])
    numbers = clean(rows.gather(-1, indices)) != worst
    mixed = ~numbers.all(-1)
    if mixed.any():
        parts = _parts(_picked(rows, mixed), indices[mixed], numbers[mixed].sum(-1, keepdim=True))
        indices[mixed] = xp.concat([_filled(xp, i, b, part == worst, part.isnan()) for part, i, b in parts])
    return indices


def _picked(rows: Any, mask: Any) -> Any:
    """Return the rows where the mask is True, copied only if these are not all."""
    return rows.flatten(0, -2) if mask.ndim and mask.all() else rows[mask]


def _parts(rows: Any, *others: Any) -> Any:
    step = max(1, CLEANED_AT_A_TIME // rows.shape[-1])
    return zip(*(a.split(step) for a in (rows, *others)), strict=True)


def _filled(xp: Any, indices: Any, better: Any, tie: Any, late: Any = None) -> Any:
    """Return the first `better` indices of each row, then the first of its ties, then the first of what is late."""
    k, n = indices.shape[-1], tie.shape[-1]
    position = xp.arange(n, dtype=xp.int32 if n < 1 << 30 else xp.int64, device=tie.device)
    order = xp.where(tie, position, 2 * n)
    if late is not None:
        order = xp.where(late, position + n, order)
    first = order.topk(k, largest=False).values.to(xp.int64) % n
    slot = xp.arange(k, device=tie.device) - better
    return xp.where(slot < 0, indices, first.gather(-1, slot.clamp(min=0)))


def _equal(a: Any, b: Any) -> Any:
    """Return where elements are equal, NaN to NaN, too."""
    equal = a == b
    if b.is_floating_point() and b.isnan().any():
        equal |= a.isnan() & b.isnan()
    return equal


def _indices_mended(xp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return the indices by `torch.topk` of one more than `k`, which shows where ties or NaN made it go wrong."""
    n = rows.shape[-1]
    values, indices = rows.topk(min(k + rank.stable, n), largest=rank.largest)
    hides = rank.largest and not rank.nan_first and rows.is_floating_point()
    if rank.stable and _all_differ(values, rank.largest):
        return indices[..., :k]
    hidden = values[..., 0].isnan() if hides else None  # to `torch.topk` it is the greatest
    if rank.stable and values.shape[-1] > 1:
        beyond = values[..., :-1] > values[..., 1:] if rank.largest else values[..., :-1] < values[..., 1:]
        tied = ~beyond.all(-1)
        values, indices = values[..., :k], indices[..., :k].contiguous()
        lower, order = indices[tied].sort()
        order = values[tied].gather(-1, order).argsort(stable=True, descending=rank.largest)
        indices[tied] = lower.gather(-1, order)
        wrong = ~beyond[..., k - 1] if k < n else None
        if wrong is not None:
            wrong = wrong & ~hidden if hidden is not None else wrong
            if wrong.any():
                chosen, bound = values[wrong], values[wrong][..., -1:]
                better = k - _equal(chosen, bound).sum(-1, keepdim=True)
                parts = _parts(_picked(rows, wrong), indices[wrong], better, bound)
                indices[wrong] = xp.concat([_filled(xp, i, b, _equal(part, v)) for part, i, b, v in parts])
    if hidden is not None and hidden.any():
        indices[hidden] = _indices_among_nan(xp, _picked(rows, hidden), k, rank)
    return indices


def _all_differ(values: Any, descending: bool) -> bool:
    """Return whether sorted values have no equal neighbours; nothing is beyond a NaN, so that it counts as a tie."""
    if values.numel() <= LISTED:
        beyond = gt if descending else lt
        rows = [values.tolist()] if values.ndim == 1 else values.flatten(0, -2).tolist()
        return all(all(map(beyond, row, row[1:])) for row in rows)
    left, right = values[..., :-1], values[..., 1:]
    return bool((left > right if descending else left < right).all())
