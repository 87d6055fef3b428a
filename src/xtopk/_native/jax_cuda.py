"""JAX on a CUDA GPU: the kernels, as PTX that XLA launches.

XLA passes pointers alone, to what goes in and then to what comes out. So each launch is of a kernel with everything
else as constants, into which the one that is meant is inlined. What is written twice goes in and comes out again.
"""

from dataclasses import dataclass
from functools import cache, partial
from math import prod
from typing import Any

from xtopk._cuda.kernels import Kernel
from xtopk._cuda.nvrtc import compiled, versions
from xtopk._cuda.select import COPIED, Gpu, Rows, serves, topk_of_rows
from xtopk._native.jax_gpu import least_elsewhere
from xtopk._order import Ranking, dtype_name

LAUNCHED = "__gpu$xla.gpu.ptx"
"""XLA's name for what launches a kernel of given PTX."""

INDEX = {4: "int", 8: "long long"}
"""How C++ names JAX's dtypes of indices."""

INLINING = """
struct Pointer {{
    void* to;
    template <typename T> __device__ operator T*() const {{ return (T*)to; }}
}};
extern "C" __global__ void __launch_bounds__({threads}) {name}_of_xla({parameters}) {{ {name}({arguments}); }}
"""


def kernels_serve(shape: tuple[int, ...], itemsize: int, k: int, axis: int) -> bool:
    """Return whether kernels select from an array on a CUDA GPU."""
    n, size, bits = shape[axis], prod(shape), 8 * itemsize
    if axis != len(shape) - 1 and size * itemsize > COPIED:
        return False
    return serves(size // n, n, k, bits) and usable()


def least_by_kernels(jnp: Any, rows: Any, k: int, rank: Ranking) -> Any:
    """Return the indices of the first k of each row, by kernels if they serve as many rows as `vmap` makes them."""
    if not kernels_serve(rows.shape, rows.dtype.itemsize, k, rows.ndim - 1):
        return least_elsewhere(jnp, rows, k, rank)
    return _batched(k, rank)(rows)


@cache
def _batched(k: int, rank: Ranking) -> Any:
    import jax.numpy as jnp
    from jax.custom_batching import custom_vmap

    def of_batch(size: int, is_batched: Any, rows: Any) -> Any:
        return least_by_kernels(jnp, rows, k, rank), True

    select = custom_vmap(partial(_least, k=k, rank=rank))
    select.def_vmap(of_batch)
    return select


def _least(rows: Any, k: int, rank: Ranking) -> Any:
    import jax.numpy as jnp

    n, itemsize = rows.shape[-1], rows.dtype.itemsize
    number, xla = rows.size // n, Xla(rows, jnp.arange(1).dtype)
    values, indices = xla.buffer((number, k), rows.dtype), xla.buffer((number, k), xla.index)
    given = Rows(rows, dtype_name(rows.dtype), rank, number, n, n, 8 * itemsize)
    found = topk_of_rows(xla, given, k, values, indices)
    return (indices.array if found is None or found is indices else found).reshape(*rows.shape[:-1], k)


@dataclass
class Buffer:
    """What kernels write: as it is after the last of the launches so far, if any."""

    shape: Any
    array: Any = None


class Xla(Gpu):
    """XLA, which is to launch kernels in a program that is being traced."""

    def __init__(self, like: Any, index: Any) -> None:
        from jax import typeof
        from jax.sharding import NamedSharding, PartitionSpec

        self.index, kind, self.varies = index, typeof(like), {}
        if not kind.sharding.mesh.empty:
            along_no_axis = NamedSharding(kind.sharding.mesh, PartitionSpec())
            self.varies = {"sharding": along_no_axis, "manual_axis_type": kind.manual_axis_type}

    def buffer(self, shape: tuple[int, ...], dtype: Any) -> Buffer:
        """Return a buffer, which varies over the devices of `shard_map` as the rows do."""
        from jax import ShapeDtypeStruct

        return Buffer(ShapeDtypeStruct(shape, dtype, **self.varies))

    def empty(self, shape: tuple[int, ...], dtype: str) -> Buffer:
        """Return a buffer; without x64, JAX has none of 64-bit integers, but as many bytes."""
        if dtype == "int64" and self.index.itemsize < 8:
            shape, dtype = (*shape[:-1], 2 * shape[-1]), "int32"
        return self.buffer(shape, dtype)

    def zeros(self, shape: tuple[int, ...], dtype: str) -> Buffer:
        """Return a buffer of zeros."""
        import jax.numpy as jnp

        buffer = self.empty(shape, dtype)
        buffer.array = jnp.zeros_like(buffer.shape)
        return buffer

    def argsort(self, a: Buffer) -> Any:
        """Return where integers stand sorted along the last axis, equals in order."""
        from jax.lax import broadcasted_iota, sort

        positions = broadcasted_iota(self.index, a.array.shape, a.array.ndim - 1)
        return sort((a.array, positions), num_keys=1)[1]

    def take(self, a: Buffer, indices: Any) -> Any:
        """Return elements along the last axis."""
        import jax.numpy as jnp

        return jnp.take_along_axis(a.array, indices, axis=-1, mode="promise_in_bounds")

    def launch(self, kernel: Kernel, blocks: tuple[int, int], threads: int, shared: int, *args: Any) -> None:
        """Launch, and take what was written for what the buffers hold."""
        kernel = kernel._replace(macros=(*kernel.macros, f"-DINDEX={INDEX[self.index.itemsize]}"))
        inputs = [a for a in args if not isinstance(a, int | Buffer | None)]
        buffers = [a for a in args if isinstance(a, Buffer)]
        kept = [at for at, buffer in enumerate(buffers) if buffer.array is not None]
        aliases = {len(inputs) + i: at for i, at in enumerate(kept)}
        names = {id(a): f"in{i}" for i, a in enumerate(inputs)} | {id(b): f"out{i}" for i, b in enumerate(buffers)}
        words = tuple(names.get(id(a), a) for a in args)
        inputs += [buffers[at].array for at in kept]
        arrays = launched(kernel, blocks, threads, shared, words, inputs, [b.shape for b in buffers], aliases)
        for buffer, array in zip(buffers, arrays, strict=True):
            buffer.array = array


def launched(
    kernel: Kernel,
    blocks: tuple[int, int],
    threads: int,
    shared: int,
    words: tuple[Any, ...],
    inputs: list[Any],
    results: list[Any],
    aliases: dict[int, int],
) -> list[Any]:
    """Return the results of a kernel, which is given `words`: integers, None and names of inputs and results."""
    import numpy as np
    from jax.ffi import ffi_call

    call = ffi_call(LAUNCHED, results, input_output_aliases=aliases)
    shape = zip(
        ("grid_x", "grid_y", "grid_z", "block_x", "block_y", "block_z"), (*blocks, 1, threads, 1, 1), strict=True
    )
    sizes = {name: np.int32(size) for name, size in (*shape, ("shared_mem_bytes", shared))}
    pointers = (*(f"in{i}" for i in range(len(inputs))), *(f"out{i}" for i in range(len(results))))
    ptx = _ptx(kernel, threads, words, pointers)
    return list(call(*inputs, name=f"{kernel.name}_of_xla", kernel_type="ptx", kernel_data=ptx, **sizes))


@cache
def _ptx(kernel: Kernel, threads: int, words: tuple[Any, ...], pointers: tuple[str, ...]) -> str:
    given = ["nullptr" if w is None else f"{w}ll" if type(w) is int else f"Pointer{{{w}}}" for w in words]
    texts = {"parameters": ", ".join(f"void* {name}" for name in pointers), "arguments": ", ".join(given)}
    source = kernel.source + INLINING.format(name=kernel.name, threads=threads, **texts)
    inlined = kernel._replace(macros=(*kernel.macros, "-DINLINED"))
    return compiled(inlined, f"compute_{min(_capabilities())}", source).decode().rstrip("\0")


def _capabilities() -> list[int]:
    import jax

    return [int(device.compute_capability.replace(".", "")) for device in jax.local_devices(backend="cuda")]


@cache
def usable() -> bool:
    """Return whether XLA launches kernels here: on a trial, for what it launches them by is its own affair."""
    import jax
    import numpy as np

    compiler, driver = versions()
    if not 0 < compiler <= driver:
        return False
    try:
        with jax.ensure_compile_time_eval():
            rows = jax.device_put(np.arange(300, dtype="float32"), jax.local_devices(backend="cuda")[0])
            select = jax.jit(partial(_least, k=2, rank=Ranking(True, False, True, True)))
            return bool(select(rows).tolist() == [299, 298])
    except RuntimeError:  # of JAX, which has no such device, or does not know the target
        return False
