"""The CUDA kernels, compiled as for a GPU where NVRTC is, and run on the CPU where there is a C++ compiler."""

from functools import partial
from typing import Any
from unittest import mock

import numpy as np
import pytest

import xtopk
from tests.cuda_on_cpu import UNAVAILABLE
from tests.libraries import KERNELS, Library, jax_compiled, replaced, rows
from tests.oracle import assert_ranked
from xtopk._cuda.kernels import Kernel, macros_of
from xtopk._cuda.nvrtc import compiled
from xtopk._cuda.select import most_sorted, plan_of_rows, serves
from xtopk._order import Ranking

ON_CPU = pytest.mark.parametrize("library", rows(native="cupy", gpu=False, kernels=True), ids=str)
ON_CPU_ONCE = pytest.mark.parametrize("library", rows(native="cupy", gpu=False, kernels=True)[:1], ids=str)
"""For what takes the same kernels on every row."""
JAX_ON_CPU = pytest.mark.parametrize("library", rows(native="jax.numpy", gpu=False, kernels=True), ids=str)
ALL = [
    ("short.cu", "select_in_short_rows"),
    ("blocks.cu", "best_of_blocks"),
    ("rows.cu", "select_in_rows"),
    ("tiles.cu", "select_reaching"),
    ("rank.cu", "place"),
    ("keys.cu", "keys_of_rows"),
    ("digits.cu", "write_in_order"),
]


@pytest.mark.parametrize("dtype", ["bool", "float16", "int32", "float32", "uint64", "float64"])
@pytest.mark.parametrize(("file", "name"), ALL, ids=str)
def test_kernels_compile_for_a_gpu(file: str, name: str, dtype: str) -> None:
    pytest.importorskip("cuda.bindings", reason="NVRTC is in nox -s kernels")
    for architecture in ("sm_75", "sm_90") if dtype in ("bool", "float16", "float32") else ("sm_90",):
        for nan_first in {False, dtype.startswith("float")}:
            macros = macros_of(dtype, Ranking(largest=True, nan_first=nan_first, sorted=True, stable=True))
            assert b"ELF" in compiled(Kernel(file, name, (*macros, "-DITEMS=8")), architecture)


def test_that_what_does_not_compile_shows() -> None:
    pytest.importorskip("cuda.bindings", reason="NVRTC is in nox -s kernels")
    with pytest.raises(RuntimeError, match=r"short.cu does not compile for sm_90 with .*ITEMS"):
        compiled(Kernel("short.cu", "select_in_short_rows", macros_of("int8", NUMBERS)), "sm_90")


NUMBERS = Ranking(largest=True, nan_first=False, sorted=True, stable=True)
LONG = [
    ("random", 200_003, 50),
    ("random", 270_001, 50),  # which has more tiles than are chosen
    ("random", 270_001, 700),
    ("constant", 270_001, 50),
    ("constant", 140_000, 700),
    ("few", 270_001, 700),
    ("nan", 270_001, 50),
    ("random", 150_000, 5000),  # more than a kernel can sort
    ("few", 30_000, 20_000),
]


def numbers(kind: str, n: int, dtype: str) -> Any:
    rng = np.random.default_rng(n)
    if kind == "constant":
        return np.ones((2, n), dtype=dtype)
    x = rng.integers(0, 3 if kind == "few" else 1 << 30, (2, n)).astype(dtype)
    if kind == "nan":
        x[rng.random((2, n)) < 0.9] = np.nan
    return x


