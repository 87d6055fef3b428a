"""`topk_mask` against the oracle, and against the indices of `topk`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.libraries import Library, np_dtype, rows
from tests.oracle import assert_mask, assert_same_bits, assert_topk
from tests.strategies import Case, cases, every_special, interesting_k

ROWS_AND_DTYPES = [pytest.param(row, dtype, id=f"{row}-{dtype}") for row in rows() for dtype in row.dtypes]


@pytest.mark.parametrize(("library", "dtype"), ROWS_AND_DTYPES)
@given(data=st.data())
def test_agrees_with_the_oracle(library: Library, dtype: str, data: st.DataObject) -> None:
    case: Case = data.draw(cases(dtype, ("mode", "nan", "stable")))
    before = case.x.copy()
    x = library.make(case.x)
    mask = library.topk_mask(x, case.k, case.axis, **case.options)
    assert_mask(library, mask, x, before, case.k, case.axis, **case.options)
    assert_same_bits(case.x, before)


@pytest.mark.parametrize("nan", ["last", "greatest"])
@pytest.mark.parametrize("mode", ["largest", "smallest"])
@pytest.mark.parametrize(("library", "dtype"), ROWS_AND_DTYPES)
def test_every_odd_element(library: Library, dtype: str, mode: str, nan: str) -> None:
    x_np = np.tile(every_special(np_dtype(dtype)), 2)
    x = library.make(x_np)
    n = len(x_np)
    for k in [n // 2] if library.compiled else [1, n // 2, n - 1, n]:
        assert_mask(library, library.topk_mask(x, k, mode=mode, nan=nan), x, x_np, k, mode=mode, nan=nan)


@pytest.mark.parametrize(("mode", "nan"), [("largest", "last"), ("largest", "greatest"), ("smallest", "last")])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("library", rows(compiled=False, lazy=False, disguised=False), ids=str)
def test_short_rows_of_odd_numbers(library: Library, dtype: str, mode: str, nan: str) -> None:
    """Few of them, and more than are selected from without ado."""
    if dtype not in library.dtypes:
        pytest.skip(f"{library} has no {dtype}, of which there is nothing to ask")
    rng = np.random.default_rng(0)
    for shape in [(40, 2), (40, 3), (40, 9), (40, 17), (9000, 4), (3000, 12), (3000, 13), (2000, 17)]:
        x_np = rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 1, 2, -3], shape).astype(dtype)
        x = library.make(x_np)
        for k in {1, shape[1] // 2, shape[1] - 1}:
            assert_mask(library, library.topk_mask(x, k, mode=mode, nan=nan), x, x_np, k, mode=mode, nan=nan)
            found = library.topk(x, k, mode=mode, nan=nan)
            assert_topk(library, found, x, x_np, k, mode=mode, nan=nan)


@pytest.mark.parametrize("library", rows(), ids=str)
def test_marks_what_the_indices_name(library: Library) -> None:
    """As a matrix of zeros and ones, too: ``one_hot(indices) @ x == values``."""
    x_np = np.random.default_rng(0).integers(0, 5, size=(4, 30)).astype(np.float32)
    x = library.make(x_np)
    result = library.topk(x, 6)
    values, indices, mask = library.back(*result, library.topk_mask(x, 6))
    one_hot = indices[..., None] == np.arange(30)
    assert np.array_equal(one_hot.any(axis=1), mask)
    assert np.array_equal((one_hot @ x_np[..., None])[..., 0], values)
    assert np.array_equal(np.sort(np.where(mask, x_np, -1))[:, :-7:-1], values)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 3)])
@pytest.mark.parametrize("library", rows(), ids=str)
def test_zero_lengths(library: Library, shape: tuple[int, ...]) -> None:
    x_np = np.zeros(shape, dtype=np.float32)
    x = library.make(x_np)
    for axis in range(-len(shape), len(shape)):
        for k in interesting_k(shape[axis]):
            assert_mask(library, library.topk_mask(x, k, axis), x, x_np, k, axis)
