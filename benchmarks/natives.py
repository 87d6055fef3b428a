"""What each library offers by itself, as people write it by hand: the side xtopk is compared with."""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

import xtopk
from benchmarks.peers import peer_calls
from benchmarks.workloads import Workload

Call = Callable[[], Any]
UNSTABLE = "xtopk unstable"
"""xtopk with ``stable=False, nan="greatest"``: what most natives promise."""


def numpy_calls(work: Workload, data: Any) -> dict[str, Call]:
    """Return the `argpartition` idiom, xtopk and one reduction, on a NumPy array."""
    x = data.astype(_numpy_dtype(work.dtype), copy=False)
    largest, n = work.mode == "largest", x.shape[work.axis]

    def native() -> Any:
        indices = np.argpartition(x, n - work.k if largest else work.k - 1, axis=work.axis)
        ends = slice(n - work.k, None) if largest else slice(0, work.k)
        indices = np.moveaxis(np.moveaxis(indices, work.axis, -1)[..., ends], -1, work.axis)
        if work.result == "mask":
            mask = np.zeros(x.shape, dtype=bool)
            np.put_along_axis(mask, indices, True, axis=work.axis)
            return mask
        values = np.take_along_axis(x, indices, axis=work.axis)
        if work.result == "unsorted":
            return values, indices
        order = np.argsort(values, axis=work.axis)
        order = np.flip(order, axis=work.axis) if largest else order
        return np.take_along_axis(values, order, work.axis), np.take_along_axis(indices, order, work.axis)

    return {
        "native": native,
        "xtopk": _ours(work, x),
        UNSTABLE: partial(_ours(work, x), stable=False, nan="greatest"),
        "max": partial(np.max if largest else np.min, x, axis=work.axis),
        **(peer_calls(work, x) if work.result == "sorted" else {}),
    }


def torch_calls(work: Workload, data: Any) -> dict[str, Call]:
    """Return `torch.topk`, xtopk, xtopk with torch's own promises, and one reduction."""
    import torch

    x = torch.from_numpy(np.ascontiguousarray(data)).to(getattr(torch, work.dtype))
    largest = work.mode == "largest"
    native = partial(torch.topk, x, work.k, work.axis, largest=largest, sorted=work.result == "sorted")

    def mask() -> Any:
        return torch.zeros_like(x, dtype=torch.bool).scatter_(work.axis, native().indices, True)

    sides = {
        "native": mask if work.result == "mask" else native,
        "xtopk": _ours(work, x),
        UNSTABLE: partial(_ours(work, x), stable=False, nan="greatest"),
        "max": partial(torch.amax if largest else torch.amin, x, work.axis),
    }
    if work.result == "sorted":
        sides["full stable sort"] = lambda: [
            part.narrow(work.axis, 0, work.k) for part in x.sort(dim=work.axis, descending=largest, stable=True)
        ]
    return sides


def jax_calls(work: Workload, data: Any) -> dict[str, Call]:
    """Return `lax.top_k`, xtopk and one reduction, each under `jit`."""
    import jax
    import jax.numpy as jnp

    x = jnp.asarray(data).astype(work.dtype)
    largest = work.mode == "largest"

    def native(a: Any) -> Any:
        a = jnp.moveaxis(a, work.axis, -1)
        if not largest:
            a = ~a if a.dtype.kind == "i" else -a
        values, indices = (jnp.moveaxis(part, -1, work.axis) for part in jax.lax.top_k(a, work.k))
        if work.result != "mask":
            return values, indices
        return jnp.put_along_axis(jnp.zeros(x.shape, bool), indices, True, axis=work.axis, inplace=False)

    sides = {
        "native": native,
        "xtopk": lambda a: _ours(work, a)(),
        UNSTABLE: lambda a: _ours(work, a)(stable=False, nan="greatest"),
        "max": lambda a: (a.max if largest else a.min)(work.axis),
    }

    def call(compiled: Callable[[Any], Any]) -> Any:
        return jax.block_until_ready(compiled(x))

    return {name: partial(call, jax.jit(side)) for name, side in sides.items()}


def _ours(work: Workload, x: Any) -> Any:
    if work.result == "mask":
        return partial(xtopk.topk_mask, x, work.k, work.axis, mode=work.mode)
    return partial(xtopk.topk, x, work.k, work.axis, mode=work.mode, sorted=work.result == "sorted")


def _numpy_dtype(name: str) -> Any:
    if name != "bfloat16":
        return np.dtype(name)
    import ml_dtypes

    return np.dtype(ml_dtypes.bfloat16)


def runs(library: str, work: Workload) -> bool:
    """Return whether a library can hold the data here: NumPy has bfloat16 only from ml_dtypes."""
    return library != "numpy" or work.dtype != "bfloat16" or find_spec("ml_dtypes") is not None


CALLS = {"numpy": numpy_calls, "torch": torch_calls, "jax": jax_calls}
