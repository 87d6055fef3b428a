"""What graphs of lazy arrays go through: any chunks, other computations beside them, other libraries inside them."""

from importlib import import_module
from itertools import pairwise
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import xtopk
from tests.duck import Duck
from tests.libraries import KERNELS, Library, replaced, rows
from tests.oracle import assert_marked, assert_ranked
from tests.strategies import Case, cases, tied_array
from tests.test_lazy import counted
from xtopk._native import NATIVES
from xtopk._native.dask import MERGED_AT_A_TIME

LAZY = pytest.mark.parametrize("library", rows(lazy=True), ids=str)


@st.composite
def chunks_of(draw: st.DrawFn, length: int) -> tuple[int, ...]:
    """Draw how an axis is cut, empty chunks among them."""
    edges = [0, *sorted(draw(st.lists(st.integers(0, length), max_size=5))), length]
    return tuple(stop - start for start, stop in pairwise(edges))


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint64", "float16"])
@LAZY
@given(data=st.data())
def test_any_chunks(library: Library, dtype: str, data: st.DataObject) -> None:
    case: Case = data.draw(cases(dtype, ("mode", "nan", "sorted", "stable")))
    chunks = tuple(data.draw(chunks_of(length)) for length in case.x.shape)
    x = library.namespace.from_array(case.x, chunks=chunks)
    marking = {name: word for name, word in case.options.items() if name != "sorted"}
    values, indices = xtopk.topk(x, case.k, case.axis, **case.options)
    mask = xtopk.topk_mask(x, case.k, case.axis, **marking)
    for result in (values, indices, mask):
        assert all(sum(lengths) == length for lengths, length in zip(result.chunks, result.shape, strict=True))
    *selected, marked = library.back(values, indices, mask)
    assert_ranked(selected, case.x, case.k, case.axis, **case.options)
    assert_marked(marked, case.x, case.k, case.axis, **marking)


@pytest.mark.parametrize("native", ["", "cupy"])
@LAZY
def test_chunks_stay_of_their_library(library: Library, native: str) -> None:
    x_np = tied_array(np.random.default_rng(0), (4, 30), np.dtype("float32"), kinds=9)
    library.namespace.register_chunk_type(Duck)
    x = library.namespace.from_array(Duck(x_np), chunks=(3, (9, 0, 20, 1)), asarray=False)
    ducks = mock.patch.dict(NATIVES, {"duck": NATIVES[native]} if native else {})
    with ducks, replaced({KERNELS + "ON": False}):  # which a duck has no memory for
        right = xtopk.topk(x[:, 9:], 12)
        merged = xtopk.merge_topk([xtopk.topk(x[:, :9], 9), (right.values, right.indices + 9)], 12)
        for axis, k in ((0, 2), (1, 5), (1, 30)):
            assert "each by duck" in xtopk.explain(x, k, axis).reason
            lazy = (*xtopk.topk(x, k, axis), xtopk.topk_mask(x, k, axis))
            assert all(type(a._meta) is Duck for a in lazy)
            computed = library.back(*lazy)
            assert all(type(a) is Duck for a in computed)
            assert_ranked([a.data for a in computed[:2]], x_np, k, axis)
            assert_marked(computed[2].data, x_np, k, axis)
        assert_ranked([a.data for a in library.back(*merged)], x_np, 12)


@LAZY
def test_chunks_of_jax(library: Library) -> None:
    """Whose arrays are of another module than its functions, and are never written to."""
    jnp = import_module("jax.numpy")
    x_np = tied_array(np.random.default_rng(0), (4, 30), np.dtype("float32"), kinds=9)
    x = library.namespace.from_array(x_np, chunks=(3, (9, 0, 20, 1)))
    x = x.map_blocks(jnp.asarray, meta=jnp.empty((0, 0), x.dtype))
    for axis, k in ((0, 2), (1, 5), (1, 30)):
        assert "each by jax.numpy" in xtopk.explain(x, k, axis).reason
        *selected, mask = library.back(*xtopk.topk(x, k, axis), xtopk.topk_mask(x, k, axis))
        assert isinstance(xtopk.topk_mask(x, k, axis)._meta, jnp.ndarray)
        assert_ranked(selected, x_np, k, axis)
        assert_marked(mask, x_np, k, axis)
    right = xtopk.topk(x[:, 9:], 12)
    merged = xtopk.merge_topk([xtopk.topk(x[:, :9], 9), (right.values, right.indices + 9)], 12)
    assert_ranked(library.back(*merged), x_np, 12)


