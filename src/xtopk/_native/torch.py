"""torch: ``torch.topk``, whose ties are arbitrary and for which NaN is the greatest, and what is faster and exact."""

from typing import Any

from xtopk._cuda.select import plan_of_rows
from xtopk._explain import Plan
from xtopk._native.generic import Selected, TopkFunction, concat, first, merge_by_topk
from xtopk._native.torch_cuda import kernels_serve, topk_by_kernels
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
from xtopk._native.torch_eager import indices_eager
from xtopk._native.torch_looks import way_of
from xtopk._native.torch_marks import marked
from xtopk._native.torch_numpy import (
    has_few_threads,
    indices_by_blocks,
    indices_by_numpy,
    indices_by_packed_keys,
    indices_of_lists,
)
from xtopk._native.torch_numpy_ways import may_be_by_numpy, reduced_width
from xtopk._native.torch_operations import gather
from xtopk._native.torch_plan import eager_plan
from xtopk._native.torch_shapes import UNSUPPORTED, is_marked
from xtopk._native.torch_static import indices_static, static_plan
from xtopk._native.torch_ways import way_of_tied
from xtopk._order import Ranking, dtype_name
from xtopk._select.equals import indices_of_equals
from xtopk._select.verified import are_apart, first_of, indices_by_sort, mended, ties, topk_and_doubt

NUMPY_AXES = 32
"""Of more axes NumPy reads no tensor."""


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
    is_plain = not is_compiling and _is_plain(torch, x)
    if is_plain and x.is_cpu:
        return _topk_of_cpu(xp, x, k, axis, rank)
    if is_plain and x.is_cuda and kernels_serve(x, k, axis):
        return topk_by_kernels(xp, x, k, axis, rank)
    if not is_plain and not is_compiling:
        refuse_transformed_dtensor(x)
    indices = indices_static(xp, x.detach().movedim(axis, -1), k, rank).movedim(-1, axis).contiguous()
    return gather(xp, x, axis, indices), indices


