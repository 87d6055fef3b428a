"""A package that hands the options on: what it imports to type its own functions."""

from typing import Any, TypeVar, Unpack, assert_type

import numpy as np
import pytest
from numpy.typing import NDArray

import xtopk
from xtopk import Array, Mode, NanRule, Options, TopK

AnyArray = TypeVar("AnyArray", bound=Array)


def best(scores: AnyArray, k: int, *, mode: Mode = "largest", nan: NanRule = "last") -> TopK[AnyArray, Any]:
    return xtopk.topk(scores, k, axis=0, mode=mode, nan=nan)


def nearest(distances: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    indices: NDArray[np.int64] = best(distances, k, mode="smallest").indices
    return indices


def keyed(x: NDArray[np.float64], k: int, **options: Unpack[Options]) -> dict[int, float]:
    values, indices = xtopk.topk(x, k, **options)
    return dict(zip(indices.tolist(), values.tolist(), strict=True))


def first_of_any(scores: Array) -> Any:
    return xtopk.topk(scores, 1).values


x = np.zeros(3)
assert_type(best(x, 2).values.dtype, np.dtype[np.float64])
words: list[Mode] = ["largest", "smallest"]
rules: list[NanRule] = ["last", "greatest"]
for word in words:
    for rule in rules:
        best(x, 2, mode=word, nan=rule)
first_of_any(x)
keyed(x, 2, mode="smallest", sorted=False)
nearest(x, 2)


def choose(word: str) -> None:
    """An unchecked word is an error of types."""
    xtopk.topk(x, 1, mode=word)  # type: ignore[call-overload]


with pytest.raises(ValueError, match="mode"):
    choose("max")
with pytest.raises(ValueError, match="mode"):
    keyed(x, 2, mode="max")  # type: ignore[arg-type]
with pytest.raises(TypeError):
    keyed(x, 2, descending=True)  # type: ignore[call-arg]
