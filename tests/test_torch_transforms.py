"""torch's transformations: derivatives of every order and mode, `vmap`, the compiler, export, fake and meta tensors."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import xtopk
from tests.libraries import Library, np_dtype, rows
from tests.oracle import assert_marked, assert_ranked

# torch warns of what it does itself.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
TORCH = pytest.mark.parametrize("library", rows(transforms="torch"), ids=str)
WORDS = [{}, {"mode": "smallest"}, {"nan": "greatest"}, {"sorted": False}, {"stable": False}]
EVERY_OPTION = pytest.mark.parametrize("options", WORDS, ids=str)
DTYPES = ("float32", "float64", "float16", "int32", "uint8", "int64", "uint32", "bool", "bfloat16")


def matrix(library: Library, dtype: str = "float64") -> Any:
    """Return distinct numbers in no order."""
    return library.make(np.random.default_rng(0).permutation(24).reshape(4, 6).astype(dtype))


def tied(dtype: str = "float32") -> Any:
    x = np.random.default_rng(0).integers(0, 4, size=(3, 5, 40)).astype(dtype)
    if dtype.startswith("float"):
        x[..., ::9] = np.nan
    return x


@EVERY_OPTION
@pytest.mark.parametrize("axis", [0, -1])
@TORCH
def test_first_and_second_order(library: Library, axis: int, options: dict[str, Any]) -> None:
    gradcheck = library.namespace.autograd.gradcheck
    gradgradcheck = library.namespace.autograd.gradgradcheck

    def values(x: Any) -> Any:
        return xtopk.topk(x, 2, axis, **options).values ** 2

    x = matrix(library).requires_grad_(True)
    assert gradcheck(values, (x,), check_forward_ad=True)
    assert gradgradcheck(values, (x,))


@TORCH
def test_indices_and_mask_carry_no_gradient(library: Library) -> None:
    x = matrix(library).requires_grad_(True)
    values, indices = xtopk.topk(x, 2)
    assert values.requires_grad
    assert not indices.requires_grad
    assert not xtopk.topk_mask(x, 2).requires_grad


@TORCH
def test_forward_mode(library: Library) -> None:
    torch = library.namespace
    x, direction = matrix(library), matrix(library) ** 2
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, direction)
        values, indices = xtopk.topk(dual, 2)
        found = torch.autograd.forward_ad.unpack_dual(values).tangent
    assert torch.equal(found, direction.gather(-1, indices))
    _, tangent = torch.func.jvp(lambda a: xtopk.topk(a, 2).values, (x,), (direction,))
    assert torch.equal(tangent, found)


@EVERY_OPTION
@pytest.mark.parametrize("in_dim", [0, 1, 2])
@TORCH
def test_vmap(library: Library, in_dim: int, options: dict[str, Any]) -> None:
    torch = library.namespace
    x_np = tied()
    x = library.make(x_np)
    result = torch.vmap(lambda a: xtopk.topk(a, 3, **options), in_dims=in_dim)(x)
    moved = np.moveaxis(x_np, in_dim, 0)
    assert_ranked(library.back(*result), moved, 3, **options)


@TORCH
def test_nested_vmap_and_merge(library: Library) -> None:
    torch = library.namespace
    x_np = tied()
    x = library.make(x_np)
    result = torch.vmap(torch.vmap(lambda row: xtopk.topk(row, 3)))(x)
    assert_ranked(library.back(*result), x_np, 3)
    mask = torch.vmap(torch.vmap(lambda row: xtopk.topk_mask(row, 3)))(x)
    assert_marked(library.back(mask)[0], x_np, 3)

    def merged(row: Any) -> Any:
        left, right = xtopk.topk(row[:20], 3), xtopk.topk(row[20:], 3)
        return xtopk.merge_topk([left, (right.values, right.indices + 20)], 3)

    assert_ranked(library.back(*torch.vmap(torch.vmap(merged))(x)), x_np, 3)


@TORCH
def test_functional_derivatives(library: Library) -> None:
    torch = library.namespace
    x = matrix(library)

    def loss(a: Any) -> Any:
        return (xtopk.topk(a, 2).values ** 2).sum()

    chosen = xtopk.topk_mask(x, 2)
    assert torch.equal(torch.func.grad(loss)(x), 2 * x * chosen)
    assert torch.equal(torch.vmap(torch.func.grad(loss))(x), 2 * x * chosen)
    jacobian = torch.func.jacrev(lambda row: xtopk.topk(row, 2).values)(x[0])
    assert torch.equal(jacobian, torch.nn.functional.one_hot(xtopk.topk(x[0], 2).indices, 6).to(x.dtype))
    assert torch.equal(torch.func.jacfwd(lambda row: xtopk.topk(row, 2).values)(x[0]), jacobian)
    hessian = torch.func.hessian(loss)(x[0])
    assert torch.equal(hessian, 2 * torch.diag(chosen[0].to(x.dtype)))


@pytest.fixture(autouse=True)
def _forget_compiled(request: pytest.FixtureRequest) -> None:
    """Start each test without the code that another one compiled, which would count as recompiled."""
    import torch

    torch.compiler.reset()


@pytest.mark.parametrize("dtype", DTYPES)
@TORCH
def test_compile(library: Library, dtype: str) -> None:
    torch = library.namespace
    x = library.make(tied("float32" if dtype == "bfloat16" else dtype))
    x = x.bfloat16() if dtype == "bfloat16" else x
    (x_np,) = library.back(x)
    words: list[dict[str, Any]] = [{}, {"mode": "smallest"}, {"nan": "greatest"}]
    for options in words:
        compiled = torch.compile(lambda a, o=options: xtopk.topk(a, 3, 1, **o), fullgraph=True, backend="aot_eager")
        assert_ranked(library.back(*compiled(x)), x_np, 3, 1, **options)
    mask = torch.compile(lambda a: xtopk.topk_mask(a, 3, 1), fullgraph=True, backend="aot_eager")(x)
    assert_marked(library.back(mask)[0], x_np, 3, 1)


@TORCH
def test_compile_to_machine_code(library: Library) -> None:
    torch = library.namespace
    x_np = tied()
    compiled = torch.compile(lambda a: xtopk.topk(a, 7), fullgraph=True)
    assert_ranked(library.back(*compiled(library.make(x_np))), x_np, 7)


@TORCH
def test_compile_with_dynamic_shapes(library: Library) -> None:
    torch = library.namespace
    compiled = torch.compile(lambda a: xtopk.topk(a, 3), fullgraph=True, dynamic=True, backend="aot_eager")
    with torch._dynamo.config.patch(error_on_recompile=True):
        for n in (10, 37, 40):
            x_np = np.ascontiguousarray(tied()[0, :, :n])
            assert_ranked(library.back(*compiled(library.make(x_np))), x_np, 3)


@TORCH
def test_compile_with_gradient(library: Library) -> None:
    torch = library.namespace
    x = matrix(library).requires_grad_(True)
    compiled = torch.compile(lambda a: (xtopk.topk(a, 2).values ** 2).sum(), fullgraph=True, backend="aot_eager")
    compiled(x).backward()
    assert torch.equal(x.grad, 2 * x.detach() * xtopk.topk_mask(x.detach(), 2))


@TORCH
def test_compile_merge(library: Library) -> None:
    torch = library.namespace
    x_np = tied()

    def merged(a: Any) -> Any:
        left, right = xtopk.topk(a[..., :20], 3), xtopk.topk(a[..., 20:], 3)
        return xtopk.merge_topk([left, (right.values, right.indices + 20)], 3)

    compiled = torch.compile(merged, fullgraph=True, backend="aot_eager")
    assert_ranked(library.back(*compiled(library.make(x_np))), x_np, 3)


@pytest.mark.parametrize("dynamic", [False, True])
@TORCH
def test_export(library: Library, dynamic: bool) -> None:
    torch = library.namespace

    class Chooser(torch.nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
        def forward(self, x: Any) -> Any:
            return tuple(xtopk.topk(x, 3))

    x_np = tied()[0]
    shapes = {"x": {1: torch.export.Dim("n", min=4, max=100)}} if dynamic else None
    exported = torch.export.export(Chooser(), (library.make(x_np),), dynamic_shapes=shapes).module()
    assert_ranked(library.back(*exported(library.make(x_np))), x_np, 3)
    if dynamic:
        shorter = x_np[:, 10:25].copy()
        assert_ranked(library.back(*exported(library.make(shorter))), shorter, 3)


@pytest.mark.parametrize("dtype", DTYPES)
@TORCH
def test_fake_and_meta_tensors(library: Library, dtype: str) -> None:
    torch = library.namespace
    from torch._subclasses.fake_tensor import FakeTensorMode

    def assert_shapes(x: Any) -> None:
        values, indices = xtopk.topk(x, 3, 1)
        assert values.shape == indices.shape == (2, 3, 7)
        assert values.dtype == x.dtype
        assert indices.dtype == torch.int64
        mask = xtopk.topk_mask(x, 3, 1)
        assert mask.shape == x.shape
        assert mask.dtype == torch.bool
        assert values.device == indices.device == mask.device == x.device

    assert_shapes(torch.empty(2, 9, 7, dtype=getattr(torch, dtype), device="meta"))
    with FakeTensorMode():
        assert_shapes(torch.empty(2, 9, 7, dtype=getattr(torch, dtype)))


@pytest.mark.parametrize("pre_dispatch", [False, True])
@pytest.mark.parametrize("n", [900, 100_000])
@TORCH
def test_a_graph_of_plain_tensors_keeps_no_answer(library: Library, n: int, pre_dispatch: bool) -> None:
    from torch.fx.experimental.proxy_tensor import make_fx

    x_np = np.random.default_rng(0).permutation(n).astype(np.float32)
    traced = make_fx(lambda a: tuple(xtopk.topk(a, 9)), tracing_mode="real", pre_dispatch=pre_dispatch)
    graph = traced(library.make(x_np))
    x_np[::7], x_np[1] = n, np.nan
    assert_ranked(library.back(*graph(library.make(x_np))), x_np, 9)


@TORCH
def test_parameters_subclasses_and_inference_mode(library: Library) -> None:
    torch = library.namespace
    x_np = tied()[0]
    x = library.make(x_np)
    assert_ranked(library.back(*xtopk.topk(torch.nn.Parameter(x), 4)), x_np, 4)
    assert_ranked(library.back(*xtopk.topk(torch.nn.Buffer(x), 4)), x_np, 4)
    with torch.inference_mode():
        assert_ranked(library.back(*xtopk.topk(x, 4)), x_np, 4)
    with torch.no_grad():
        assert_ranked(library.back(*xtopk.topk(x, 4)), x_np, 4)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "uint32"])
@pytest.mark.parametrize("shape", [(5, 40), (50, 100), (40, 2000), (8, 60_000), (900,), (200_000,)], ids=str)
@TORCH
def test_neither_default_dtype_nor_default_device_matters(library: Library, shape: tuple[int, ...], dtype: str) -> None:
    torch = library.namespace
    rng = np.random.default_rng(0)
    for x_np in (rng.integers(0, 4, shape).astype(dtype), (rng.random(shape) < 0.001).astype(dtype)):
        x = library.make(x_np)
        for k in (4, shape[-1] // 2):
            with torch.device("meta"):
                result = xtopk.topk(x, k)
                mask = xtopk.topk_mask(x, k)
            assert_ranked(library.back(*result), x_np, k)
            assert_marked(library.back(mask)[0], x_np, k)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "int32", "uint64"])
@pytest.mark.parametrize("most", [2, 99])
@pytest.mark.parametrize("shape", [(9,), (1, 9), (2, 9), (1, 3000), (90, 300), (5, 1, 3000), (100_000,)], ids=str)
@TORCH
def test_results_are_new_tensors(library: Library, shape: tuple[int, ...], most: int, dtype: str) -> None:
    torch = library.namespace
    x = library.make(np.random.default_rng(0).integers(0, most, shape).astype(np_dtype(dtype))).clone()
    for k in (0, 2, shape[-1] // 2, shape[-1]):
        with torch.no_grad():
            values, indices = xtopk.topk(x, k)
        for part in (values, indices):
            assert part.is_contiguous()
            assert part.untyped_storage().nbytes() == part.numel() * part.itemsize
        for part in (x, values, indices):
            assert part.untyped_storage().resizable()  # which memory that NumPy knows of is not
        if x.dtype.is_floating_point:
            values.mul_(torch.ones(1, dtype=x.dtype, requires_grad=True))  # which refuses views made under no_grad


@pytest.mark.parametrize("stable", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int64"])
@pytest.mark.parametrize("shape", [(20_000, 2), (40_000, 8), (200, 100), (60, 3, 1500), (3, 20_000, 5)], ids=str)
@TORCH
def test_results_are_contiguous(library: Library, shape: tuple[int, ...], dtype: str, stable: bool) -> None:
    """Whatever the way, and the order of the axes in memory."""
    x = library.make(np.random.default_rng(0).permutation(np.prod(shape)).reshape(shape).astype(np_dtype(dtype)))
    for x_, axis in ((x, -1), (x.transpose(0, -1), 0), (x.transpose(0, -2), -1)):
        for k in (1, 2, x_.shape[axis] // 2, x_.shape[axis]):
            values, indices = xtopk.topk(x_, k, axis, stable=stable, nan="last" if stable else "greatest")
            assert values.is_contiguous()
            assert indices.is_contiguous()


@TORCH
def test_subnormal_numbers_are_not_flushed(library: Library) -> None:
    """They rank by value and come back whole, on the static path also with torch told to flush them."""
    torch = library.namespace
    x_np = np.asarray([1, 3, 0, 2, 0x8000_0001], dtype=np.uint32).view(np.float32)
    x = library.make(x_np)
    assert xtopk.topk(x, 5).indices.tolist() == [1, 3, 0, 2, 4]
    try:
        torch.set_flush_denormal(True)
        values, indices = torch.vmap(lambda row: xtopk.topk(row, 5))(x[None])
    finally:
        torch.set_flush_denormal(False)
    assert indices.tolist() == [[1, 3, 0, 2, 4]]
    assert library.back(values)[0].view(np.uint32).tolist() == [[3, 2, 1, 0, 0x8000_0001]]


@TORCH
@pytest.mark.filterwarnings("ignore")  # torch.jit is deprecated, and says which numbers become constants
def test_jit_trace_is_refused(library: Library) -> None:
    torch = library.namespace
    with pytest.raises(TypeError, match=r"^x must be traced by torch.compile or"):
        torch.jit.trace(lambda x: tuple(xtopk.topk(x, 3)), (torch.tensor([5.0, 1, 4, 2, 3]),))


@TORCH
def test_negative_views(library: Library) -> None:
    torch = library.namespace
    x = torch.complex(torch.zeros(4), torch.tensor([1.0, 3, 2, 3])).conj().imag
    assert x.is_neg()
    assert xtopk.topk(x, 2).indices.tolist() == [0, 2]
    assert torch.vmap(lambda row: xtopk.topk(row, 2).indices)(x.expand(2, 4)).tolist() == [[0, 2]] * 2

    def indices(x: Any) -> Any:
        return xtopk.topk(x, 3).indices

    assert torch.equal(torch.compile(indices, fullgraph=True, backend="aot_eager")(x), indices(x))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int16"])
@pytest.mark.parametrize(("shape", "k"), [((40_000,), 20), ((400, 100), 40)], ids=str)
@TORCH
def test_a_tensor_from_outside_a_transform(library: Library, shape: tuple[int, ...], k: int, dtype: str) -> None:
    """Operations on it are wrapped, though it is not, and NumPy reads no memory of what is."""
    torch = library.namespace
    x = library.make(np.random.default_rng(0).integers(0, 99, shape).astype(np_dtype(dtype)))
    best = xtopk.topk(x, k).values.float()

    def weighted(weights: Any) -> Any:
        return (weights * xtopk.topk(x, k).values.float()).sum()

    ones = torch.ones_like(best)
    assert torch.equal(torch.func.grad(weighted)(ones), best)
    assert torch.func.jvp(weighted, (ones,), (ones,))[1] == best.sum()
    assert torch.equal(torch.vmap(torch.func.grad(weighted))(torch.stack([ones, ones]))[1], best)


@TORCH
def test_torch_needs_no_numpy(library: Library) -> None:
    """Nor one that is too old to share memory, and the answer is the same."""
    call = "x = torch.arange(40_000) % 7; assert xtopk.topk(x, 3).indices.tolist() == [6, 13, 20]"
    old = "import numpy; del numpy.from_dlpack; import torch, xtopk"
    none = "import sys; sys.modules['numpy'] = None; import torch, xtopk"
    for setting in (old, none):
        subprocess.run([sys.executable, "-W", "ignore", "-c", f"{setting}; {call}"], check=True, timeout=100)
