"""Lazy libraries: nothing is computed before it is asked for, and then each chunk is read once."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import xtopk
from tests.libraries import Library, rows
from tests.oracle import assert_marked, assert_ranked
from tests.strategies import tied_array

LAZY = pytest.mark.parametrize("library", rows(lazy=True), ids=str)


class Counted:
    """A NumPy array that counts how often a piece of it is read."""

    def __init__(self, data: Any) -> None:
        self.data, self.shape, self.dtype, self.ndim, self.reads = data, data.shape, data.dtype, data.ndim, 0

    def __getitem__(self, key: Any) -> Any:
        self.reads += 1
        return self.data[key]


def counted(library: Library, chunks: Any = (3, 25)) -> tuple[Counted, Any]:
    """Return an array of 12 chunks that counts, and the lazy array that reads it."""
    source = Counted(tied_array(np.random.default_rng(0), (9, 100), np.dtype("float32"), kinds=40))
    x = library.namespace.from_array(source, chunks=chunks, meta=np.empty((0, 0), dtype=np.float32))
    source.reads = 0
    return source, x


@LAZY
def test_the_count_counts(library: Library) -> None:
    source, x = counted(library)
    library.back(x)
    assert source.reads == 12
    library.back(x.max(), x.min())
    assert source.reads == 24


@pytest.mark.parametrize(
    "build",
    [
        lambda x: tuple(xtopk.topk(x, 5)),
        lambda x: tuple(xtopk.topk(x, 60, 1, mode="smallest", nan="greatest", sorted=False, stable=False)),
        lambda x: tuple(xtopk.topk(x, 0)),
        lambda x: (xtopk.topk_mask(x, 5),),
        lambda x: tuple(xtopk.merge_topk([xtopk.topk(x, 5)], 3)),
    ],
)
@LAZY
def test_building_computes_nothing(library: Library, build: Callable[[Any], tuple[Any, ...]]) -> None:
    source, x = counted(library)
    results = build(x)
    assert source.reads == 0
    for result in results:
        assert type(result) is type(x)


@pytest.mark.parametrize("axis", [0, 1])
@LAZY
def test_one_pass_gives_values_and_indices(library: Library, axis: int) -> None:
    source, x = counted(library)
    values, indices = library.back(*xtopk.topk(x, 4, axis))
    assert source.reads == 12
    assert_ranked((values, indices), source.data, 4, axis)


@LAZY
def test_one_pass_feeds_two_questions(library: Library) -> None:
    source, x = counted(library)
    library.back(*xtopk.topk(x, 4), *xtopk.topk(x, 2, 0, mode="smallest"))
    assert source.reads == 12


@LAZY
def test_k_longer_than_a_chunk(library: Library) -> None:
    source, x = counted(library, chunks=(2, (1, 60, 0, 39)))
    for k in (2, 59, 61, 99, 100):
        assert_ranked(library.back(*xtopk.topk(x, k)), source.data, k)
        (mask,) = library.back(xtopk.topk_mask(x, k))
        assert_marked(mask, source.data, k)


@pytest.mark.parametrize(("axis", "k"), [(0, 4), (1, 40)])
@LAZY
def test_what_the_result_says_of_itself(library: Library, axis: int, k: int) -> None:
    _, x = counted(library)
    values, indices = xtopk.topk(x, k, axis)
    shape = (k, 100) if axis == 0 else (9, k)
    chunks = ((k,), (25,) * 4) if axis == 0 else ((3,) * 3, (k,))
    for result, dtype in ((values, "float32"), (indices, "int64")):
        assert result.shape == shape
        assert result.chunks == chunks
        assert result.dtype == dtype
        assert type(result._meta) is np.ndarray
        assert result._meta.dtype == dtype
        assert result._meta.ndim == 2
        (computed,) = library.back(result)
        assert type(computed) is np.ndarray
        assert computed.shape == shape
        assert computed.dtype == dtype
    mask = xtopk.topk_mask(x, k, axis)
    assert mask.chunks == x.chunks
    assert mask.dtype == bool


@LAZY
def test_the_result_can_be_computed_with_further(library: Library) -> None:
    source, x = counted(library)
    values, indices = xtopk.topk(x, 6, 0)
    total, picked, wide = library.back(indices.sum(axis=0), indices[2, 5:8], -values.rechunk((2, 10)))
    expected = xtopk.topk(source.data, 6, 0)
    np.testing.assert_array_equal(total, expected.indices.sum(axis=0))
    np.testing.assert_array_equal(picked, expected.indices[2, 5:8])
    np.testing.assert_array_equal(wide, -expected.values)


@LAZY
def test_values_alone_or_indices_alone(library: Library) -> None:
    source, x = counted(library)
    result = xtopk.topk(x, 6)
    expected = xtopk.topk(source.data, 6)
    np.testing.assert_array_equal(library.back(result.values)[0], expected.values)
    np.testing.assert_array_equal(library.back(result.indices)[0], expected.indices)


@LAZY
def test_unknown_chunk_sizes(library: Library) -> None:
    x = library.make(np.arange(20, dtype=np.int32))
    unknown = x[x > 4]
    message = r"^x must have a known length along axis 0, such as x\.compute_chunk_sizes\(\) finds; got an unknown one$"
    for k in (0, 2):
        with pytest.raises(ValueError, match=message):
            xtopk.topk(unknown, k)
        with pytest.raises(ValueError, match=message):
            xtopk.topk_mask(unknown, k)
    known = unknown.compute_chunk_sizes()
    assert_ranked(library.back(*xtopk.topk(known, 2)), np.arange(5, 20, dtype=np.int32), 2)


@LAZY
def test_unknown_chunk_sizes_along_another_axis(library: Library) -> None:
    """The axis that is chosen along is known, so the answer is one."""
    x_np = np.arange(40, dtype=np.int32).reshape(8, 5)
    x = library.make(x_np)
    values, indices = library.back(*xtopk.topk(x[x[:, 0] > 12], 2))
    assert_ranked((values, indices), x_np[x_np[:, 0] > 12], 2)


@LAZY
def test_unknown_parts_are_refused(library: Library) -> None:
    x = library.make(np.arange(20, dtype=np.int32))
    with pytest.raises(ValueError, match="known length"):
        xtopk.merge_topk([(x[x > 4], x[x > 4])], 2)


@LAZY
def test_the_same_call_has_the_same_name(library: Library) -> None:
    """Dask tells equal work by its name; different arguments must not share one."""
    _, x = counted(library)
    ways: list[dict[str, Any]] = [{"k": 3}, {"k": 4}, {"k": 3, "nan": "greatest"}]
    names = [xtopk.topk(x, **way).values.name for way in ways]
    assert len(set(names)) == 3
    assert xtopk.topk(x, 3).values.name == names[0]
    assert xtopk.topk(x, 3).indices.name != names[0]


@LAZY
def test_the_graph_travels(library: Library) -> None:
    """The work may be done in other processes."""
    cloudpickle = import_module("cloudpickle")
    x_np = tied_array(np.random.default_rng(0), (4, 90), np.dtype("float64"), kinds=9)
    x = library.make(x_np)
    values, indices = cloudpickle.loads(cloudpickle.dumps(tuple(xtopk.topk(x, 7))))
    assert_ranked(library.back(values, indices), x_np, 7)


@pytest.mark.parametrize("library", rows(lazy=True), ids=str)
def test_mask_of_an_empty_chunk_beside_an_axis_of_one(library: Library) -> None:
    da = library.namespace
    x = da.from_array(np.ones((2, 1, 2)), chunks=((2,), (0, 1), (2,)))
    assert xtopk.topk_mask(x, 1, 1).compute(scheduler="synchronous").all()


@pytest.mark.parametrize("library", rows(lazy=True), ids=str)
def test_parts_unknown_along_another_axis_merge(library: Library) -> None:
    da = library.namespace
    x = da.from_array(np.arange(24.0).reshape(4, 6), chunks=(3, 2))
    part = xtopk.topk(x[x[:, 0] > 7], 2, 1)
    merged = xtopk.merge_topk([part], 1, 1)
    assert merged.values.compute(scheduler="synchronous").tolist() == [[17.0], [23.0]]
