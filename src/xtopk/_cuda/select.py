"""Exact top-k by a few kernels: which, and over how many elements.

Short rows are a warp's each, middle rows a block of threads'. Of long rows one pass leaves the first key of each block,
and of each tile of blocks; the k-th of these bounds what is then read again, and sorted. What is more than a block
of threads sorts is placed by counting what comes before. Where that does not pay, all threads find the k-th key digit
by digit, and the library sorts what comes up to it.
"""

import os
from functools import cache
from math import ceil, inf, log, sqrt
from typing import Any, NamedTuple, Protocol

from xtopk._cuda.kernels import Kernel, macros_of
from xtopk._explain import Plan
from xtopk._order import Ranking

ON = os.environ.get("XTOPK_CUDA_KERNELS") != "0"
"""Whether kernels are not turned off."""

SHORT, SHORT_WORK = 1024, 1 << 14
"""Rows up to so long are a warp's, where looking so often at so many elements is no more than so much."""

BLOCK, BLOCKS = 512, 32
"""So many bytes are a block, and so many blocks a tile, which a block of threads reads."""

READ_TWICE = 1 << 17
MULTIPROCESSORS = 128
"""So many elements of its rows a multiprocessor reads twice in less time than further launches take."""

MIN_BLOCKS = 2
"""So many blocks for each of k leave few elements that reach the k-th of their maxima."""

LEFT = 2
"""Maxima of tiles, not of blocks, bound the k-th where no more is left than can be sorted, or so many times more."""

WARPS = 1 << 12
"""So many warps look at the tiles, for so many a card holds, and at up to 32 tiles each."""

MAX_ROW = 1 << 17
"""A longer row takes one multiprocessor too long."""

PLACED = 1 << 28
"""So many times entries are compared in less time than the library takes to sort them."""

MAX_SORTED = 1 << 22
"""So many elements are sorted by the library where k is more than a kernel sorts."""

PARTS, MIN_PART = 1 << 10, 1 << 13
"""So many blocks of threads count digits, each of at least so many elements."""

MEMORY = 1 << 15
"""Bytes of shared memory to sort in, which every GPU has."""

THREADS = ((1024, 128), (4096, 256), (16384, 512))
"""Up to so many elements, so many threads; 1024 for more."""

SAMPLES = 1.6
"""So many elements for each of k bound the k-th so that about twice k are expected to reach the bound, or fewer."""

COPIED = 1 << 30
"""So many bytes are copied so that a row's elements lie together."""


class Gpu(Protocol):
    """What a library gives: memory and launches, in the order of its current stream."""

    def empty(self, shape: tuple[int, ...], dtype: str) -> Any:
        """Return an array that nothing was written to."""

    def launch(self, kernel: Kernel, blocks: tuple[int, int], threads: int, shared: int, *args: Any) -> None:
        """Launch so many blocks, with arrays, integers and None for a null pointer."""

    def zeros(self, shape: tuple[int, ...], dtype: str) -> Any:
        """Return an array of zeros."""

    def argsort(self, a: Any) -> Any:
        """Return where integers stand sorted along the last axis, equals in order."""

    def take(self, a: Any, indices: Any) -> Any:
        """Return elements along the last axis."""


class Rows(NamedTuple):
    """A number of rows of `n` elements that lie together; the rows are `stride` elements apart."""

    data: Any
    dtype: str
    rank: Ranking
    number: int
    n: int
    stride: int
    bits: int


class Tiles(NamedTuple):
    """What one pass leaves of a row: how many tiles, how many maxima bound the k-th, and room for what reaches it."""

    tiles: int
    bound_by: int
    room: int


def serves(count: int, n: int, k: int, bits: int) -> bool:
    """Return whether `topk_of_rows` takes rows of `n` elements: positions, and all blocks of threads, in 31 bits."""
    return ON and n < 1 << 31 and count * (ceil(n * bits / 8 / BLOCK / BLOCKS) + 1) < 1 << 31


