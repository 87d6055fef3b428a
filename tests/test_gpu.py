"""What a GPU will run, as far as that shows without one, and what only a GPU shows.

A tensor on torch's meta device takes the way of one on a GPU: it is a plain tensor off the CPU. JAX lowers for a GPU
that is not there. Rows with a GPU run everything else, too.
"""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pytest

import xtopk
from tests.libraries import Library, jax_compiled, replaced, rows
from tests.oracle import assert_ranked

TORCH = pytest.mark.parametrize("library", rows(native="torch", disguised=False), ids=str)
JAX = pytest.mark.parametrize("library", rows(native="jax.numpy", disguised=False), ids=str)
CUDA = pytest.mark.parametrize("library", rows(native="torch", gpu=True, disguised=False), ids=str)
JAX_GPU = pytest.mark.parametrize("library", rows(native="jax.numpy", gpu=True, disguised=False), ids=str)
WORDS = [{}, {"mode": "smallest"}, {"nan": "greatest"}, {"stable": False}, {"stable": False, "nan": "greatest"}]
SHAPES = [((10**9,), 100, 0), ((64, 131_072), 50, 1), ((131_072, 64), 50, 0), ((8192, 256), 8, 1), ((1000,), 5, 0)]
WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "equal", "lift_fresh", "is_nonzero", "bincount")
"""What copies from a GPU, or to one, or has a shape that depends on elements; the beginning of its name."""


