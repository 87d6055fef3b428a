"""JAX arrays sharded over eight devices: the answer, and that their data stay where they are.

JAX must know how many devices it shall pretend to have before it starts, so the tests run in a process of their own.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import xtopk
from benchmarks.collectives import collectives
from tests.libraries import Library, np_dtype, rows
from tests.oracle import assert_marked, assert_ranked
from tests.strategies import tied_array

FLAG = "--xla_force_host_platform_device_count=8"
INSIDE = FLAG in os.environ.get("XLA_FLAGS", "")
ROWS = rows(transforms="jax")
OUTSIDE = pytest.mark.parametrize("library", [] if INSIDE else ROWS, ids=str)
JAX = pytest.mark.parametrize("library", ROWS if INSIDE else [], ids=str)
EVERY_OPTION = pytest.mark.parametrize(
    "options", [{}, {"mode": "smallest"}, {"nan": "greatest"}, {"sorted": False}, {"stable": False}], ids=str
)
SPECS = [("rows", None), (None, "columns"), ("rows", "columns"), (None, ("columns", "rows")), (None, None)]
LAYOUTS = [("Auto", spec) for spec in SPECS] + [("Explicit", SPECS[at]) for at in (0, 2, 3)]
EVERY_LAYOUT = pytest.mark.parametrize(("types", "spec"), LAYOUTS, ids=str)
AXIS_TYPES = pytest.mark.parametrize("types", ["Auto", "Explicit"])
K, SHAPE = 5, (4, 4096)


@OUTSIDE
def test_on_eight_devices(library: Library) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", __file__]
    environment = {**os.environ, "XLA_FLAGS": FLAG, "XTOPK_TEST_LIBRARIES": library.name}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=500)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-1000:]


def mesh(library: Library, types: str = "Auto") -> Any:
    axis_type = getattr(library.namespace.sharding.AxisType, types)
    return library.namespace.make_mesh((2, 4), ("rows", "columns"), axis_types=(axis_type,) * 2)


def place(library: Library, x: Any, spec: tuple[Any, ...], types: str = "Auto") -> Any:
    sharding = library.namespace.sharding
    where = sharding.NamedSharding(mesh(library, types), sharding.PartitionSpec(*spec))
    return library.namespace.device_put(library.make(x), where)


def normal(shape: tuple[int, ...] = SHAPE) -> Any:
    return np.random.default_rng(0).standard_normal(shape).astype("float32")


def shards(spec: Any) -> int:
    """Return into how many parts one entry of a spec cuts an axis."""
    names = spec if isinstance(spec, tuple) else (spec,)
    return int(np.prod([{"rows": 2, "columns": 4, None: 1}[name] for name in names]))


def run(library: Library, function: Callable[..., Any], *args: Any, most: int) -> Any:
    """Return ``jit(function)(*args)``, and assert that no collective in it moves more than so many elements."""
    compiled = library.namespace.jit(function).lower(*args).compile()
    assert max((one.elements for one in collectives(compiled.as_text())), default=0) <= most
    return compiled(*args)


def candidates(x: Any, spec: tuple[Any, ...], k: int = K) -> int:
    """Return how many elements may be moved at once: a few times k a shard of the last axis, and none of the others."""
    most = 4 * k * shards(spec[-1]) * (x.shape[0] // shards(spec[0])) if spec[-1] else 0
    assert most < x.size // x.sharding.num_devices, "so little data that moving them would not be seen"
    return most


@JAX
def test_that_moving_data_is_seen(library: Library) -> None:
    for spec in SPECS[:-1]:
        x = place(library, normal(), spec)
        with pytest.raises(AssertionError):
            run(library, lambda a: library.namespace.lax.top_k(-a, K), x, most=candidates(x, spec))


@EVERY_OPTION
@JAX
def test_ties_and_nan(library: Library, options: dict[str, Any]) -> None:
    """Shards are shorter than the longer k."""
    marks = {word: value for word, value in options.items() if word != "sorted"}
    ranked = "mode" in options or "nan" in options or not options
    for index, dtype in enumerate(library.dtypes if ranked else ["float32"]):
        x_np = tied_array(np.random.default_rng(index), (2, 64), np_dtype(dtype), 5)
        x = place(library, x_np, SPECS[3])
        assert_ranked(library.back(*xtopk.topk(x, 20, **options)), x_np, 20, **options)
        assert_marked(library.back(xtopk.topk_mask(x, 3, **marks))[0], x_np, 3, **marks)


@EVERY_LAYOUT
@JAX
def test_values_and_indices(library: Library, types: str, spec: tuple[Any, ...]) -> None:
    topk = partial(xtopk.topk, k=K)
    x = place(library, normal(), spec, types)
    result = run(library, topk, x, most=candidates(x, spec))
    assert_ranked(library.back(*result), normal(), K)
    assert all(shards(part.sharding.spec[:1] or None) == shards(spec[0]) for part in result)
    turned = place(library, normal().T, spec[::-1], types)
    assert_ranked(library.back(*topk(turned, axis=0)), normal().T, K, 0)
    assert_ranked(library.back(*topk(place(library, normal()[0], spec[1:], types))), normal()[0], K)


@EVERY_LAYOUT
@JAX
def test_mask(library: Library, types: str, spec: tuple[Any, ...]) -> None:
    x = place(library, normal(), spec, types)
    mask = run(library, partial(xtopk.topk_mask, k=K), x, most=candidates(x, spec))
    assert_marked(library.back(mask)[0], normal(), K)
    assert mask.sharding.is_equivalent_to(x.sharding, 2)


def squares(x: Any) -> Any:
    return (xtopk.topk(x, K).values ** 2).sum()


@EVERY_LAYOUT
@JAX
def test_derivatives(library: Library, types: str, spec: tuple[Any, ...]) -> None:
    jax = library.namespace
    x = place(library, normal(), spec, types)
    values, indices = xtopk.topk(normal(), K)
    change = np.zeros(SHAPE, dtype="float32")
    np.put_along_axis(change, indices, 2 * values, -1)

    def step(a: Any) -> Any:
        return a - jax.grad(squares)(a)

    def directional(a: Any) -> Any:
        return jax.jvp(lambda b: xtopk.topk(b, K).values, (a,), (2 * a,))[1]

    most = candidates(x, spec)
    np.testing.assert_array_equal(run(library, jax.grad(squares), x, most=most), change)
    np.testing.assert_array_equal(run(library, directional, x, most=most), 2 * values)
    stepped = run(library, step, x, most=most)
    np.testing.assert_array_equal(stepped, normal() - change)
    assert stepped.sharding.is_equivalent_to(x.sharding, 2)


@JAX
def test_second_order(library: Library) -> None:
    jax = library.namespace
    row = normal((16,))
    x = place(library, row, (("rows", "columns"),))
    for hessian in (jax.hessian(squares), jax.jacrev(jax.jacrev(squares)), jax.jit(jax.jacrev(jax.jacfwd(squares)))):
        np.testing.assert_array_equal(hessian(x), 2 * np.diag(xtopk.topk_mask(row, K)))


@EVERY_LAYOUT
@JAX
def test_vmap(library: Library, types: str, spec: tuple[Any, ...]) -> None:
    jax = library.namespace
    x = place(library, normal(), spec, types)
    topk, mask, most = partial(xtopk.topk, k=K), partial(xtopk.topk_mask, k=K), candidates(x, spec)
    assert_ranked(library.back(*run(library, jax.vmap(topk), x, most=most)), normal(), K)
    assert_marked(library.back(run(library, jax.vmap(mask), x, most=most))[0], normal(), K)
    run(library, jax.vmap(jax.grad(squares)), x, most=most)
    turned = place(library, normal().T, spec[::-1], types)
    assert_ranked(library.back(*jax.vmap(topk, in_axes=1)(turned)), normal(), K)


@JAX
def test_inside_control_flow(library: Library) -> None:
    lax = library.namespace.lax
    x = place(library, normal(), SPECS[3])

    def scanned(a: Any) -> Any:
        return lax.scan(lambda _, row: (None, xtopk.topk(row, K)), None, a)[1]

    def branched(a: Any) -> Any:
        return lax.cond(a[0, 0] < 9, partial(xtopk.topk, k=K), lambda b: xtopk.topk(-b, K), a)

    for function in (scanned, branched, library.namespace.checkpoint(partial(xtopk.topk, k=K))):
        assert_ranked(library.back(*run(library, function, x, most=candidates(x, SPECS[3]))), normal(), K)


@pytest.mark.parametrize("n", [4095, 4089, 4088, 3000])
@JAX
def test_lengths_that_do_not_divide(library: Library, n: int) -> None:
    """What pads the last shards is greater than any element, and some shards hold nothing else."""
    jax = library.namespace
    x_np = -abs(normal())
    x_np[:, ::7] = np.nan
    padded = np.where(np.arange(SHAPE[1]) < n, x_np, 9).astype("float32")
    x = place(library, padded, SPECS[3])

    def cut(function: Any, k: int) -> Any:
        return lambda a: function(jax.lax.with_sharding_constraint(a[:, :n], x.sharding), k)

    # Cutting off more than one moves elements from one shard to another.
    most = candidates(x, SPECS[3]) if n == 4095 else x.size
    assert_ranked(library.back(*run(library, cut(xtopk.topk, K), x, most=most)), x_np[:, :n], K)
    assert_ranked(library.back(*jax.jit(cut(xtopk.topk, n))(x)), x_np[:, :n], n)
    assert_marked(library.back(jax.jit(cut(xtopk.topk_mask, K))(x))[0], x_np[:, :n], K)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint32", "float16"])
@pytest.mark.parametrize("options", [{}, {"mode": "smallest"}, {"nan": "greatest"}], ids=str)
@JAX
def test_padding_ranks_last(library: Library, dtype: str, options: dict[str, Any]) -> None:
    x_np = tied_array(np.random.default_rng(0), (2, 61), np_dtype(dtype), 4)
    x = place(library, np.concatenate([x_np, x_np[:, :3]], axis=1), SPECS[3])

    def cut(a: Any) -> Any:
        return xtopk.topk(library.namespace.lax.with_sharding_constraint(a[:, :61], x.sharding), 61, **options)

    assert_ranked(library.back(*library.namespace.jit(cut)(x)), x_np, 61, **options)


@JAX
def test_parts_of_a_mesh_axis(library: Library) -> None:
    """A reshape leaves an axis cut by a part of a mesh axis, for which there is no name."""
    jax = library.namespace
    sharding = jax.sharding
    line = jax.make_mesh((8,), ("line",), axis_types=(sharding.AxisType.Auto,))
    x = jax.device_put(library.make(normal((1 << 14,))), sharding.NamedSharding(line, sharding.PartitionSpec("line")))

    def folded(a: Any) -> Any:
        return xtopk.topk(a.reshape(4, -1), K)

    result = run(library, folded, x, most=4 * K * 2 * 4)
    assert_ranked(library.back(*result), normal((1 << 14,)).reshape(4, -1), K)


@JAX
def test_devices_in_any_order(library: Library) -> None:
    jax = library.namespace
    turned = jax.sharding.Mesh(np.asarray(jax.devices())[[3, 0, 6, 1, 7, 2, 5, 4]].reshape(4, 2), ("a", "b"))
    for spec in (("a", "b"), ("b", "a"), (None, ("b", "a")), (None, "b")):
        x = jax.device_put(
            library.make(normal()), jax.sharding.NamedSharding(turned, jax.sharding.PartitionSpec(*spec))
        )
        assert_ranked(library.back(*xtopk.topk(x, K)), normal(), K)
        assert_marked(library.back(xtopk.topk_mask(x, K))[0], normal(), K)


@JAX
def test_many_rows_stay_where_they_are(library: Library) -> None:
    """So many that one device selects from a few at a time."""
    jax = library.namespace
    sharding = jax.sharding.NamedSharding(mesh(library), jax.sharding.PartitionSpec(("rows", "columns")))
    x = jax.ShapeDtypeStruct((1 << 16, 1 << 11), "float32", sharding=sharding)
    for function in (partial(xtopk.topk, k=K), partial(xtopk.topk_mask, k=K)):
        assert not collectives(jax.jit(function).lower(x).compile().as_text())


@AXIS_TYPES
@JAX
def test_merge(library: Library, types: str) -> None:
    def merged(a: Any, b: Any) -> Any:
        left, right = xtopk.topk(a, K), xtopk.topk(b, K)
        return xtopk.merge_topk([(right.values, right.indices + a.shape[-1]), left], K)

    for spec in SPECS:
        halves = [place(library, half, spec, types) for half in np.split(normal(), 2, axis=-1)]
        result = run(library, merged, *halves, most=candidates(halves[0], spec))
        assert_ranked(library.back(*result), normal(), K)


@AXIS_TYPES
@JAX
def test_shard_map(library: Library, types: str) -> None:
    """Inside, the array is one device's; what its top k is among all, `merge_topk` of gathered candidates says."""
    jax = library.namespace
    x, spec = place(library, normal(), SPECS[2], types), jax.sharding.PartitionSpec(*SPECS[2])

    def everywhere(shard: Any) -> Any:
        values, indices = xtopk.topk(shard, K)
        indices = indices + jax.lax.axis_index("columns") * shard.shape[-1]
        gathered = (jax.lax.all_gather(part, "columns", axis=1, tiled=True) for part in (values, indices))
        return xtopk.merge_topk([tuple(gathered)], K)

    over = partial(jax.shard_map, mesh=mesh(library, types), in_specs=spec)
    result = over(everywhere, out_specs=jax.sharding.PartitionSpec("rows"), check_vma=False)(x)
    assert_ranked(library.back(*result), normal(), K)
    result = over(partial(xtopk.topk, k=K), out_specs=spec)(x)
    for at, quarter in enumerate(np.split(normal(), 4, axis=-1)):
        assert_ranked([part[:, at * K : (at + 1) * K] for part in library.back(*result)], quarter, K)
    mask = over(partial(xtopk.topk_mask, k=K), out_specs=spec)(x)
    assert np.asarray(mask).sum() == 4 * K * SHAPE[0]


