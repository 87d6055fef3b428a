"""python -m benchmarks.crossover: each constant that chooses a path, against other values of it, on shapes it decides.

A ratio below 1 says that the other value was faster than the one beside the code. All values of a constant run in turn
on one array, and what is compared are medians.
"""

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from math import prod
from typing import Any, NamedTuple

import numpy as np

import xtopk
from benchmarks.__main__ import medians

Case = tuple[tuple[int, ...], int, str]
"""A shape, k along its last axis, and a dtype."""


class Constant(NamedTuple):
    """Where a constant stands, what else it might be, and what it decides."""

    library: str
    module: str
    name: str
    others: tuple[int, ...]
    cases: tuple[Case, ...]


LONG: tuple[Case, ...] = (((1 << 20,), 10, "float32"), ((1 << 23,), 100, "float32"), ((1 << 22,), 1000, "float64"))
ROWS: tuple[Case, ...] = (((4096, 1024), 10, "float32"), ((16384, 256), 8, "float32"), ((64, 1 << 16), 50, "float64"))
SHARES: tuple[Case, ...] = tuple(
    ((256, 512), 512 // share, d) for share in (16, 8, 4, 2) for d in ("float32", "float64")
)

WIDE_KEYS: tuple[Case, ...] = (((16, 1 << 16), 20, "float64"), ((1 << 22,), 100, "float64"))

AROUND: tuple[Case, ...] = tuple(((1 << e,), 10, "float32") for e in (14, 16, 18))

SHORT: tuple[Case, ...] = tuple(((2000, 500), k, "float32") for k in (2, 5, 7, 8, 20))
TIES: tuple[Case, ...] = (((1024, 4096), 50, "ties"), ((8192, 256), 8, "ties"))

NUMPY, THRESHOLD, SMALL = "xtopk._native.numpy", "xtopk._select.threshold", "xtopk._select.small"
TORCH, JAX = "xtopk._native.torch", "xtopk._native.jax"
COLUMNS, PILES = "xtopk._select.columns", "xtopk._select.piles"
RANKED, SETTLE = "xtopk._select.ranked", "xtopk._select.settle"

CONSTANTS = (
    Constant("numpy", NUMPY, "BLOCK_ELEMENTS", (1 << 15, 1 << 16, 1 << 18, 1 << 20), ROWS),
    Constant("numpy", NUMPY, "PARTITIONED_SHARE", (1, 2, 8, 16), SHARES),
    Constant("numpy", NUMPY, "WIDE", (2, 8), (((256, 512), 256, "int16"), ((256, 512), 256, "float32"))),
    Constant("numpy", THRESHOLD, "MAX_FOLDS", (8, 16, 64, 128), LONG + ROWS),
    Constant("numpy", THRESHOLD, "COLUMNS_PER_CHOICE", (2, 4, 16, 32), LONG + ROWS),
    Constant("numpy", THRESHOLD, "MIN_COLUMNS", (16, 32, 128, 256), ROWS),
    Constant("numpy", THRESHOLD, "FOLDED_ROW", (1 << 12, 1 << 16), tuple(((1 << e,), 10, "float32") for e in (13, 15))),
    Constant("numpy", THRESHOLD, "PICKED_SHARE", (64, 2048), tuple(((1 << 22,), 4**e, "float32") for e in (5, 6, 7))),
    Constant("numpy", SMALL, "PACKED_FROM", (64, 1 << 14), (((1000,), 500, "int16"), ((100_000,), 2000, "float32"))),
    Constant("torch", TORCH, "DIRECT_BELOW", (0, 1 << 13, 1 << 17), (((300, 64), 9, "float32"), ((60, 500), 9, "nan"))),
    Constant("torch", TORCH, "FOLDED_FROM", (1 << 14, 1 << 15, 1 << 19), AROUND),
    Constant("torch", TORCH, "HEAPED", (16, 32, 128), SHORT),
    Constant("torch", TORCH, "FOLDED_HEAPED", (0, 1 << 9, 1 << 11), SHORT),
    Constant("torch", TORCH, "ONE_BY_ONE", (0, 3, 8), (((100_000, 20), 5, "float32"), ((20_000, 100), 4, "float64"))),
    Constant("torch", TORCH, "FOLDED_AT_A_TIME", (1 << 18, 1 << 20, 1 << 22), ROWS),
    Constant("torch", TORCH, "RANKED_AT_A_TIME", (1 << 17, 1 << 19, 1 << 22), (((100_000, 20), 7, "float32"),)),
    Constant("torch", TORCH, "LISTED", (1, 16, 256), (((1000,), 5, "float32"), ((1000,), 50, "float32"))),
    Constant("torch", COLUMNS, "MIN_FOLDS", (2, 4, 6), ROWS),
    Constant("torch", COLUMNS, "MAX_FOLDS", (8, 16, 31), LONG),
    Constant("torch", COLUMNS, "MIN_COLUMNS", (16, 32, 128), ROWS),
    Constant("torch", PILES, "PILED_FROM", (1 << 12, 1 << 16, 1 << 20), LONG),
    Constant("torch", PILES, "CLEANED_AT_A_TIME", (1 << 15, 1 << 18, 1 << 20), (((512, 8192), 20, "nan"),)),
    Constant("torch", RANKED, "PEEKED", (4, 64), ROWS),
    Constant("torch", SETTLE, "BATCH", (1 << 18, 1 << 22), TIES),
    Constant("torch", SETTLE, "LONG_ROW", (1 << 16, 1 << 20), (((1 << 22,), 100, "ties"),)),
    Constant("torch", SETTLE, "PREFIX_PER_CHOICE", (2, 32), TIES),
    Constant("torch", SETTLE, "LENGTHENED", (2, 64), TIES),
    Constant("jax", JAX, "MIN_GAIN", (2, 5, 10), (*ROWS, ((64, 8192), 20, "float32"))),
    Constant("jax", JAX, "SHORT_ROW", (1 << 14, 1 << 20), WIDE_KEYS),
    Constant("jax", JAX, "SHORT_WIDTH", (8, 32), WIDE_KEYS),
    Constant("jax", JAX, "CACHED", (1 << 16, 1 << 18, 1 << 22), (((20_000, 1000), 5, "float32"),)),
    Constant("jax", JAX, "WHOLE", (1 << 20, 1 << 30), (((20_000, 1000), 5, "float32"), ((4000, 1000), 5, "float32"))),
)

FIXED = {
    "BITS_PACKED": "the width of a key that leaves room for a position in an int64",
    "FOLDS": "how deep XLA makes one loop of keys and folding; measured with COLUMNS by hand, as docs/design.md says",
    "COLUMNS": "as FOLDS",
    "MIN_WIDTH": "in JAX, FOLDS times COLUMNS; in torch, of the compiled path alone",
}
"""Integers that other values would break, or that go together."""


@contextmanager
def replaced(constant: Constant, value: int) -> Iterator[None]:
    """Give a constant another value wherever its name was imported, for a while."""
    names = dict.fromkeys((constant.module, NUMPY, THRESHOLD) if constant.library == "numpy" else (constant.module,))
    modules = [module for module in map(import_module, names) if hasattr(module, constant.name)]
    before = [getattr(module, constant.name) for module in modules]
    for module in modules:
        setattr(module, constant.name, value)
    try:
        yield
    finally:
        for module, old in zip(modules, before, strict=True):
            setattr(module, constant.name, old)


def call_of(constant: Constant, value: int, x: Any, k: int) -> Callable[[], Any]:
    """Return a call of `topk` under another value of the constant."""
    if constant.library == "jax":
        import jax

        native: Any = import_module(JAX)
        native._compiled.cache_clear()
        compiled = jax.jit(lambda a: xtopk.topk(a, k))
        with replaced(constant, value):
            compiled(x)
        native._compiled.cache_clear()
        return lambda: jax.block_until_ready(compiled(x))

    def call() -> Any:
        with replaced(constant, value):
            return xtopk.topk(x, k)

    return call


def array_of(library: str, shape: tuple[int, ...], dtype: str) -> Any:
    """Return normal numbers, of which 5 % are NaN if the dtype is "nan"; eight values if it is "ties"."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape)
    if dtype == "ties":
        x, dtype = np.floor(8 * rng.random(shape)), "float32"
    if dtype == "nan":
        x, dtype = np.where(rng.random(shape) < 0.05, np.nan, x), "float32"
    x = (x * 1000).astype(dtype)
    if library == "torch":
        return import_module("torch").from_numpy(x)
    return import_module("jax.numpy").asarray(x) if library == "jax" else x


def measure(constant: Constant, seconds: float, most: int) -> None:
    """Print how long each other value takes beside the one in the code."""
    shipped = getattr(import_module(constant.module), constant.name)
    print(f"\n{constant.module} {constant.name} = {shipped}")
    for shape, k, dtype in constant.cases:
        cut = (*(max(1, length * most // max(most, prod(shape))) for length in shape[:1]), *shape[1:])
        k = min(k, cut[-1])
        x = array_of(constant.library, cut, dtype)
        calls = {str(value): call_of(constant, value, x, k) for value in (shipped, *constant.others)}
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
