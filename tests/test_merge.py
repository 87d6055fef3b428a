"""`merge_topk`: the top k of shuffled pieces is the top k of the whole."""

import random
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import xtopk
from tests.libraries import Library, np_dtype, rows
from tests.oracle import assert_topk, oracle_topk
from tests.strategies import Case, cases, tied_array

ROWS_AND_DTYPES = [pytest.param(row, dtype, id=f"{row}-{dtype}") for row in rows() for dtype in row.dtypes]


def cut(x: Any, axis: int, start: int, stop: int) -> Any:
    """Return what lies between two points of an axis."""
    return np.moveaxis(np.moveaxis(x, axis, 0)[start:stop], 0, axis)


def part_of(library: Library, x_np: Any, start: int, stop: int, k: int, axis: int, **words: Any) -> Any:
    """Return the top k of a piece as the oracle finds it, its indices counted from the start of the whole."""
    values, indices = oracle_topk(cut(x_np, axis, start, stop), min(k, stop - start), axis, **words)
    return xtopk.TopK(library.make(values), library.make((indices + start).astype(library.index_dtype)))


@pytest.mark.parametrize(("library", "dtype"), ROWS_AND_DTYPES)
@given(data=st.data())
def test_pieces_are_the_whole(library: Library, dtype: str, data: st.DataObject) -> None:
    case: Case = data.draw(cases(dtype, ("mode", "nan", "sorted", "stable")))
    n = case.x.shape[case.axis]
    edges = [0, *data.draw(st.lists(st.integers(0, n), max_size=3).map(sorted)), n]
    words = {name: case.options[name] for name in ("mode", "nan")}
    parts = [part_of(library, case.x, start, stop, case.k, case.axis, **words) for start, stop in pairwise(edges)]
    parts = data.draw(st.permutations(parts))
    result = library.merge_topk(parts, case.k, case.axis, **case.options)
    assert_topk(library, result, parts[0].values, case.x, case.k, case.axis, **case.options)


@pytest.mark.parametrize("stable", [True, False])
@pytest.mark.parametrize("library", rows(), ids=str)
def test_parts_that_topk_made(library: Library, stable: bool) -> None:
    """In no order, and with what it chose among equal elements."""
    options: dict[str, Any] = {"mode": "smallest", "nan": "greatest", "stable": stable}
    x_np = tied_array(np.random.default_rng(2), (30, 4), np_dtype("float32"), kinds=9)
    parts = []
    for start, stop in ((20, 30), (0, 3), (3, 20)):
        values, indices = xtopk.topk(library.make(x_np[start:stop]), min(6, stop - start), 0, sorted=False, **options)
        parts.append(xtopk.TopK(values, indices + start))
    result = library.merge_topk(parts, 6, 0, **options)
    assert_topk(library, result, parts[0].values, x_np, 6, 0, **options)


@pytest.mark.parametrize("library", rows(), ids=str)
def test_many_parts_in_a_tree(library: Library) -> None:
    x_np = np.random.default_rng(1).integers(0, 50, size=(3, 1200)).astype(np.float32)
    x_np[:, ::7] = np.nan
    parts = [part_of(library, x_np, start, start + 60, 40, -1) for start in range(0, 1200, 60)]
    random.Random(0).shuffle(parts)
    halves = [library.merge_topk(parts[:9], 40), library.merge_topk(parts[9:], 40)]
    assert_topk(library, library.merge_topk(halves, 40), library.make(x_np), x_np, 40)


@pytest.mark.parametrize("kinds", [2, 30, 100_000])
@pytest.mark.parametrize(
    ("library", "dtype"),
    [
        pytest.param(row, dtype, id=f"{row}-{dtype}")
        for row in rows(compiled=False, lazy=False)
        for dtype in ("float32", "int8", "float16", "uint64", "datetime64[s]")
        if dtype in row.dtypes
    ],
)
def test_many_parts_with_and_without_ties_at_the_edge(library: Library, dtype: str, kinds: int) -> None:
    rng = np.random.default_rng(kinds)
    for k in (1, 2, 7):
        for nan in ("last", "greatest"):
            x_np = tied_array(rng, (3, 120, 2), np_dtype(dtype), kinds)
            parts = [part_of(library, x_np, start, start + 10, k, 1, nan=nan) for start in range(0, 120, 10)]
            random.Random(0).shuffle(parts)
            assert_topk(library, library.merge_topk(parts, k, 1, nan=nan), parts[0].values, x_np, k, 1, nan=nan)


@pytest.mark.parametrize("library", rows(), ids=str)
def test_a_part_may_hold_more_and_be_a_plain_pair(library: Library) -> None:
    """A part may be a whole piece, in any order, and any pair will do."""
    x_np = np.asarray([5, 9, 9, 2, 9, 7], dtype=np.int32)
    order = [3, 1, 0, 2]
    index = library.index_dtype
    whole = (library.make(x_np[order]), library.make(np.asarray(order, dtype=index)))
    rest = (library.make(x_np[4:]), library.make(np.asarray([4, 5], dtype=index)))
    result = library.merge_topk([rest, whole], 4)
    assert_topk(library, result, whole[0], x_np, 4)


@pytest.mark.parametrize("library", rows(), ids=str)
def test_k_of_zero_and_k_of_all(library: Library) -> None:
    x_np = np.asarray([[5, 9, 9, 2]], dtype=np.int32)
    parts = [part_of(library, x_np, 0, 1, 4, -1), part_of(library, x_np, 1, 4, 4, -1)]
    for k in (0, 4):
        assert_topk(library, library.merge_topk(parts, k), parts[0].values, x_np, k)


def test_any_iterable_of_parts() -> None:
    x = np.asarray([5, 9, 9, 2])
    values, _ = xtopk.merge_topk((xtopk.topk(x, 2) for _ in range(1)), 2)  # type: ignore[arg-type]
    assert values.tolist() == [9, 9]