@pytest.mark.parametrize(("kind", "n", "k"), LONG, ids=str)
@ON_CPU_ONCE
def test_long_rows(library: Library, kind: str, n: int, k: int) -> None:
    for dtype in ("float32", "float64") if kind == "nan" else ("float32", "int64", "int16"):
        x = numbers(kind, n, dtype)
        assert_ranked(library.topk(x, k), x, k)
        assert_ranked(library.topk(x[:, 3:-2], k, mode="smallest"), x[:, 3:-2], k, mode="smallest")


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "float16", "float32", "int64", "float64"])
@ON_CPU_ONCE
def test_many_of_a_row(library: Library, dtype: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(-100, 100, (2, 9001)).astype(dtype)
    if dtype.startswith("float"):
        x[rng.random(x.shape) < 0.3] = np.nan
        x[rng.random(x.shape) < 0.1] = -0.0
    with replaced({KERNELS + "MIN_PART": 1024, KERNELS + "MAX_SORTED": 0}):
        for k, options in ((5000, {}), (9001, {"mode": "smallest"}), (8000, {"nan": "greatest", "sorted": False})):
            assert_ranked(library.topk(x, k, **options), x, k, **options)
            assert_ranked(library.topk(x[:, 1:], k - 1, **options), x[:, 1:], k - 1, **options)


@ON_CPU
def test_rows_that_lie_apart(library: Library) -> None:
    x = np.random.default_rng(0).integers(0, 99, (3, 700, 2)).astype(np.float32)
    for view in (x, x[:, ::-2], x[::2, :, ::-1], np.broadcast_to(x[0], (4, 700, 2))):
        assert_ranked(library.topk(view, 40, 1), view, 40, 1)


@ON_CPU
def test_that_an_unset_result_shows(library: Library) -> None:
    """What is not launched leaves what the memory held."""
    x = np.arange(2000.0)
    with mock.patch("tests.kernels_on_numpy.OnNumPy.launch"):
        top = library.topk(x, 3)
    with pytest.raises((AssertionError, IndexError)):
        assert_ranked(top, x, 3)


def test_what_kernels_serve() -> None:
    assert serves(1, 1000, 5, 32)
    assert serves(1, 10**9, 1000, 32)
    assert not serves(1, 1 << 31, 5, 8)  # positions have 32 bits
    assert serves(1, 10**8, 10**8, 32)
    with replaced({KERNELS + "ON": False}):
        assert not serves(1, 1000, 5, 32)


@pytest.mark.parametrize(
    ("count", "n", "k", "way"),
    [
        (8192, 256, 8, "a warp a row"),
        (8192, 2048, 8, "bound and collect"),
        (64, 131_072, 50, "bound and collect"),
        (1024, 131_072, 50, "block maxima"),
        (1, 10**8, 100, "block maxima"),
        (1, 1 << 18, 1 << 16, "keys"),
        (64, 1 << 18, 1 << 16, "digits"),
        (8, 1 << 20, 30_000, "digits"),
        (1, 1 << 23, 10_000, "block maxima"),
    ],
)
def test_which_kernel(count: int, n: int, k: int, way: str) -> None:
    assert plan_of_rows(count, n, k, 32).algorithm == f"kernel: {way}"
    assert most_sorted(32) == 2 * most_sorted(64) == 4096


@ON_CPU
def test_explain_names_the_kernel(library: Library) -> None:
    assert library.call(xtopk.explain, np.zeros((300, 1000)), 9).algorithm.startswith("kernel: ")


@JAX_ON_CPU
def test_jax_transforms_of_kernels(library: Library) -> None:
    import jax

    x = np.random.default_rng(0).permutation(3 * 5 * 200).reshape(3, 5, 200).astype(np.float32)
    one = partial(xtopk.topk, k=4)
    for function in (jax.vmap(jax.vmap(one)), jax.jit(jax.vmap(one)), jax.vmap(one, in_axes=1, out_axes=1)):
        assert_ranked(library.back(*library.call(function, x)), x, 4)
    gradient = library.call(jax.grad(lambda a: (one(a).values ** 2).sum()), x)
    np.testing.assert_array_equal(gradient, np.where(xtopk.topk_mask(x, 4), 2 * x, 0))
    mesh = jax.make_mesh((1,), ("rows",))
    spec = jax.sharding.PartitionSpec("rows")
    by_shards = jax.shard_map(jax.vmap(one), mesh=mesh, in_specs=spec, out_specs=spec)
    assert_ranked(library.back(*library.call(by_shards, jax.device_put(x, jax.NamedSharding(mesh, spec)))), x, 4)


@JAX_ON_CPU
def test_what_jax_launches_is_compiled_for_a_gpu(library: Library) -> None:
    pytest.importorskip("cuda.bindings", reason="NVRTC is in nox -s kernels")
    import jax

    here = {"usable": lambda: True, "_capabilities": lambda: [80, 90]}
    constants = {f"xtopk._native.jax_cuda.{name}": value for name, value in here.items()}
    constants["xtopk._native.jax._compiled"] = jax_compiled("ptx")
    mesh, spec = jax.make_mesh((1,), ("rows",)), jax.sharding.PartitionSpec("rows")
    by_shards = jax.shard_map(partial(xtopk.topk, k=9), mesh=mesh, in_specs=spec, out_specs=spec)
    rows = jax.ShapeDtypeStruct((9, 5000), "float32", sharding=jax.NamedSharding(mesh, spec))
    programs: list[tuple[Any, Any, int]] = [(by_shards, rows, 1), (jax.vmap(partial(xtopk.topk, k=9)), rows, 1)]
    long = jax.ShapeDtypeStruct((9, 1 << 20), "float32", sharding=jax.NamedSharding(mesh, spec))
    many = jax.shard_map(partial(xtopk.topk, k=300_000), mesh=mesh, in_specs=spec, out_specs=spec)
    keys = jax.shard_map(partial(xtopk.topk, k=4500), mesh=mesh, in_specs=spec, out_specs=spec)
    programs += [(many, long, 4), (keys, rows, 1)]
    for n, k, launches in [(1000, 5, 1), (10**8, 9, 3), (1 << 23, 10_000, 4), (9000, 8000, 1), (1 << 23, 1 << 20, 4)]:
        programs.append((partial(xtopk.topk, k=k), jax.ShapeDtypeStruct((n,), "float32"), launches))
    for function, x, launches in programs:
        with replaced(constants):
            text = jax.jit(function).trace(x).lower(lowering_platforms=("cuda",)).as_text()
        assert text.count("custom_call @__gpu$xla.gpu.ptx") == text.count(".target sm_80") == launches


def test_without_a_gpu_jax_launches_nothing() -> None:
    pytest.importorskip("jax", reason="JAX is in nox -s kernels")
    from xtopk._native.jax_cuda import kernels_serve

    assert not kernels_serve((1000,), 4, 5, 0)


def test_the_rows_that_run_kernels_are_there() -> None:
    if not UNAVAILABLE:
        from tests.libraries import LIBRARIES, available

        assert [row.name for row in LIBRARIES if row.kernels and not row.gpu and available(row)]