def topk_of_rows(gpu: Gpu, rows: Rows, k: int, values: Any, indices: Any) -> Any:
    """Write the top `k` of each row, or return the indices alone."""
    data, dtype, rank, number, n, stride, bits = rows
    if _is_short(n, k):
        kernel = _kernel("short.cu", "select_in_short_rows", dtype, rank, _items(n))
        gpu.launch(kernel, (ceil(number / 4), 1), 128, 0, data, stride, n, number, k, values, indices)
        return None
    if tiles := _tiles(number, n, k, bits):
        _select_in_tiles(gpu, rows, tiles, k, values, indices)
        return None
    if not _fits(k, bits) or n > MAX_ROW:
        return (_by_keys if number * n <= MAX_SORTED else _by_digits)(gpu, rows, k, indices)
    threads = _threads(n, bits)
    parts, capacity = _parts(threads, k, 2 * k, bits)
    shape = (number, 1), threads, capacity * _entry(bits)
    gpu.launch(
        _kernel("rows.cu", "select_in_rows", dtype, rank), *shape, data, stride, n, k, parts, capacity, values, indices
    )
    return None


def plan_of_rows(count: int, n: int, k: int, bits: int) -> Plan:
    """Return which way `topk_of_rows` goes."""
    if _is_short(n, k):
        return Plan("kernel: a warp a row", 0, f"a warp holds {n} elements and takes the first of them {k} times")
    if tiles := _tiles(count, n, k, bits):
        of = "tiles" if tiles.bound_by == tiles.tiles else "blocks"
        how = f"maxima of {tiles.bound_by} {of} bound the k-th, and what reaches the bound is sorted"
        return Plan("kernel: block maxima", BLOCK * 8 // bits, how)
    if not _fits(k, bits) or n > MAX_ROW:
        if count * n <= MAX_SORTED:
            return Plan("kernel: keys", 0, f"the library sorts keys of {n} elements for {k} of them")
        return Plan("kernel: digits", 0, f"the k-th key is found digit by digit, and the library sorts {k} keys")
    how = f"the best of parts of {n} elements bound the k-th, and what reaches the bound is sorted"
    return Plan("kernel: bound and collect", 0, how)


def most_sorted(bits: int) -> int:
    """Return how many elements can be sorted by a kernel."""
    return MEMORY // _entry(bits)


def _is_short(n: int, k: int) -> bool:
    return n <= SHORT and n * k <= SHORT_WORK


def _items(n: int) -> int:
    return 1 << max(0, ceil(n / 32) - 1).bit_length()


def _fits(room: int, bits: int) -> bool:
    return room <= most_sorted(bits)


def _is_placed(count: int, room: int) -> bool:
    return count * room * room <= PLACED


def _tiles(count: int, n: int, k: int, bits: int) -> Tiles | None:
    """Return what one pass leaves, if that pays: maxima, not more than what they bound."""
    if ceil(count / MULTIPROCESSORS) * n <= READ_TWICE:
        return None
    blocks = ceil(n * bits / 8 / BLOCK)
    tiles = ceil(blocks / BLOCKS)
    by_tiles, by_blocks = (_room_of(_enough(k), maxima) for maxima in (tiles, tiles * BLOCKS))
    if MIN_BLOCKS * k > blocks or by_blocks == inf:
        return None
    if by_tiles <= max(most_sorted(bits), LEFT * by_blocks if by_blocks > most_sorted(bits) else 0):
        found = Tiles(tiles, tiles, int(by_tiles))
    else:
        found = Tiles(tiles, tiles * BLOCKS, int(by_blocks))
    return found if _fits(found.room, bits) or _is_placed(count, found.room) else None


def _enough(k: int) -> int:
    """Return how many maxima may reach a bound."""
    return k + k // 8 + 8


def _room_of(k: int, maxima: int) -> float:
    """Return room for the elements in random order that reach the k-th of so many maxima, and some."""
    expected = -maxima * log(1 - k / maxima) if k < maxima else inf
    return expected + 6 * sqrt(expected) + 32


def _select_in_tiles(gpu: Gpu, rows: Rows, tiles: Tiles, k: int, values: Any, indices: Any) -> None:
    data, dtype, rank, number, n, stride, bits = rows
    many, bound_by, room = tiles
    overflow = None if _fits(room, bits) else gpu.empty((number, room * _entry(bits) // 8), "int64")
    threads = min(1024 if number <= MULTIPROCESSORS else 256, most_sorted(bits))
    parts, capacity = _parts(threads, k, room, bits)
    room = room if overflow is not None else capacity
    start_of_tiles = many * BLOCKS
    start_of_room = start_of_tiles + 16 * ceil(many / 16)  # so that all begins at a multiple of 16 bytes
    bytes_of_room = 16 + (capacity * (_entry(bits) + 4) if overflow is None else 0)
    pitch = start_of_room + 16 * ceil(bytes_of_room * 8 / bits / 16)
    maxima = gpu.empty((number, pitch), f"int{bits}")
    kernel = _kernel("blocks.cu", "best_of_blocks", dtype, rank)
    gpu.launch(kernel, (number * many, 1), 256, 0, data, stride, n, many, pitch, start_of_tiles, maxima)
    kernel = _kernel("tiles.cu", "bound_of_rows", dtype, rank)
    start = start_of_tiles if bound_by == many else 0
    shape = (number, 1), _threads(bound_by, bits), 0
    gpu.launch(kernel, *shape, maxima, pitch, start, bound_by, start_of_room, k, _enough(k))
    kernel, each = _kernel("tiles.cu", "select_reaching", dtype, rank), min(32, ceil(number * many / WARPS))
    groups = ceil(many / each / (threads // 32))
    left = maxima, pitch, many, start_of_tiles, start_of_room, groups, each
    given = data, stride, n, *left, k, parts, capacity, room, values, indices, overflow
    gpu.launch(kernel, (number * groups, 1), threads, capacity * _entry(bits), *given)
    if overflow is not None:
        shape = (ceil(room / 32), number), 256, 0
        gpu.launch(_kernel("rank.cu", "place", dtype, rank), *shape, overflow, room, data, stride, k, values, indices)


def _by_keys(gpu: Gpu, rows: Rows, k: int, indices: Any) -> Any:
    data, dtype, rank, number, n, stride, bits = rows
    keys = gpu.empty((number, n), f"int{bits}")
    gpu.launch(_kernel("keys.cu", "keys_of_rows", dtype, rank), (ceil(n / 256), number), 256, 0, data, stride, n, keys)
    return gpu.argsort(keys)[..., :k]


def _by_digits(gpu: Gpu, rows: Rows, k: int, indices: Any) -> Any:
    data, dtype, rank, number, n, stride, bits = rows
    digit = 8 if bits < 32 else 11
    span = MIN_PART * ceil(n / min(ceil(n / MIN_PART), ceil(PARTS / number)) / MIN_PART)
    groups = ceil(n / span)
    shape = (number * groups, 1), 512, 0
    states = gpu.zeros((number, (1 << digit) + 8 + 2 * groups), "int32")  # room for a state, and two counts a group
    keys = gpu.empty((number, k), f"int{bits}")
    kernel, given = _kernel("digits.cu", "count_digit", dtype, rank), (data, stride, n, span, groups, states, k)
    for _ in range(ceil(bits / digit)):
        gpu.launch(kernel, *shape, *given)
    gpu.launch(_kernel("digits.cu", "write_in_order", dtype, rank), *shape, *given, keys, indices)
    return gpu.take(indices, gpu.argsort(keys)) if rank.sorted else indices


def _threads(among: int, bits: int) -> int:
    """Return how many threads look at so many elements."""
    return min(most_sorted(bits), next((threads for longest, threads in THREADS if among <= longest), 1024))


def _parts(threads: int, k: int, room: int, bits: int) -> tuple[int, int]:
    """Return in how many parts threads look at elements, and how many entries they can hold."""
    most, samples = most_sorted(bits), max(threads, _power_of_two(SAMPLES * k))
    return samples // threads if samples <= most else 0, min(most, max(samples, _power_of_two(room)))


def _power_of_two(least: float) -> int:
    return 1 << (ceil(least) - 1).bit_length()


def _entry(bits: int) -> int:
    return 16 if bits == 64 else 8


@cache
def _kernel(file: str, name: str, dtype: str, rank: Ranking, items: int = 0) -> Kernel:
    return Kernel(file, name, macros_of(dtype, rank) + ((f"-DITEMS={items}",) if items else ()))
