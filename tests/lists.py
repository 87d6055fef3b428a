"""An array library that is Python lists inside: no more of the standard than `xtopk.testing` needs."""

from math import prod
from typing import Any

from xtopk.testing import topk_indices
from xtopk.testing._oracle import slices


class Array:
    """Elements in the order of the last axis, a shape and the name of a dtype."""

    def __init__(self, flat: list[Any], shape: tuple[int, ...], dtype: str) -> None:
        self.flat, self.shape, self.dtype = flat, shape, dtype

    def __getitem__(self, key: Any) -> Any:
        if key[0] is ...:
            step = key[1].step
            return Array(self.flat[::step], (*self.shape[:-1], self.shape[-1] // step), self.dtype)
        return self.flat[sum(i * prod(self.shape[axis + 1 :]) for axis, i in enumerate(key))]


def asarray(nested: list[Any], dtype: str) -> Array:
    shape: tuple[int, ...] = (len(nested),)
    while isinstance(nested[0], list):
        shape = (*shape, len(nested[0]))
        nested = [element for row in nested for element in row]
    return Array(nested, shape, dtype)


def zeros(shape: tuple[int, ...], dtype: str) -> Array:
    return Array([0] * prod(shape), shape, dtype)


def arange(n: int) -> Array:
    return Array(list(range(n)), (n,), "int64")


def top_k(x: Array, k: int, *, mode: str = "largest", nan: str = "last") -> tuple[Array, Array]:
    if not 0 <= k <= x.shape[-1]:
        raise ValueError("k out of range")
    shape = (*x.shape[:-1], k)
    rows = [(row, topk_indices(row, k, mode, nan)) for row in slices(x.flat, x.shape, -1)]
    values = [row[i] for row, first in rows for i in first]
    return Array(values, shape, x.dtype), Array([i for _, first in rows for i in first], shape, "int64")


bool, int8, uint8, int64, uint64, float32, float64 = "bool", "int8", "uint8", "int64", "uint64", "float32", "float64"
