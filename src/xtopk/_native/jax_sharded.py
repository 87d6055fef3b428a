"""JAX across devices: each selects from its shard, and only the candidates, k of each shard, meet in a merge.

How an array is sharded under `jit` is known to XLA alone, which asks what each device shall do with its shard
(`custom_partitioning`). A program for one device has nothing of this in it.
"""

from collections.abc import Callable
from typing import Any

from xtopk._order import FLOAT_BITS, INTEGER_BITS, Ranking, dtype_name

Select = Callable[[Any, int, int, Ranking], Any]
"""``select(x, k, axis, rank)`` on one device, or ``mark`` of the same."""

DEVICES = "devices"
"""The one axis of the mesh that a device's program names."""


def topk_across_devices(select: Select, k: int, axis: int, rank: Ranking) -> Any:
    """Return a function of `x` that is ``select(x, k, axis, rank)`` of all its shards together.

    Its derivative is that of taking the chosen elements.
    """
    import jax
    import jax.numpy as jnp
    import numpy as np

    chosen = _partitioned(select, k, axis, rank)

    def derivative(primals: Any, tangents: Any) -> Any:
        values, indices = of_floats(*primals)
        tangent = jnp.take_along_axis(tangents[0], indices, axis=axis, mode="promise_in_bounds")
        return (values, indices), (tangent, np.zeros(indices.shape, dtype=jax.dtypes.float0))

    of_floats = jax.custom_jvp(chosen)
    of_floats.defjvp(derivative)

    def topk(x: Any) -> Any:
        if is_shard(x):
            return select(x, k, axis, rank)
        function = of_floats if dtype_name(x.dtype) in FLOAT_BITS else chosen
        return _in_auto_mode(function, x, lambda spec: (_without(spec, axis),) * 2)

    return _named(topk, k, axis, rank)


def mask_across_devices(select: Select, mark: Select, k: int, axis: int, rank: Ranking) -> Any:
    """Return a function of `x` that is ``mark(x, k, axis, rank)`` of all its shards together."""
    from jax.lax import stop_gradient

    marked = _partitioned(select, k, axis, rank, mark)

    def mask(x: Any) -> Any:
        x = stop_gradient(x)
        return mark(x, k, axis, rank) if is_shard(x) else _in_auto_mode(marked, x, lambda spec: spec)

    return _named(mask, k, axis, rank)


def shape_of_shard(x: Any) -> tuple[int, ...]:
    """Return the shape of an array on one device, as far as that is known before `jit` decides it."""
    from jax.core import Tracer

    return x.shape if isinstance(x, Tracer) else x.sharding.shard_shape(x.shape)  # type: ignore[no-any-return]


def is_on_cpu(x: Any) -> bool:
    """Return whether an array is on the CPU, or will be by all that is known before it is compiled."""
    import jax

    if isinstance(x, jax.core.Tracer):
        return bool(jax.default_backend() == "cpu")
    return all(device.platform == "cpu" for device in x.devices())


def _named(function: Any, k: int, axis: int, rank: Ranking) -> Any:
    """Name a function by all that it does, by which alone a cache of compiled programs tells two of them apart."""
    words = [word for word, value in rank._asdict().items() if value]
    function.__name__ = "_".join([function.__name__, str(k), str(axis), *words])
    return function


def is_shard(x: Any) -> bool:
    """Return whether `x` is what one device holds, inside `shard_map`."""
    from jax import typeof

    return bool(typeof(x).sharding.mesh.manual_axes)


def _in_auto_mode(function: Callable[[Any], Any], x: Any, spec_of_result: Callable[[Any], Any]) -> Any:
    """Return ``function(x)``, with XLA left to shard inside of it where shardings are a part of types."""
    from jax import tree, typeof
    from jax.sharding import NamedSharding, auto_axes

    mesh, spec = typeof(x).sharding.mesh, typeof(x).sharding.spec
    if not mesh.explicit_axes:
        return function(x)
    out = tree.map(lambda part: NamedSharding(mesh, part), spec_of_result(spec))
    return auto_axes(function, out_sharding=out)(x)


def _without(spec: Any, axis: int) -> Any:
    return type(spec)(*(None if at == axis else names for at, names in enumerate(spec)))


def marked(x: Any, indices: Any, axis: int) -> Any:
    """Return True at those indices that `x` has."""
    import jax.numpy as jnp

    return jnp.put_along_axis(jnp.zeros(x.shape, bool), indices, True, axis, inplace=False, mode="drop")


