"""Each library's own top k, and other packages', as functions that `xtopk.testing` can check."""

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

import xtopk
from benchmarks.peers import PEERS
from xtopk.testing import Report, check_topk


def numpy_argpartition(x: Any, k: int, *, axis: int, mode: str, **_: Any) -> Any:
    """Return the top k as it is commonly taken from `numpy.argpartition`."""
    if mode == "largest":
        indices = np.moveaxis(np.moveaxis(np.argpartition(x, -k, axis), axis, -1)[..., -k:], -1, axis)
    else:
        indices = np.moveaxis(np.moveaxis(np.argpartition(x, k, axis), axis, -1)[..., :k], -1, axis)
    return np.take_along_axis(x, indices, axis), indices


def numpy_negated(x: Any, k: int, *, axis: int, mode: str, **_: Any) -> Any:
    """Return the front of `argsort`, of -x for the largest."""
    order = np.argsort(-x if mode == "largest" else x, axis, stable=True)
    indices = np.moveaxis(np.moveaxis(order, axis, -1)[..., :k], -1, axis)
    return np.take_along_axis(x, indices, axis), indices


def torch_topk(x: Any, k: int, *, axis: int, mode: str, sorted: bool, **_: Any) -> Any:
    """Return what `torch.topk` gives."""
    return import_module("torch").topk(x, k, axis, mode == "largest", sorted)


def jax_top_k(x: Any, k: int, *, axis: int, stable: bool, nan: str, sorted: bool) -> Any:
    """Return what `jax.lax.top_k` gives, which has no smallest."""
    return import_module("jax").lax.top_k(x, k, axis=axis)


def dask_topk(x: Any, k: int, *, axis: int, mode: str, **_: Any) -> Any:
    """Return what `dask.array.topk` and `argtopk` give, of a few chunks along the axis."""
    da = import_module("dask.array")
    x = x.rechunk({axis: max(1, -(-x.shape[axis] // 3))})
    signed = k if mode == "largest" else -k
    return da.topk(x, signed, axis), da.argtopk(x, signed, axis)


def cupy_argpartition(x: Any, k: int, *, axis: int, mode: str, **_: Any) -> Any:
    """Return the top k as it is commonly taken from `cupy.argpartition`."""
    cp = import_module("cupy")
    order = cp.moveaxis(cp.argpartition(x, -k if mode == "largest" else k, axis), axis, -1)
    indices = cp.moveaxis(order[..., -k:] if mode == "largest" else order[..., :k], -1, axis)
    return cp.take_along_axis(x, indices, axis), indices


def indices_by(name: str) -> Callable[..., Any]:
    """Return a peer's call that gives indices, and the values at them."""

    def topk(x: Any, k: int, *, axis: int, mode: str, **_: Any) -> Any:
        indices = PEERS[name].call(x, k, axis, mode == "largest")
        return np.take_along_axis(x, indices, axis), indices

    return topk


def pyarrow_select_k(x: Any, k: int, *, mode: str, **_: Any) -> Any:
    """Return what `pyarrow.compute.select_k_unstable` gives for one row, and the values there."""
    if x.dtype == np.float16:
        raise TypeError("float16 is not tried, for it ends the process")
    if x.ndim > 1:
        raise TypeError("takes one row")
    indices = np.asarray(PEERS["pyarrow select_k_unstable"].call(x, k, -1, mode == "largest"))
    return x[indices], indices


def polars_top_k(x: Any, k: int, *, mode: str, **_: Any) -> Any:
    """Return what `polars.Series.top_k` and `bottom_k` give for one row: values alone."""
    if x.ndim > 1:
        raise TypeError("takes one row")
    return PEERS["polars top_k"].call(x, k, -1, mode == "largest").to_numpy(), None


def keras_top_k(x: Any, k: int, *, axis: int, sorted: bool, stable: bool, nan: str) -> Any:
    """Return what `keras.ops.top_k` gives on its NumPy backend, which has no smallest."""
    return [np.moveaxis(np.asarray(part), -1, axis) for part in PEERS["keras.ops.top_k"].call(x, k, axis, True)]


def standard_top_k(namespace: str) -> Callable[..., Any]:
    """Return a library's `top_k` of the standard's draft, asked for every rule and having one."""

    def topk(x: Any, k: int, *, axis: int, mode: str, **_: Any) -> Any:
        return import_module(namespace).top_k(x, k, axis=axis, mode=mode)

    return topk


class Subject(NamedTuple):
    """A top k, the library whose arrays it takes, and what must be installed."""

    title: str
    namespace: str
    function: Callable[..., Any]
    package: str = ""
    around: Callable[[], AbstractContextManager[Any]] = nullcontext
    attribute: str = ""
    """What the namespace must have."""


def jax_x64() -> AbstractContextManager[Any]:
    """Let JAX have 64 bits."""
    enable: AbstractContextManager[Any] = import_module("jax").enable_x64(True)
    return enable


def dask_here() -> AbstractContextManager[Any]:
    """Let Dask compute in this thread."""
    setting: AbstractContextManager[Any] = import_module("dask").config.set(scheduler="synchronous")
    return setting


OWN = (
    Subject("`torch.topk`", "array_api_compat.torch", torch_topk, "torch"),
    Subject("`jax.lax.top_k`", "jax.numpy", jax_top_k, "jax", jax_x64),
    Subject("Dask `topk`, `argtopk`", "array_api_compat.dask.array", dask_topk, "dask", dask_here),
    Subject("NumPy `argpartition`", "numpy", numpy_argpartition, "numpy"),
    Subject("NumPy `argsort(-x)`", "numpy", numpy_negated, "numpy"),
    Subject("CuPy `argpartition`", "array_api_compat.cupy", cupy_argpartition, "cupy"),
    *(
        Subject(f"`{name}.top_k`", name, standard_top_k(name), name.partition(".")[0], around, "top_k")
        for name, around in {"numpy": nullcontext, "jax.numpy": jax_x64, "array_api_strict": nullcontext}.items()
    ),
)
OTHERS = (
    Subject("`keras.ops.top_k`", "numpy", keras_top_k, "keras"),
    Subject("`array_api_extra.argpartition`", "numpy", indices_by("array_api_extra.argpartition"), "array_api_extra"),
    Subject("`bottleneck.argpartition`", "numpy", indices_by("bottleneck.argpartition"), "bottleneck"),
    Subject("pyarrow `select_k_unstable`", "numpy", pyarrow_select_k, "pyarrow"),
    Subject("`polars.Series.top_k`", "numpy", polars_top_k, "polars"),
)
OURS = (
    Subject("NumPy", "numpy", xtopk.topk, "numpy"),
    Subject("torch", "array_api_compat.torch", xtopk.topk, "torch"),
    Subject("JAX, x64 on", "jax.numpy", xtopk.topk, "jax", jax_x64),
    Subject("Dask", "array_api_compat.dask.array", xtopk.topk, "dask", dask_here),
    Subject("array-api-strict", "array_api_strict", xtopk.topk, "array_api_strict"),
    Subject("CuPy", "array_api_compat.cupy", xtopk.topk, "cupy"),
)


def available(subject: Subject) -> bool:
    """Return whether a subject can run here."""
    if find_spec(subject.package) is None or (subject.package == "cupy" and not import_module("cupy").is_available()):
        return False
    return not subject.attribute or hasattr(import_module(subject.namespace), subject.attribute)


def check(subject: Subject) -> Report:
    """Return the report on one subject."""
    with subject.around(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return check_topk(subject.function, import_module(subject.namespace), name=subject.title)
