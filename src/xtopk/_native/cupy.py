"""CuPy: block maxima, then packed integer keys, whose order is stable by construction, and ``partition`` of these."""

from functools import cache, partial
from typing import Any

from xtopk._cuda.kernels import Kernel
from xtopk._cuda.select import COPIED, Gpu, Rows, plan_of_rows, serves, topk_of_rows
from xtopk._explain import Plan
from xtopk._native.generic import Selected
from xtopk._order import Ranking, dtype_name, rank_key
from xtopk._select.blocks import indices_by_blocks, width_for
from xtopk._select.maxima import keys_of_maxima
from xtopk._select.packed import BITS_PACKED, indices_by_packing
from xtopk._select.sort import indices_by_sort

MIN_WIDTH = 256
MIN_GAIN = 3
"""CUB reduces a block with as many threads, and what is left is a third at most."""

FEW = 1 << 18
"""So few elements are partitioned in less time than it takes to start the calls that blocks need."""


def cupy_topk(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of a CuPy array."""
    rows = xp.moveaxis(x, axis, -1)
    if _kernels_serve(x, k, axis):
        values, indices = _topk_by_kernels(xp, rows, k, rank)
        return tuple(xp.ascontiguousarray(xp.moveaxis(a, -1, axis)) for a in (values, indices))
    if width := _width(x, x.shape[axis], k):
        best = partial(keys_of_maxima, xp, rank=rank)
        select, key = partial(_least_of_key, xp), partial(rank_key, xp, rank=rank)
        indices = indices_by_blocks(xp, rows, k, width, best=best, select=select, key=key)
    else:
        indices = _least_of_key(xp, rank_key(xp, rows, rank), k)
    indices = xp.moveaxis(indices, -1, axis)
    return xp.take_along_axis(x, indices, axis=axis), indices


def cupy_plan(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Plan:
    """Return which way `cupy_topk` goes."""
    n = x.shape[axis]
    if _kernels_serve(x, k, axis):
        return plan_of_rows(x.size // n, n, k, x.dtype.itemsize * 8)
    if width := _width(x, n, k):
        return Plan("block maxima", width, f"{n // width} maxima and {k * width} candidates are left of {n}")
    if x.dtype.itemsize * 8 <= BITS_PACKED:
        return Plan("packed partition", 0, f"keys of up to {BITS_PACKED} bits share an int64 with their positions")
    return Plan("argsort", 0, f"keys of more than {BITS_PACKED} bits leave no room for positions")


def _kernels_serve(x: Any, k: int, axis: int) -> bool:
    n, bits = x.shape[axis], x.dtype.itemsize * 8
    lies = axis == x.ndim - 1 and x.flags.c_contiguous
    return (lies or x.nbytes <= COPIED) and serves(x.size // n, n, k, bits) and DEVICE.is_usable()


def _topk_by_kernels(xp: Any, x: Any, k: int, rank: Ranking) -> Selected:
    n, itemsize = x.shape[-1], x.dtype.itemsize
    rows = x.reshape(-1, n)
    if rows.strides[-1] != itemsize or rows.strides[0] % itemsize or rows.strides[0] < 0:
        rows = xp.ascontiguousarray(rows)
    shape = (*x.shape[:-1], k)
    values, indices = xp.empty(shape, dtype=x.dtype), xp.empty(shape, dtype=xp.int64)
    given = Rows(rows, dtype_name(x.dtype), rank, rows.shape[0], n, rows.strides[0] // itemsize, 8 * itemsize)
    found = topk_of_rows(DEVICE, given, k, values, indices)
    if found is not None:
        indices = found.reshape(shape)
        values = xp.take_along_axis(x, indices, axis=-1)
    return values, indices


class Device(Gpu):
    """The current device and stream."""

    def is_usable(self) -> bool:
        """Return whether a warp has as many lanes as kernels take it to have."""
        import cupy

        return not cupy.cuda.runtime.is_hip

    def empty(self, shape: tuple[int, ...], dtype: str) -> Any:
        """Return an array on the device."""
        import cupy

        return cupy.empty(shape, dtype)

    def zeros(self, shape: tuple[int, ...], dtype: str) -> Any:
        """Return an array of zeros."""
        import cupy

        return cupy.zeros(shape, dtype)

    def argsort(self, a: Any) -> Any:
        """Return where integers stand sorted along the last axis, equals in order."""
        import cupy

        return cupy.argsort(a if a.shape[0] > 1 else a.ravel(), axis=-1).reshape(a.shape)

    def take(self, a: Any, indices: Any) -> Any:
        """Return elements along the last axis."""
        import cupy

        return cupy.take_along_axis(a.reshape(indices.shape), indices, axis=-1)

    def launch(self, kernel: Kernel, blocks: tuple[int, int], threads: int, shared: int, *args: Any) -> None:
        """Launch on the current stream."""
        _function(kernel)(blocks, (threads,), tuple(0 if a is None else a for a in args), shared_mem=shared)


DEVICE = Device()


@cache
def _function(kernel: Kernel) -> Any:
    import cupy

    return cupy.RawKernel(kernel.source, kernel.name, options=("-std=c++17", *kernel.macros))


def _width(x: Any, n: int, k: int) -> int:
    return width_for(n, k, MIN_WIDTH, MIN_GAIN) if x.size > FEW else 0


def _least_of_key(xp: Any, key: Any, k: int) -> Any:
    if key.dtype.itemsize * 8 > BITS_PACKED:
        return indices_by_sort(xp, key, None, k, key.ndim - 1)
    return indices_by_packing(xp, key, k, lambda a, k: xp.sort(xp.partition(a, k - 1, axis=-1)[..., :k], axis=-1))
