"""torch's DTensor: each process selects from its shard, and only the candidates, k of each shard, meet in a merge."""

from math import prod
from typing import Any

from xtopk._explain import Plan
from xtopk._native.generic import Selected, TopkFunction, concat
from xtopk._order import INTEGER_BITS, Ranking, dtype_name


def is_dtensor(x: Any) -> bool:
    """Return whether a tensor is distributed, without importing what could make it so."""
    return type(x).__name__ == "DTensor"


def refuse_transformed_dtensor(x: Any) -> None:
    """Refuse a DTensor that a transform of torch.func wraps, since its shard is out of reach there."""
    from torch._C import _functorch

    while _functorch.is_functorch_wrapped_tensor(x):
        x = _functorch.get_unwrapped(x)
        if is_dtensor(x):
            raise TypeError(
                "x must be a DTensor outside of the transforms of torch.func, such as torch.autograd.grad "
                "differentiates; got one inside"
            )


def dtensor_topk(topk: TopkFunction, merge: Any, xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of a DTensor by `topk` of its shards and `merge`, replicated where it was cut along `axis`.

    The gradient is that of taking the chosen elements: each process gets that of its own.
    """
    x = _cut_plainly(x, axis)
    values, indices = _topk_of_shards(topk, merge, xp, x, k, axis, rank)
    placements, shape = _uncut(x.placements, axis), (*x.shape[:axis], k, *x.shape[axis + 1 :])
    return tuple(_distributed(part, x.device_mesh, placements, shape) for part in (values, indices))


def dtensor_mask(topk: TopkFunction, merge: Any, xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Any:
    """Return True at the top k of a DTensor, cut as it is: each process marks those in its shard."""
    x = _cut_plainly(x.detach(), axis)
    shard = x.to_local()
    if _is_elsewhere(x):
        return _distributed(shard.to(xp.bool), x.device_mesh, x.placements, x.shape)
    _, indices = _topk_of_shards(topk, merge, xp, x, k, axis, rank)
    start, _ = _cuts(x, axis)
    length = shard.shape[axis]
    here = xp.where((indices >= start) & (indices < start + length), indices - start, length)
    mask = shard.new_zeros((*shard.shape[:axis], length + 1, *shard.shape[axis + 1 :]), dtype=xp.bool)
    mask = mask.scatter(axis, here, True).narrow(axis, 0, length)
    return _distributed(mask, x.device_mesh, x.placements, x.shape)


def dtensor_merge(
    topk: TopkFunction, merge: Any, xp: Any, values: Any, indices: Any, k: int, axis: int, rank: Ranking
) -> Selected:
    """Return the top k of distributed candidates, each process of all of them along `axis`."""
    placements, shape = _uncut(values.placements, axis), (*values.shape[:axis], k, *values.shape[axis + 1 :])
    parts = [_gathered(xp, part, axis).to_local() for part in (values, indices)]
    parts = merge(topk, xp, *parts, k, axis, rank) if parts[0].numel() else [p.narrow(axis, 0, k) for p in parts]
    return tuple(_distributed(part, values.device_mesh, placements, shape) for part in parts)


def dtensor_concat(xp: Any, arrays: list[Any], axis: int) -> Any:
    """Return distributed candidates one after another, each process all of them along `axis`."""
    if len(arrays) == 1:
        return arrays[0]
    return concat(xp, [_gathered(xp, a, axis) for a in arrays], axis)


def dtensor_nothing(x: Any, k: int, axis: int) -> Any:
    """Return no elements, shaped and placed as the top k are that are none."""
    shard, shape = x.to_local(), (*x.shape[:axis], k, *x.shape[axis + 1 :])
    if not _is_elsewhere(x):
        none = shard.narrow(axis, 0, min(k, shard.shape[axis]))
        shard = none.reshape(*none.shape[:axis], k, *none.shape[axis + 1 :])
    return _distributed(shard, x.device_mesh, _uncut(x.placements, axis), shape)


def dtensor_plan(plan: Any, xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Plan:
    """Return which way a process goes with its shard."""
    shard = x.to_local()
    if not shard.numel():
        return Plan("nothing", 0, "no element is in this shard")
    of_shard: Plan = plan(xp, shard, min(k, shard.shape[axis]), axis, rank)
    return of_shard._replace(reason=f"{of_shard.reason}; so in each shard, whose candidates are merged")


def _topk_of_shards(topk: TopkFunction, merge: Any, xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of the processes that hold one axis together, as local tensors."""
    shard = x.to_local()
    if _is_elsewhere(x):
        return shard, shard.to(xp.int64)
    start, cuts = _cuts(x, axis)
    if shard.numel():
        values, indices = topk(xp, shard, min(k, shard.shape[axis]), axis, rank)
    else:
        values = shard.narrow(axis, 0, min(k, shard.shape[axis]))
        indices = xp.zeros_like(values, dtype=xp.int64)
    indices = indices + start
    for dim, lengths in reversed(cuts):
        count = sum(min(k, length) for length in lengths)
        values, indices = (_together(xp, part, x.device_mesh, dim, axis, count) for part in (values, indices))
        if values.numel():
            values, indices = merge(topk, xp, values, indices, min(k, sum(lengths)), axis, rank)
        else:
            values, indices = (part.narrow(axis, 0, min(k, sum(lengths))) for part in (values, indices))
    return values, indices


def _is_elsewhere(x: Any) -> bool:
    """Return whether this process holds nothing of `x`, being no part of its mesh."""
    return x.device_mesh.get_coordinate() is None


def _together(xp: Any, part: Any, mesh: Any, dim: int, axis: int, count: int) -> Any:
    """Return the parts of all processes along one dimension of the mesh, in their order.

    As many of each shard's first as there are, at most k, are cut as `count` of them would be.
    """
    from torch.distributed.tensor import Replicate, Shard

    # What other dimensions of the mesh do is none of its business: to move nothing along them, they are replicated.
    placements: list[Any] = [Replicate()] * mesh.ndim
    placements[dim] = Shard(axis)
    whole = _distributed(part, mesh, placements, (*part.shape[:axis], count, *part.shape[axis + 1 :]))
    return _redistributed(xp, whole, [Replicate()] * mesh.ndim).to_local()


def _gathered(xp: Any, x: Any, axis: int) -> Any:
    """Return candidates with all of them along `axis` in each process."""
    if not _is_elsewhere(x) and all(_is_plain(place, axis) for place in x.placements):
        _cuts(x, axis)  # which refuses shards that would be put together wrongly
    return _redistributed(xp, x, _uncut(x.placements, axis))


def _redistributed(xp: Any, x: Any, placements: Any) -> Any:
    """Return a DTensor placed otherwise, also of the integers that gloo and NCCL cannot move."""
    name, dtype = dtype_name(x.dtype), x.dtype
    if name not in INTEGER_BITS or name == "int64" or any(place.is_partial() for place in x.placements):
        return x.redistribute(placements=placements)
    part = x.to_local().view(xp.int64) if name == "uint64" else x.to_local().to(xp.int64)
    moved = _distributed(part, x.device_mesh, x.placements, x.shape).redistribute(placements=placements)
    part = moved.to_local().view(dtype) if name == "uint64" else moved.to_local().to(dtype)
    return _distributed(part, x.device_mesh, placements, x.shape)


def _distributed(part: Any, mesh: Any, placements: Any, shape: Any) -> Any:
    from torch.distributed.tensor import DTensor

    stride = tuple(prod(shape[at + 1 :]) for at in range(len(shape)))
    return DTensor.from_local(part.contiguous(), mesh, placements, run_check=False, shape=shape, stride=stride)


def _uncut(placements: Any, axis: int) -> list[Any]:
    """Return the placements with copies wherever they are not shards of another axis."""
    from torch.distributed.tensor import Replicate

    return [place if getattr(place, "dim", axis) != axis else Replicate() for place in placements]


def _cut_plainly(x: Any, axis: int) -> Any:
    """Return `x` with what is yet to be summed, and shards that do not lie in one piece, in plain shards of `axis`."""
    from torch.distributed.tensor import Shard

    known = [_is_plain(place, axis) for place in x.placements]
    if all(known):
        return x
    plain = [place if is_known else Shard(axis) for is_known, place in zip(known, x.placements, strict=True)]
    return x.redistribute(placements=plain)


def _is_plain(place: Any, axis: int) -> bool:
    """Return whether a placement is of all of `axis`, or of one piece of it."""
    return bool(place.is_replicate() or place.is_shard(axis) or getattr(place, "dim", axis) != axis)


def _cuts(x: Any, axis: int) -> tuple[int, list[tuple[int, list[int]]]]:
    """Return where the shard begins along `axis`, and which dimensions of the mesh cut it, into which lengths."""
    start, length, cuts = 0, x.shape[axis], []
    for dim, place in enumerate(x.placements):
        if place.is_shard(axis):
            size, at = x.device_mesh.size(dim), x.device_mesh.get_local_rank(dim)
            step = -(-length // size)
            lengths = [max(0, min(step, length - step * i)) for i in range(size)]
            start += sum(lengths[:at])
            length = lengths[at]
            cuts.append((dim, lengths))
    came = x.to_local().shape[axis]
    if came != length:  # as after from_local with a shape of one's own
        raise ValueError(f"x must have shards as torch.chunk cuts them; got {came} for {length} along axis {axis}")
    return start, cuts
