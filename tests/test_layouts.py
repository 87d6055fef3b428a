"""Arrays of more than one block, in every order of axes in memory, with gaps, and of odd bytes and classes."""

from itertools import permutations
from typing import Any

import numpy as np
import pytest

import xtopk
from benchmarks.__main__ import memory_peak
from tests.libraries import Library, rows
from tests.oracle import assert_ranked
from tests.strategies import tied_array

NUMPY = pytest.mark.parametrize("library", rows(native="numpy", disguised=False), ids=str)


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
@pytest.mark.parametrize("dtype", ["float32", ">f4", ">M8[D]", "float16", "bool"])
@NUMPY
def test_axes_in_any_order_with_gaps(library: Library, dtype: str, order: tuple[int, ...]) -> None:
    whole = tied_array(np.random.default_rng(0), (38, 36, 100), np.dtype(dtype), 1000)
    for x in (whole.transpose(order), whole[:, ::-1, :-3].transpose(order)):
        for axis in range(3):
            result = library.topk(library.make(x), 4, axis)
            assert result.values.dtype == x.dtype
            assert_ranked(library.back(*result), x, 4, axis)


@NUMPY
def test_a_byte_that_is_true_is_true(library: Library) -> None:
    for length in (3, 200_000):
        x = np.asarray([1, 1, 255] + [0] * length, dtype=np.uint8).view(np.bool_)
        assert library.topk(library.make(x), 2).indices.tolist() == [0, 1]


class Subclass(np.ndarray[Any, Any]):
    """An array of another class, which the result is not."""


@NUMPY
def test_results_are_plain_arrays(library: Library) -> None:
    x = np.arange(6.0).view(Subclass)
    for array in (x, x[None]):
        assert {type(part) for part in library.topk(array, 2)} == {np.ndarray}


@pytest.mark.parametrize("kinds", [2, 3_000_000])
@NUMPY
def test_extra_memory_is_a_few_blocks(library: Library, kinds: int) -> None:
    x = np.random.default_rng(0).integers(0, kinds, (3000, 40, 60)).astype(np.float32)
    x = library.make(x[:, :, :59])
    for axis in range(3):
        result = xtopk.topk(x, 2, axis)
        peak = memory_peak(lambda axis=axis: xtopk.topk(x, 2, axis))  # type: ignore[misc]
        assert peak is None or peak < sum(part.nbytes for part in result) + 12e6  # of 28 MB