@pytest.mark.parametrize(("k", "shape"), [(3, (4096, 64)), (20, (4096, 64)), (5000, (2, 1 << 17))], ids=str)
@JAX
def test_shard_map_of_many(library: Library, k: int, shape: tuple[int, ...]) -> None:
    """What serves many rows or a large k is checked by `shard_map`, too."""
    spec = library.namespace.sharding.PartitionSpec("rows")
    x = place(library, normal(shape), ("rows",))
    result = library.namespace.shard_map(partial(xtopk.topk, k=k), mesh=mesh(library), in_specs=spec, out_specs=spec)(x)
    assert_ranked(library.back(*result), normal(shape), k)
    assert_ranked(library.back(*run(library, partial(xtopk.topk, k=k), x, most=0)), normal(shape), k)


@pytest.mark.parametrize("spec", [SPECS[1], SPECS[4]], ids=str)
@JAX
def test_x64_for_a_while(library: Library, spec: tuple[Any, ...]) -> None:
    x = place(library, normal(), spec)
    for wide in (True, False):
        with library.namespace.enable_x64(wide):
            values, indices = xtopk.topk(x, K)
            lowered = library.namespace.jit(partial(xtopk.topk, k=K)).lower(x)
        assert indices.dtype == f"int{32 << wide}"
        assert_ranked(library.back(values, indices), normal(), K)
        assert lowered.compile()(x).indices.dtype == indices.dtype


