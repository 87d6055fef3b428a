"""Top ks that are wrong in one way each, as they are written: the property that each lacks, and the function."""

from collections.abc import Callable
from typing import Any

import numpy as np

import xtopk
from xtopk import Mode


def also(**fixed: Any) -> Callable[..., Any]:
    """Return a top k that is right but for what it is always asked for."""
    return lambda x, k, **options: xtopk.topk(x, k, **(options | fixed))


def where(condition: Callable[..., Any], wrong: Callable[..., Any]) -> Callable[..., Any]:
    """Return a top k that is wrong where a condition holds."""

    def topk(x: Any, k: int, **options: Any) -> Any:
        return wrong(x, k, **options) if condition(x, k, **options) else xtopk.topk(x, k, **options)

    return topk


def result(change: Callable[..., Any]) -> Callable[..., Any]:
    """Return a top k whose right values and indices are changed."""
    return lambda x, k, **options: change(x, *xtopk.topk(x, k, **options))


def given(change: Callable[..., Any]) -> Callable[..., Any]:
    """Return a top k that selects from a changed input, and takes the values from the right one."""

    def topk(x: Any, k: int, *, axis: int, **options: Any) -> Any:
        indices = xtopk.topk(change(x), k, axis, **options).indices
        return np.take_along_axis(x, indices, axis), indices

    return topk


def last_ties(x: Any, k: int, *, axis: int, **options: Any) -> Any:
    values, indices = xtopk.topk(np.flip(x, axis), k, axis, **options)
    return values, x.shape[axis] - 1 - indices


def negated(x: Any, k: int, *, mode: Mode, **options: Any) -> Any:
    """Take the other end of -x, which is x for the least signed integer and for 0."""
    other: Mode = "smallest" if mode == "largest" else "largest"
    indices = xtopk.topk(-x, k, mode=other, **options).indices
    return np.take_along_axis(x, indices, options["axis"]), indices


def first_k(x: Any, k: int, *, axis: int, **_: Any) -> Any:
    indices = np.take(np.indices(x.shape)[axis], range(k), axis=axis)
    return np.take_along_axis(x, indices, axis), indices


def searched(x: Any, k: int, *, axis: int, **options: Any) -> Any:
    """Look for the index of each value, which finds the first of equal ones again and again."""
    values = xtopk.topk(x, k, axis, **options).values
    if x.ndim > 1 or k == 0:
        return xtopk.topk(x, k, axis, **options)
    same = (x[None] == values[:, None]) | ((x != x)[None] & (values != values)[:, None])
    return values, same.argmax(axis=1)


def worst_first(x: Any, k: int, *, axis: int, **options: Any) -> Any:
    return [np.flip(part, axis) for part in xtopk.topk(x, k, axis, **options)]


def axis_from_the_end(x: Any, k: int, *, axis: int, **options: Any) -> Any:
    return xtopk.topk(x, k, axis + 1 if axis < -1 else axis, **options)


def writes(x: Any, k: int, **options: Any) -> Any:
    found = xtopk.topk(x, k, **options)
    x *= -1
    return found


def clamped(x: Any, k: int, *, axis: int, **options: Any) -> Any:
    return xtopk.topk(x, min(k, x.shape[axis]), axis, **options)


def from_the_end(x: Any, k: int, **options: Any) -> Any:
    """Slice as ``order[:k]`` does for a negative k."""
    return xtopk.topk(x, k if k >= 0 else x.shape[-1] + 1 + k, **options)


def in_memory(x: Any, k: int, **options: Any) -> Any:
    """Read the memory in its own order."""
    return xtopk.topk(x.ravel(order="K").reshape(x.shape), k, **options)


def floats(x: Any, *_: Any, **__: Any) -> bool:
    return bool(x.dtype.kind not in "biu")


def has_nan(x: Any, *_: Any, **__: Any) -> bool:
    return bool(floats(x) and np.isnan(x).any())


