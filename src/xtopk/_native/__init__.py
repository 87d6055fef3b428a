"""The dispatch table: which functions serve which array library."""

from collections.abc import Callable
from typing import Any, NamedTuple

from xtopk._native.cupy import cupy_topk
from xtopk._native.dask import dask_mask, dask_merge, dask_topk
from xtopk._native.generic import TopkFunction, generic_topk, mask_by_topk, merge_by_topk
from xtopk._native.jax import jax_mask, jax_topk
from xtopk._native.numpy import numpy_mask, numpy_topk
from xtopk._native.torch import torch_mask, torch_merge, torch_topk


class Native(NamedTuple):
    """The functions of one library: a new one needs only `topk`, from which the others are made."""

    topk: TopkFunction
    mask: Callable[..., Any] = mask_by_topk
    merge: Callable[..., Any] = merge_by_topk


def native_for(xp: Any) -> Native:
    """Return the row for a namespace, by its name without the prefix of array_api_compat, vendored or not."""
    return NATIVES.get(xp.__name__.rpartition("array_api_compat.")[2], GENERIC)


GENERIC = Native(generic_topk)

NATIVES = {
    "numpy": Native(numpy_topk, numpy_mask),
    "torch": Native(torch_topk, torch_mask, torch_merge),
    "jax.numpy": Native(jax_topk, jax_mask),
    "cupy": Native(cupy_topk, numpy_mask),
    "dask.array": Native(dask_topk, dask_mask, dask_merge),
}
