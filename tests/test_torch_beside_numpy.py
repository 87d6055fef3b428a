"""torch: few chosen of few rows, which Python lists, and blocks of rows, of which NumPy selects from the best."""

import numpy as np
import pytest

from tests.libraries import Library, in_torch, np_dtype, replaced, rows
from tests.oracle import assert_topk
from tests.strategies import tied_array
from xtopk._native.torch_looks import way_of
from xtopk._order import Ranking

TORCH = pytest.mark.parametrize("library", [row for row in rows() if row.name == "torch"], ids=str)
SHAPES = [((300,), 0), ((1, 300), 1), ((300, 1), 0), ((4, 100), 1), ((2, 3, 50), 2), ((3, 0, 50), 2)]


WAYS = {
    "listed": in_torch(SORTED_AT_ONCE=0, LISTED_IN_ALL=dict.fromkeys((1, 2, 4, 8), 448), TIED_CHOICES=1 << 30),
    "packed keys": in_torch(SORTED_AT_ONCE=0, LISTED_IN_ALL=dict.fromkeys((1, 2, 4, 8), 0)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "dtype",
    ["float32", "float64", "float16", "bfloat16", "bool", "int8", "uint8", "uint16", "int32", "int64", "uint64"],
)
@TORCH
def test_ties_are_put_right(library: Library, dtype: str, way: str) -> None:
    rng = np.random.default_rng(0)
    for shape, axis in SHAPES:
        for kinds in (1, 2, 5, 60, 1000):
            x_np = tied_array(rng, shape, np_dtype(dtype), kinds)
            x = library.make(x_np)
            for k in (2, 5, 20):
                mode, nan = rng.choice(["largest", "smallest"]), rng.choice(["last", "greatest"])
                with replaced(WAYS[way]):
                    if 0 not in shape and dtype not in ("bool", "uint16", "uint64", "float64"):
                        assert way_of(x, k, axis, Ranking(True, False, True, True)) == way
                    result = library.topk(x, k, axis, mode=str(mode), nan=str(nan))
                assert_topk(library, result, x, x_np, k, axis, mode=str(mode), nan=str(nan))


@pytest.mark.parametrize("mode", ["largest", "smallest"])
@pytest.mark.parametrize("dtype", ["float64", "int64", "uint64"])
@TORCH
def test_keys_that_lose_their_lowest_bits(library: Library, dtype: str, mode: str) -> None:
    """Elements tie, or differ by one in the lowest bits, or in the one above these; those chosen, or not any more."""
    rng, n, k = np.random.default_rng(0), 600, 30
    lost = n.bit_length()
    for start in (-(2**63), -(1 << 60) - 1, 0, (1 << 60) - 1, 2**63 - 1 - (40 << lost)):
        for step in (0, 1, (1 << lost) - 1, 1 << lost, (1 << lost) + 1):
            for others in (0, n - k, n - k - 1):
                far = np.where(np.arange(n) < others, 0 if mode == "largest" else 39, 20) << lost
                bits = np.int64(start) + rng.permutation(far + step * rng.integers(0, 3, n))
                x_np = bits.view(dtype) ^ np.uint64(1 << 63) if dtype == "uint64" else bits.view(dtype)
                x = library.make(x_np)
                for shape, axis in [((n,), 0), ((2, n // 2), 1), ((n // 3, 3), 0)]:
                    for options in ({"mode": mode}, {"mode": mode, "sorted": False}):
                        with replaced(WAYS["packed keys"] | in_torch(NUMPY_ROW=1 << 20)):
                            result = library.topk(x.reshape(shape), k, axis, **options)
                        assert_topk(library, result, x.reshape(shape), x_np.reshape(shape), k, axis, **options)


@pytest.mark.parametrize("nan", ["last", "greatest"])
@pytest.mark.parametrize("mode", ["largest", "smallest"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "int16"])
@TORCH
def test_blocks_mislead_in_no_row(library: Library, dtype: str, mode: str, nan: str) -> None:
    """NaN behind the last block or beside the best, zeros of both signs at the k-th place, numbers of both signs."""
    k, n = 70, 4007
    rng = np.random.default_rng(0)
    few = np.concatenate([1 + rng.random(64), rng.choice([-0.0, 0.0], n - 64)])
    numbers = rng.standard_normal(n) * 9
    tail = np.where(np.arange(n) == n - 1, np.nan if dtype != "int16" else 99, numbers)
    beside = np.where(np.arange(n) == n // 2 + 1, np.sign(tail[0]) * 99, np.roll(tail, n // 2 + 1))
    late = np.where(np.arange(n) == n // 2, -numbers, np.abs(numbers))
    for row in (few, -few, numbers, tail, np.abs(tail), beside, -beside, late, -late, np.full(n, -1.0)):
        for x_np in (row.astype(np_dtype(dtype)), np.stack([numbers, row, numbers]).astype(np_dtype(dtype))):
            x = library.make(x_np)
            with replaced(in_torch(DIRECT_BELOW=0, REDUCED_FROM=0, REDUCED_LONG_FROM=0, REDUCED_LONG=0)):
                rank = Ranking(mode == "largest", mode == "largest" and nan == "greatest", True, True)
                assert x.ndim > 1 or way_of(x, k, 0, rank) == "blocks"
                result = library.topk(x, k, mode=mode, nan=nan)
            assert_topk(library, result, x, x_np, k, mode=mode, nan=nan)


@pytest.mark.parametrize("sign", [1, -1])
@TORCH
def test_nan_behind_the_last_block_of_halves_comes_first(library: Library, sign: int) -> None:
    x_np = np.random.default_rng(0).standard_normal(262_207).astype(np.float16)
    x_np[-1] = np.copysign(np.nan, sign)
    x = library.make(x_np)
    assert_topk(library, library.topk(x, 300, nan="greatest"), x, x_np, 300, nan="greatest")
