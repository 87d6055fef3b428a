"""An array library that is NumPy inside and, as CuPy, never turns into NumPy unasked; Dask may hold it in chunks."""

import sys
from types import ModuleType
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin


class Duck(NDArrayOperatorsMixin):
    """Delegates all to an array, and wraps what comes back."""

    __array_priority__ = 100

    def __init__(self, data: Any) -> None:
        self.data = data

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("a Duck is not turned into a NumPy array unasked")

    def __array_namespace__(self, **_: Any) -> Any:
        return sys.modules["duck"]

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **options: Any) -> Any:
        assert all(isinstance(a, Duck | int | float) for a in args), "a Duck meets other arrays"
        return wrapped(getattr(ufunc, method))(*args, **options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        return wrapped(function)(*args, **options)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__len__":
            raise AttributeError(name)
        found = getattr(self.data, name)
        return wrapped(found) if callable(found) else found

    def __getitem__(self, key: Any) -> Any:
        return wrapped(self.data.__getitem__)(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        wrapped(self.data.__setitem__)(key, value)

    def __len__(self) -> int:
        return len(self.data)

    def __reduce__(self) -> Any:
        return Duck, (self.data,)

    def astype(self, dtype: Any, **options: Any) -> Any:
        if np.dtype(dtype) == object:
            raise ValueError("Unsupported dtype object")
        return Duck(self.data.astype(dtype, **options))


def unwrap(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return type(value)(map(unwrap, value))
    return value.data if isinstance(value, Duck) else value


def wrap(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return type(value)(map(wrap, value))
    return Duck(value) if isinstance(value, np.ndarray | np.generic) else value


def wrapped(function: Any) -> Any:
    """Return the function of Ducks that a function of NumPy arrays is."""
    return lambda *args, **options: wrap(function(*map(unwrap, args), **{k: unwrap(v) for k, v in options.items()}))


class Namespace(ModuleType):
    """NumPy's functions, wrapped."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        return found if isinstance(found, type) or not callable(found) else wrapped(found)


Duck.__module__ = "duck"
sys.modules["duck"] = Namespace("duck")
