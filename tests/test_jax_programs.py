"""What XLA makes of a call: a program for the caller's own thread where it is small, and no sort of all."""

from typing import Any

import numpy as np
import pytest

import xtopk
from tests.libraries import Library, np_dtype, rows

JAX = pytest.mark.parametrize("library", [row for row in rows(transforms="jax") if row.name == "jax"], ids=str)

COUNTED = 1000
"""A program of so many operations, as XLA counts them, or of more is handed to another thread."""


def program(library: Library, function: Any, shape: tuple[int, ...], dtype: str) -> Any:
    """Return what a function of one array is compiled to."""
    x = library.make(np.random.default_rng(0).integers(0, 99, shape).astype(np_dtype(dtype)))
    return library.namespace.jit(function).lower(x).compile()


@pytest.mark.parametrize("options", [{}, {"mode": "smallest"}, {"nan": "greatest"}], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float16", "int32", "uint8", "bool"])
@pytest.mark.parametrize(
    ("shape", "k"),
    [((96,), 40), ((1000,), 5), ((32, 100), 5), ((1000, 2), 1), ((5, 3000), 90), ((64, 16), 16), ((20_000,), 9)],
)
@JAX
def test_a_small_call_stays_in_its_thread(
    library: Library, shape: tuple[int, ...], k: int, dtype: str, options: dict[str, Any]
) -> None:
    import jax

    made = program(library, lambda x: xtopk.topk(x, k, **options), shape, dtype)
    assert made.cost_analysis()["flops"] < COUNTED
    native = program(library, lambda x: jax.lax.top_k(-x, k), (32, 100), "float32")
    assert native.cost_analysis()["flops"] > COUNTED  # or nothing is counted


@JAX
def test_rows_of_a_shard_are_selected_from_together(library: Library) -> None:
    """Whichever way ``vmap`` comes to them: a row alone would be few elements."""
    jax = library.namespace
    spec = jax.sharding.PartitionSpec("shards")
    mesh = jax.make_mesh((1,), ("shards",), axis_types=(jax.sharding.AxisType.Auto,))
    of_rows = jax.vmap(lambda x: tuple(xtopk.topk(x, 3)))
    of_shard = jax.shard_map(of_rows, mesh=mesh, in_specs=spec, out_specs=spec)
    made = [program(library, function, (500, 3000), "float32") for function in (of_shard, lambda x: xtopk.topk(x, 3))]
    assert made[0].cost_analysis()["flops"] == made[1].cost_analysis()["flops"]


@JAX
def test_a_large_mask_is_compared_with_the_kth(library: Library) -> None:
    made = [program(library, lambda x, k=k: xtopk.topk_mask(x, k), (30, 1000), "float32") for k in (20, 500)]
    assert ["TopK" in each.as_text() for each in made] == [True, False]


@JAX
def test_a_part_of_what_is_returned_takes_no_sort(library: Library) -> None:
    """As of ``lax.top_k``, which XLA recognises by the one slice that is taken of a sort."""
    import jax

    def best_and_all(topk: Any, x: Any) -> Any:
        indices = topk(x, 5)[1]
        return indices, indices[:, :1]

    for topk, sorts in ((jax.lax.top_k, True), (xtopk.topk, False)):
        made = program(library, lambda x, topk=topk: best_and_all(topk, x), (64, 1000), "float32")
        assert (" sort(" in made.as_text()) == sorts
