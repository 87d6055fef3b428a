"""The dispatch table: which functions serve which array library."""

from collections.abc import Callable
from typing import Any, NamedTuple

from xtopk._explain import Plan
from xtopk._native.cupy import cupy_plan, cupy_topk
from xtopk._native.dask import dask_concat, dask_mask, dask_merge, dask_plan, dask_topk
from xtopk._native.generic import (
    TopkFunction,
    concat,
    first,
    generic_plan,
    generic_topk,
    mask_by_indices,
    mask_by_topk,
    merge_by_few,
    merge_by_topk,
    native_plan,
)
from xtopk._native.jax import jax_mask, jax_plan, jax_topk
from xtopk._native.numpy import numpy_mask, numpy_plan, numpy_topk
from xtopk._native.torch import torch_concat, torch_first, torch_mask, torch_merge, torch_plan, torch_topk


class Native(NamedTuple):
    """The functions of one library: a new one needs only `topk`, from which the others are made."""

    topk: TopkFunction
    mask: Callable[..., Any] = mask_by_topk
    merge: Callable[..., Any] = merge_by_topk
    plan: Callable[..., Plan] = native_plan
    concat: Callable[..., Any] = concat
    first: Callable[..., Any] = first


def native_for(xp: Any) -> Native:
    """Return the row for a namespace."""
    return NATIVES.get(library_name(xp), GENERIC)


def library_name(xp: Any) -> str:
    """Return the name of a namespace without the prefix of array_api_compat, vendored or not."""
    return xp.__name__.rpartition("array_api_compat.")[2]  # type: ignore[no-any-return]


GENERIC = Native(generic_topk, plan=generic_plan)

NATIVES = {
    "numpy": Native(numpy_topk, numpy_mask, merge_by_few, numpy_plan),
    "torch": Native(torch_topk, torch_mask, torch_merge, torch_plan, torch_concat, torch_first),
    "jax.numpy": Native(jax_topk, jax_mask, plan=jax_plan),
    "cupy": Native(cupy_topk, mask_by_indices, plan=cupy_plan),
    "dask.array": Native(dask_topk, dask_mask, dask_merge, dask_plan, dask_concat),
}