def _topk_of_cpu(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k where Python may look at the elements."""
    if x.ndim > NUMPY_AXES:
        rows = x.movedim(axis, -1)
        found = _topk_of_cpu(xp, rows.reshape(-1, rows.shape[-1]), k, 1, rank)
        values, indices = (part.view(*rows.shape[:-1], k).movedim(-1, axis).contiguous() for part in found)
        return values, indices
    row, at = (x.detach().reshape(-1), 0) if x.ndim > 1 and x.numel() == x.shape[axis] else (x, axis)
    way = way_of(row, k, at, rank)
    if way == "blocks":
        rows, width = x.detach().reshape(-1, x.shape[axis]), reduced_width(row, k, at, rank)
        if (found := indices_by_blocks(xp, rows, k, rank, width)) is not None:
            return _gathered(xp, x, axis, found.view(*x.shape[:axis], k))
        is_long = row.ndim == 1 and x.dtype.itemsize > 2 and has_few_threads()
        way = "NumPy" if is_long else way_of(row, k, at, rank, blocks=False)
    if way == "equals":
        if (found := indices_of_equals(xp, _rows(x.detach(), axis), k, rank)) is not None:
            return _gathered(xp, x, axis, found)
        way = "NumPy" if may_be_by_numpy(row, k, at) else way_of(row, k, at, rank, equals=False, blocks=False)
    if way == "listed":
        values, indices = x.topk(min(k + 1, x.shape[axis]), axis, rank.largest)
        if are_apart(values, axis, rank):
            return first_of(values, indices, k, axis)
        way = way_of_tied(row, k, at, rank)
        if way == "torch.topk":
            rows, few, places = (_rows(a.detach(), axis) for a in (x, values, indices))
            found = indices_of_lists(rows, few, places, k, rank)
            if found is not None:
                return _gathered(xp, x, axis, found)
            doubt = ties(values.detach(), axis, largest=rank.largest)
            return _mended(xp, x, k, axis, rank, *first_of(values, indices, k, axis), doubt)
    if way == "packed keys":
        if (indices := indices_by_packed_keys(x.detach(), k, axis, rank)) is not None:
            return gather(xp, x, axis, indices), indices
        way = "torch.topk" if dtype_name(x.dtype) not in UNSUPPORTED else "NumPy"
    if way == "torch.topk":
        values, indices, doubt = topk_and_doubt(x, k, axis, rank)
        return (values, indices) if doubt is None else _mended(xp, x, k, axis, rank, values, indices, doubt)
    if way in ("sort", "NumPy"):
        indices = (indices_by_sort if way == "sort" else indices_by_numpy)(x.detach(), k, axis, rank)
        return gather(xp, x, axis, indices), indices
    return _gathered(xp, x, axis, indices_eager(xp, _rows(x.detach(), axis), k, rank, way))


def _mended(xp: Any, x: Any, k: int, axis: int, rank: Ranking, values: Any, indices: Any, doubt: Any) -> Selected:
    """Return what `torch.topk` chose, put right where in doubt."""
    given = (_rows(a.detach(), axis) for a in (values, indices, doubt))
    return _gathered(xp, x, axis, mended(xp, _rows(x.detach(), axis), k, rank, *given))


def _gathered(xp: Any, x: Any, axis: int, found: Any) -> Selected:
    """Return the top k at indices as `_rows` has them: along the last axis, or of one row."""
    shape = (*x.shape[:axis], found.shape[-1], *x.shape[axis + 1 :])
    indices = (found if found.ndim == 1 else found.movedim(-1, axis)).contiguous().view(shape)
    return gather(xp, x, axis, indices), indices


def _rows(a: Any, axis: int) -> Any:
    """Return a tensor with its rows along the last axis, one as a vector."""
    return a.reshape(-1) if a.numel() == a.shape[axis] else a.movedim(axis, -1)


def torch_plan(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Plan:
    """Return which way `torch_topk` goes."""
    import torch

    if is_dtensor(x):
        return dtensor_plan(torch_plan, xp, x, k, axis, rank)
    n, x = x.shape[axis], x.resolve_neg()
    if torch.compiler.is_compiling() or not _is_plain(torch, x):
        return static_plan(x, n, k, rank)
    if x.is_cuda and kernels_serve(x, k, axis):
        return plan_of_rows(x.numel() // n, n, k, x.dtype.itemsize * 8)
    if not x.is_cpu:
        return static_plan(x, n, k, rank)
    return eager_plan(x.reshape(-1), k, 0, rank) if x.numel() == n else eager_plan(x, k, axis, rank)


def torch_mask(topk: TopkFunction, xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Any:
    """Return True at the top k, scattered into a new tensor or where the k-th value is reached."""
    import torch

    if is_dtensor(x):
        return dtensor_mask(topk, torch_merge, xp, x, k, axis, rank)
    may_look = not torch.compiler.is_compiling() and not torch.jit.is_tracing() and x.is_cpu
    may_look = may_look and is_marked(x, k, axis) and _is_plain(torch, x)
    if may_look:
        mask = marked(xp, x.detach().resolve_neg().movedim(axis, -1), k, rank)
        if mask is not None:
            return mask.movedim(-1, axis).contiguous()
    _, indices = topk(xp, x, k, axis, rank._replace(sorted=may_look))
    return xp.zeros_like(x, dtype=xp.bool).scatter(axis, indices, True)


def torch_merge(topk: TopkFunction, xp: Any, values: Any, indices: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of candidates, gathered as torch can."""
    if _are_dtensors([values, indices]):
        return dtensor_merge(topk, torch_merge, xp, values, indices, k, axis, rank)
    return merge_by_topk(topk, xp, values, indices, k, axis, rank, take=gather)


def torch_concat(xp: Any, arrays: list[Any], axis: int) -> Any:
    """Return the tensors one after another along an axis."""
    return (dtensor_concat if _are_dtensors(arrays) else concat)(xp, arrays, axis)


def torch_first(x: Any, k: int, axis: int) -> Any:
    """Return the first elements along an axis; of a DTensor, which moves data to be sliced, there must be none."""
    return dtensor_nothing(x, k, axis) if is_dtensor(x) else first(x, k, axis).clone()


def _are_dtensors(parts: list[Any]) -> bool:
    found = [is_dtensor(part) for part in parts]
    if any(found) and not all(found):
        raise TypeError("parts must hold DTensors alone or none, such as full_tensor() makes; got both")
    return found[0]


def _is_plain(torch: Any, x: Any) -> bool:
    """Return whether a tensor holds its elements itself, unless that is while compiling: not in a transform."""
    is_usual = type(x) is torch.Tensor or type(x) is torch.nn.Parameter
    is_usual = is_usual and not torch._C._functorch.is_functorch_wrapped_tensor(x)
    modes = torch._C._len_torch_function_stack() or torch._C._len_torch_dispatch_stack()
    return is_usual and not (modes and _is_traced())


def _is_traced() -> bool:
    """Return whether torch makes a graph of operations on plain tensors, or fakes their results."""
    import torch
    from torch.fx.experimental.proxy_tensor import get_proxy_mode

    fake = torch._C._TorchDispatchModeKey.FAKE
    return get_proxy_mode() is not None or torch._C._get_dispatch_mode(fake) is not None