def signed_nan_apart(x: Any, k: int, *, axis: int, mode: str, **options: Any) -> Any:
    """Rank -NaN as less than every number."""
    changed = np.where(np.isnan(x) & np.signbit(x), -np.inf if mode == "largest" else np.inf, x)
    return given(lambda _: changed)(x, k, axis=axis, mode=mode, **options)


def finite(x: Any) -> Any:
    return np.clip(x, np.finfo(x.dtype).min, np.finfo(x.dtype).max) if floats(x) else x


def rounded(x: Any) -> Any:
    """Let float64 near 1 be what float32 has of them."""
    with np.errstate(all="ignore"):
        return np.where(np.abs(np.abs(x) - 1) < 0.1, x.astype("float32"), x) if x.dtype == "float64" else x


def flushed(x: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.where(np.abs(x) < np.finfo(x.dtype).smallest_normal, x.dtype.type(0), x) if floats(x) else x


MUTANTS: dict[str, tuple[str, Callable[..., Any]]] = {
    "the other side": ("largest", where(lambda x, k, *, mode, **_: mode == "largest", also(mode="smallest"))),
    "mode has no effect": ("smallest", also(mode="largest")),
    "worst first": ("sorted", where(lambda x, k, *, sorted, **_: sorted, worst_first)),
    "sorted=False does not select": ("sorted=False", where(lambda x, k, *, sorted, **_: not sorted, first_k)),
    "ties from the back": ("stable", where(lambda x, k, *, stable, **_: stable and not has_nan(x), last_ties)),
    "stable=False does not select": ("stable=False", where(lambda x, k, *, stable, **_: not stable, first_k)),
    "NaN first": ("NaN last", also(nan="greatest")),
    "NaN last whatever is asked": ("NaN greatest", also(nan="last")),
    "NaN from the back": ("NaN stable", where(has_nan, last_ties)),
    "-NaN is less than numbers": ("NaN bits", where(has_nan, signed_nan_apart)),
    "-0.0 is less than +0.0": (
        "signed zero",
        given(lambda x: np.where((x == 0) & np.signbit(x), x.dtype.type(-1e-30), x) if floats(x) else x),
    ),
    "-0.0 turns into +0.0": ("signed zero kept", result(lambda x, v, i: (v + 0 if floats(x) else v, i))),
    "inf is the greatest number": ("inf", given(finite)),
    "subnormals are zero": ("subnormal", given(flushed)),
    "bool is not ranked": ("bool", where(lambda x, *_, **__: x.dtype == bool, first_k)),
    "-x of the least integer": ("signed", where(lambda x, *_, **__: x.dtype.kind == "i", negated)),
    "-x of unsigned": ("unsigned", where(lambda x, *_, **__: x.dtype.kind == "u", negated)),
    "float64 is compared as float32": ("floating", given(rounded)),
    "values are doubles": ("values dtype", result(lambda x, v, i: (v.astype("float64") if floats(x) else v, i))),
    "indices are 32 bits": ("indices dtype", result(lambda x, v, i: (v, i.astype("int32")))),
    "two selections": ("values at indices", result(lambda x, v, i: (v, np.sort(i, axis=-1)))),
    "indices are searched": ("distinct indices", searched),
    "axes counted wrongly from the end": ("axis", axis_from_the_end),
    "[-0:]": ("k=0", where(lambda x, k, **_: k == 0, lambda x, k, **o: xtopk.topk(x, x.shape[-1], **o))),
    "the axis is lost": (
        "k=1",
        where(lambda x, k, **_: k == 1 and x.shape[-1] > 2, result(lambda x, v, i: (v[..., 0], i[..., 0]))),
    ),
    "everything, as it lies": ("k=length", where(lambda x, k, **_: x.shape == (k,), first_k)),
    "k is clamped": ("k beyond the length", clamped),
    "k from the end": ("k negative", from_the_end),
    "nothing has no axis": (
        "zero-length axes",
        where(lambda x, *_, **__: 0 in x.shape, result(lambda x, v, i: (v.ravel(), i.ravel()))),
    ),
    "memory is read in its order": ("layouts", in_memory),
    "x *= -1": ("x unchanged", where(floats, writes)),
}
