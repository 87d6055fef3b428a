"""The contract made executable, for NumPy arrays: the order of `xtopk.testing` on each slice."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device

from tests.libraries import Library
from xtopk.testing import rank_key, topk_indices


def plain(x: Any) -> list[Any]:
    """Return a 1-D array as Python numbers, exact in value, with None for NaN and NaT."""
    if x.dtype.kind in "mM":
        return [
            None if missing else number for missing, number in zip(np.isnat(x), x.astype("int64").tolist(), strict=True)
        ]
    if x.dtype.kind in "biu":
        return x.tolist()  # type: ignore[no-any-return]
    with np.errstate(invalid="ignore"):  # a signalling NaN is converted, too
        return [None if number != number else number for number in x.astype("float64").tolist()]


def places_1d(elements: list[Any], mode: str, nan: str, stable: bool) -> list[int]:
    """Return each element's place in the ranking; if not `stable`, equal elements share their first."""

    keys = [rank_key(element, mode, nan) for element in elements]
    ranking = topk_indices(elements, len(elements), mode, nan)
    places = [0] * len(elements)
    for place, i in enumerate(ranking):
        tied = not stable and place > 0 and keys[i] == keys[ranking[place - 1]]
        places[i] = places[ranking[place - 1]] if tied else place
    return places


MANY = 20_000
"""From so many elements the order is by NumPy's own stable sort, which takes a tenth of the time."""


def places_of_many(x: Any, mode: str, nan: str, stable: bool) -> Any:
    """Return what `places_1d` does, of each slice along the last axis; of no times."""
    if x.dtype.kind in "iub":
        value, missing = x.astype("uint8") if x.dtype.kind == "b" else x, np.zeros(x.shape, dtype=bool)
    else:
        with np.errstate(invalid="ignore"):  # a signalling NaN is converted, too
            value, missing = x.astype("float64"), np.isnan(x)
        value[missing] = 0
    if mode == "largest":
        value = -value if value.dtype.kind == "f" else ~value
    late = missing ^ (nan == "greatest" and mode == "largest")
    order = np.lexsort((value, late), axis=-1)
    place = np.broadcast_to(np.arange(x.shape[-1]), x.shape)
    if not stable:
        before, after = (np.take_along_axis(a, order, -1) for a in (value, late))
        rises = (before[..., 1:] != before[..., :-1]) | (after[..., 1:] != after[..., :-1])
        place = place.copy()
        place[..., 1:] *= rises
        place = np.maximum.accumulate(place, axis=-1)
    out = np.empty(x.shape, dtype=np.int64)
    np.put_along_axis(out, order, place, axis=-1)
    return out


def places(x: Any, axis: int = -1, mode: str = "largest", nan: str = "last", stable: bool = True) -> Any:
    """Return an array shaped as `x` of each element's place in the ranking of its slice along `axis`."""
    slices = np.moveaxis(x, axis, -1)
    if x.size >= MANY and x.dtype.kind not in "mM":
        return np.moveaxis(places_of_many(slices, mode, nan, stable), -1, axis)
    out = np.zeros(slices.shape, dtype=np.int64)
    for where in np.ndindex(slices.shape[:-1]):
        out[where] = places_1d(plain(slices[where]), mode, nan, stable)
    return np.moveaxis(out, -1, axis)


def oracle_topk(x: Any, k: int, axis: int = -1, mode: str = "largest", nan: str = "last") -> tuple[Any, Any]:
    """Return the values and indices that the contract specifies."""
    order = np.argsort(places(x, axis, mode, nan), axis=axis)
    indices = np.take(order, range(k), axis=axis)
    return np.take_along_axis(x, indices, axis), indices


def assert_same_bits(actual: Any, expected: Any) -> None:
    """Assert one dtype, one shape and the same bits, but for the sign and payload of NaN."""
    assert actual.dtype == expected.dtype, f"dtype {actual.dtype}, not {expected.dtype}"
    assert actual.shape == expected.shape, f"shape {actual.shape}, not {expected.shape}"
    bits = f"u{actual.dtype.itemsize}"
    same = np.ascontiguousarray(actual).view(bits) == np.ascontiguousarray(expected).view(bits)
    if actual.dtype.kind not in "biumM":
        with np.errstate(invalid="ignore"):  # a signalling NaN is looked at, too
            same = same | (np.isnan(actual) & np.isnan(expected))
    assert np.all(same), f"{actual}\nis not\n{expected}"