@LAZY
def test_other_computations_beside_it_read_nothing_again(library: Library) -> None:
    source, x = counted(library)
    zeros, *selected, mask = library.back((x == 0).sum(), *xtopk.topk(x, 5), xtopk.topk_mask(x, 5))
    assert source.reads == 12
    assert zeros == (source.data == 0).sum()
    assert_ranked(selected, source.data, 5)
    assert_marked(mask, source.data, 5)


@LAZY
def test_storing_reads_once(library: Library) -> None:
    source, x = counted(library)
    targets = np.empty((9, 5), dtype=np.float32), np.empty((9, 5), dtype=np.int64)
    library.namespace.store(list(xtopk.topk(x, 5)), list(targets), scheduler="synchronous")
    assert source.reads == 12
    assert_ranked(targets, source.data, 5)


@LAZY
def test_through_rechunk_persist_and_config(library: Library) -> None:
    import dask

    source, x = counted(library)
    with dask.config.set({"array.chunk-size": "16B", "split_every": 2}):
        held = dask.persist(*xtopk.topk(x.rechunk((9, 10)), 5), scheduler="synchronous")
        reads = source.reads
        assert_ranked(library.back(held[0].rechunk((2, 5)), held[1]), source.data, 5)
        assert source.reads == reads
    assert xtopk.topk(x, 5, 0).values.chunks == ((5,), (25,) * 4)


@LAZY
def test_the_pair_is_computed_as_it_is(library: Library) -> None:
    import dask

    source, x = counted(library)
    (computed,) = dask.compute(xtopk.topk(x, 5), scheduler="synchronous")
    assert type(computed) is xtopk.TopK
    assert source.reads == 12
    assert_ranked(computed, source.data, 5)
    total = dask.delayed(lambda top: top.indices.sum())(xtopk.topk(x, 5))
    assert total.compute(scheduler="synchronous") == computed.indices.sum()


@LAZY
def test_a_pipeline_of_random_numbers(library: Library) -> None:
    da = library.namespace
    noise = da.random.default_rng(0).normal(size=(40, 6), chunks=(7, 4))
    x = (noise - noise.mean(axis=0)) / noise.std(axis=0)
    everything, *selected = library.back(x, *xtopk.topk(x, 9, 0))
    assert_ranked(selected, everything, 9, 0)
    assert_ranked(library.back(*xtopk.topk(x, 9, 0)), everything, 9, 0)


@LAZY
def test_a_selection_of_a_selection(library: Library) -> None:
    source, x = counted(library)
    first = xtopk.topk(x, 8)
    assert_ranked(library.back(*xtopk.topk(first.values, 3, 0)), np.take(first.values.compute(), range(9), 0), 3, 0)
    assert_ranked(library.back(*(part[..., :3] for part in first)), source.data, 3)


@LAZY
def test_lengths_unknown_along_other_axes(library: Library) -> None:
    x_np = np.arange(40, dtype=np.int32).reshape(8, 5) % 11
    x = library.namespace.from_array(x_np, chunks=(3, (2, 1, 2)))
    unknown, known = x[x[:, 0] > 3], x_np[x_np[:, 0] > 3]
    assert xtopk.explain(unknown, 3).library == "dask.array"
    assert_marked(library.back(xtopk.topk_mask(unknown, 3))[0], known, 3)
    left, right = xtopk.topk(unknown[:, :2], 2), xtopk.topk(unknown[:, 2:], 3)
    parts = [(right.values, right.indices + 2), left]
    assert_ranked(library.back(*xtopk.merge_topk(parts, 4)), known, 4)
    assert_ranked(library.back(*xtopk.topk(unknown, 0)), known, 0)


@LAZY
def test_unknown_lengths_that_do_not_fit_are_refused(library: Library) -> None:
    x = library.make(np.arange(40).reshape(8, 5))
    parts = [tuple(xtopk.topk(part, 2)) for part in (x[x[:, 0] > 12], x[x[:, 0] > 22])]
    with pytest.raises(ValueError, match=r"^parts must have one shape but for the length of axis 1; got "):
        library.back(*xtopk.merge_topk(parts, 2))


