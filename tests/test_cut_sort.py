"""64-bit values whose lowest bits make room for a position: what differs in these alone, and what they hide."""

import numpy as np
import pytest

from tests.libraries import PARTED, Library, in_torch, replaced, rows
from tests.oracle import assert_topk
from xtopk._order import Ranking
from xtopk._select.cut_sort import indices_by_cut_sort
from xtopk._select.packed_sort import least

BESIDE = [row for row in rows() if row.name in ("numpy", "torch")]
PACKED = in_torch(SORTED_AT_ONCE=0, LISTED_IN_ALL=dict.fromkeys((1, 2, 4, 8), 0), PARTED_FOR=1 << 30) | PARTED


def close(rng: np.random.Generator, shape: tuple[int, ...], dtype: str, apart: int) -> np.ndarray:
    """Return values around a few of both signs, so many steps from these, and some of what ranks last or first."""
    bases = rng.choice([0, 1, -1, 1000, -1000], shape).astype(np.int64)
    steps = rng.integers(-apart, apart + 1, shape)
    if dtype == "float64":
        x = ((bases / 8).view(np.int64) + np.where(bases == 0, abs(steps), steps)).view(np.float64)
        return np.where(rng.random(shape) < 0.2, rng.choice([np.nan, -np.nan, np.inf, -np.inf, -0.0], shape), x)
    far = (bases << 40) + steps
    far = np.where(rng.random(shape) < 0.1, rng.choice([np.iinfo("int64").min, np.iinfo("int64").max], shape), far)
    return (far.view(np.uint64) ^ np.uint64(1 << 63) if dtype == "uint64" else far).astype(dtype)


@pytest.mark.parametrize("nan", ["last", "greatest"])
@pytest.mark.parametrize("mode", ["largest", "smallest"])
@pytest.mark.parametrize("dtype", ["float64", "int64", "uint64"])
@pytest.mark.parametrize("library", BESIDE, ids=str)
def test_values_that_differ_in_their_lowest_bits(library: Library, dtype: str, mode: str, nan: str) -> None:
    rng = np.random.default_rng(0)
    for shape, axis in [((7, 20), 1), ((6, 129), 1), ((200, 5), 0), ((2, 3, 60), 2), ((3, 700), 1)]:
        for apart in (0, 1, 20, 300, 10_000):
            x_np = close(rng, shape, dtype, apart)
            x = library.make(x_np)
            for k in (1, 2, 5, shape[axis] - 1, shape[axis]):
                with replaced(PACKED if library.name == "torch" else {}):
                    result = library.topk(x, k, axis, mode=mode, nan=nan)
                assert_topk(library, result, x, x_np, k, axis, mode=mode, nan=nan)


@pytest.mark.parametrize("nan", ["last", "greatest"])
@pytest.mark.parametrize("mode", ["largest", "smallest"])
@pytest.mark.parametrize("dtype", ["datetime64[ns]", "timedelta64[s]"])
@pytest.mark.parametrize("library", [row for row in BESIDE if row.name == "numpy"], ids=str)
def test_times_of_short_rows(library: Library, dtype: str, mode: str, nan: str) -> None:
    rng = np.random.default_rng(0)
    for apart in (1, 300):
        numbers = close(rng, (9, 60), "int64", apart)
        x = numbers.view(dtype)  # the least integer is NaT, and comes where NaN does
        for k in (1, 4, 60):
            values, indices = library.topk(x, k, mode=mode, nan=nan)
            for row, seen, places in zip(
                numbers.tolist(), values.view("int64").tolist(), indices.tolist(), strict=True
            ):
                missing = [i for i, each in enumerate(row) if each == np.iinfo("int64").min]
                there = [i for i in range(60) if i not in missing]
                there.sort(key=lambda i: -row[i] if mode == "largest" else row[i])
                first = mode == "largest" and nan == "greatest"
                assert places == (missing + there if first else there + missing)[:k]
                assert seen == [row[i] for i in places]


@pytest.mark.parametrize("mode", ["largest", "smallest"])
def test_what_ties_in_all_bits_is_not_sorted_again(mode: str) -> None:
    rows = np.random.default_rng(0).integers(-50, 50, (40, 200)) / 10  # whose lowest bits are not zero
    rank = Ranking(mode == "largest", False, True, True)
    indices, wrong = indices_by_cut_sort(np, rows, 30, rank)
    order = np.argsort(-rows if rank.largest else rows, axis=1, kind="stable")[:, :30]
    assert np.array_equal(indices, order)
    assert not wrong.any()


def test_it_tells_which_rows_are_wrong() -> None:
    step = np.spacing(1.0)
    x = np.random.default_rng(0).random((5, 200))  # from 0 to 1
    x[1, [7, 150]] = 2, 2 + 4 * step  # the better one is behind
    x[2, [7, 150]] = 2 + 4 * step, 2
    x[3, [7, 9, 11, 150]] = 3, 2, 2, 2 + 4 * step  # of three for the last place the best is behind
    x[4, [7, 150]] = np.inf, np.nan
    x[4, 190:] = np.nan
    rank = Ranking(largest=True, nan_first=True, sorted=True, stable=True)
    indices, wrong = indices_by_cut_sort(np, x, 2, rank)
    assert wrong.tolist() == [False, True, False, True, False]
    assert indices[4].tolist() == [150, 190]


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_the_least_of_long_rows(dtype: str) -> None:
    rows = np.random.default_rng(0).permuted(np.tile(np.arange(5000, dtype=dtype), (3, 1)), axis=1)
    for k in (1, 2, 513, 2400, 2600, 5000):
        assert np.array_equal(least(rows.copy(), k), np.tile(np.arange(k), (3, 1)))
