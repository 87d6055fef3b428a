"""What `topk` returns, as a thing: how it prints, and that copies, pickles, pytrees and compilers see a tuple."""

import copy
import pickle
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import xtopk
from tests.libraries import Library, rows
from xtopk._result import WIDTH

PLAIN = rows(disguised=False)
every_library = pytest.mark.parametrize("library", PLAIN, ids=str)
TORCH = pytest.mark.parametrize("library", [row for row in PLAIN if row.transforms == "torch"], ids=str)
JAX = pytest.mark.parametrize("library", [row for row in PLAIN if row.transforms == "jax"], ids=str)


def matrix() -> Any:
    return np.asarray([[3, 1, 2], [4, 6, 5]], dtype=np.int32)


def top_of(library: Library) -> xtopk.TopK[Any, Any]:
    return library.topk(library.make(matrix()), 2)  # type: ignore[no-any-return]


def test_short_arrays_print_on_one_line() -> None:
    assert repr(xtopk.topk(np.asarray([3.0, 1.0, 2.0]), 2)) == "TopK(values=array([3., 2.]), indices=array([0, 2]))"


def test_rows_print_under_one_another() -> None:
    assert repr(xtopk.topk(np.asarray([[0.5, 0.25], [3, 4], [5, 6]]), 1)) == (
        "TopK(values=array([[0.5],\n"
        "                   [4. ],\n"
        "                   [6. ]]),\n"
        "     indices=array([[0],\n"
        "                    [1],\n"
        "                    [1]]))"
    )


def test_no_line_ends_in_blanks() -> None:
    """NumPy and torch leave a line free between matrices."""
    assert not re.search(r" $", repr(xtopk.topk(np.zeros((2, 2, 2)), 1)), flags=re.MULTILINE)


def test_long_fields_print_on_two_lines() -> None:
    word = "x" * ((WIDTH - len("TopK(values='', indices='')")) // 2)
    assert repr(xtopk.TopK(word, word)) == f"TopK(values={word!r}, indices={word!r})"
    assert repr(xtopk.TopK(word, word + "xx")) == f"TopK(values={word!r},\n     indices={word + 'xx'!r})"


@every_library
def test_what_prints_is_what_the_library_prints(library: Library) -> None:
    top = top_of(library)
    squeezed = re.sub(r"\s+", "", repr(top))
    assert squeezed == re.sub(r"\s+", "", f"TopK(values={top.values!r}, indices={top.indices!r})")


def test_a_large_result_prints_as_little_as_its_arrays() -> None:
    assert len(repr(xtopk.topk(np.zeros((1000, 1000)), 500)).splitlines()) < 20


def test_it_is_a_tuple() -> None:
    top = xtopk.TopK(values=1, indices=2)
    assert top == (1, 2) == tuple(top)
    assert hash(top) == hash((1, 2))
    assert top != xtopk.TopK(1, 3)
    assert top._fields == ("values", "indices")
    assert top._replace(indices=5) == (1, 5)
    values, indices = top
    assert (values, indices) == (1, 2)
    match top:
        case (a, b):
            assert (a, b) == (1, 2)


def same(library: Library, top: Any, other: Any) -> None:
    assert type(other) is xtopk.TopK
    for a, b in zip(library.back(*top), library.back(*other), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda top: pickle.loads(pickle.dumps(top))])
@every_library
def test_copies(library: Library, copied: Callable[..., Any]) -> None:
    top = top_of(library)
    same(library, top, copied(top))


def test_pickles_name_what_stays() -> None:
    """They are read by later versions, in which a file may have moved: they say ``xtopk``, not ``xtopk._result``."""
    for thing in (xtopk.TopK(1, 2), xtopk.topk, xtopk.AxisError("axis"), xtopk.explain(np.zeros(3), 1)):
        assert not re.search(rb"xtopk\._", pickle.dumps(thing, protocol=0))
    assert pickle.loads(pickle.dumps(xtopk.topk)) is xtopk.topk


@pytest.mark.parametrize("library", rows(lazy=True), ids=str)
def test_dask_takes_it_as_a_collection_of_two(library: Library) -> None:
    import dask
    from distributed.protocol import deserialize, serialize

    top = top_of(library)
    (computed,) = dask.compute(top)
    same(library, top, xtopk.TopK(*computed))
    assert type(deserialize(*serialize(xtopk.TopK(1, 2)))) is xtopk.TopK
    cloudpickle = import_module("cloudpickle")  # which comes with Dask
    assert cloudpickle.loads(cloudpickle.dumps(xtopk.TopK(1, 2))) == (1, 2)


@JAX
def test_jax_pytree(library: Library) -> None:
    import jax

    top = top_of(library)
    leaves, tree = jax.tree_util.tree_flatten(top)
    assert len(leaves) == 2
    same(library, top, jax.tree_util.tree_unflatten(tree, leaves))
    doubled = jax.tree_util.tree_map(lambda leaf: 2 * leaf, top)
    same(library, xtopk.TopK(2 * top.values, 2 * top.indices), doubled)
    names = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_flatten_with_path(top)[0]]
    assert names == [".values", ".indices"]
    same(library, top, jax.jit(lambda top: top)(top))


@TORCH
def test_torch_pytree(library: Library) -> None:
    from torch.utils import _pytree

    top = top_of(library)
    leaves, tree = _pytree.tree_flatten(top)
    assert len(leaves) == 2
    same(library, top, _pytree.tree_unflatten(leaves, tree))
    same(library, xtopk.TopK(2 * top.values, 2 * top.indices), _pytree.tree_map(lambda leaf: 2 * leaf, top))


@TORCH
def test_torch_compile_takes_and_gives_it(library: Library) -> None:
    import torch

    @torch.compile(fullgraph=True, backend="eager")  # type: ignore[untyped-decorator]
    def shifted(x: Any, top: Any) -> Any:
        values, indices = xtopk.topk(x, 2)
        return xtopk.TopK(values + top.values, indices + top.indices), xtopk.topk(x, 1).values

    top = top_of(library)
    result, most = shifted(library.make(matrix()), top)
    same(library, xtopk.TopK(2 * top.values, 2 * top.indices), result)
    assert most.tolist() == [[3], [6]]