@LAZY
def test_chunks_that_are_not_what_they_say_are_refused(library: Library) -> None:
    x = library.namespace.from_array(np.arange(20), chunks=5)
    halved = x.map_blocks(lambda chunk: chunk[::2], dtype=x.dtype)
    with pytest.raises(ValueError, match=r"^x must have chunks as long as it says; got 3 for 5 along axis 0$"):
        library.back(*xtopk.topk(halved, 2))
    floats = x.map_blocks(lambda chunk: chunk / 2, dtype=x.dtype, meta=x._meta)
    with pytest.raises(TypeError, match=r"^x must have chunks of the dtype that it says; got float64 for int64$"):
        library.back(*xtopk.topk(floats, 2))
    masked = x.map_blocks(np.ma.masked_array, dtype=x.dtype, meta=x._meta)
    with pytest.raises(TypeError, match=r"^x must be an array without a mask"):
        library.back(*xtopk.topk(masked, 2))


@LAZY
def test_candidates_fewer_than_they_say_are_refused(library: Library) -> None:
    x = library.namespace.from_array(np.arange(8), chunks=4)
    first = x.map_blocks(lambda chunk: chunk[:1], dtype=x.dtype)
    message = r"^values must have chunks as long as they say; got 2 candidates in all for k=3$"
    with pytest.raises(ValueError, match=message):
        library.back(*xtopk.merge_topk([(first, first)], 3))
    assert library.back(*xtopk.merge_topk([(first, first)], 2))[0].tolist() == [4, 0]


def watched(library: Library, results: Any) -> list[list[Any]]:
    """Return what was kept after each task of a computation."""
    import dask
    from dask.callbacks import Callback

    kept: list[list[Any]] = []
    with Callback(posttask=lambda key, result, graph, state, worker: kept.append(list(state["cache"].values()))):
        dask.compute(*results, scheduler="synchronous")
    return kept


def are_pairs(kept: list[Any]) -> list[bool]:
    return [isinstance(value, tuple) for value in kept]


def of_dtype(kept: list[Any], dtype: Any) -> list[Any]:
    return [value for value in kept if isinstance(value, np.ndarray) and value.dtype == dtype]


@pytest.mark.parametrize("blocks", [1, 8, 64, 600])
@LAZY
def test_few_partial_results_are_kept(library: Library, blocks: int) -> None:
    depth = next(depth for depth in range(1, 9) if MERGED_AT_A_TIME**depth >= blocks)
    x = library.namespace.zeros((10, 10 * blocks), chunks=(5, 10))
    most = max(sum(are_pairs(kept)) for kept in watched(library, xtopk.topk(x, 3)))
    assert most <= 1 + depth * (MERGED_AT_A_TIME - 1)


@LAZY
def test_a_partial_result_does_not_keep_its_chunk(library: Library) -> None:
    x = library.namespace.from_array(np.random.default_rng(0).random((40_000, 1)), chunks=(10_000, 1))
    for arrays in ((x, 0), (x[:, 0], 0), (x.T, 1)):
        for kept in watched(library, xtopk.topk(arrays[0], 5, arrays[1])):
            for pair in (value for value in kept if isinstance(value, tuple)):
                assert all(part.base is None or part.base.nbytes < 10_000 for part in pair)


@LAZY
def test_a_mask_keeps_no_chunk_of_the_data(library: Library) -> None:
    """Each would be kept until the last is read."""
    x = library.namespace.random.default_rng(0).normal(size=(2, 900), chunks=(2, 100))
    for kept in watched(library, (xtopk.topk_mask(x, 5), xtopk.topk(x, 5).indices)):
        assert not of_dtype(kept, x.dtype)
    assert max(len(of_dtype(kept, x.dtype)) for kept in watched(library, (x - x.mean(),))) >= 9


@LAZY
def test_a_task_does_not_grow_with_the_number_of_chunks(library: Library) -> None:
    import dask

    cloudpickle = import_module("cloudpickle")

    sizes = []
    for blocks in (16, 1600):
        x = library.namespace.zeros(10 * blocks, chunks=10)
        graph = dict(dask.optimize(*xtopk.topk(x, 3), xtopk.topk_mask(x, 3))[0].dask)
        assert len(graph) < 4 * blocks
        sizes.append(max(len(cloudpickle.dumps(task)) for task in graph.values()))
    assert sizes[1] < sizes[0] + 200
