"""What hypothesis draws: ties above all, NaN, zeros, infinities, extreme integers, odd strides."""

from math import prod
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from tests.libraries import np_dtype

FLOAT_FORMATS = {"float16": (16, 10), "bfloat16": (16, 7), "float32": (32, 23), "float64": (64, 52)}
"""Bits in all, and of the fraction."""


def special_bits(dtype: Any) -> list[int]:
    """Return the bit patterns of a dtype's odd elements, as unsigned integers."""
    if dtype.kind == "b":
        return [0, 1]
    width = dtype.itemsize * 8
    sign = 1 << (width - 1)
    if dtype.kind in "iu":
        return [0, 1, 2, sign - 2, sign - 1, sign, sign + 1, 2 * sign - 2, 2 * sign - 1]
    if dtype.kind in "mM":  # the first is NaT
        return [sign, sign + 1, 2 * sign - 1, 0, 1, sign - 1]
    _, fraction = FLOAT_FORMATS[dtype.newbyteorder("=").name]
    infinity = sign - (1 << fraction)
    quiet, one = infinity | (1 << (fraction - 1)), ((1 << (width - 2 - fraction)) - 1) << fraction
    positive = [
        0,
        1,
        (1 << fraction) - 1,
        1 << fraction,
        one,
        one + 1,
        infinity - 1,
        infinity,
        quiet,
        infinity + 1,
        sign - 1,
    ]
    return [bits | minus for bits in positive for minus in (0, sign)]


def from_bits(bits: Any, dtype: Any) -> Any:
    """Return an array of `dtype`, in its byte order, whose elements have the given bit patterns."""
    width = dtype.itemsize * 8
    numbers = np.asarray(bits, dtype=np.uint64) & np.uint64(2**width - 1)
    unsigned = np.dtype(f"u{dtype.itemsize}")
    return numbers.astype(unsigned if dtype.isnative else unsigned.newbyteorder("S")).view(dtype)


def every_special(dtype: Any) -> Any:
    """Return an array of a dtype's odd elements."""
    return from_bits(special_bits(dtype), dtype)


def tied_array(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any, kinds: int) -> Any:
    """Return an array of at most `kinds` different elements, odd ones among them."""
    special = rng.choice(np.asarray(special_bits(dtype), dtype=np.uint64), size=kinds)
    chance = rng.integers(0, 2 if dtype.kind == "b" else 2**64, size=kinds, dtype=np.uint64)
    pool = np.where(rng.random(kinds) < rng.random(), special, chance)
    skew = rng.choice([1, 9, 50])  # so that one of them may be nearly all
    return from_bits(pool[(kinds * rng.random(shape) ** skew).astype(np.int64)], dtype)


def interesting_lengths() -> list[int]:
    """Return lengths around those at which an algorithm may change."""
    return [n + step for n in (32, 64, 128, 256, 512, 1024, 4096) for step in (-1, 0, 1)]


def interesting_k(n: int) -> list[int]:
    """Return the values of k at which something may go wrong."""
    return sorted({0, min(1, n), max(n - 1, 0), n})


def reversed_layout(x: Any) -> Any:
    return x[::-1].copy()[::-1]


def transposed_layout(x: Any) -> Any:
    return x.T.copy().T


def sliced_layout(x: Any) -> Any:
    wide = np.repeat(x, 2, axis=-1)
    return wide[..., ::2]


def misaligned_layout(x: Any) -> Any:
    bytes_ = np.zeros(x.nbytes + 1, dtype=np.uint8)
    out: Any = np.ndarray(x.shape, x.dtype, bytes_.data, offset=1)
    out[...] = x
    return out


def broadcast_layout(x: Any) -> Any:
    """Return an array that repeats its first row without memory of its own."""
    return np.broadcast_to(x[:1], x.shape)


LAYOUTS = (np.copy, reversed_layout, transposed_layout, sliced_layout, misaligned_layout, broadcast_layout)

shapes = st.lists(st.integers(0, 6), min_size=1, max_size=4).map(tuple) | st.integers(0, 60).map(lambda n: (n,))
modes = st.sampled_from(["largest", "smallest"])
nan_rules = st.sampled_from(["last", "greatest"])


@st.composite
def arrays(draw: st.DrawFn, dtype_name: str) -> Any:
    """Draw a NumPy array whose few different elements are mostly odd ones."""
    dtype, shape = np_dtype(dtype_name), draw(shapes)
    element = st.sampled_from(special_bits(dtype))
    if dtype.kind != "b":
        element = element | st.integers(0, 2 ** (8 * dtype.itemsize) - 1)
    pool = draw(st.lists(element, min_size=1, max_size=6))
    size = prod(shape)
    picks: Any
    if size <= 24:
        picks = draw(st.lists(st.sampled_from(pool), min_size=size, max_size=size))
    else:
        rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        picks = rng.choice(np.asarray(pool, dtype=np.uint64), size=size)
    x = from_bits(picks, dtype).reshape(shape)
    return draw(st.sampled_from(LAYOUTS))(x)


def ks(n: int) -> st.SearchStrategy[int]:
    """Draw how many of `n`, the extremes often."""
    return st.sampled_from(interesting_k(n)) | st.integers(0, n)


class Case(NamedTuple):
    """The arguments of a call, on a NumPy array."""

    x: Any
    k: int
    axis: int
    options: dict[str, Any]


@st.composite
def cases(draw: st.DrawFn, dtype_name: str, options: tuple[str, ...]) -> Case:
    """Draw an array and all the arguments; `options` are the names of the keywords to draw."""
    x = draw(arrays(dtype_name))
    axis = draw(st.integers(-x.ndim, x.ndim - 1))
    words = {"mode": modes, "nan": nan_rules, "sorted": st.booleans(), "stable": st.booleans()}
    return Case(x, draw(ks(x.shape[axis])), axis, {name: draw(words[name]) for name in options})
