"""A fast random differential fuzz against a second oracle: ``python -m tests.fuzz --library torch --calls 100000``.

The second oracle is `numpy.lexsort` on keys that hold a flag for NaN, the value and the position.
"""

import argparse
import sys
import time
from typing import Any

import numpy as np

from tests.libraries import LIBRARIES, Library, np_dtype
from tests.strategies import LAYOUTS, interesting_k, interesting_lengths, tied_array

SHORT = [0, 1, 2, 3, 5, 8, 13, 31, 32, 33, 64, 100]
LONG = [*interesting_lengths(), 10_000]
VERY_LONG = [65_535, 65_537, 131_072, 262_145, 300_000]
COMPILED_SHAPES = [(1,), (7,), (33,), (300,), (3, 8), (8, 3), (2, 3, 4)]


def draw_shape(rng: np.random.Generator, library: Library) -> tuple[int, ...]:
    chance = rng.random()
    if library.compiled:
        return COMPILED_SHAPES[rng.integers(len(COMPILED_SHAPES))]
    if chance < 0.0003 and not library.lazy:
        n = int(rng.choice(VERY_LONG))
        return [(n,), (64, n // 64), (n // 64, 64)][rng.integers(3)]
    if chance < 0.02:
        n = int(rng.choice(LONG))
        return [(n,), (2, n), (n, 2)][rng.integers(3)]
    if chance < 0.3:
        return (int(rng.choice(SHORT)),)
    return tuple(int(n) for n in rng.integers(0, 7, size=rng.integers(1, 5)))


def draw_array(rng: np.random.Generator, library: Library) -> Any:
    dtype = np_dtype(library.dtypes[rng.integers(len(library.dtypes))])
    shape = draw_shape(rng, library)
    kinds = int(rng.choice([1, 2, 4, 30, max(1, min(max(shape), 5000))]))
    return LAYOUTS[rng.integers(len(LAYOUTS))](tied_array(rng, shape, dtype, kinds))


def draw_k(rng: np.random.Generator, n: int, library: Library) -> int:
    if library.compiled or rng.random() < 0.3:
        return int(rng.choice(interesting_k(n)))
    return int(rng.integers(0, (n if rng.random() < 0.5 else min(n, 12)) + 1))


def ranking_keys(x: Any, mode: str, nan: str) -> tuple[Any, Any]:
    """Return which elements rank late (or early) for being NaN, and numbers that ascend in rank order."""
    x = x.astype(x.dtype.newbyteorder("="))
    if x.dtype.kind in "biu":
        key, missing = (x.astype(np.uint8) if x.dtype.kind == "b" else x), np.zeros(x.shape, dtype=bool)
        return missing, (~key if mode == "largest" else key)
    if x.dtype.kind in "mM":
        missing, key = np.isnat(x), x.view(np.int64)
        key = ~key if mode == "largest" else key
    else:
        with np.errstate(invalid="ignore"):  # a signalling NaN is converted, too
            key = x.astype(np.float64)
            missing = np.isnan(key)
        key = -key if mode == "largest" else key
    early = mode == "largest" and nan == "greatest"
    return (~missing if early else missing), np.where(missing, np.zeros_like(key), key)


def chosen_wrongly(x: Any, values: Any, indices: Any, k: int, axis: int, options: dict[str, Any]) -> str:
    """Return what is wrong with a top k, or nothing."""
    late, key = (np.moveaxis(a, axis, -1) for a in ranking_keys(x, options["mode"], options["nan"]))
    at = np.moveaxis(indices, axis, -1)
    if at.shape != (*key.shape[:-1], k) or values.shape != indices.shape:
        return f"shape {values.shape}, {indices.shape}"
    if np.any((at < 0) | (at >= key.shape[-1])):
        return "indices out of range"
    if np.any(np.diff(np.sort(at, axis=-1), axis=-1) == 0):
        return "an index came twice"
    taken = np.take_along_axis(x, indices, axis)
    width = f"u{x.dtype.itemsize}"
    differ = np.ascontiguousarray(values).view(width) != np.ascontiguousarray(taken).view(width)
    if x.dtype.kind not in "biumM" and np.any(differ):
        with np.errstate(invalid="ignore"):
            differ &= ~(np.isnan(values) & np.isnan(taken))
    if values.dtype != x.dtype or np.any(differ):
        return f"values are not those at the indices:\n{values}\n{indices}"
    wanted = np.lexsort((key, late), axis=-1)[..., :k]
    if options["stable"]:
        found = at if options["sorted"] else np.sort(at, axis=-1)
        wanted = wanted if options["sorted"] else np.sort(wanted, axis=-1)
        return "" if np.array_equal(found, wanted) else f"indices\n{found}\ninstead of\n{wanted}"
    for rank in (late, key):
        found, right = np.take_along_axis(rank, at, -1), np.take_along_axis(rank, wanted, -1)
        if not options["sorted"]:
            found, right = np.sort(found, axis=-1), np.sort(right, axis=-1)
        if not np.array_equal(found, right):
            return f"ranks\n{found}\ninstead of\n{right}"
    return ""


def marked_wrongly(x: Any, mask: Any, k: int, axis: int, options: dict[str, Any]) -> str:
    """Return what is wrong with a mask, or nothing."""
    if mask.dtype != np.bool_ or mask.shape != x.shape or np.any(np.sum(mask, axis=axis) != k):
        return f"a mask of {mask.dtype} shaped {mask.shape} that marks {np.sum(mask, axis=axis)}"
    indices = np.argsort(~mask, axis=axis, stable=True).take(range(k), axis=axis)
    return chosen_wrongly(x, np.take_along_axis(x, indices, axis), indices, k, axis, options | {"sorted": False})


def call_once(rng: np.random.Generator, library: Library) -> str:
    """Make one random call and return a report of what is wrong, or nothing."""
    x_np = draw_array(rng, library)
    axis = int(rng.integers(-x_np.ndim, x_np.ndim))
    k = draw_k(rng, x_np.shape[axis], library)
    options: dict[str, Any] = {
        "mode": "largest" if rng.random() < 0.5 else "smallest",
        "nan": "last" if rng.random() < 0.5 else "greatest",
        "stable": bool(rng.random() < 0.7),
    }
    before = x_np.copy()
    name = "topk_mask" if rng.random() < 0.2 else "topk"
    if name == "topk":
        options["sorted"] = bool(rng.random() < 0.7)
    x = library.make(x_np)
    try:
        if name == "topk_mask":
            (mask,) = library.back(library.topk_mask(x, k, axis, **options))
            wrong = marked_wrongly(before, mask, k, axis, options)
        else:
            values, indices = library.back(*library.topk(x, k, axis, **options))
            wrong = chosen_wrongly(before, values, indices, k, axis, options)
    except Exception as error:
        wrong = f"{type(error).__name__}: {error}"
    if not wrong and x_np.tobytes() != before.tobytes():
        wrong = "the input was written to"
    if not wrong:
        return ""
    bits = np.ascontiguousarray(before).view(f"u{before.dtype.itemsize}").ravel()[:200].tolist()
    array = f"from_bits({bits}, np_dtype({before.dtype.name!r})).reshape({before.shape})"
    layout = f"strides {x_np.strides}, byte order {x_np.dtype.byteorder}"
    return f"{name}({array}, {k}, {axis}, **{options})  # {library}, {layout}\n{wrong}"


def fuzz(library: Library, calls: int, seed: int) -> str:
    """Return the report of the first of `calls` random calls that went wrong, or nothing.

    Each call has its own seed, so that ``--seed N --calls 1`` repeats the one that failed.
    """
    for number in range(seed, seed + calls):
        wrong = call_once(np.random.default_rng(number), library)
        if wrong:
            return f"--library {library} --seed {number} --calls 1\n{wrong}"
    return ""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", default="numpy", choices=[library.name for library in LIBRARIES])
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    (library,) = [row for row in LIBRARIES if row.name == options.library]
    start = time.perf_counter()
    wrong = fuzz(library, options.calls, options.seed)
    if wrong:
        print(wrong)
        return 1
    print(f"{library}: {options.calls} calls agree, {time.perf_counter() - start:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
