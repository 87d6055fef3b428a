"""What each library offers by itself, as people write it by hand: the side xtopk is compared with."""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from itertools import cycle
from typing import Any

import numpy as np

import xtopk
from benchmarks.peers import peer_sides
from benchmarks.workloads import Workload

Call = Callable[[], Any]
Side = Callable[[Any], Any]
UNSTABLE = "xtopk unstable"
"""xtopk with ``stable=False, nan="greatest"``: what most natives promise."""


def numpy_calls(work: Workload, several: list[Any]) -> dict[str, Call]:
    """Return the `argpartition` idiom, xtopk and one reduction, on NumPy arrays."""
    arrays = [data.astype(_numpy_dtype(work.dtype), copy=False) for data in several]
    largest = work.mode == "largest"

    def native(x: Any) -> Any:
        n = x.shape[work.axis]
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

    sides: dict[str, Side] = {
        "native": native,
        **_ours(work),
        "max": partial(np.max if largest else np.min, axis=work.axis),
        **(peer_sides(work, arrays[0]) if work.result == "sorted" else {}),
    }
    return in_turn(sides, arrays)


def torch_calls(work: Workload, several: list[Any]) -> dict[str, Call]:
    """Return `torch.topk`, xtopk, xtopk with torch's own promises, and one reduction."""
    import torch

    tensors = [torch.from_numpy(np.ascontiguousarray(data)).to(getattr(torch, work.dtype)) for data in several]
    largest = work.mode == "largest"

    def native(x: Any) -> Any:
        return torch.topk(x, work.k, work.axis, largest=largest, sorted=work.result == "sorted")

    def mask(x: Any) -> Any:
        return torch.zeros_like(x, dtype=torch.bool).scatter_(work.axis, native(x).indices, True)

    sides: dict[str, Side] = {
        "native": mask if work.result == "mask" else native,
        **_ours(work),
        "max": partial(torch.amax if largest else torch.amin, dim=work.axis),
    }
    if work.result == "sorted":
        sides["full stable sort"] = lambda x: [
            part.narrow(work.axis, 0, work.k) for part in x.sort(dim=work.axis, descending=largest, stable=True)
        ]
    return in_turn(sides, tensors)


def jax_calls(work: Workload, several: list[Any]) -> dict[str, Call]:
    """Return `lax.top_k`, xtopk and one reduction, each under `jit`."""
    import jax
    import jax.numpy as jnp

    arrays = [jnp.asarray(data).astype(work.dtype) for data in several]
    largest = work.mode == "largest"

    def native(x: Any) -> Any:
        a = jnp.moveaxis(x, work.axis, -1)
        if not largest:
            a = ~a if a.dtype.kind == "i" else -a
        values, indices = (jnp.moveaxis(part, -1, work.axis) for part in jax.lax.top_k(a, work.k))
        if work.result != "mask":
            return values, indices
        return jnp.put_along_axis(jnp.zeros(x.shape, bool), indices, True, axis=work.axis, inplace=False)

    sides = {"native": native, **_ours(work), "max": lambda x: (x.max if largest else x.min)(work.axis)}

    def waited(side: Side) -> Side:
        compiled = jax.jit(side)
        return lambda x: jax.block_until_ready(compiled(x))

    return in_turn({name: waited(side) for name, side in sides.items()}, arrays)


def in_turn(sides: dict[str, Side], arrays: list[Any]) -> dict[str, Call]:
    """Return a call of each side, which takes one array after another."""

    def call(side: Side) -> Call:
        turn = cycle(arrays)
        return lambda: side(next(turn))

    return {name: call(side) for name, side in sides.items()}


def _ours(work: Workload) -> dict[str, Side]:
    options: Any = {"k": work.k, "axis": work.axis, "mode": work.mode}
    function: Any = xtopk.topk_mask if work.result == "mask" else xtopk.topk
    if work.result != "mask":
        options["sorted"] = work.result == "sorted"
    return {
        "xtopk": lambda x: function(x, **options),
        UNSTABLE: lambda x: function(x, **options, stable=False, nan="greatest"),
    }


def _numpy_dtype(name: str) -> Any:
    if name != "bfloat16":
        return np.dtype(name)
    import ml_dtypes

    return np.dtype(ml_dtypes.bfloat16)


def runs(library: str, work: Workload) -> bool:
    """Return whether a library can hold the data here: NumPy has bfloat16 only from ml_dtypes."""
    return library != "numpy" or work.dtype != "bfloat16" or find_spec("ml_dtypes") is not None


CALLS = {"numpy": numpy_calls, "torch": torch_calls, "jax": jax_calls}
