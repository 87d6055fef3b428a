"""`explain` says which way `topk` goes: the function it names is the one that is called."""

import sys
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

import xtopk
from tests.libraries import Library, rows
from xtopk import _native
from xtopk._order import Ranking
from xtopk._select.best_blocks import indices_by_best_blocks
from xtopk._select.bound import fold

SHAPES = [
    ((9,), 2),
    ((9,), 9),
    ((1000,), 5),
    ((1 << 14,), 5),
    ((1 << 14,), 40),
    ((1 << 14,), 1 << 12),
    ((40_000,), 700),
    ((2, 150_000), 20_000),
    ((3, 40), 20),
    ((3, 41), 20),
    ((512, 32), 3),
    ((512, 33), 3),
    ((511, 32), 3),
    ((50, 1000), 5),
    ((2, 200_000), 20),
    ((3000, 100), 1),
    ((3000, 100), 5),
    ((3000, 100), 8),
    ((300, 700), 4),
    ((300, 700), 40),
    ((300_000,), 300),
    ((300_000,), 3000),
    ((300_000,), 5000),
    ((300, 20), 5),
    ((300, 400), 8),
    ((300, 40), 20),
    ((300, 400), 20),
]

UNSORTED: list[tuple[tuple[int, ...], int]] = [
    ((100, 30), 10),
    ((300, 400), 10),
    ((300, 400), 100),
    ((3000,), 1000),
    ((20_000,), 1000),
    ((140_000,), 2000),
    ((2, 300_000), 20_000),
]


ALGORITHMS = {
    "block maxima": ["indices_by_blocks", "indices_of_row", "positions_by_blocks", "indices_by_best_blocks"],
    "counting": ["indices_by_counting", "indices_by_blocks"],
    "column maxima": ["indices_by_columns"],
    "k-th value": ["mask_by_last", "reaching"],
    "one by one": ["indices_one_by_one"],
    "packed keys": ["indices_by_packed_keys", "indices_by_packed_sort", "indices_by_cut_sort"],
    "ranking": ["indices_by_ranking"],
    "sampled bound": ["indices_by_sample"],
    "sampled bracket": ["chosen_by_bracket"],
    "torch.topk": ["are_apart", "topk_and_doubt", "indices_by_topk"],
    "partition": ["indices_by_partition"],
    "pairs": ["indices_by_pairs", "indices_of_pairs"],
    "sort": ["indices_by_sort", "indices_by_packed_sort", "indices_by_cut_sort"],
    "argsort": ["indices_by_sort"],
    "rounds of minima": ["indices_by_rounds"],
    "threshold": ["indices_of_rows", "indices_of_row"],
    **{f"kernel: {way}": ["topk_of_rows"] for way in ("a warp a row", "bound and collect", "block maxima")},
    **{f"kernel: {way}": ["topk_of_rows"] for way in ("keys", "digits")},
}
"""Which functions of a native file stand for which algorithm."""


@pytest.mark.parametrize("row", rows(disguised=False), ids=repr)
def test_it_names_the_library_and_prints_as_a_sentence(row: Library) -> None:
    x = row.make(np.asarray([[3, 1, 2], [1, 2, 3]]))
    plan = xtopk.explain(x, 2)
    assert _native.NATIVES.get(plan.library, _native.GENERIC) is _native.NATIVES.get(row.native, _native.GENERIC)
    assert plan.reason
    assert str(plan).startswith(f"{plan.library}: {plan.algorithm}")
    assert xtopk.explain(x, 0).algorithm == "nothing"


@pytest.mark.parametrize("row", rows(), ids=repr)
def test_it_refuses_what_topk_refuses(row: Library) -> None:
    with pytest.raises(ValueError, match="k must be from 0 to 3, the length of axis 1; got 4"):
        xtopk.explain(row.make(np.asarray([[3, 1, 2]])), 4)


