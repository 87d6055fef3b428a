"""Which way JAX goes on the CPU: by the number of rows, their length, k and dtype."""

from math import prod
from typing import Any

from xtopk._native.jax_cpu import COLUMNS, FOLDS, has_pieces
from xtopk._select.blocks import width_for

MIN_WIDTH = FOLDS * COLUMNS
MIN_GAIN = 3
"""Blocks as `least_of_blocks` folds them, if they leave a third or less."""

MANY, MOST_ROUNDS = 256, 16
"""So many rows are worth the calls of `indices_by_rounds`, and so many rounds do not yet take long to compile."""

AT_ONCE, UNCUT_FLOATS, ROUNDED = 1 << 15, 1 << 16, 1 << 12
"""Of so few elements of up to 32 bits few are chosen by ``lax.top_k`` of keys made piece by piece, which is done before
XLA has woken another thread: fewer than the last instead of in rounds, or fewer than are counted. So few of any dtype,
or of float32, are not cut into blocks."""

COUNTED, COUNTED_WIDE = 1000, 256
COUNTED_FLOATS, SHORT_FLOATS = 3000, 1 << 9
"""So many elements to choose, of all rows, are worth the passes of `indices_by_counting`, or so many of 64 bits to
choose from, which ``lax.top_k`` sorts on the CPU. Of few of float32 more must be chosen, in rows that are longer."""

MANY_WIDE, SHORT_WIDE = 4, 1 << 9
"""Rows of 64 bits are chosen from in rounds where there are so many for each of `MOST_ROUNDS`, or if they are up to so
short, for each of k."""


def way_of(shape: tuple[int, ...], dtype: Any, k: int, axis: int) -> str:
    """Return the way that is taken on the CPU."""
    is_least = _is_small(shape, dtype) and _are_few(shape, dtype, k, axis)
    return "lax.top_k" if is_least else way_of_many(shape, dtype, k, axis)


def _is_small(shape: tuple[int, ...], dtype: Any) -> bool:
    """Return whether ``lax.top_k`` takes so few keys, made piece by piece, without sorting them."""
    return prod(shape) <= AT_ONCE and dtype.itemsize <= 4 and has_pieces(dtype)


def _are_few(shape: tuple[int, ...], dtype: Any, k: int, axis: int) -> bool:
    """Return whether so few are chosen of few elements that other ways take longer than ``lax.top_k``."""
    chosen = prod(shape) // shape[axis] * k
    if k <= MOST_ROUNDS:
        return chosen < ROUNDED
    return chosen < COUNTED or (dtype.name == "float32" and (chosen < COUNTED_FLOATS or shape[axis] <= SHORT_FLOATS))


def way_of_many(shape: tuple[int, ...], dtype: Any, k: int, axis: int) -> str:
    """Return the way of many elements: rounds from many rows, counting for large k."""
    n, rows, is_wide = shape[axis], prod(shape) // shape[axis], dtype.itemsize > 4
    if is_wide and prod(shape) < COUNTED_WIDE:
        return "lax.top_k"
    many = MANY_WIDE * (k if n <= SHORT_WIDE else MOST_ROUNDS) if is_wide else MANY
    if k <= MOST_ROUNDS and rows >= many:
        return "rounds of minima"
    return "counting" if is_wide or (k > MOST_ROUNDS and rows * k >= COUNTED) else "lax.top_k"


def width_of(shape: tuple[int, ...], dtype: Any, n: int, k: int) -> int:
    """Return the length of the blocks of rows that are not selected from at once."""
    is_uncut = _is_small(shape, dtype) or (dtype.name == "float32" and prod(shape) <= UNCUT_FLOATS)
    return 0 if is_uncut else width_for(n, k, MIN_WIDTH, MIN_GAIN)
