"""NumPy: indices are int64 and masks are bool, whatever the dtype of the values."""

from typing import Any, assert_type

import numpy as np
import pytest
from numpy.typing import NDArray

import xtopk

Floats = NDArray[np.float32]
Top = xtopk.TopK[Floats, NDArray[np.int64]]

x: Floats = np.asarray([[3, 1, 2], [4, 6, 5]], dtype=np.float32)

top = xtopk.topk(x, 2)
assert_type(top, Top)
assert_type(top.values, Floats)
assert_type(top.indices, NDArray[np.int64])

values, indices = xtopk.topk(x, 1, axis=0, mode="smallest", sorted=False, stable=False, nan="greatest")
assert_type(values, Floats)
assert_type(indices, NDArray[np.int64])
taken: Floats = np.take_along_axis(x, indices, axis=0)
looked_up: Floats = np.zeros(10, dtype=np.float32)[indices]

mask = xtopk.topk_mask(x, 2)
assert_type(mask, NDArray[np.bool])
kept: Floats = x[mask]

parts = [xtopk.topk(x, 2), xtopk.topk(x, 1)]
assert_type(parts, list[Top])
parts[1] = xtopk.TopK(parts[1].values, parts[1].indices + 3)
assert_type(xtopk.merge_topk(parts, 2), Top)
assert_type(xtopk.merge_topk([(part.values, part.indices) for part in parts], 2), Top)
assert_type(xtopk.merge_topk((top, top), 2).values, Floats)

matrix: np.ndarray[tuple[int, int], np.dtype[np.int8]] = np.zeros((3, 4), dtype=np.int8)
assert_type(xtopk.topk(matrix, 1).values, np.ndarray[tuple[int, int], np.dtype[np.int8]])
assert_type(xtopk.topk(matrix, 1).indices, np.ndarray[tuple[int, int], np.dtype[np.int64]])

assert_type(xtopk.explain(x, 2), xtopk.Explanation)
assert_type(xtopk.explain(x, 2).block_length, int)

# What is refused when it runs is an error of types, too; an ignored line without one is itself an error.
with pytest.raises(TypeError):
    xtopk.topk([3, 1, 2], 2)  # type: ignore[call-overload]
with pytest.raises(TypeError):
    xtopk.topk(3.5, 1)  # type: ignore[call-overload]
with pytest.raises(TypeError):
    xtopk.topk(x)  # type: ignore[call-overload]
with pytest.raises(TypeError):
    xtopk.topk(x, 2.0)  # type: ignore[call-overload]
with pytest.raises(TypeError):
    xtopk.topk(x, None)  # type: ignore[call-overload]
with pytest.raises(TypeError):
    xtopk.topk(x, 2, axis=None)  # type: ignore[call-overload]
with pytest.raises(TypeError):
    xtopk.topk(x, 2, axis=(0, 1))  # type: ignore[call-overload]
with pytest.raises(ValueError, match="mode"):
    xtopk.topk(x, 2, mode="max")  # type: ignore[call-overload]
with pytest.raises(ValueError, match="nan"):
    xtopk.topk(x, 2, nan=True)  # type: ignore[call-overload]
with pytest.raises(TypeError):
    xtopk.topk(x, 2, -1, "smallest")  # type: ignore[call-overload]
with pytest.raises(TypeError):
    xtopk.topk(x, 2, dim=0)  # type: ignore[call-overload]
with pytest.raises(TypeError):
    xtopk.topk(x, 2, largest=False)  # type: ignore[call-overload]
with pytest.raises(TypeError):
    xtopk.topk_mask(x, 2, sorted=False)  # type: ignore[call-overload]
with pytest.raises(TypeError):
    xtopk.topk_mask(x, "2")  # type: ignore[call-overload]
with pytest.raises(TypeError):
    xtopk.merge_topk(top, 2)  # type: ignore[arg-type]
with pytest.raises(TypeError):
    xtopk.merge_topk([top], 2.0)  # type: ignore[arg-type]
with pytest.raises(ValueError, match="mode"):
    xtopk.merge_topk([top], 2, mode="min")  # type: ignore[arg-type]
with pytest.raises(ValueError, match="mode"):
    xtopk.explain(x, 2, mode="Largest")  # type: ignore[arg-type]


def of_unknown_type(array: Any) -> None:
    """An array of a library without types: what comes back is as unknown, and can be handed on."""
    values, indices = xtopk.topk(array, 2)
    assert_type(values, Any)
    assert_type(xtopk.topk_mask(array, 2), Any)
    parts = [xtopk.topk(array, 2), (values, indices + 3)]
    assert_type(xtopk.merge_topk(parts, 2).values, Any)


of_unknown_type(x)
