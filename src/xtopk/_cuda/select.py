"""Exact top-k by a few kernels: which, and over how many elements.

Short rows are a warp's each, middle rows a block of threads'. Of long rows one pass leaves the first key of each block,
and of each tile of blocks. Then the k best tiles are chosen, among their blocks the k best, and the k best elements
among these.
"""

import os
from functools import cache
from math import ceil
from typing import Any, NamedTuple, Protocol

from xtopk._cuda.kernels import Kernel, macros_of
from xtopk._explain import Plan
from xtopk._order import Ranking, rank_key

ON = os.environ.get("XTOPK_CUDA_KERNELS") != "0"
"""Whether kernels are not turned off."""

SHORT, SHORT_WORK = 1024, 1 << 14
"""Rows up to so long are a warp's, where looking so often at so many elements is no more than so much."""

LANES, LOADS = 16, 1024
"""So many loads of 16 bytes are a block, and so many a tile, which a block of threads reads."""

MIN_GAIN = 3
"""What is left where the best tiles, blocks and elements are chosen is a third at most."""

READ_TWICE = 1 << 17
MULTIPROCESSORS = 128
"""So many elements of its rows a multiprocessor reads twice in less time than another launch takes."""

MAX_ROW = 1 << 19
"""A longer row takes one multiprocessor too long; where blocks do not pay, either, no kernel does."""

MEMORY = 1 << 15
"""Bytes of shared memory to sort in, which every GPU has."""

THREADS = ((1024, 128), (4096, 256), (16384, 512))
"""Up to so many elements, so many threads; 1024 for more."""

SAMPLES = 1.6
"""So many elements for each of k bound the k-th so that about twice k are expected to reach the bound, or fewer."""

COPIED = 1 << 30
"""So many bytes are copied so that a row's elements lie together."""

KEYS = Ranking(largest=False, nan_first=False, sorted=True, stable=True)


class Gpu(Protocol):
    """What a library gives: memory and launches, in the order of its current stream."""

    def empty(self, shape: tuple[int, ...], dtype: str) -> Any:
        """Return an array that nothing was written to."""

    def launch(self, kernel: Kernel, blocks: int, threads: int, shared: int, *args: Any) -> None:
        """Launch so many blocks, with arrays, integers and None for a null pointer."""

    def ascending(self, a: Any) -> Any:
        """Return integers sorted along the last axis, as int32."""


class Rows(NamedTuple):
    """A number of rows of `n` elements that lie together; the rows are `stride` elements apart."""

    data: Any
    dtype: str
    rank: Ranking
    number: int
    n: int
    stride: int

    @property
    def bits(self) -> int:
        """How many bits an element has."""
        return int(self.data.dtype.itemsize) * 8


def serves(count: int, n: int, k: int, bits: int) -> bool:
    """Return whether `topk_of_rows` takes rows of `n` elements: it needs to hold positions in 32 bits."""
    fits = n < 1 << 31 and count * ceil(n * bits / 128 / LOADS) < 1 << 31
    return ON and fits and (n <= MAX_ROW or _has_tiles(count, n, k, bits))


def topk_of_rows(gpu: Gpu, rows: Rows, k: int, values: Any, indices: Any) -> bool:
    """Write the top `k` of each row, and return whether that is all: a great k leaves indices for `in_rank_order`."""
    if _is_short(rows.n, k):
        items = 1 << max(0, ceil(rows.n / 32) - 1).bit_length()
        kernel = _kernel("short.cu", "select_in_short_rows", rows.dtype, rows.rank, items)
        args = (rows.data, rows.stride, rows.n, rows.number, k, values, indices)
        gpu.launch(kernel, ceil(rows.number / 4), 128, 0, *args)
        return True
    if _has_tiles(rows.number, rows.n, k, rows.bits):
        _select_in_tiles(gpu, rows, k, values, indices)
    else:
        _select_in_rows(gpu, rows, k, values, indices)
    return k <= most_sorted(rows.bits)


def in_rank_order(xp: Any, x: Any, indices: Any, rank: Ranking) -> Any:
    """Return the indices that `topk_of_rows` left without order in rank order, along the last axis."""
    indices = xp.sort(indices, axis=-1)
    if x.dtype.itemsize < 8:
        return indices & 0xFFFFFFFF
    key = rank_key(xp, xp.take_along_axis(x, indices, axis=-1), rank)
    return xp.take_along_axis(indices, xp.argsort(key, axis=-1, stable=True), axis=-1)


def plan_of_rows(count: int, n: int, k: int, bits: int) -> Plan:
    """Return which way `topk_of_rows` goes."""
    if _is_short(n, k):
        return Plan("kernel: a warp a row", 0, f"a warp holds {n} elements and takes the first of them {k} times")
    if _has_tiles(count, n, k, bits):
        width = LANES * 128 // bits
        return Plan(
            "kernel: block maxima", width, f"{k * width} candidates are left of {n}, by maxima of tiles and blocks"
        )
    how = f"the best of parts of {n} elements bound the k-th, and what reaches the bound is sorted"
    return Plan("kernel: bound and collect", 0, how)