def assert_ranked(
    selected: Sequence[Any],
    x: Any,
    k: int,
    axis: int = -1,
    *,
    mode: str = "largest",
    sorted: bool = True,
    stable: bool = True,
    nan: str = "last",
) -> None:
    """Assert that NumPy values and indices are a top k of `x`: its elements, in order, at distinct indices."""
    values, indices = selected
    n = x.shape[axis]
    shape = list(x.shape)
    shape[axis] = k
    assert list(indices.shape) == shape, f"shape {indices.shape}, not {shape}"
    assert np.all((indices >= 0) & (indices < n)), f"indices out of range: {indices}"
    assert_same_bits(values, np.take_along_axis(x, indices, axis))
    assert np.all(np.diff(np.sort(indices, axis=axis), axis=axis) > 0), f"an index came twice: {indices}"
    every = places(x, axis, mode, nan, stable)
    wanted = np.take(np.sort(every, axis=axis), range(k), axis=axis)
    found = np.take_along_axis(every, indices, axis)
    if not sorted:
        found = np.sort(found, axis=axis)
    assert np.array_equal(found, wanted), f"places\n{found}\ninstead of\n{wanted}\nfor indices\n{indices}\nof\n{x!r}"


def assert_own(library: Library, array: Any, x: Any, dtype: Any) -> None:
    """Assert that an array is of the same library and device as `x`, and of `dtype`."""
    assert type(array) is type(x), f"{type(array)}, not {type(x)}"
    assert array_namespace(array) is array_namespace(x)
    assert device(array) == device(x), f"on {device(array)}, not {device(x)}"
    assert array.dtype == dtype, f"dtype {array.dtype}, not {dtype}"


def index_dtype(library: Library, x: Any) -> Any:
    """Return the library's own dtype object for indices."""
    return getattr(array_namespace(x), library.index_dtype)


def assert_topk(library: Library, result: Any, x: Any, x_np: Any, k: int, axis: int = -1, **options: Any) -> None:
    """Assert that `result` is what the contract says of `x`, whose elements are those of `x_np`."""
    assert type(result).__name__ == "TopK"
    assert result._fields == ("values", "indices")
    assert_own(library, result.values, x, x.dtype)
    assert_own(library, result.indices, x, index_dtype(library, x))
    values, indices = library.back(*result)
    assert values.shape == tuple(result.values.shape)
    assert_ranked((values, indices), x_np, k, axis, **options)


def assert_marked(
    mask: Any,
    x: Any,
    k: int,
    axis: int = -1,
    *,
    mode: str = "largest",
    stable: bool = True,
    nan: str = "last",
) -> None:
    """Assert that a NumPy array marks a top k of each slice of `x`."""
    assert mask.dtype == np.bool_
    assert mask.shape == x.shape, f"shape {mask.shape}, not {x.shape}"
    assert np.all(np.sum(mask, axis=axis) == k), f"not {k} are marked along axis {axis}:\n{mask}"
    every = places(x, axis, mode, nan, stable)
    wanted = np.take(np.sort(every, axis=axis), range(k), axis=axis)
    found = np.take(np.sort(np.where(mask, every, x.shape[axis]), axis=axis), range(k), axis=axis)
    assert np.array_equal(found, wanted), f"marked\n{mask}\nof\n{x!r}"


def assert_mask(library: Library, mask: Any, x: Any, x_np: Any, k: int, axis: int = -1, **options: Any) -> None:
    """Assert that `mask` is what the contract says of `x`, whose elements are those of `x_np`."""
    assert_own(library, mask, x, getattr(array_namespace(x), "bool"))  # noqa: B009
    assert tuple(mask.shape) == tuple(x.shape)
    (found,) = library.back(mask)
    assert_marked(found, x_np, k, axis, **options)