@pytest.mark.parametrize(
    ("shape", "k", "options"),
    [*((*task, {}) for task in SHAPES), *((*task, {"sorted": False}) for task in UNSORTED)],
    ids=str,
)
@pytest.mark.parametrize("row", rows(disguised=False), ids=repr)
def test_what_it_names_is_what_is_called_first(
    row: Library, shape: tuple[int, ...], k: int, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if row.compiled:
        import jax

        jax.clear_caches()  # or an earlier trace of this shape would call nothing
        on_cpu = not row.gpu  # tracing looks at the ways of all platforms
        one = lambda *args, cpu, default, cuda=None: (cpu if on_cpu else cuda or default)(*args)  # noqa: E731
        monkeypatch.setattr("jax.lax.platform_dependent", one)
    first = _native.NATIVES.get(row.native, _native.GENERIC).topk.__module__
    files = (first, "xtopk._native.numpy") if row.transforms == "torch" else first  # which torch calls
    modules = [module for name, module in sys.modules.items() if name.startswith(files)]  # numpy.py and numpy_rows.py
    places = [(m, name) for names in ALGORITHMS.values() for name in names for m in modules if hasattr(m, name)]
    spies = [(name, module, Mock(wraps=getattr(module, name))) for module, name in places]
    for name, module, spy in spies:
        monkeypatch.setattr(module, name, spy)
    x = row.make(np.random.default_rng(0).permutation(np.prod(shape)).reshape(shape).astype(np.float32))
    plan = xtopk.explain(x, k, **options)
    row.back(*row.topk(x, k, **options))
    called = {name: spy for name, _, spy in reversed(spies) if spy.called}
    assert called.keys() <= set(ALGORITHMS.get(plan.algorithm, []))
    assert bool(called) == (plan.algorithm in ALGORITHMS)
    cutters = {"positions_by_blocks", "indices_of_row", "indices_by_best_blocks"}
    cut = {
        "block maxima": next(iter(called.keys() & cutters), "indices_by_blocks"),
        "counting": "indices_by_blocks",
        "rounds of minima": "indices_by_rounds",
    }
    if plan.algorithm in cut and (plan.block_length or plan.algorithm == "rounds of minima"):
        assert plan.block_length in called[cut[plan.algorithm]].call_args_list[0].args[3:]
    if plan.algorithm == "counting":
        assert "indices_by_counting" in called
        assert ("indices_by_blocks" in called) == bool(plan.block_length)
    if plan.algorithm == "column maxima":
        assert called["indices_by_columns"].call_args_list[0].kwargs["folds"] == plan.block_length


@pytest.mark.parametrize(("dtype", "algorithm"), [("float32", "packed partition"), ("int64", "argsort")])
def test_keys_that_leave_no_room_for_positions_are_sorted_on_cupy(
    dtype: str, algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xtopk._cuda.select.ON", False)
    x = np.zeros(3, dtype=dtype)
    plan = _native.NATIVES["cupy"].plan(np, x, 2, 0, Ranking(largest=True, nan_first=False, sorted=True, stable=True))
    assert plan.algorithm == algorithm


@pytest.mark.parametrize(
    ("shape", "k"),
    [((1000,), 5), ((3000,), 20), ((3000,), 200), ((2_000_000,), 2000), ((100, 1000), 5), ((3, 200_000), 390)],
    ids=str,
)
def test_it_knows_how_numpy_folds(shape: tuple[int, ...], k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Mock(wraps=fold)
    monkeypatch.setattr("xtopk._select.threshold.fold", spy)
    x = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    plan = xtopk.explain(x, k)
    xtopk.topk(x, k)
    assert plan.algorithm == "threshold"
    assert spy.call_args_list[0].args[2] == max(1, plan.block_length)


WIDE = np.arange(4_000_000, dtype=np.float32).reshape(200, 20_000)


@pytest.mark.parametrize(
    ("x", "axis"),
    [
        (np.asfortranarray(WIDE), -1),
        (WIDE.T, 0),
        (WIDE.reshape(10, 20, 20_000).transpose(0, 2, 1), 1),
        (WIDE[0, ::2], 0),
        (WIDE[0, ::2] > 99, 0),
        (WIDE[0].astype(">f4")[::2], 0),
    ],
    ids=["columns first", "turned", "middle", "strided", "strided bool", "strided bytes of another order"],
)
def test_it_knows_how_numpy_arrays_lie(x: np.ndarray, axis: int, monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Mock(wraps=indices_by_best_blocks)
    monkeypatch.setattr("xtopk._native.numpy_rows.indices_by_best_blocks", spy)
    plan = xtopk.explain(x, 10, axis)
    xtopk.topk(x, 10, axis)
    assert spy.called == (plan.algorithm == "block maxima")
    if spy.called:
        assert spy.call_args.args[3] == plan.block_length


@pytest.mark.parametrize("dtype", ["float32", "int64", "uint32"])
@pytest.mark.parametrize("library", rows(transforms="torch", disguised=False, gpu=False), ids=str)
def test_it_looks_at_no_element_on_torch(library: Library, dtype: str) -> None:
    from torch.utils._python_dispatch import TorchDispatchMode

    class NoLook(TorchDispatchMode):  # type: ignore[misc]
        def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            assert "_local_scalar_dense" not in operation.__name__
            return operation(*args, **(kwargs or {}))

    with NoLook():
        for shape, k in [*SHAPES, ((64, 5000), 5), ((1000, 1200), 12), ((3_000_000,), 2000)]:
            xtopk.explain(library.namespace.zeros(shape, dtype=getattr(library.namespace, dtype)), k)