def _is_short(n: int, k: int) -> bool:
    return n <= SHORT and n * k <= SHORT_WORK


def _has_tiles(count: int, n: int, k: int, bits: int) -> bool:
    """Return whether maxima of tiles and blocks pay."""
    if ceil(count / MULTIPROCESSORS) * n <= READ_TWICE:
        return False
    return n >= MIN_GAIN * _left(n, k, bits)


def _left(n: int, k: int, bits: int) -> int:
    """Return among how many maxima and elements the k best tiles, blocks and elements are chosen."""
    width, blocks = LANES * 128 // bits, LOADS // LANES
    tiles = ceil(n / (width * blocks))
    return (tiles + k * blocks if k < tiles else ceil(n / width)) + k * width


def _select_in_tiles(gpu: Gpu, rows: Rows, k: int, values: Any, indices: Any) -> None:
    width, blocks = LANES * 128 // rows.bits, LOADS // LANES
    tiles = ceil(rows.n / (width * blocks))
    threads, parts, capacity = _threads(_left(rows.n, k, rows.bits), k, rows.bits)
    start_of_tiles = tiles * blocks
    start_of_room = start_of_tiles + 16 * ceil(tiles / 16)  # so that all begins at a multiple of 16 bytes
    pitch = start_of_room + 32 * capacity // rows.bits
    maxima = gpu.empty((rows.number, pitch), f"int{rows.bits}")
    where, shifts = (rows.data, rows.stride, rows.n), (_log2(width), _log2(blocks))
    kernel = _kernel("blocks.cu", "best_of_blocks", rows.dtype, rows.rank)
    gpu.launch(kernel, rows.number * tiles, LOADS // 4, 0, *where, tiles, LANES, pitch, start_of_tiles, maxima)
    if k <= most_sorted(rows.bits):
        kernel = _kernel("rows.cu", "select_in_tiles", rows.dtype, rows.rank)
        levels = maxima, pitch, tiles, start_of_tiles, start_of_room, *shifts
        shared = capacity * _entry(rows.bits)
        gpu.launch(kernel, rows.number, threads, shared, *where, *levels, k, parts, capacity, values, indices)
        return
    chosen = None
    if k < tiles:
        best_of_tiles = rows._replace(data=maxima[:, start_of_tiles:], n=tiles, stride=pitch)
        chosen = _chosen(gpu, best_of_tiles, k, None, 0)
    chosen = _chosen(gpu, rows._replace(data=maxima, n=start_of_tiles, stride=pitch), k, chosen, shifts[1])
    _select_in_rows(gpu, rows, k, values, indices, chosen, shifts[0])


def _chosen(gpu: Gpu, keys: Rows, k: int, blocks: Any, shift: int) -> Any:
    """Return the indices of the `k` least keys of each row, in the order of the row."""
    indices = gpu.empty((keys.number, k), "int64")
    _select_in_rows(gpu, keys, k, None, indices, blocks, shift, of_keys=True)
    return gpu.ascending(indices)


def _select_in_rows(
    gpu: Gpu,
    rows: Rows,
    k: int,
    values: Any,
    indices: Any,
    blocks: Any = None,
    shift: int = 0,
    *,
    of_keys: bool = False,
) -> None:
    threads, parts, capacity = _threads(rows.n if blocks is None else k << shift, k, rows.bits)
    kernel = _kernel("rows.cu", "select_in_rows", rows.dtype, rows.rank)
    where = rows.data, rows.stride, rows.n, int(of_keys), blocks, shift
    shared = capacity * _entry(rows.bits)
    gpu.launch(kernel, rows.number, threads, shared, *where, k, parts, capacity, values, indices)


def _threads(among: int, k: int, bits: int) -> tuple[int, int, int]:
    """Return how many threads look at so many elements, in how many parts, and how many entries they can hold."""
    most = most_sorted(bits)
    threads = min(most, next((threads for longest, threads in THREADS if among <= longest), 1024))
    samples = max(threads, _power_of_two(SAMPLES * k))
    parts = samples // threads if samples <= most else 0
    return threads, parts, min(most, max(samples, _power_of_two(2 * k)))


def _log2(power_of_two: int) -> int:
    return power_of_two.bit_length() - 1


def _power_of_two(least: float) -> int:
    return 1 << (ceil(least) - 1).bit_length()


def _entry(bits: int) -> int:
    return 16 if bits == 64 else 8


def most_sorted(bits: int) -> int:
    """Return how many elements can be sorted by a kernel."""
    return MEMORY // _entry(bits)


@cache
def _kernel(file: str, name: str, dtype: str, rank: Ranking, items: int = 0) -> Kernel:
    return Kernel(file, name, macros_of(dtype, rank) + ((f"-DITEMS={items}",) if items else ()))