@JAX
def test_shard_map_over_one_of_two_axes(library: Library) -> None:
    """The other stays automatic, and XLA cuts along it what it finds there."""
    jax = library.namespace
    spec = jax.sharding.PartitionSpec("rows")
    over = partial(jax.shard_map, mesh=mesh(library), in_specs=spec, out_specs=spec, axis_names={"rows"})
    x = place(library, normal(), SPECS[2])
    assert_ranked(library.back(*jax.jit(over(partial(xtopk.topk, k=K)))(x)), normal(), K)
    assert_marked(library.back(jax.jit(over(partial(xtopk.topk_mask, k=K)))(x))[0], normal(), K)


@JAX
def test_explain_tells_of_a_shard(library: Library) -> None:
    x = library.namespace.numpy.zeros(1 << 15)
    assert "are left of 32768" in xtopk.explain(x, K).reason
    assert "are left of 4096" in xtopk.explain(place(library, np.asarray(x), SPECS[3][1:]), K).reason
    short = library.namespace.numpy.zeros((50, 512))  # of whose shards every element is a candidate
    assert xtopk.explain(place(library, np.asarray(short), SPECS[3]), 100) == xtopk.explain(short[:, :64], 64)


@JAX
def test_nothing_to_choose(library: Library) -> None:
    for types in ("Auto", "Explicit"):
        x = place(library, normal(), SPECS[2], types)
        with library.namespace.set_mesh(mesh(library, types)):
            assert run(library, lambda a: xtopk.topk(a, 0), x, most=0).values.shape == (SHAPE[0], 0)
            assert not np.any(run(library, lambda a: xtopk.topk_mask(a, 0), x, most=0))


@JAX
def test_programs_of_two_rankings_differ(library: Library) -> None:
    """What they do with a shard is not in the text by which JAX's cache of compiled programs knows them."""
    jax = library.namespace
    x = place(library, normal(), SPECS[1])
    words: list[dict[str, Any]] = [{}, {"mode": "smallest"}, {"nan": "greatest"}, {"k": K + 1}, {"axis": 0, "k": 4}]
    calls = [partial(function, **{"k": K, **word}) for word in words for function in (xtopk.topk, xtopk.topk_mask)]
    texts = {re.sub(r'backend_config = "\d+"', "", jax.jit(lambda a, f=f: f(a)).lower(x).as_text()) for f in calls}
    assert len(texts) == len(calls)
