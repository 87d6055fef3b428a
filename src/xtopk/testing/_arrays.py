"""Arrays from Python numbers and back, by what the array API standard has."""

import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from xtopk._order import FLOAT_BITS, INTEGER_BITS

DTYPES = ("bool", *INTEGER_BITS, *FLOAT_BITS)
MOST_SHOWN = 12


def dtypes_of(xp: Any) -> dict[str, Any]:
    """Return the dtypes of `DTYPES` that a namespace has and keeps."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # JAX warns that it makes float32 of float64
        for name in DTYPES:
            dtype = getattr(xp, name, None)
            if dtype is not None and xp.asarray([1], dtype=dtype).dtype == dtype:
                found[name] = dtype
    return found


def index_dtype(xp: Any) -> Any:
    """Return a namespace's default dtype for indices."""
    info = getattr(xp, "__array_namespace_info__", None)
    return xp.arange(1).dtype if info is None else info().default_dtypes()["indexing"]


def nested(flat: Sequence[Any], shape: tuple[int, ...]) -> list[Any]:
    """Return elements as lists of lists."""
    if len(shape) < 2:
        return list(flat)
    step = math.prod(shape[1:])
    return [nested(flat[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0])]


def plain(xp: Any, flat: Sequence[Any], shape: tuple[int, ...], dtype: Any) -> Any:
    """Return an array as the library lays it out."""
    if 0 in shape:
        return xp.zeros(shape, dtype=dtype)
    return xp.asarray(nested(flat, shape), dtype=dtype)


def sliced(xp: Any, flat: Sequence[Any], shape: tuple[int, ...], dtype: Any) -> Any:
    """Return every other element of an array twice as long."""
    twice = [element for element in flat for _ in range(2)]
    return plain(xp, twice, (*shape[:-1], 2 * shape[-1]), dtype)[..., ::2]


def transposed(xp: Any, flat: Sequence[Any], shape: tuple[int, ...], dtype: Any) -> Any:
    """Return the transpose of a matrix."""
    columns = [element for column in range(shape[1]) for element in flat[column :: shape[1]]]
    return xp.permute_dims(plain(xp, columns, shape[::-1], dtype), (1, 0))


def flipped(xp: Any, flat: Sequence[Any], shape: tuple[int, ...], dtype: Any) -> Any:
    """Return an array read from its end."""
    return xp.flip(plain(xp, flat[::-1], shape, dtype))


def broadcast(xp: Any, flat: Sequence[Any], shape: tuple[int, ...], dtype: Any) -> Any:
    """Return one row repeated without memory of its own."""
    return xp.broadcast_to(plain(xp, flat[: shape[-1]], shape[-1:], dtype), shape)


LAYOUTS: dict[str, Callable[..., Any]] = {
    "asarray": plain,
    "[..., ::2]": sliced,
    "permute_dims": transposed,
    "flip": flipped,
    "broadcast_to": broadcast,
}
"""How an array is made, by what makes it; all but the first are views, where the library has views."""


class Contents(NamedTuple):
    """What an array holds, as Python numbers, and what it says of itself; a lazy one says it before and after."""

    elements: list[Any]
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[Any, ...]


def read(array: Any) -> Contents:
    """Return the contents of an array, computed if it is lazy."""
    stages = [array, array.compute()] if hasattr(array, "compute") else [array]
    shapes = tuple(tuple(stage.shape) for stage in stages if all(n == n for n in stage.shape))  # NaN is Dask's unknown
    array = stages[-1]
    if hasattr(array, "tolist"):
        elements = list(leaves(array.tolist(), len(array.shape)))
    else:
        number = number_type(array.dtype)
        elements = [number(array[where]) for where in itertools.product(*map(range, array.shape))]
    return Contents(elements, shapes, tuple(stage.dtype for stage in stages))


def leaves(lists: Any, depth: int) -> Iterator[Any]:
    """Yield the elements of lists of lists, one after another."""
    if depth == 0:
        yield lists
        return
    for inner in lists:
        yield from leaves(inner, depth - 1)


def number_type(dtype: Any) -> Callable[[Any], Any]:
    """Return the Python type that holds every element of a dtype."""
    name = str(dtype)
    return bool if "bool" in name else int if "int" in name else float


def shown(elements: Sequence[Any], start: int = 0) -> str:
    """Return a few elements in words, the sign of NaN told; of many, those from `start` on."""
    if len(elements) <= MOST_SHOWN:
        return f"[{', '.join(map(word, elements))}]"
    words = ["..."] * (start > 0) + [word(element) for element in elements[start : start + MOST_SHOWN // 2]]
    return f"[{', '.join(words)}, ... {len(elements)} in all]"


def word(element: Any) -> str:
    """Return an element in words."""
    return str(element) if element == element else "-nan" if math.copysign(1, element) < 0 else "nan"
