"""python -m benchmarks.crossover: each constant that chooses a path, against other values of it, on shapes it decides.

A ratio below 1 says that the other value was faster than the one beside the code. All values of a constant run in turn
on the same arrays, of few elements on new ones in each call, and what is compared are medians.
"""

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from math import prod
from typing import Any, NamedTuple

import numpy as np

import xtopk
from benchmarks.__main__ import arrays_of, medians
from benchmarks.natives import Side, in_turn

Case = tuple[tuple[int, ...], int, str]
"""A shape, k along its last axis, and a dtype; a shape that ends in -2 stands for rows that lie side by side."""


class Constant(NamedTuple):
    """Where a constant stands, what else it might be, and what it decides."""

    library: str
    module: str
    name: str
    others: tuple[Any, ...]
    cases: tuple[Case, ...]
    function: Callable[..., Any] = xtopk.topk
    """What is measured."""


LONG: tuple[Case, ...] = (((1 << 21,), 10, "float32"), ((1 << 23,), 100, "float32"), ((1 << 22,), 1000, "float64"))
ROWS: tuple[Case, ...] = (((4096, 1024), 10, "float32"), ((16384, 256), 8, "float32"), ((64, 1 << 16), 50, "float64"))
SHARES: tuple[Case, ...] = tuple(
    ((256, 512), 512 // share, d) for share in (16, 8, 4, 2) for d in ("int16", "float32", "float64")
)

SHARES_OF_A_ROW: tuple[Case, ...] = tuple(
    ((n,), n // s, d)
    for n in (4100, 10_000, 20_000, 50_000, 200_000)
    for s in (8, 40, 100, 200)
    for d in ("int16", "float64")
)

EQUALS: tuple[Case, ...] = tuple(
    ((300, 1500), k, d) for k in (400, 900, 1400) for d in ("wide ties", "wide tied", "wide equals")
)

SIDEWAYS: tuple[Case, ...] = tuple(
    ((count, n, -2), 10, "float32") for count, n in ((4, 4096), (16, 4096), (64, 4096), (256, 4096), (64, 50_000))
)

CUT_ROWS: tuple[Case, ...] = tuple(
    (shape, k, "float32") for shape in ((64, 1 << 14), (64, 1 << 15), (32, 100_000), (4, 1 << 20)) for k in (5, 30)
)
LONG_ROWS: tuple[Case, ...] = tuple(((n,), k, "float32") for n in (100_000, 1_000_000, 3_000_000) for k in (1, 10, 100))
SHARED: tuple[Case, ...] = tuple(
    ((n,), n // share, "float32") for n in (1 << 17, 1 << 20, 1 << 22) for share in (512, 2048, 8192, 1 << 14, 1 << 16)
)

NUMPY, NUMPY_WAYS, SMALL = "xtopk._native.numpy", "xtopk._native.numpy_ways", "xtopk._select.small"
NUMPY_ROWS, NUMPY_MARKS = "xtopk._native.numpy_rows", "xtopk._native.numpy_marks"
BOUND, THRESHOLD, ROUNDS = "xtopk._select.bound", "xtopk._select.threshold", "xtopk._select.rounds"
BLOCKS, PARTITION = "xtopk._select.best_blocks", "xtopk._select.partition"
PACKED_SORT = "xtopk._select.packed_sort"
TORCH_NUMPY, TORCH_NUMPY_WAYS = "xtopk._native.torch_numpy", "xtopk._native.torch_numpy_ways"
TORCH_SHAPES = "xtopk._native.torch_shapes"
TORCH, TORCH_LOOKS, TORCH_EAGER, TORCH_MARKS, TORCH_OPERATIONS, JAX, JAX_CPU, JAX_WAYS = (
    "xtopk._native.torch_ways",
    "xtopk._native.torch_looks",
    "xtopk._native.torch_eager",
    "xtopk._native.torch_marks",
    "xtopk._native.torch_operations",
    "xtopk._native.jax",
    "xtopk._native.jax_cpu",
    "xtopk._native.jax_ways",
)

SORTED_SHORT: tuple[Case, ...] = tuple(
    ((e // n, n), max(2, n // s), d)
    for e in (1 << 13, 1 << 20)
    for n in (60, 100, 160, 250)
    for s in (60, 30, 12, 4)
    for d in ("float32", "int32", "ties", "float64", "int64")
)

COUNTED: tuple[Case, ...] = tuple(
    (shape, int(n / s), d)
    for n in (6, 10, 16, 24, 48)
    for shape in ((4096, n), (n, 4096, -2))
    for s in (3, 1.5)
    for d in ("float64", "int64")
)
PARTED: tuple[Case, ...] = tuple(
    ((count, n), int(n / s), d)
    for count, n in ((20, 200), (2000, 400), (20, 900), (100, 5000))
    for s in (2.5, 1.2)
    for d in ("float32", "int32", "ties")
)
MANY: tuple[Case, ...] = (((20_000, 1000), 5, "float32"), ((200_000, 20), 5, "float32"), ((1024, 4096), 50, "float32"))
SHORT: tuple[Case, ...] = tuple(((2000, 500), k, "float32") for k in (2, 5, 7, 8, 20))
TIES: tuple[Case, ...] = (((1024, 4096), 50, "ties"), ((8192, 256), 8, "ties"))

PILED, PILES = "xtopk._select.columns", "xtopk._select.piles"
RANKED, NTH, SETTLE = "xtopk._select.ranked", "xtopk._select.nth", "xtopk._select.settle"
VERIFIED, LONG_ROW = "xtopk._select.verified", "xtopk._select.long_row"
FEW_NUMBERS, EQUALS_OF_ROWS = "xtopk._select.few_numbers", "xtopk._select.equals"
SAMPLED, BRACKET, RADIX = "xtopk._select.sampled", "xtopk._select.bracket", "xtopk._select.radix"

HEAPS: tuple[Case, ...] = tuple(
    (shape, k, "float32")
    for shape in ((256, 1200), (4000, 1200), (64, 5000), (1000, 5000), (64, 20_000), (12, 100_000))
    for k in (3, 15)
)
VOCABULARIES: tuple[Case, ...] = tuple(
    (shape, shape[-1] // s, d)
    for s in (150, 1000)
    for shape in ((8, 32_000), (8, 50_257), (16, 50_257), (2, 250_000), (4, 128_256), (8, 128_256), (64, 32_000))
    for d in ("float32", "int32", "float64", "float16", "bfloat16")
)
PACKED: tuple[Case, ...] = tuple(
    (shape, k, d)
    for shape, k in (((4, 5000), 10), ((100, 250), 40), ((20, 3000), 10), ((300, 300), 40))
    for d in ("float32", "equals", "nan", "int32", "bfloat16", "wide equals")
)
PACKED_ROWS: tuple[Case, ...] = tuple(
    ((count, n), n // s, d)
    for count, n in ((60, 50), (20, 200), (15, 400), (10, 900), (3, 3000))
    for s in (40, 12, 3)
    for d in ("float32", "float16", "int64", "equals")
    if n >= 2 * s
)
PACKED_ORDERED: tuple[Case, ...] = tuple(
    ((count, n), n // 4, d)
    for count, n in ((50, 100), (400, 30), (20, 1000))
    for d in ("float64", "wide ascending", "wide descending")
)
LOOSE_ROWS: tuple[Case, ...] = tuple(
    ((e // n, n), n // s, d)
    for e in (2000, 5000, 12_000)
    for n in (6, 12, 60, 200)
    for s in (20, 6, 2)
    for d in ("float32", "float16", "int64", "ascending")
    if n >= 2 * s
)
UNTIED: tuple[Case, ...] = tuple(
    ((count, n), n // s, d)
    for count, n in ((40, 500), (64, 600), (16, 4096), (128, 1000), (256, 1000))
    for s in (50, 10)
    for d in ("float32", "float64", "int64", "ties", "wide ties")
)
TIED_HEAPS: tuple[Case, ...] = tuple(
    (shape, k, d)
    for shape, k in (((16, 1300), 5), ((33, 2700), 10), ((9, 10_000), 19), ((400, 700), 6), ((98, 7000), 17))
    for d in ("equals", "wide equals", "many values", "long tail", "int64")
)
MIDDLE_ROWS: tuple[Case, ...] = tuple(
    ((n,), k, d)
    for n in (10_000, 20_000, 40_000, 90_000)
    for k in (10, 100, 1000)
    for d in ("float32", "int64", "equals")
)
NARROW_ROWS: tuple[Case, ...] = tuple(
    ((n,), n // s, d) for n in (2000, 5000, 10_000) for s in (5, 30) for d in ("int16", "float16", "uint8")
)
LONGER_ROWS: tuple[Case, ...] = tuple(
    ((1 << e,), k, d) for e in (18, 19, 20, 21, 22) for k in (10, 1000) for d in ("float32", "int32", "nan")
)
LONGER_HALVES: tuple[Case, ...] = tuple(
    ((n,), k, d)
    for n in (50_000, 130_000, 500_000)
    for k in (10, 1000)
    for d in ("float16", "bfloat16", "negative halves")
)
FEW_ELEMENTS: tuple[Case, ...] = tuple(
    (shape, 5, d) for shape in ((1000,), (50_000,), (32, 100), (64, 1500)) for d in ("float32", "int32")
)
FEW_WIDE: tuple[Case, ...] = tuple(
    ((count, n), k, "float64") for count in (4, 16, 64) for n in (250, 1000) for k in (1, 4)
)
ORDERED_ROWS: tuple[Case, ...] = tuple(
    (shape, k, d) for shape, k in (((745, 660), 232), ((64, 5000), 300)) for d in ("float32", "descending", "sparse")
)
MANY_CHOSEN: tuple[Case, ...] = tuple(
    ((count, n), n // s, "float32") for count, n in ((40, 600), (20, 1500), (1, 12_000)) for s in (8, 3)
)
SORTED_ROWS: tuple[Case, ...] = tuple(
    ((e // n, n), n // s, d)
    for e in (10_000, 20_000, 100_000, 1_000_000)
    for n, s in ((20, 2), (60, 3), (120, 9))
    for d in ("float32", "ties", "int32", "ascending")
)
SORTED_ONES: tuple[Case, ...] = tuple(
    ((e // n, n), k, d)
    for e in (1 << 16, 1 << 20)
    for n in (24, 100, 240)
    for k in (2, 3, 5, 8)
    for d in ("float32", "float16", "uint8", "float64")
)
NARROW_MATRICES: tuple[Case, ...] = tuple(
    ((e // n, n), n // s, d)
    for e in (1 << 15, 1 << 18, 1 << 20)
    for n, s in ((100, 8), (2000, 4))
    for d in ("int16", "float16", "uint8")
)
HALF_NAN: tuple[Case, ...] = tuple(
    ((count, n), n // s, d)
    for count, n in ((8, 10_000), (100, 800))
    for s in (70, 400)
    for d in ("nan", "half nan", "wide half nan", "nearly nan")
)
FOLDABLE: tuple[Case, ...] = tuple(
    ((count, n), n // s, d)
    for count, n in ((64, 1000), (256, 1000), (8, 16_000), (16, 16_000), (4, 65_000))
    for s in (50, 20)
    for d in ("float32", "float64", "int32")
)
TWO_BYTES = ("float16", "bfloat16", "int16")
ONE_EACH: tuple[Case, ...] = tuple(
    (shape, 1, d)
    for shape in ((1 << 17,), (1 << 20,), (2, 200_000), (8, 128_256), (64, 1 << 16))
    for d in ("float32", "int16", "float64")
)
SAMPLED_ROWS: tuple[Case, ...] = tuple(
    ((1 << 18 - e, 1 << e), (1 << e) // s, d) for e in (13, 15) for s in (8, 15, 60) for d in ("float32", "float64")
)
CUTS = ("float32", "float16", "constant", "ascending")
SAMPLES: tuple[Case, ...] = tuple(((n,), n // s, "float32") for n in (1 << 17, 1 << 21) for s in (5, 60, 900))
MANY_TIES: tuple[Case, ...] = tuple(((300, 1000), k, d) for d in ("ties", "wide ties") for k in (60, 130, 500, 1000))

MARKED: tuple[Case, ...] = tuple(
    (shape, shape[-1] // s, d)
    for shape in ((1 << 14, 100), (1000, 1000), (256, 1 << 13), (32, 1 << 16))
    for s in (2, 5, 10, 30)
    for d in ("float16", "float32", "float64")
)
MARKED_ROWS: tuple[Case, ...] = tuple(
    ((n,), n // s, "float32") for n in (1 << 14, 1 << 17, 1 << 22) for s in (2, 10, 40, 150)
)

WIDE_HEAPS: tuple[Case, ...] = tuple(
    (shape, k, d)
    for shape in ((64, 20_000), (1000, 5000), (256, 1 << 14), (16, 1 << 16))
    for k in (5, 50)
    for d in ("float64", "int64")
)
APART_HEAPS: tuple[Case, ...] = tuple(
    ((count, n, -2), 10, d)
    for n, count in ((80_000, 3), (4000, 130), (20_000, 40), (4000, 500), (20_000, 100), (200_000, 10))
    for d in ("float32", "float64", "int32")
)
LOOKED: tuple[Case, ...] = tuple(
    ((e // n, n), n // s, d)
    for e in (1 << 16, 1 << 20)
    for n, s in ((60, 6), (1000, 10), (4000, 30))
    for d in ("float32", "int32", "ascending")
)
LOOKED_FOLDS: tuple[Case, ...] = tuple(
    ((e // n, n), k, d)
    for e in (1 << 20, 1 << 24)
    for n, k in ((1 << 12, 50), (1 << 16, 50))
    for d in ("float32", "equals")
)
TIED_ROWS: tuple[Case, ...] = tuple(
    ((count, n), n // s, d)
    for count, n in ((30_000, 40), (64, 2500), (1000, 1000), (30, 100_000))
    for s in (3, 20)
    for d in ("ties", "equals", "constant", "saturated", "pruned")
)
RISING_LISTS: tuple[Case, ...] = tuple(
    (shape, k, d) for shape in ((4, 10_000), (3, 40_000), (8, 25_000)) for k in (5, 30) for d in ("ascending", "int32")
)
REDUCED: tuple[Case, ...] = tuple(
    (shape, k, d)
    for shape in ((4, 40_000), (2, 100_000), (100, 2500), (1_500_000,), (8, 128_256), (64, 100_000))
    for k in (1, 20)
    for d in ("float32", "many values")
)
REDUCED_FOR_MORE: tuple[Case, ...] = tuple(
    ((e // n, n), n // s, d)
    for e in (300_000, 3_000_000)
    for n in (3000, 100_000, 300_000)
    for s in (30, 100, 200)
    for d in ("float32", "float64")
)
NEGATIVE_HALVES: tuple[Case, ...] = tuple(
    (shape, k, "negative halves") for shape in ((400_000,), (3_000_000,), (30, 50_000)) for k in (4, 20, 200)
)
NUMPY_SHARES: tuple[Case, ...] = tuple(
    ((n,), n // s, d) for n in (1 << 15, 1 << 17, 1 << 19) for s in (8, 30, 100) for d in ("float32", "float64")
)
SLOWED: tuple[Case, ...] = tuple(
    ((e // n, n), n // s, d)
    for e in (50_000, 300_000, 1_000_000)
    for n in (1000, 4000, 20_000)
    for s in (80, 400)
    for d in ("ascending", "many values")
)
LISTS: tuple[Case, ...] = tuple(
    (shape, k, d)
    for shape in ((8000,), (2, 8000), (12, 400), (3, 50_000), (8, 60_000))
    for k in (3, 25, 180)
    for d in ("float32", "many values", "float16")
)
TIED_LISTS: tuple[Case, ...] = tuple(((20_000,), k, d) for k in (40, 150, 300, 1000) for d in ("many values", "int64"))
EVEN: tuple[Case, ...] = tuple(
    (shape, k, d)
    for shape, k in (((64, 32_768), 10), ((300, 5000), 50), ((1000, 4096), 10), ((64, 2500), 10))
    for d in ("equals", "many values", "pruned")
)
ORDERED: tuple[Case, ...] = tuple(
    ((count, n), k, "ascending") for count, n in ((3000, 60), (50_000, 60), (3000, 1000)) for k in (n // 6, n // 2, n)
)
ONES: tuple[Case, ...] = tuple(
    ((e // n, n), k, d)
    for e in (100_000, 2_000_000)
    for n in (16, 32, 100)
    for k in (3, 5, 8, 12)
    for d in ("float32", "float64", "int32", "int8")
)
SHORT_ROWS: tuple[Case, ...] = tuple(
    ((e // n, n), k, d)
    for e in (1 << 18, 1 << 20, 1 << 22)
    for n, k in ((8, 3), (12, 4), (16, 8))
    for d in ("float32", "float64", "int32")
)
HEAPED_ONES: tuple[Case, ...] = tuple(
    ((count, 1000), k, d) for count in (400, 4000) for k in (2, 3) for d in ("int32", "int64", "int8")
)

PAIRED: tuple[Case, ...] = tuple(
    ((count // n, n), max(2, n // s), d)
    for count in (1 << 16, 1 << 22)
    for n in (4, 8, 12, 16, 24)
    for s in (4, 2)
    for d in ("float32", "float64", "int32")
)

LOOSE = partial(xtopk.topk, stable=False, nan="greatest")
"""What is measured where ties do not matter."""


def alone(x: Any, k: int, **options: Any) -> Any:
    """Select without NumPy beside torch, as for rows of which so many threads share the work that it does not pay."""
    with replaced(Constant("torch", TORCH_NUMPY_WAYS, "has_numpy", (), ()), lambda: False):
        return xtopk.topk(x, k, **options)


CONSTANTS = (
    Constant("numpy", NUMPY_WAYS, "BLOCK_ELEMENTS", (1 << 15, 1 << 16, 1 << 18, 1 << 20), ROWS),
    Constant("numpy", NUMPY, "CUT_ELEMENTS", (1 << 17, 1 << 19, 1 << 21, 1 << 22), CUT_ROWS),
    Constant("numpy", BLOCKS, "BLOCK_GAIN", (16, 32, 128, 256), LONG_ROWS + CUT_ROWS),
    Constant("numpy", BLOCKS, "FEW_BLOCKS", (0, 1 << 23, 1 << 27), SHARED),
    Constant("numpy", BLOCKS, "LONG_BLOCKS", (1 << 13, 1 << 14, 1 << 17), SHARED),
    Constant(
        "numpy",
        BLOCKS,
        "SAMPLED",
        (1, 1 << 14),
        (((64, 1 << 16), 10, "nan"), ((1 << 20,), 10, "nan"), ((1 << 16,), 10, "float32")),
    ),
    Constant("numpy", NUMPY_WAYS, "MARKED_SHORT", (0, 64, 1024), MARKED, xtopk.topk_mask),
    Constant("numpy", NUMPY_WAYS, "MARKED_SHARE", (4, 64), MARKED, xtopk.topk_mask),
    Constant("numpy", NUMPY_WAYS, "BRACKETED_FROM", (1 << 12, 1 << 17), MARKED, xtopk.topk_mask),
    Constant("numpy", NUMPY_WAYS, "BRACKETED_SHARE", (16, 256), MARKED_ROWS, xtopk.topk_mask),
    Constant("numpy", NUMPY_WAYS, "SORTED_ROWS", (0, 512), MARKED[:12], xtopk.topk_mask),
    Constant("numpy", NUMPY_WAYS, "PAIRED", (8, 24), PAIRED, xtopk.topk_mask),
    Constant("numpy", BRACKET, "SAMPLE_ROOT", (2, 4), MARKED_ROWS, xtopk.topk_mask),
    Constant("numpy", BLOCKS, "CROWD", (1 << 8, 1 << 12), (((1 << 14,), 1, "constant"), ((1 << 16,), 1, "ascending"))),
    Constant(
        "numpy", NUMPY_WAYS, "SORTED_SHARES", tuple(dict.fromkeys((1, 2, 4, 8), s) for s in (1, 2, 4, 8, 16)), SHARES
    ),
    Constant(
        "numpy", NUMPY_WAYS, "RADIX_SORTED", (64, 1024), tuple(((256, n), n // 4, "int16") for n in (100, 600, 2000))
    ),
    Constant(
        "numpy",
        NUMPY_WAYS,
        "PACKED_ROW",
        ({1: 0, 2: 0, 4: 0, 8: 0}, {1: 256, 2: 256, 4: 128, 8: 128}, {1: 1024, 2: 1024, 4: 512, 8: 512}),
        tuple(
            ((4096, n), 8, d)
            for n in (64, 128, 200, 256, 400, 512, 600)
            for d in ("int8", "float16", "float32", "float64", "int64")
        ),
    ),
    Constant("numpy", PACKED_SORT, "PARTED", (0, 256, 1 << 10, 1 << 30), PARTED),
    Constant("numpy", PACKED_SORT, "PARTED_SHARE", (1, 4), PARTED),
    Constant("numpy", NUMPY_WAYS, "PACKED_SHORT", (64, 256), SORTED_SHORT),
    Constant("numpy", NUMPY_WAYS, "PACKED_SHARE", (8, 16, 64), SORTED_SHORT),
    Constant(
        "numpy",
        NUMPY_WAYS,
        "PACKED_BYTES",
        (0, 1 << 13, 1 << 15),
        tuple(
            ((e // n, n), k, d)
            for e in (2000, 4000, 8000)
            for n in (300, 600, 1500)
            for k in (5, 50)
            for d in ("int16", "float32", "ties", "float64")
        ),
    ),
    Constant("numpy", NUMPY_WAYS, "COUNTED", (0, 8, 24), COUNTED),
    Constant("numpy", NUMPY_WAYS, "COUNTED_APART", (0, 12, 48), COUNTED),
    Constant(
        "numpy",
        NUMPY_WAYS,
        "COUNTED_ROWS",
        (8, 1 << 30),
        tuple(((count, n), 5, "float64") for n in (8, 20) for count in (32, 64, 128, 512)),
    ),
    Constant("numpy", NUMPY, "SIDE_BY_SIDE", (8, 16, 32, 128, 1 << 30), SIDEWAYS),
    Constant("numpy", BOUND, "MAX_FOLDS", (8, 16, 64, 128), LONG + ROWS),
    Constant("numpy", BOUND, "COLUMNS_PER_CHOICE", (2, 4, 16, 32), LONG + ROWS),
    Constant("numpy", BOUND, "MIN_COLUMNS", (16, 32, 128, 256), ROWS),
    Constant(
        "numpy",
        BOUND,
        "FOLDED_ROW",
        (1 << 11, 3 << 10, 1 << 13),
        tuple(((n,), 10, d) for n in (2500, 4000, 6000, 8000, 10_000) for d in ("int16", "float32", "float64")),
    ),
    Constant("numpy", BLOCKS, "PICKED_SHARE", (64, 2048), tuple(((1 << 22,), 4**e, "float32") for e in (5, 6, 7))),
    Constant("numpy", NUMPY_WAYS, "SAMPLED_FROM", (1 << 11, 1 << 14, 1 << 30), SHARES_OF_A_ROW),
    Constant("numpy", NUMPY_WAYS, "SAMPLED_ROWS_FROM", (1 << 12, 1 << 30), SAMPLED_ROWS),
    Constant("numpy", NUMPY_WAYS, "SAMPLED_ROWS_SHARE", (4, 64), SAMPLED_ROWS),
    Constant(
        "numpy", NUMPY_WAYS, "SAMPLED_SHARE", (64, 1 << 12), tuple(((1 << 22,), 4**e, "float32") for e in (5, 6, 7))
    ),
    Constant(
        "numpy", NUMPY_WAYS, "CUT_FROM", (1 << 11, 1 << 14), tuple(((n,), 5, "float32") for n in (4200, 8000, 20_000))
    ),
    Constant("numpy", THRESHOLD, "SAMPLE", (1, 64), (((4096, 200), 10, "float32"), ((4096, 200), 10, "nan"))),
    Constant(
        "numpy",
        THRESHOLD,
        "CUT",
        (1 << 17, 1 << 30),
        (((100_000, 64, -2), 3, "constant"), ((1 << 22,), 40_000, "ties")),
    ),
    Constant("numpy", THRESHOLD, "PIECE", (1 << 14, 1 << 20), (((1 << 22,), 100, "nan"),)),
    Constant("numpy", SMALL, "LOOKED_AT", (1, 16), (((1024, 4096), 50, "tied"), ((1024, 4096), 50, "int8"))),
    Constant(
        "numpy", SMALL, "SORTED_BYTES", (0, 512, 1 << 30), tuple(((512, n), n // 16, "tied") for n in (256, 1024))
    ),
    Constant(
        "numpy",
        SMALL,
        "SORTED_ROW",
        (1 << 9, 1 << 12),
        tuple(((n,), 5, d) for n in (600, 1000, 2000, 4000) for d in ("int16", "float32", "float64")),
    ),
    Constant("numpy", PARTITION, "MANY_EQUAL", (20, 101), EQUALS),
    Constant("numpy", PARTITION, "MANY_CHOSEN", (25, 75, 101), EQUALS),
    Constant("numpy", PARTITION, "SAMPLED_ROWS", (8, 512), EQUALS[:2]),
    Constant("numpy", SMALL, "SAMPLED_COLUMNS", (8, 128), (((1 << 13,), 20, "float32"), ((512, 2048), 200, "sparse"))),
    Constant(
        "numpy", SMALL, "TIED_LOW", (3, 25, 101), (((64, 4096), 900, "wide saturated"), ((64, 4096), 900, "float64"))
    ),
    Constant(
        "numpy",
        SMALL,
        "TIED_HIGH",
        (12, 50, 101),
        (((512, 2048), 200, "tied"), ((512, 2048), 200, "sparse"), ((1 << 17,), 1 << 13, "saturated")),
    ),
    Constant("numpy", SMALL, "DENSE", (1, 1000), (((1000, 1000, -2), 5, "constant"), ((1000, 1000, -2), 5, "float32"))),
    Constant("numpy", SMALL, "PACKED_FROM", (64, 1 << 14), (((1000,), 500, "int16"), ((100_000,), 2000, "float32"))),
    Constant("torch", TORCH, "LISTED_BELOW", (0, 1 << 15, 1 << 20), LISTS),
    Constant(
        "torch", TORCH, "LISTED_IN_ALL", tuple(dict.fromkeys((1, 2, 4, 8), m) for m in (100, 224, 448, 900)), LISTS
    ),
    Constant("torch", TORCH, "LISTED_ROW", (4, 64), LISTS),
    Constant("torch", TORCH_NUMPY_WAYS, "NUMPY_ROW", (1 << 13, 1 << 14, 1 << 16), MIDDLE_ROWS),
    Constant("torch", TORCH_NUMPY_WAYS, "NUMPY_NARROW_ROW", (1 << 10, 1 << 14), NARROW_ROWS),
    Constant("torch", TORCH_NUMPY_WAYS, "NUMPY_ROW_BELOW", (1 << 18, 1 << 23), LONGER_ROWS),
    Constant("torch", TORCH_NUMPY_WAYS, "NUMPY_HALVES_BELOW", (0, 1 << 21), LONGER_HALVES),
    Constant("torch", TORCH_NUMPY, "PARTED_FOR", (0, 4, 16, 32), PACKED_ROWS),
    Constant("torch", TORCH_NUMPY, "ORDERED_FROM", (1 << 13, 1 << 16), PACKED_ORDERED),
    Constant("torch", TORCH_NUMPY, "ORDERED_AT", (4, 32), PACKED_ORDERED),
    Constant("torch", TORCH, "LOOSE_FROM", (1 << 12, 1 << 13, 1 << 15), LOOSE_ROWS, LOOSE),
    Constant("torch", TORCH, "LOOSE_CHOSEN", (1, 16), LOOSE_ROWS, LOOSE),
    Constant("torch", TORCH, "LOOSE_SHORTEST", (4, 16), LOOSE_ROWS, LOOSE),
    Constant(
        "torch", TORCH_NUMPY_WAYS, "NUMPY_THREADS", (dict.fromkeys((1, 2, 4, 8), 1),), SORTED_ROWS + NARROW_MATRICES
    ),
    Constant(
        "torch", TORCH_NUMPY_WAYS, "NUMPY_ONES", tuple(dict.fromkeys((1, 2, 4, 8), k) for k in (1, 8)), SORTED_ONES
    ),
    Constant("torch", TORCH_NUMPY_WAYS, "NUMPY_SHARE", (4, 64, 1 << 20), NUMPY_SHARES),
    Constant("torch", TORCH_NUMPY_WAYS, "NUMPY_SLOWED_BELOW", (0, 1 << 17, 1 << 21), SLOWED),
    Constant("torch", TORCH_NUMPY_WAYS, "NUMPY_SLOWED_LONG", (1 << 8, 1 << 14), SLOWED),
    Constant("torch", TORCH_NUMPY_WAYS, "NUMPY_SLOWED_CHOICES", (1 << 9, 1 << 15), SLOWED),
    Constant("torch", TORCH_NUMPY_WAYS, "REDUCED_FROM", (1 << 15, 1 << 20, 1 << 30), REDUCED),
    Constant("torch", TORCH_NUMPY_WAYS, "REDUCED_LONGER", (1 << 11, 1 << 16), REDUCED[:12]),
    Constant("torch", TORCH_NUMPY_WAYS, "REDUCED_LONG", (1 << 8, 1 << 13), REDUCED),
    Constant("torch", TORCH_NUMPY_WAYS, "REDUCED_LONG_FROM", (3 << 16, 1 << 20), REDUCED),
    Constant("torch", TORCH_NUMPY_WAYS, "REDUCED_LOOSELY", (3 << 16, 1 << 22), REDUCED, LOOSE),
    Constant("torch", TORCH_NUMPY_WAYS, "NUMPY_SLOWED_THREADS", (1,), SLOWED),
    Constant("torch", TORCH_LOOKS, "LISTED_FROM", (1 << 15, 1 << 18), RISING_LISTS),
    Constant("torch", TORCH_NUMPY_WAYS, "REDUCED_K", (1 << 8, 1 << 13), REDUCED_FOR_MORE),
    Constant("torch", TORCH_NUMPY_WAYS, "REDUCED_GAIN", (1, 8), REDUCED_FOR_MORE),
    Constant("torch", TORCH_NUMPY_WAYS, "REDUCED_WIDE_GAIN", (2,), REDUCED_FOR_MORE),
    Constant("torch", TORCH_NUMPY_WAYS, "REDUCED_WIDTH", (2, 8), REDUCED),
    Constant("torch", TORCH_NUMPY_WAYS, "REDUCED_THREADS", (1, 2), REDUCED),
    Constant("torch", TORCH_NUMPY, "FEW_THREADS", (1,), NEGATIVE_HALVES),
    Constant("torch", TORCH, "HEAPED_BELOW", (0, 1 << 18, 1 << 22), VOCABULARIES, alone),
    Constant(
        "torch",
        TORCH_SHAPES,
        "FOLDED_HEAPS",
        tuple(dict.fromkeys((1, 2, 4, 8), 1 << e) for e in (16, 18, 20)),
        VOCABULARIES + APART_HEAPS,
        alone,
    ),
    Constant("torch", TORCH, "UNTIED_BELOW", (0, 1 << 20), UNTIED, alone),
    Constant("torch", TORCH, "UNTIED_FLOATS", (0, 1 << 30), UNTIED, alone),
    Constant(
        "torch",
        TORCH_SHAPES,
        "FOLDED_WORK",
        tuple(dict.fromkeys((1, 2, 4, 8), 1 << e) for e in (32, 34, 36, 38)),
        HEAPS + VOCABULARIES + WIDE_HEAPS,
        alone,
    ),
    Constant(
        "torch",
        TORCH_SHAPES,
        "FOLDED_LOOSELY",
        (1, 4, 16),
        (*VOCABULARIES, ((1024, 4096), 50, "float32"), ((1024, 4096), 50, "ties")),
        LOOSE,
    ),
    Constant("torch", TORCH_SHAPES, "FOLDED_APART", (1 << 31, 1 << 32, 1 << 35), APART_HEAPS),
    Constant("torch", TORCH_SHAPES, "ONE_FOLDED_FROM", (1 << 17, 1 << 23), ONE_EACH),
    Constant("torch", TORCH_SHAPES, "ONE_CUT_FROM", (1 << 16, 1 << 22), ONE_EACH),
    Constant("torch", TORCH_LOOKS, "LOOKED_FROM", (1 << 15, 1 << 16, 1 << 19), LOOKED),
    Constant("torch", TORCH_LOOKS, "LOOKED_AT", (4, 16), LOOKED),
    Constant("torch", TORCH_LOOKS, "PLAIN_FROM", (1 << 13, 1 << 18), UNTIED),
    Constant("torch", TORCH_LOOKS, "PLAIN_AT", (4, 32), UNTIED),
    Constant("torch", TORCH_LOOKS, "PLAIN_ROWS", (1, 8), UNTIED),
    Constant("torch", TORCH_LOOKS, "RANKED_BELOW", (0, 1 << 16, 1 << 20), TIED_HEAPS),
    Constant("torch", TORCH_LOOKS, "NUMBERS", (1, 8, 1 << 30), HALF_NAN),
    Constant("torch", TORCH_LOOKS, "TAIL", (1, 1 << 30), TIED_HEAPS),
    Constant(
        "torch",
        TORCH_LOOKS,
        "PLAIN_LOOSELY",
        (1 << 17, 1 << 21),
        tuple((shape, 50, d) for shape in ((8, 32_000), (100, 8000)) for d in ("float32", "ascending")),
        LOOSE,
    ),
    Constant("torch", TORCH_LOOKS, "FOLDED_LOOK", (0, 1 << 26), LOOKED_FOLDS),
    Constant("torch", TORCH_LOOKS, "FOLDED_DEEP", (3, 10), LOOKED_FOLDS),
    Constant("torch", TORCH_LOOKS, "EQUAL", (1, 8, 64), EVEN),
    Constant("torch", TORCH_LOOKS, "EQUAL_LONG", (8, 512), TIED_ROWS),
    Constant("torch", TORCH_LOOKS, "IN_ORDER", (2, 64), LOOKED),
    Constant("torch", TORCH_LOOKS, "ORDERED_CHOICES", (0, 1 << 18, 1 << 23), ORDERED),
    Constant(
        "torch",
        TORCH_LOOKS,
        "FEW_ONES",
        (1, 8),
        tuple(
            ((count, 64), k, d)
            for count in (4000, 30_000)
            for k in (2, 5, 8)
            for d in ("ties", "ascending steps", "float32")
        ),
    ),
    Constant(
        "torch",
        TORCH_LOOKS,
        "ORDERED_LONG",
        (0, 1 << 14),
        tuple(((1 << 22 - e, 1 << e), 20, d) for e in (12, 13, 14) for d in ("descending", "constant")),
    ),
    Constant("torch", TORCH_LOOKS, "HEAPED_FLOATS", (0, 1 << 30), tuple(HEAPS[::2])),
    Constant("torch", EQUALS_OF_ROWS, "DEVIATIONS", (1, 16), TIED_ROWS),
    Constant("torch", EQUALS_OF_ROWS, "SEEN", (2, 128), TIED_ROWS),
    Constant("torch", EQUALS_OF_ROWS, "APART", (2, 64), TIED_ROWS),
    Constant("torch", TORCH, "SORTED_BELOW", (0, 1 << 24), tuple(((c, 16), 15, "int64") for c in (10_000, 100_000))),
    Constant(
        "torch",
        TORCH,
        "TIED_BELOW",
        (0, 1 << 18, 1 << 24),
        tuple(((count, n), 5, d) for count, n in ((500, 600), (5000, 600)) for d in ("float16", "int16")),
    ),
    Constant("torch", TORCH, "SORTED_SHORTEST", (2, 16), tuple(((20_000, n), n - 1, "int64") for n in (3, 6, 12))),
    Constant(
        "torch",
        TORCH,
        "SORTED_LONGEST",
        (8, 128),
        tuple(((4000, n), n, d) for n in (16, 32, 64, 100) for d in ("int64", "float32")),
    ),
    Constant(
        "torch", TORCH, "MOSTLY", (2, 4), tuple(((20_000, 16), k, d) for k in (9, 13) for d in ("int64", "float32"))
    ),
    Constant(
        "torch",
        TORCH_SHAPES,
        "SAMPLED_FROM",
        (1 << 26, 1 << 29, 1 << 32),
        tuple(((n,), n // s, d) for n in (1 << 14, 1 << 16) for s in (3, 20, 100) for d in ("float32", "int64")),
    ),
    Constant(
        "torch",
        TORCH_SHAPES,
        "SAMPLED_SHARE",
        (64, 200, 1000),
        tuple(((n,), n // s, d) for n in (1 << 18, 1 << 22) for s in (100, 300, 800) for d in ("float32", "float64")),
    ),
    Constant(
        "torch",
        TORCH_SHAPES,
        "SAMPLED_ROWS_FROM",
        (1 << 15, 1 << 19, 1 << 21),
        tuple(((2, 1 << e), 1 << e - 3, d) for e in (16, 18, 20) for d in ("float32", "float64")),
    ),
    Constant(
        "torch",
        TORCH_SHAPES,
        "SAMPLED_ROWS_SHARE",
        (2, 64),
        tuple(((4, 1 << 18), k, "float32") for k in (1 << 17, 1 << 14, 5000)),
    ),
    Constant("torch", SAMPLED, "SAMPLED", (1 << 9, 1 << 13), SAMPLES),
    Constant("torch", SAMPLED, "DEVIATIONS", (2, 8), SAMPLES),
    Constant("torch", TORCH_OPERATIONS, "COMPARED_AT_A_TIME", (1 << 18, 1 << 22), SAMPLES),
    Constant(
        "torch",
        RADIX,
        "PADDED_FROM",
        tuple(dict.fromkeys((1, 2, 4, 8), 1 << e) for e in (11, 13, 15)),
        tuple(((1 << 16,), k, d) for k in (2000, 5000, 10_000) for d in ("int16", "float32", "int64")),
    ),
    Constant("torch", RANKED, "SORTED_SHARE", (0, 1, 8), MANY_TIES[:4]),
    Constant("torch", RANKED, "SORTED_WIDE_SHARE", (0, 2, 32), MANY_TIES[4:]),
    Constant("torch", TORCH_SHAPES, "DIRECT_BELOW", (0, 1 << 13, 1 << 17), PACKED),
    Constant("torch", TORCH_SHAPES, "FOLDED_FROM", (1 << 15, 1 << 16, 1 << 18), FOLDABLE, alone),
    Constant("torch", TORCH_SHAPES, "HEAPED", (16, 32, 128), SHORT),
    Constant("torch", TORCH_SHAPES, "FOLDED_HEAPED", (0, 1 << 9, 1 << 11), SHORT),
    Constant("torch", TORCH_SHAPES, "ONE_BY_ONE", (3, 5, 12), ONES),
    Constant("torch", TORCH_SHAPES, "LOOSE_ONES", (3, 8), ONES, LOOSE),
    Constant("torch", TORCH_SHAPES, "HEAPED_ONES", (1, 3), HEAPED_ONES),
    Constant("torch", TORCH_EAGER, "FOLDED_AT_A_TIME", (1 << 18, 1 << 20, 1 << 22), ROWS),
    Constant(
        "torch", TORCH_EAGER, "CANDIDATES_AT_A_TIME", (1 << 17, 1 << 21), (((32, 1 << 17), 2048, "float32"), *ROWS[:2])
    ),
    Constant(
        "torch",
        TORCH_EAGER,
        "RANKED_AT_A_TIME",
        (1 << 16, 1 << 17, 1 << 20),
        (((100_000, 20), 7, "float32"), ((8000, 200), 150, "float32"), ((100, 20_000), 3000, "float32")),
    ),
    Constant(
        "torch",
        TORCH_EAGER,
        "RANKED_TOGETHER",
        (0, 1 << 24),
        tuple(((2, n), n // 3, "float32") for n in (1 << 19, 1 << 21)),
    ),
    Constant(
        "torch",
        TORCH_SHAPES,
        "UNSIGNED_AT_A_TIME",
        (1 << 18, 1 << 22),
        tuple(((1 << 22,), k, "uint32") for k in (9, 99_999)),
    ),
    Constant(
        "torch", TORCH_SHAPES, "UNSIGNED_GAIN", (8, 128), tuple(((1 << 21,), k, "uint32") for k in (100_000, 500_000))
    ),
    Constant(
        "torch", TORCH_EAGER, "ONE_BY_ONE_AT_A_TIME", (1 << 18, 1 << 20, 1 << 23), (((200_000, 20), 5, "float32"),)
    ),
    Constant(
        "torch",
        TORCH,
        "SORTED_AT_ONCE",
        (1 << 10, 1 << 11, 1 << 13),
        tuple((shape, 5, d) for shape in ((300,), (4, 80), (60, 14), (8, 90), (90, 14)) for d in TWO_BYTES),
    ),
    Constant(
        "torch",
        TORCH,
        "TIED_CHOICES",
        (4, 64),
        tuple((shape, k, d) for shape in ((13, 200), (1, 9000), (2, 30_000)) for k in (2, 4, 10) for d in TWO_BYTES),
    ),
    Constant("torch", VERIFIED, "LISTED", (1, 256), TIED_HEAPS),
    Constant(
        "torch",
        VERIFIED,
        "SORTED_UP_TO",
        (0, 1 << 14),
        tuple((shape, 5, d) for shape in ((32, 100), (16, 512)) for d in ("ties", "wide ties")),
        alone,
    ),
    Constant("torch", VERIFIED, "RANKED_UP_TO", (0, 1 << 18), (((16, 512), 5, "ties"), *TIED_HEAPS), alone),
    Constant("torch", VERIFIED, "ROWS_LISTED", (0, 16), TIED_HEAPS),
    Constant("torch", VERIFIED, "ROW_LISTED", (64, 1 << 12), TIED_LISTS),
    Constant(
        "torch", LONG_ROW, "INTEGERS_WIDTH", (32, 128, 256), tuple(((1 << 21,), k, "int32") for k in (100, 1000)), alone
    ),
    Constant("torch", LONG_ROW, "FLOATS_WIDTH", (128, 256, 1024), (((1 << 22,), 10, "negative"),), alone),
    Constant("torch", LONG_ROW, "HALVES_WIDTH", (512, 1024, 4096), (((1 << 22,), 10, "negative halves"),), alone),
    Constant(
        "torch", LONG_ROW, "CUT_FROM", (1 << 12, 1 << 16), tuple(((1 << 22,), k, "float32") for k in (10, 100)), alone
    ),
    Constant("torch", LONG_ROW, "CUT_WIDTH", (16, 64), (((1 << 23,), 100, "float32"),), alone),
    Constant(
        "torch", LONG_ROW, "ROW_GAIN", (8, 128), tuple(((1 << 22,), k, "float32") for k in (300, 1000, 3000)), alone
    ),
    Constant(
        "torch",
        TORCH_SHAPES,
        "ROW_FROM",
        (1 << 15, 1 << 17),
        tuple(((n,), 50, "float32") for n in (1 << 16, 100_000)),
        alone,
    ),
    Constant("torch", LONG_ROW, "SHORTEST", (32, 128), tuple(((1 << 17,), k, "float32") for k in (10, 50, 300)), alone),
    Constant(
        "torch", LONG_ROW, "NARROW_GAIN", (2, 16, 64), tuple(((1 << 17,), k, "float32") for k in (10, 50, 300)), alone
    ),
    Constant(
        "torch", LONG_ROW, "REACHING", (1, 1 << 30), tuple(((1 << 22,), k, d) for k in (150, 2000) for d in CUTS), alone
    ),
    Constant("torch", LONG_ROW, "LOOKED_AT", (1, 1 << 15), tuple(((1 << 22,), 2000, d) for d in CUTS), alone),
    Constant("torch", LONG_ROW, "CUT_GAIN", (2, 8, 32), tuple(((1 << 22,), k, "float32") for k in (100, 1000)), alone),
    Constant("torch", TORCH_EAGER, "NUMBERS_AT_A_TIME", (1 << 20, 1 << 30), (((2048, 4096), 20, "nearly nan"),)),
    Constant("torch", FEW_NUMBERS, "FEW", (4, 8, 32, 1 << 30), (((512, 4096), 20, "nearly nan"),)),
    Constant(
        "torch",
        FEW_NUMBERS,
        "LONG",
        (1, 1 << 10),
        tuple(((1_000_000 // n, n), k, "nearly nan") for n in (20, 100, 400) for k in (2, 10)),
    ),
    Constant(
        "torch", FEW_NUMBERS, "SEARCHED_AT_A_TIME", (1 << 17, 1 << 18, 1 << 22), (((512, 4096), 20, "nearly nan"),)
    ),
    Constant("torch", PILED, "MIN_FOLDS", (2, 4, 6), ROWS),
    Constant("torch", PILED, "MAX_FOLDS", (8, 16, 31), LONG),
    Constant("torch", PILED, "MIN_COLUMNS", (16, 32, 128), ROWS),
    Constant("torch", PILES, "PILED_FROM", (1 << 12, 1 << 16, 1 << 20), LONG),
    Constant("torch", PILES, "CLEANED_AT_A_TIME", (1 << 15, 1 << 18, 1 << 20), (((512, 8192), 20, "nan"),)),
    Constant("torch", RANKED, "PEEKED", (4, 64), ROWS),
    Constant("torch", NTH, "BATCH", (1 << 18, 1 << 22), TIES),
    Constant(
        "torch",
        TORCH_SHAPES,
        "MARKED_SHARES",
        tuple(dict.fromkeys((1, 2, 4, 8), share) for share in (0, 3, 6, 12)),
        MARKED,
        xtopk.topk_mask,
    ),
    Constant("torch", TORCH_SHAPES, "BRACKETED_FROM", (1 << 14, 1 << 18), MARKED_ROWS, xtopk.topk_mask),
    Constant("torch", TORCH_SHAPES, "BRACKETED_SHARE", (12, 256), MARKED_ROWS, xtopk.topk_mask),
    Constant(
        "torch",
        TORCH_SHAPES,
        "BRACKETED_ROWS_FROM",
        (1 << 16, 1 << 30),
        tuple(((1 << 22 - e, 1 << e), 1 << e - 2, "float32") for e in (16, 18, 20)),
        xtopk.topk_mask,
    ),
    Constant("torch", TORCH_SHAPES, "PAIRED", (8, 24), PAIRED, xtopk.topk_mask),
    Constant("torch", TORCH_SHAPES, "PAIRED_SHARE", (1, 2, 5), PAIRED),
    Constant("torch", TORCH_SHAPES, "PAIRED_BELOW", (0, 1 << 23), SHORT_ROWS),
    Constant("torch", TORCH_OPERATIONS, "PAIRED_AT_A_TIME", (1 << 19, 1 << 23), PAIRED),
    Constant("torch", TORCH_MARKS, "MARKED_AT_A_TIME", (1 << 18, 1 << 22), MARKED[-12:], xtopk.topk_mask),
    Constant("torch", NTH, "LONG_ROW", (1 << 16, 1 << 20), (((1 << 22,), 100, "ties"),)),
    Constant("torch", NTH, "PREFIX_PER_CHOICE", (1, 8, 32), TIES),
    Constant("torch", NTH, "WORDS_FROM", (1 << 12, 1 << 30), (((512, 4096), 20, "nearly nan"),)),
    Constant("torch", NTH, "WHOLE_UP_TO", (0, 1 << 17), TIED_HEAPS),
    Constant("torch", NTH, "MIN_PREFIX", (1, 256), (*TIES, ((8192, 64), 8, "ties"))),
    Constant("torch", NTH, "LENGTHENED", (2, 64), (((1 << 22,), 100, "tied"),)),
    Constant("torch", NTH, "WHOLE", (1, 16), (*TIES, ((4000, 250), 2, "equals"), ((400, 3000), 4, "equals"))),
    Constant("jax", JAX_WAYS, "MIN_GAIN", (2, 5, 10), (((64, 1 << 16), 50, "float64"), ((64, 8192), 20, "float32"))),
    Constant("jax", JAX_CPU, "CACHED", (1 << 18, 1 << 19, 1 << 21, 1 << 22), MANY),
    Constant("jax", JAX_CPU, "WHOLE", (1, 4, 8), MANY),
    Constant("jax", JAX_WAYS, "MANY", (1, 1 << 30), tuple(((count, 256), 8, "float32") for count in (128, 256, 512))),
    Constant("jax", JAX_WAYS, "MOST_ROUNDS", (7, 31), tuple(((1024, 1024), k, "float32") for k in (8, 16, 24))),
    Constant(
        "jax",
        JAX_WAYS,
        "COUNTED",
        (1, 1 << 12, 1 << 30),
        (
            *(((count, 4096), 50, "float32") for count in (20, 60, 160, 500)),
            *(((1 << e,), k, "float32") for e in (14, 17, 20) for k in (500, 1000, 4000)),
            *(((n,), k, "float64") for n, k in ((1 << 14, 500), (1 << 14, 1500), (1 << 20, 500), (1 << 20, 1500))),
        ),
    ),
    Constant(
        "jax",
        JAX_WAYS,
        "COUNTED_WIDE",
        (1, 1 << 12),
        tuple(((n,), k, "float64") for n in (150, 300, 1000, 3000) for k in (1, 20, 100)),
    ),
    Constant("jax", JAX_WAYS, "AT_ONCE", (0, 1 << 13, 1 << 17), FEW_ELEMENTS),
    Constant("jax", JAX_WAYS, "UNCUT_FLOATS", (0, 1 << 15, 1 << 17), FEW_ELEMENTS),
    Constant("jax", JAX_CPU, "IN_PIECES", (0, 1 << 14, 1 << 20), FEW_ELEMENTS),
    Constant("jax", JAX_CPU, "PIECE", (16, 64), FEW_ELEMENTS),
    Constant(
        "jax",
        JAX_WAYS,
        "ROUNDED",
        (1 << 11, 1 << 13),
        tuple(((1 << e, 20), 8, "float32") for e in (8, 9, 10)),
    ),
    Constant("jax", JAX_WAYS, "COUNTED_FLOATS", (1000, 10_000), MANY_CHOSEN),
    Constant("jax", JAX_WAYS, "SHORT_FLOATS", (1 << 9, 1 << 11), MANY_CHOSEN),
    Constant("jax", JAX_CPU, "LOOKED_ROWS", (2, 64), ORDERED_ROWS[:2]),
    Constant("jax", JAX_CPU, "LOOKED_AT", (4, 64), ORDERED_ROWS[:2]),
    Constant("jax", JAX_CPU, "DISORDERED", (3, 64), ORDERED_ROWS),
    Constant("jax", JAX_CPU, "ORDERED_SHARE", (1, 32), ORDERED_ROWS),
    Constant("jax", JAX_WAYS, "MANY_WIDE", (1, 16), FEW_WIDE),
    Constant("jax", JAX_WAYS, "SHORT_WIDE", (0, 1 << 12), FEW_WIDE),
    Constant("jax", JAX, "MARKED_SHARE", (8, 128), MARKED_ROWS, xtopk.topk_mask),
    Constant("jax", JAX_CPU, "NARROW_GAIN", (3, 5), (((1024, 1024), 17, "float32"), *MANY)),
    Constant("jax", JAX_CPU, "HEAPED", (0, 1 << 30), tuple(((512, 8192), k, "float32") for k in (50, 100, 200))),
    Constant("jax", ROUNDS, "LANES", (32, 64, 256), MANY[:2]),
)

GPU = "of GPUs alone; measured on an H100 or an H200, as docs/design.md says"
FIXED = {
    "BITS_PACKED": "the width of a key that leaves room for a position in an int64",
    "BITS_NARROW": "as BITS_PACKED, in an int32",
    "FOLDS": "how deep XLA makes one loop of keys and folding; measured with COLUMNS by hand, as docs/design.md says",
    "COLUMNS": "as FOLDS",
    "MERGED_AT_A_TIME": "how much a worker holds, against tasks and merges; measured by benchmarks/scaling.py",
    "MERGED_AT_ONCE": "of merge_topk alone; measured by hand, as docs/design.md says",
    "NARROW": "as FOLDS",
    "UNROLLED": "as FOLDS",
    "WORD": "the bits of a word",
    "ROWS_AT_ONCE": "of more threads than the two of the machine that the constants are from",
    "GIVEN_UP": "of samples that mislead; of others it gives up one in 3000 or fewer, as a gamma variate",
    "REDUCED_ROWS": "computed for four threads from the times of one and of two, for want of cores",
    "GRAIN": "of torch, which gives so many to a thread",
    "SINGLE": "as many as XLA's count of operations leaves room for; a loop takes 0.4 µs more in the body of another",
    "NUMPY_AXES": "of NumPy 1; NumPy 2 has twice as many",
    "LONG_ENOUGH": "of torch, which starts no thread for fewer",
    "xtopk._native.jax_ways.MIN_WIDTH": "FOLDS times COLUMNS",
    "NARROWEST": "of GPUs alone; among others on an H100, as docs/design.md says",
    **{
        f"xtopk._native.jax_gpu.{name}": "as NARROWEST"
        for name in ("SORTED", "FEW", "UNSORTED", "ROUNDS", "MANY", "COUNTED")
    },
    "xtopk._native.jax_gpu.MIN_GAIN": "as in JAX on the CPU",
    **{f"xtopk._cuda.select.{name}": GPU for name in ("SHORT_WORK", "READ_TWICE", "MAX_ROW")},
    **{f"xtopk._cuda.select.{name}": GPU for name in ("LEFT", "WARPS", "PLACED", "MAX_SORTED", "PARTS", "MIN_PART")},
    "xtopk._cuda.select.SHORT": "how many elements a warp can hold",
    "xtopk._cuda.select.BLOCK": "what the lanes of a warp load at once",
    "xtopk._cuda.select.BLOCKS": "what a block of threads reads; four loads a thread, of 1, 2, 4 and 8 on an H100",
    "xtopk._cuda.select.MIN_BLOCKS": "of blocks and k: 1.4 times k elements are expected to reach the bound then",
    "xtopk._cuda.select.MULTIPROCESSORS": "of an H100 and an H200, about",
    "xtopk._cuda.select.MEMORY": "bytes of shared memory that a kernel gets without asking",
    "xtopk._cuda.select.COPIED": "how much more memory a call may take",
    "xtopk._native.cupy.MIN_WIDTH": "of CuPy without kernels, not measured",
    "xtopk._native.cupy.MIN_GAIN": "as xtopk._native.cupy.MIN_WIDTH",
    "xtopk._native.cupy.FEW": "as xtopk._native.cupy.MIN_WIDTH",
    "xtopk._native.torch_static.MIN_WIDTH": "of compilers and GPUs; a fast reduction needs so many",
    "xtopk._native.torch_static.MIN_GAIN": "of compilers and GPUs; as in JAX",
    "xtopk._native.torch_static.FEW": GPU,
    "xtopk._select.maxima.AT_A_TIME": "of GPUs without kernels, not measured",
}
"""Integers that other values would break, or that go together."""


KINDS: dict[str, Callable[[np.random.Generator, Any], Any]] = {
    "nan": lambda rng, x: np.where(rng.random(x.shape) < 0.05, np.nan, x),
    "half nan": lambda rng, x: np.where(rng.random(x.shape) < 0.5, np.nan, x),
    "nearly nan": lambda rng, x: np.where(rng.random(x.shape) < 0.99, np.nan, x),
    "tied": lambda rng, x: np.maximum(x, 0),
    "pruned": lambda rng, x: np.where(np.abs(x) < 1, 0, x),
    "sparse": lambda rng, x: np.maximum(x, 1.28),
    "saturated": lambda rng, x: np.minimum(x, 0),
    "ties": lambda rng, x: np.floor(8 * rng.random(x.shape)),
    "equals": lambda rng, x: np.floor(100 * rng.random(x.shape)),
    "many values": lambda rng, x: np.floor(1000 * rng.random(x.shape)),
    "long tail": lambda rng, x: np.floor(1 / (1 - rng.random(x.shape))),
    "negative": lambda rng, x: -np.abs(x) - 1,
    "constant": lambda rng, x: np.ones_like(x),
    "ascending": lambda rng, x: np.sort(x, axis=-1),
    "ascending steps": lambda rng, x: np.floor(4 * np.sort(x, axis=-1)),
    "descending": lambda rng, x: -np.sort(x, axis=-1),
}


@contextmanager
def replaced(constant: Constant, value: Any) -> Iterator[None]:
    """Give a constant another value wherever its name was imported, for a while."""
    readers = {
        "numpy": (NUMPY, NUMPY_ROWS, NUMPY_MARKS, BOUND, THRESHOLD, BLOCKS),
        "jax": (JAX, JAX_CPU, JAX_WAYS),
        "torch": (
            TORCH,
            TORCH_SHAPES,
            TORCH_NUMPY,
            TORCH_NUMPY_WAYS,
            TORCH_LOOKS,
            TORCH_EAGER,
            TORCH_MARKS,
            SETTLE,
            VERIFIED,
        ),
    }
    names = dict.fromkeys((constant.module, *readers.get(constant.library, ())))
    modules = [module for module in map(import_module, names) if hasattr(module, constant.name)]
    before = [getattr(module, constant.name) for module in modules]
    for module in modules:
        setattr(module, constant.name, value)
    try:
        yield
    finally:
        for module, old in zip(modules, before, strict=True):
            setattr(module, constant.name, old)


def side_of(constant: Constant, value: int, x: Any, k: int) -> Side:
    """Return a call of `topk`, on arrays such as `x`, under another value of the constant."""
    if constant.library == "jax":
        import jax

        native: Any = import_module(JAX)
        native._compiled.cache_clear()
        compiled = jax.jit(lambda a: constant.function(a, k))
        with replaced(constant, value):
            compiled(x)
        native._compiled.cache_clear()
        return lambda x: jax.block_until_ready(compiled(x))

    def call(x: Any) -> Any:
        with replaced(constant, value):
            return constant.function(x, k)

    return call


def array_of(library: str, shape: tuple[int, ...], dtype: str, seed: int = 0) -> Any:
    """Return normal numbers of a dtype, or what KINDS makes of them in float32, or in float64 if they are wide."""
    if shape[-1] == -2:
        return array_of(library, shape[-2::-1], dtype, seed).T
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    if dtype == "negative halves":
        x, dtype = KINDS["negative"](rng, x) / 1000, "float16"
    if (kind := dtype.removeprefix("wide ")) in KINDS:
        x, dtype = KINDS[kind](rng, x), "float32" if kind == dtype else "float64"
    x = (x * 1000).astype("float32" if dtype == "bfloat16" else dtype)
    if library == "torch":
        torch = import_module("torch")
        return torch.from_numpy(x).bfloat16() if dtype == "bfloat16" else torch.from_numpy(x)
    return import_module("jax.numpy").asarray(x) if library == "jax" else x


def measure(constant: Constant, seconds: float, most: int) -> None:
    """Print how long each other value takes beside the one in the code."""
    shipped = getattr(import_module(constant.module), constant.name)
    print(f"\n{constant.module} {constant.name} = {shipped}")
    for shape, k, dtype in constant.cases:
        cut = (*(max(1, length * most // max(most, abs(prod(shape)))) for length in shape[:1]), *shape[1:])
        k = min(k, max(cut))
        arrays = [array_of(constant.library, cut, dtype, seed) for seed in range(arrays_of(abs(prod(cut))))]
        sides = {str(value): side_of(constant, value, arrays[0], k) for value in (shipped, *constant.others)}
        calls = in_turn(sides, arrays)
        found = medians(calls, seconds)
        ratios = ", ".join(f"{value}: {found[value] / found[str(shipped)]:.2f}" for value in calls)
        print(f"  {' x '.join(map(str, cut))} {dtype}, k={k}: {found[str(shipped)] * 1e3:.3f} ms; {ratios}", flush=True)


def main(arguments: list[str] | None = None) -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crossover", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="parts of constants' names; all if none")
    parser.add_argument("--library", choices=("numpy", "torch", "jax"), action="append", help="default: all")
    parser.add_argument("--seconds", type=float, default=0.5, help="at least so long a shape, default 0.5")
    parser.add_argument("--tiny", action="store_true", help="few elements, to see that it runs")
    chosen = parser.parse_args(arguments)
    for constant in CONSTANTS:
        if constant.library in (chosen.library or ("numpy", "torch", "jax")) and (
            not chosen.names or any(name in constant.name for name in chosen.names)
        ):
            measure(constant, chosen.seconds, 1000 if chosen.tiny else 1 << 30)


if __name__ == "__main__":
    os.environ.setdefault("JAX_ENABLE_X64", "1")
    main()
