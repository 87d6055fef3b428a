"""torch beside NumPy: few elements, listed by Python or packed by NumPy, and the best of blocks, left to NumPy."""

import numpy as np
import pytest

import xtopk
from tests.libraries import PARTED, Library, in_torch, np_dtype, replaced, rows
from tests.oracle import assert_topk
from tests.strategies import tied_array
from xtopk._native.torch_looks import way_of
from xtopk._order import Ranking

TORCH = pytest.mark.parametrize("library", [row for row in rows() if row.name == "torch"], ids=str)
SHAPES = [((300,), 0), ((1, 300), 1), ((300, 1), 0), ((4, 100), 1), ((2, 3, 50), 2), ((3, 0, 50), 2)]


LISTED = in_torch(SORTED_AT_ONCE=0, LISTED_IN_ALL=dict.fromkeys((1, 2, 4, 8), 448), TIED_CHOICES=1 << 30)
PACKED = in_torch(SORTED_AT_ONCE=0, LISTED_IN_ALL=dict.fromkeys((1, 2, 4, 8), 0))
WAYS = {
    "listed": LISTED,
    "listed alone": LISTED | in_torch(has_numpy=lambda: False),
    "packed keys": PACKED,
    "packed keys parted": PACKED | in_torch(PARTED_FOR=1 << 30) | PARTED,
}


def expected(way: str, dtype: str, n: int, k: int) -> str:
    """Return the way that elements go: torch has no top-k of some, and float64 leaves torch no room to pack it."""
    if dtype in ("bool", "uint16", "uint64"):
        return "" if way == "listed alone" else "packed keys"
    if way.startswith("packed keys"):
        is_sorted = way == "packed keys parted" or n <= 256
        return "packed keys" if dtype != "float64" or (is_sorted and n < 64 * (k + 1)) else "torch.topk"
    return way.removesuffix(" alone")


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
                    rank = Ranking(True, False, True, True)
                    assert 0 in shape or way_of(x, k, axis, rank) == expected(way, dtype, x.shape[axis], k)
                    result = library.topk(x, k, axis, mode=str(mode), nan=str(nan))
                assert_topk(library, result, x, x_np, k, axis, mode=str(mode), nan=str(nan))


@pytest.mark.parametrize("mode", ["largest", "smallest"])
@pytest.mark.parametrize("dtype", ["int64", "uint64"])
@TORCH
def test_keys_as_far_apart_as_leaves_room_for_a_position(library: Library, dtype: str, mode: str) -> None:
    rng = np.random.default_rng(0)
    least, greatest = np.iinfo(dtype).min, np.iinfo(dtype).max
    for n in (511, 512, 513, 600):
        room = 63 - (n - 1).bit_length()
        for width in (1, 1 << room - 1, (1 << room) - 1, 1 << room, greatest - least):
            for start in {least, greatest - width, min((1 << room) - 2, greatest - width)}:
                ends = [start, start + 1, start + width - 1, start + width]
                x_np = np.asarray([ends[i] for i in rng.integers(0, 4, n)], dtype=dtype)
                x = library.make(x_np)
                for shape, axis in [((n,), 0), ((3, n // 3), 1), ((n // 3, 3), 0)]:
                    few, few_np = (a[: n // 3 * 3].reshape(shape) if n != shape[0] else a for a in (x, x_np))
                    for way in ("packed keys", "packed keys parted"):
                        with replaced(WAYS[way]):
                            result = library.topk(few, 30, axis, mode=mode)
                        assert_topk(library, result, few, few_np, 30, axis, mode=mode)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16"])
@TORCH
def test_more_axes_than_numpy_has(library: Library, dtype: str) -> None:
    for shape, axis in [((3, 400), 1), ((400, 3), 0), ((1, 400), 1)]:
        x_np = np.random.default_rng(0).integers(0, 30, shape).astype(dtype)
        more = library.make(x_np).reshape(shape[0], *[1] * 70, shape[1]).requires_grad_(dtype != "int16")
        values, indices = library.topk(more, 50, -axis)
        found = (part.reshape(*(50 if i == axis else n for i, n in enumerate(shape))) for part in (values, indices))
        assert_topk(library, xtopk.TopK(*found), library.make(x_np), x_np, 50, axis)
        assert values.is_contiguous()
        assert indices.is_contiguous()


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


@pytest.mark.parametrize("k", [3, 20])
@TORCH
def test_a_matrix_that_lies_the_other_way_round(library: Library, k: int) -> None:
    """Results are contiguous; and a byte of True that is not 1 is no greater."""
    rng = np.random.default_rng(0)
    for dtype in ("float32", "float64", "int64", "float16", "bfloat16", "bool"):
        for shape in ((60, 90), (300, 90), (600, 90)):
            x_np = rng.integers(0, 4, shape, "u1").view("?")
            if dtype != "bool":
                x_np = rng.standard_normal(shape).astype(np_dtype(dtype))
            x = library.make(np.ascontiguousarray(x_np.T)).t()
            for options in ({}, {"stable": False, "nan": "greatest"}, {"sorted": False}):
                result = library.topk(x, k, 1, **options)
                assert all(part.is_contiguous() for part in result)
                if not options:
                    assert_topk(library, result, x, x_np.view("u1") != 0 if dtype == "bool" else x_np, k, 1)