def _partitioned(select: Select, k: int, axis: int, rank: Ranking, mark: Select | None = None) -> Any:
    """Return a function of `x` that selects, or marks: that XLA may cut along every axis, and `vmap` batch."""
    import numpy as np
    from jax import enable_x64, tree
    from jax.custom_batching import custom_vmap
    from jax.experimental.custom_partitioning import custom_partitioning
    from jax.sharding import Mesh

    def whole(x: Any) -> Any:
        return (mark or select)(x, k, axis, rank)

    def sharding_of_result(mesh: Any, args: Any, results: Any) -> Any:
        tiles = _tiles(args[0])
        if mark:
            return _sharding(args[0], tiles)
        lead = tuple(1 if at == axis else count for at, count in enumerate(tiles.shape[:-1]))
        gathered = np.moveaxis(tiles, axis, -2).reshape(*lead, -1)
        return (_sharding(args[0], gathered),) * 2

    def partition(mesh: Any, args: Any, results: Any) -> Any:
        x, tiles = args[0], _tiles(args[0])

        def of_shard(shard: Any) -> Any:
            # This is traced when the program is compiled, whatever then holds around it.
            with enable_x64(any(part.dtype.itemsize == 8 for part in tree.leaves((args, results)))):
                return _of_shard(select, mark, shard, k, axis, rank, x.shape[axis], np.moveaxis(tiles, axis, -1))

        mesh = Mesh(np.asarray(x.sharding._device_assignment), (DEVICES,))
        return mesh, of_shard, sharding_of_result(mesh, args, results), (_sharding(x, tiles),)

    def rule(mesh: Any, operands: Any, results: Any) -> str:
        along = [f"a{at}" for at in range(operands[0].rank)]
        there = " ".join(along if mark else [*along[:axis], "k", *along[axis + 1 :]])
        return f"{' '.join(along)} -> {there}" + ("" if mark else f", {there}")

    def of_batch(size: int, is_batched: Any, x: Any) -> Any:
        return _partitioned(select, k, axis + 1, rank, mark)(x), True if mark else (True, True)

    partitioned = custom_partitioning(whole)
    partitioned.def_partition(partition, sharding_of_result, decode_shardings=False, sharding_rule=rule)
    batched = custom_vmap(partitioned)
    batched.def_vmap(of_batch)
    return batched


def _of_shard(select: Select, mark: Any, x: Any, k: int, axis: int, rank: Ranking, n: int, groups: Any) -> Any:
    """Return what one device does with its shard of an axis of length `n`; the last of `groups` hold one axis."""
    import jax.numpy as jnp
    import numpy as np
    from jax import lax

    shards, length = groups.shape[-1], x.shape[axis]
    if shards == 1:
        return (mark or select)(x, k, axis, rank)
    rank = rank._replace(sorted=True, stable=True)  # equal candidates go by position, and padding after them
    groups = groups.reshape(-1, shards)
    starts = np.empty(groups.size, dtype=jnp.arange(1).dtype)
    starts[groups] = np.arange(shards) * length
    start = jnp.asarray(starts)[lax.axis_index(DEVICES)]
    if length * shards > n:  # what pads the last shards may be anything
        position = start + lax.broadcasted_iota(start.dtype, x.shape, axis)
        x = jnp.where(position < n, x, jnp.asarray(_worst(x.dtype, rank), x.dtype))
    values, indices = select(x, min(k, length), axis, rank)
    values, indices = (
        lax.all_gather(part, DEVICES, axis=axis, axis_index_groups=groups.tolist(), tiled=True)
        for part in (values, indices + start)
    )
    values, best = select(values, k, axis, rank)
    indices = jnp.take_along_axis(indices, best, axis=axis, mode="promise_in_bounds")
    if not mark:
        return values, indices
    here = indices - start
    return marked(x, jnp.where((here >= 0) & (here < length), here, length), axis)


def _worst(dtype: Any, rank: Ranking) -> Any:
    """Return an element that ranks after none."""
    import jax.numpy as jnp

    name = dtype_name(dtype)
    if name == "bool":
        return not rank.largest
    if name in INTEGER_BITS:
        return jnp.iinfo(dtype).min if rank.largest else jnp.iinfo(dtype).max
    return -jnp.inf if rank.nan_first else jnp.nan


def _tiles(x: Any) -> Any:
    """Return which device holds which tile: an array with an axis for each of `x`, and one for copies."""
    import numpy as np

    hlo = x.sharding._to_xla_hlo_sharding(x.ndim)
    if not hlo.is_tiled():
        return np.arange(x.sharding.num_devices).reshape(*(1,) * x.ndim, -1)
    return np.reshape(hlo.tile_assignment_devices(), (*hlo.tile_assignment_dimensions()[: x.ndim], -1))


def _sharding(like: Any, tiles: Any) -> Any:
    """Return the sharding that has these tiles."""
    sharding = like.sharding
    hlo = sharding._to_xla_hlo_sharding(like.ndim)
    copies = type(hlo.to_proto()).Type.REPLICATED
    return type(sharding)(
        sharding._device_assignment, type(hlo).subgroup_with_device_ordering(tiles, subgroup_types=[copies])
    )