def call_without_waiting(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Call, and fail at an operation that would wait for a GPU, or that reads or makes a tensor on the CPU."""
    import torch
    from torch.utils import _pytree as pytree
    from torch.utils._python_dispatch import TorchDispatchMode

    class NoWaiting(TorchDispatchMode):  # type: ignore[misc]
        def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            name = operation.__name__.removeprefix("aten.")
            assert not name.startswith(WAITING), f"{name} waits"
            result = operation(*args, **(kwargs or {}))
            for part in pytree.tree_leaves((args, kwargs, result)):
                assert not isinstance(part, torch.Tensor) or not part.is_cpu, f"{name} on the CPU"
            return result

    with NoWaiting():
        return function(*args, **options)


@pytest.mark.parametrize("options", WORDS, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64", "int32", "uint8", "uint32", "int64", "bool"])
@TORCH
def test_torch_waits_for_nothing(library: Library, dtype: str, options: dict[str, Any]) -> None:
    torch = library.namespace
    for shape, k, axis in SHAPES:
        x = torch.empty(shape, dtype=getattr(torch, dtype), device="meta")
        assert type(x) is torch.Tensor
        top = call_without_waiting(xtopk.topk, x, k, axis, **options)
        assert top.values.shape == top.indices.shape == (*shape[:axis], k, *shape[axis + 1 :])
        assert call_without_waiting(xtopk.topk_mask, x, k, axis, **options).shape == shape
        merged = call_without_waiting(xtopk.merge_topk, [top, top], k, axis, **options)
        assert merged.indices.shape == top.indices.shape


@pytest.mark.parametrize(
    "waits",
    [
        lambda x: x.any().item(),
        lambda x: bool((x > 0).all()),
        lambda x: x[x > 0],
        lambda x: x.nonzero(),
        lambda x: x.cpu(),
        lambda x: x + x.new_tensor([1.0], device="cpu").to(x.device),
        lambda x: x + x.new_zeros(3, device="cpu"),
    ],
)
@TORCH
def test_that_guard_can_fail(library: Library, waits: Callable[[Any], Any]) -> None:
    x = library.namespace.empty(3, device="meta")
    with pytest.raises((AssertionError, NotImplementedError, RuntimeError)):
        call_without_waiting(waits, x)


@TORCH
def test_torch_off_the_cpu_takes_blocks_of_many_elements_only(library: Library) -> None:
    torch = library.namespace
    for shape, k, algorithm in [((10**9,), 100, "block maxima"), ((10**5,), 100, "torch.topk")]:
        assert xtopk.explain(torch.empty(shape, device="meta"), k).algorithm == algorithm


def passes(shape: tuple[int, ...], dtype: str, k: int, **options: Any) -> tuple[float, int]:
    """Return how often torch reads or writes the bytes of the input off the CPU, and by how many operations."""
    import torch
    from torch.utils import _pytree as pytree
    from torch.utils._python_dispatch import TorchDispatchMode

    moved = []

    class Counting(TorchDispatchMode):  # type: ignore[misc]
        def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = operation(*args, **(kwargs or {}))
            parts = (result, args[2], result) if operation.__name__.startswith("gather") else (args, kwargs, result)
            if not operation.is_view and not operation.__name__.startswith(("prim", "detach", "view")):
                tensors = [part for part in pytree.tree_leaves(parts) if isinstance(part, torch.Tensor)]
                moved.append(sum(part.numel() * part.itemsize for part in tensors))
            return result

    x = torch.empty(shape, dtype=getattr(torch, dtype), device="meta")
    with Counting():
        xtopk.topk(x, k, **options)
    return sum(moved) / x.nbytes, len(moved)


@pytest.mark.parametrize(
    ("shape", "dtype", "k", "options", "found"),
    [
        ((10**8,), "float32", 100, {}, (4.10, 89)),
        ((10**8,), "float32", 100, {"nan": "greatest"}, (1.08, 47)),
        ((10**8,), "float32", 100, {"stable": False, "nan": "greatest"}, (1.01, 44)),
        ((10**8,), "int32", 100, {}, (1.06, 33)),
        ((256, 131_072), "float32", 50, {}, (5.47, 62)),
        ((65_536, 64), "float32", 8, {}, (27.00, 15)),
    ],
    ids=str,
)
@TORCH
def test_torch_passes_over_the_input(
    library: Library, shape: tuple[int, ...], dtype: str, k: int, options: dict[str, Any], found: tuple[float, int]
) -> None:
    """The table of docs/design.md, but for a few operations on little that another array_api_compat takes."""
    times, operations = passes(shape, dtype, k, **options)
    assert times == pytest.approx(found[0], rel=0.02)
    assert abs(operations - found[1]) <= 12


def sorted_lengths(shape: tuple[int, ...], dtype: str, k: int) -> list[int]:
    """Return of how many elements a row is, wherever JAX sorts or selects on a GPU without kernels."""
    import jax

    with replaced({"xtopk._cuda.select.ON": False, "xtopk._native.jax._compiled": jax_compiled("plain")}):
        lowered = jax.jit(lambda x: xtopk.topk(x, k)).trace(jax.ShapeDtypeStruct(shape, dtype))
    text = lowered.lower(lowering_platforms=("cuda",)).as_text()
    row = r"tensor<(?:\d+x)*?(\d+)x[a-z]+\d+>"
    selected = re.findall(rf"chlo\.top_k\([^)]*\) : {row}", text)
    ordered = re.findall(rf'"stablehlo\.sort"\(.*?\n *}}\) : \({row}', text, re.DOTALL)
    return [int(length) for length in selected + ordered]


@pytest.mark.parametrize(
    ("shape", "dtype", "k"),
    [
        ((10**9,), "float32", 10),
        ((10**8,), "float32", 1000),
        ((64, 131_072), "bfloat16", 50),
        ((128, 131_072), "float32", 2048),
        ((1024, 100_000), "int32", 10),
    ],
)
@JAX
def test_jax_on_a_gpu_sorts_no_whole_row(library: Library, shape: tuple[int, ...], dtype: str, k: int) -> None:
    lengths = sorted_lengths(shape, dtype, k)
    assert max(lengths, default=0) * 3 <= shape[-1]


@pytest.mark.parametrize(("dtype", "k"), [("float32", 5), ("float64", 5), ("float32", 500), ("bfloat16", 5)])
@JAX
def test_that_a_sorted_row_shows(library: Library, dtype: str, k: int) -> None:
    if dtype in library.dtypes:
        assert max(sorted_lengths((64, 1000), dtype, k)) == 1000


@CUDA
def test_no_call_waits_on_a_gpu(library: Library) -> None:
    torch = library.namespace
    x = torch.randn(64, 131_072, device="cuda")
    xtopk.topk(x, 50)
    torch.cuda.set_sync_debug_mode("error")
    try:
        results = [
            f(x.to(dtype), 50) for dtype in (torch.float32, torch.float64) for f in (xtopk.topk, xtopk.topk_mask)
        ]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert len(results) == 4


@pytest.mark.parametrize("shape", [(64, 131_072), (100, 100)])
@CUDA
def test_a_captured_graph_selects_from_new_elements(library: Library, shape: tuple[int, int]) -> None:
    torch = library.namespace
    x = torch.randn(shape, device="cuda")
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        xtopk.topk(x, 50)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        top = xtopk.topk(x, 50)
    for seed in (1, 2):
        x_np = np.random.default_rng(seed).integers(0, 99, shape).astype(np.float32)
        x.copy_(torch.from_numpy(x_np))
        graph.replay()
        assert_ranked(library.back(*top), x_np, 50)


@CUDA
def test_what_is_compiled_for_a_gpu_selects_the_same(library: Library) -> None:
    torch = library.namespace
    x_np = np.random.default_rng(0).integers(0, 9999, (4, 70_000)).astype(np.float32)
    x_np[:, ::7] = np.nan
    best = torch.compile(lambda a: tuple(xtopk.topk(a, 40)), fullgraph=True)
    assert_ranked(library.back(*best(library.make(x_np))), x_np, 40)


@CUDA
def test_a_thread_that_is_new_to_the_gpu(library: Library) -> None:
    x = library.make(np.arange(1000.0))
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(xtopk.topk, x, 2).result().indices.tolist() == [999, 998]


@CUDA
def test_a_stream_is_kept_to(library: Library) -> None:
    torch = library.namespace
    x, stream = torch.zeros(1 << 22, device="cuda"), torch.cuda.Stream()
    torch.cuda.synchronize()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(100_000_000)  # without which the kernels would be late on any stream
        x[5:10:4] = 1
        top = xtopk.topk(x, 2)
    stream.synchronize()
    assert top.indices.tolist() == [5, 9]


@CUDA
def test_memory_beside_the_input_is_a_fraction_of_it(library: Library) -> None:
    torch = library.namespace
    x = torch.randn(1 << 28, device="cuda")
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    xtopk.topk(x, 100)
    assert torch.cuda.max_memory_allocated() - before < x.nbytes // 4


@CUDA
def test_more_elements_than_32_bits_count(library: Library) -> None:
    torch = library.namespace
    x = torch.zeros((1 << 31) + 1000, dtype=torch.int8, device="cuda")
    x[-3:] = 1
    top = xtopk.topk(x, 5)
    assert top.indices.tolist() == [x.shape[0] - 3, x.shape[0] - 2, x.shape[0] - 1, 0, 1]


@CUDA
def test_the_gradient_on_a_gpu(library: Library) -> None:
    x = library.make(np.random.default_rng(0).permutation(24).reshape(4, 6).astype("float64")).requires_grad_(True)
    assert library.namespace.autograd.gradcheck(lambda a: xtopk.topk(a, 2).values ** 2, (x,))
    with replaced({"xtopk._native.torch_static.FEW": 0}):
        assert library.namespace.autograd.gradcheck(lambda a: xtopk.topk(a, 2).values ** 2, (x,))


@JAX_GPU
def test_jax_launches_kernels(library: Library) -> None:
    import jax

    x = library.make(np.arange(1000.0, dtype="float32"))
    assert xtopk.explain(x, 5).algorithm == "kernel: a warp a row"
    assert "__gpu$xla.gpu.ptx" in jax.jit(lambda a: xtopk.topk(a, 5)).lower(x).compile().as_text()


@JAX_GPU
def test_jax_transforms_on_a_gpu(library: Library) -> None:
    import jax

    x_np = np.random.default_rng(0).permutation(3 * 5 * 70_000).reshape(3, 5, 70_000).astype(np.float32)
    x, one = library.make(x_np), partial(xtopk.topk, k=4)
    for function in (one, jax.vmap(jax.vmap(one)), jax.jit(jax.vmap(one))):
        assert_ranked(library.back(*function(x)), x_np, 4)
    gradient = jax.grad(lambda a: (one(a).values ** 2).sum())(x)
    np.testing.assert_array_equal(np.asarray(gradient), np.where(xtopk.topk_mask(x_np, 4), 2 * x_np, 0))
    mesh = jax.make_mesh((1,), ("rows",), devices=[next(iter(x.devices()))])
    spec = jax.sharding.PartitionSpec("rows")
    by_shards = jax.shard_map(jax.vmap(one), mesh=mesh, in_specs=spec, out_specs=spec)
    assert_ranked(library.back(*by_shards(jax.device_put(x, jax.NamedSharding(mesh, spec)))), x_np, 4)
    scanned = jax.lax.scan(lambda carry, row: (carry, one(row)), 0, x)[1]
    assert_ranked(library.back(*scanned), x_np, 4)
