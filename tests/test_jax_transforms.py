"""JAX's transformations: `jit`, derivatives of every order and mode, `vmap`, `scan`, `shard_map`."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

import xtopk
from tests.libraries import Library, as_if_many, rows
from tests.oracle import assert_marked, assert_ranked

JAX = pytest.mark.parametrize("library", rows(transforms="jax"), ids=str)
EVERY_OPTION = pytest.mark.parametrize(
    "options", [{}, {"mode": "smallest"}, {"nan": "greatest"}, {"sorted": False}, {"stable": False}], ids=str
)


@pytest.fixture(autouse=True, params=["few", "many"])
def _rows(request: pytest.FixtureRequest) -> Iterator[None]:
    """Take each path, as if there were few rows or many."""
    if request.param == "few":
        yield
    else:
        with as_if_many():
            yield


def matrix(library: Library) -> Any:
    """Return distinct numbers in no order."""
    return library.make(np.random.default_rng(0).permutation(24).reshape(4, 6).astype("float32"))


def tied(dtype: str = "float32") -> Any:
    x = np.random.default_rng(0).integers(0, 4, size=(3, 5, 40)).astype(dtype)
    if dtype.startswith("float"):
        x[..., ::9] = np.nan
    return x


def squares(x: Any) -> Any:
    return (xtopk.topk(x, 2).values ** 2).sum()


@EVERY_OPTION
@pytest.mark.parametrize("axis", [0, 1, -1])
@JAX
def test_jit(library: Library, axis: int, options: dict[str, Any]) -> None:
    x_np = tied()
    result = library.namespace.jit(partial(xtopk.topk, k=3, axis=axis, **options))(library.make(x_np))
    assert isinstance(result, xtopk.TopK)
    assert_ranked(library.back(*result), x_np, 3, axis, **options)


@pytest.mark.parametrize("dtype", ["float16", "int8", "uint16", "int32", "uint32", "bool"])
@JAX
def test_jit_of_mask_and_merge(library: Library, dtype: str) -> None:
    x_np = tied(dtype)
    x = library.make(x_np)
    mask = library.namespace.jit(xtopk.topk_mask, static_argnames="k")(x, k=3)
    assert_marked(library.back(mask)[0], x_np, 3)

    def merged(a: Any) -> Any:
        left, right = xtopk.topk(a[..., :20], 3), xtopk.topk(a[..., 20:], 3)
        return xtopk.merge_topk([(right.values, right.indices + 20), left], 3)

    assert_ranked(library.back(*library.namespace.jit(merged)(x)), x_np, 3)


@JAX
def test_first_and_second_order(library: Library) -> None:
    jax = library.namespace
    x = matrix(library)
    chosen = xtopk.topk_mask(x, 2)
    for gradient in (jax.grad(squares), jax.jit(jax.grad(squares)), jax.vmap(jax.grad(squares))):
        np.testing.assert_array_equal(gradient(x), 2 * x * chosen)
    hessian = jax.hessian(squares)(x[0])
    np.testing.assert_array_equal(hessian, 2 * np.diag(chosen[0]))
    jacobian = np.asarray(xtopk.topk(x[0], 2).indices)[:, None] == np.arange(6)
    for transform in (jax.jacrev, jax.jacfwd):
        np.testing.assert_array_equal(transform(lambda row: xtopk.topk(row, 2).values)(x[0]), jacobian)


@EVERY_OPTION
@JAX
def test_forward_and_reverse(library: Library, options: dict[str, Any]) -> None:
    jax = library.namespace
    x, direction = matrix(library), matrix(library) ** 2

    def values(a: Any) -> Any:
        return xtopk.topk(a, 2, **options).values

    indices = np.asarray(xtopk.topk(x, 2, **options).indices)
    primal, tangent = jax.jvp(values, (x,), (direction,))
    np.testing.assert_array_equal(primal, np.take_along_axis(np.asarray(x), indices, -1))
    np.testing.assert_array_equal(tangent, np.take_along_axis(np.asarray(direction), indices, -1))
    _, pull = jax.vjp(values, x)
    (gradient,) = pull(primal)
    expected = np.zeros((4, 6), dtype="float32")
    np.put_along_axis(expected, indices, np.asarray(primal), -1)
    np.testing.assert_array_equal(gradient, expected)


@JAX
def test_derivatives_of_the_whole_result(library: Library) -> None:
    """The indices, being integers, have a tangent without values."""
    jax = library.namespace
    x = matrix(library)
    _, tangents = jax.jvp(lambda a: xtopk.topk(a, 2), (x,), (x,))
    assert tangents.indices.dtype == jax.dtypes.float0
    gradient, result = jax.grad(lambda a: (squares(a), xtopk.topk(a, 2)), has_aux=True)(x)
    assert gradient.shape == x.shape
    assert_ranked(library.back(*result), np.asarray(x), 2)


@EVERY_OPTION
@pytest.mark.parametrize("in_axis", [0, 1, 2])
@JAX
def test_vmap(library: Library, in_axis: int, options: dict[str, Any]) -> None:
    x_np = tied()
    result = library.namespace.vmap(partial(xtopk.topk, k=3, **options), in_axes=in_axis)(library.make(x_np))
    assert_ranked(library.back(*result), np.moveaxis(x_np, in_axis, 0), 3, **options)


@JAX
def test_nested_vmap(library: Library) -> None:
    jax = library.namespace
    x_np = tied()
    result = jax.jit(jax.vmap(jax.vmap(partial(xtopk.topk, k=3))))(library.make(x_np))
    assert_ranked(library.back(*result), x_np, 3)
    mask = jax.vmap(jax.vmap(partial(xtopk.topk_mask, k=3)))(library.make(x_np))
    assert_marked(library.back(mask)[0], x_np, 3)


@pytest.mark.parametrize("dtype", ["int64", "float64"])
@JAX
def test_wide_numbers_where_x64_is_off(library: Library, dtype: str) -> None:
    """An array that was made under x64 keeps its dtype beyond it."""
    jax = library.namespace
    x_np = np.random.default_rng(0).permutation(1200).reshape(3, 400).astype(dtype)
    with jax.enable_x64(True):
        x = jax.numpy.asarray(x_np)
    with jax.enable_x64(False):
        for k in (3, 200):
            values, indices, mask = library.back(*xtopk.topk(x, k), xtopk.topk_mask(x, k))
            assert_ranked((values, indices), x_np, k)
            assert_marked(mask, x_np, k)


@JAX
def test_scan_merges_a_stream(library: Library) -> None:
    """The running top k of a long axis, one block after another."""
    jax = library.namespace
    x_np = tied()[0, 0]
    blocks = library.make(x_np.reshape(4, 10))

    def step(best: Any, block: Any) -> Any:
        part = xtopk.topk(block[0], 6)
        return xtopk.merge_topk([best, (part.values, part.indices + block[1])], 6), None

    starts = jax.numpy.arange(0, 40, 10)
    best, _ = jax.lax.scan(step, xtopk.topk(blocks[0], 6), (blocks[1:], starts[1:]))
    assert_ranked(library.back(*best), x_np, 6)


@JAX
def test_shard_map(library: Library) -> None:
    jax = library.namespace
    mesh = jax.make_mesh((1,), ("shards",))
    spec = jax.sharding.PartitionSpec("shards")
    x_np = tied()[0]
    x = jax.device_put(library.make(x_np), jax.sharding.NamedSharding(mesh, spec))
    for axis in (0, 1):
        sharded = jax.shard_map(partial(xtopk.topk, k=3, axis=axis), mesh=mesh, in_specs=spec, out_specs=spec)
        assert_ranked(library.back(*sharded(x)), x_np, 3, axis)
        rows = jax.vmap(partial(xtopk.topk, k=3), 1 - axis, 1 - axis)
        assert_ranked(library.back(*jax.shard_map(rows, mesh=mesh, in_specs=spec, out_specs=spec)(x)), x_np, 3, axis)
    mask = jax.shard_map(partial(xtopk.topk_mask, k=3), mesh=mesh, in_specs=spec, out_specs=spec)
    assert_marked(library.back(mask(x))[0], x_np, 3)


@JAX
def test_shapes_without_computing(library: Library) -> None:
    jax = library.namespace
    x = jax.ShapeDtypeStruct((2, 9, 7), "float32")
    values, indices = jax.eval_shape(partial(xtopk.topk, k=3, axis=1), x)
    assert values.shape == indices.shape == (2, 3, 7)
    assert values.dtype == "float32"
    assert indices.dtype == library.index_dtype


@JAX
def test_no_leaks(library: Library) -> None:
    """No tracer outlives its trace, and NaN debugging does not stumble over a NaN that is not chosen."""
    jax = library.namespace
    x_np = tied()[0]
    x = library.make(x_np)
    with jax.checking_leaks():
        assert_ranked(library.back(*jax.jit(partial(xtopk.topk, k=3))(x)), x_np, 3)
    with jax.debug_nans(True):
        assert_ranked(library.back(*xtopk.topk(x, 3)), x_np, 3)


@pytest.mark.parametrize(("name", "number"), [("float8_e4m3fn", float), ("int4", int)])
@JAX
def test_narrow_dtypes_are_refused(library: Library, name: str, number: type) -> None:
    x = library.namespace.numpy.zeros(3, dtype=name)
    words = rf"floating-point dtype, such as x\.astype\({number.__name__}\) has; got {name}$"
    with pytest.raises(TypeError, match=f"^x must have a boolean, integer or real {words}"):
        xtopk.topk(x, 1)
    assert xtopk.topk(x.astype(number), 1).values == 0


@JAX
def test_random_keys_are_refused(library: Library) -> None:
    with pytest.raises(TypeError, match=r"^x must have a boolean, integer or real floating-point dtype; got key"):
        xtopk.topk(library.namespace.random.split(library.namespace.random.key(0), 3), 1)


@pytest.mark.parametrize("shape", [(7, 40), (2, 5, 33), (64, 8), (1, 100), (3, 300)], ids=str)
@EVERY_OPTION
@JAX
def test_rows_in_chunks(
    library: Library, shape: tuple[int, ...], options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from xtopk._native import jax as native

    monkeypatch.setattr("xtopk._native.jax_cpu.CACHED", 64)
    native._compiled.cache_clear()
    x_np = np.random.default_rng(0).integers(0, 9, size=shape).astype("float32")
    x_np[..., ::5] = np.nan
    result = xtopk.topk(library.make(x_np), 6, **options)
    native._compiled.cache_clear()
    assert_ranked(library.back(*result), x_np, 6, -1, **options)


@pytest.mark.parametrize("dtype", ["int16", "uint32", "int32", "float32", "int64"])
@JAX
def test_every_bit_counts(library: Library, dtype: str) -> None:
    """Keys that differ in few bits, so that most share half of theirs with another."""
    if dtype not in library.dtypes:
        pytest.skip(f"without x64 JAX makes no {dtype}; JAX's first run of nox has it")
    width = np.dtype(dtype).itemsize * 8
    if dtype == "float32":
        width = 30  # no NaN
    bits = [(1 << i) | (1 << j) for i in range(width) for j in range(i, width, 3)]
    x_np = np.asarray(bits, dtype=np.uint64).astype(f"u{np.dtype(dtype).itemsize}").view(dtype)
    x_np = np.random.default_rng(0).permuted(np.stack([x_np, x_np, x_np]), axis=1)
    for mode in ("largest", "smallest"):
        k = x_np.shape[1] // 2
        assert_ranked(library.back(*xtopk.topk(library.make(x_np), k, mode=mode)), x_np, k, mode=mode)


@pytest.mark.parametrize(("shape", "k"), [((300, 100), 3), ((300, 1000), 30), ((2, 30_000), 3)])
@JAX
def test_no_rank_and_no_dtype_is_promoted(library: Library, shape: tuple[int, ...], k: int) -> None:
    jax = library.namespace
    with jax.numpy_rank_promotion("raise"), jax.numpy_dtype_promotion("strict"):
        x = library.make(np.zeros(shape, dtype="float32"))
        assert int(xtopk.topk_mask(x, k).sum()) == shape[0] * k
