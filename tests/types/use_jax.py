"""JAX: everything is an Array, under transformations, too."""

from functools import partial
from typing import assert_type

import jax
import jax.numpy as jnp
import pytest

import xtopk

x = jnp.zeros((3, 4))
top = xtopk.topk(x, 2)
assert_type(top, xtopk.TopK[jax.Array, jax.Array])
values, indices = xtopk.topk(x, 2, axis=0, mode="smallest")
assert_type(values, jax.Array)
assert_type(indices, jax.Array)
assert_type(xtopk.topk_mask(x, 2), jax.Array)
assert_type(xtopk.merge_topk([top, (top.values, top.indices + 4)], 2).indices, jax.Array)


@partial(jax.jit, static_argnames="k")
def best(x: jax.Array, k: int) -> jax.Array:
    return xtopk.topk(x, k).values


best(x, k=2)

with pytest.raises(ValueError, match="nan"):
    xtopk.topk(x, 2, nan="first")  # type: ignore[call-overload]
