"""What `explain` tells of torch where Python may look at the elements: the way that `torch_ways` shows, and why."""

from typing import Any

from xtopk._explain import Plan
from xtopk._native.numpy import numpy_plan
from xtopk._native.torch_numpy import is_packed_for_torch, selected_from
from xtopk._native.torch_numpy_ways import reduced_width
from xtopk._native.torch_shapes import (
    UNSIGNED,
    UNSUPPORTED,
    block_length,
    is_bracketed,
    is_sampled,
    is_unordered,
    piece_length,
    pile_folds,
)
from xtopk._native.torch_ways import direct_way, plan_of_rows
from xtopk._order import Ranking, dtype_name


def eager_plan(x: Any, k: int, axis: int, rank: Ranking) -> Plan:
    """Return which way a call goes."""
    n, how = x.shape[axis], "with a look for ties and NaN"
    way = direct_way(x, k, axis, rank)
    if way == "sort":
        return Plan(way, 0, f"{x.numel()} elements in rows of {n}")
    if way == "packed keys":
        then = "for torch.topk" if is_packed_for_torch(x, k, axis) else "and sorts"
        return Plan(way, 0, f"{x.numel()} elements, which NumPy packs with their positions {then}")
    if way == "listed":
        return Plan("torch.topk", 0, f"{k} of {n} in few rows, {how}")
    if way == "blocks":
        width = reduced_width(x, k, axis, rank)
        left = f"{n // width} maxima and {k * width} candidates are left of {n}"
        return Plan("block maxima", width, f"{left}, from which NumPy selects, which shares the memory")
    if way == "NumPy":
        plan = numpy_plan(None, selected_from(x.detach(), axis)[0], k, axis, rank)
        return plan._replace(reason=f"{plan.reason}, by NumPy, which shares the memory")
    if way:
        return Plan(way, 0, f"{x.numel()} elements in rows of {n}, {how}")
    is_unsigned = dtype_name(x.dtype) in UNSIGNED
    if is_unsigned and (length := piece_length(x, k)):
        reason = f"{length} of {n} at a time, and then what is best in them"
        return eager_plan(x[:length], k, 0, rank)._replace(reason=reason)
    if not rank.sorted and is_unordered(x, k, axis):
        if x.ndim == 1 and is_bracketed(x, n):
            return Plan("sampled bracket", 0, f"what is sure to be among {k} of {n} is not moved, nor put in order")
        return Plan("k-th value", 0, f"torch.topk of {k} of {n} in no order, with a look for ties and NaN")
    if is_sampled(x, n, k, rank):
        return Plan("sampled bound", 0, f"little more than {k} of {n} are expected to reach it, and are sorted")
    if not is_unsigned and (width := block_length(x, k, positive=False)):
        return Plan("block maxima", width, f"{n // width} maxima and {k * width} candidates are left of {n}")
    if folds := pile_folds(x, k, axis, rank):
        return Plan("column maxima", folds, f"{n // folds} maxima of columns are left of {n}, {how}")
    if k == 1 and dtype_name(x.dtype) not in UNSUPPORTED:
        return Plan("torch.topk", 0, "its max or min, the first of each row, with a look for NaN")
    return plan_of_rows(x, k, axis, rank)
