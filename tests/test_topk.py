"""`topk` against the oracle: every row, every dtype, every argument."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import xtopk
from tests.libraries import Library, np_dtype, rows
from tests.oracle import assert_mask, assert_same_bits, assert_topk
from tests.strategies import Case, cases, every_special, interesting_k, interesting_lengths, tied_array
from xtopk._native.torch_operations import OPERATIONS
from xtopk._order import Ranking
from xtopk._select.bracket import SAMPLE_ROOT
from xtopk._select.sampled import SAMPLED, indices_by_sample, stride_from

OPTIONS = ("mode", "nan", "sorted", "stable")
ROWS_AND_DTYPES = [pytest.param(row, dtype, id=f"{row}-{dtype}") for row in rows() for dtype in row.dtypes]


def assert_agrees(library: Library, x_np: Any, k: int, axis: int = -1, **options: Any) -> None:
    """Assert that the library's answer is the oracle's and that the call left its input as it was."""
    before = x_np.copy()
    x = library.make(x_np)
    assert_topk(library, library.topk(x, k, axis, **options), x, before, k, axis, **options)
    assert_same_bits(x_np, before)
    (after,) = library.back(x)
    assert_same_bits(after, before)


@pytest.mark.parametrize(("library", "dtype"), ROWS_AND_DTYPES)
@given(data=st.data())
def test_agrees_with_the_oracle(library: Library, dtype: str, data: st.DataObject) -> None:
    case: Case = data.draw(cases(dtype, OPTIONS))
    assert_agrees(library, case.x, case.k, case.axis, **case.options)


@pytest.mark.parametrize("nan", ["last", "greatest"])
@pytest.mark.parametrize("mode", ["largest", "smallest"])
@pytest.mark.parametrize(("library", "dtype"), ROWS_AND_DTYPES)
def test_every_odd_element(library: Library, dtype: str, mode: str, nan: str) -> None:
    x = np.tile(every_special(np_dtype(dtype)), (2, 2))
    x[1] = x[1, ::-1]
    n = x.shape[1]
    for k in [n // 2] if library.compiled else [1, n // 2, n - 1, n]:
        assert_agrees(library, x, k, mode=mode, nan=nan)


@pytest.mark.parametrize("n", interesting_lengths())
@pytest.mark.parametrize("library", rows(), ids=str)
def test_lengths_around_thresholds(library: Library, n: int) -> None:
    rng = np.random.default_rng(n)
    dtypes = [dtype for dtype in ("float32", "int16", "uint64") if dtype in library.dtypes]
    if library.compiled:
        dtypes = [dtypes[n % len(dtypes)]]
    for dtype in dtypes:
        for k in {1, 9, n // 2, n - 1}:
            mode, nan = rng.choice(["largest", "smallest"]), rng.choice(["last", "greatest"])
            x = tied_array(rng, (n,), np_dtype(dtype), kinds=int(rng.choice([3, n])))
            assert_agrees(library, x, k, mode=str(mode), nan=str(nan))


@pytest.mark.parametrize("mode", ["largest", "smallest"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("library", rows(compiled=False, lazy=False), ids=str)
def test_nearly_all_nan(library: Library, dtype: str, mode: str) -> None:
    """Many rows of few numbers, some of none, in the last case one of many."""
    if dtype not in library.dtypes:
        pytest.skip(f"{library} has no {dtype}, of which there is nothing to ask")
    rng = np.random.default_rng(0)
    x = rng.choice([1.0, 2.0, -0.0, 0.0, np.inf, -np.inf, -1.0], (200, 700)).astype(dtype)
    x[rng.random(x.shape) < 0.99] = np.nan
    x[5] = np.copysign(np.nan, -1)
    for k in (1, 6, 30):
        assert_agrees(library, x, k, mode=mode)
    x[150] = 1
    assert_agrees(library, x, 6, mode=mode)


@pytest.mark.parametrize("mode", ["largest", "smallest"])
@pytest.mark.parametrize("dtype", ["int64", "uint64", "float64"])
@pytest.mark.parametrize("library", rows(compiled=False, lazy=False), ids=str)
def test_few_equals_above_many_numbers(library: Library, dtype: str, mode: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(1 << 20, 1 << 40, size=(8, 1 << 14))
    np.put_along_axis(x, rng.integers(x.shape[1], size=(8, 6)), 1 << 41 if mode == "largest" else 0, axis=-1)
    assert_agrees(library, x.astype(dtype), 13, mode=mode)


@pytest.mark.parametrize(
    ("shape", "axis", "dtype"),
    [
        ((300_000,), 0, "float32"),
        ((3, 90_000), 1, "float16"),
        ((90_000, 3), 0, "int32"),
        ((700, 400), -1, "float32"),
        ((700, 400), 0, "float64"),
        ((5, 300, 180), 1, "uint8"),
    ],
)
@pytest.mark.parametrize("library", rows(), ids=str)
def test_large(library: Library, shape: tuple[int, ...], axis: int, dtype: str) -> None:
    """Arrays that are cut into blocks, a NaN in some of them only."""
    if dtype not in library.dtypes:
        dtype = "float32"
    rng = np.random.default_rng(len(shape) + axis)
    x = np.abs(rng.normal(scale=50, size=shape)).astype(dtype)
    if dtype.startswith("float"):
        x[-1:] = np.where(rng.random(shape[1:]) < 0.5, np.nan, x[-1:])
    assert_agrees(library, x, 20, axis)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 3), (0, 0)])
@pytest.mark.parametrize("library", rows(), ids=str)
def test_zero_lengths(library: Library, shape: tuple[int, ...]) -> None:
    for axis in range(-len(shape), len(shape)):
        for k in interesting_k(shape[axis]):
            assert_agrees(library, np.zeros(shape, dtype=np.float32), k, axis)


@pytest.mark.parametrize("fill", [0, 1, np.nan, np.inf, -np.inf, -0.0])
@pytest.mark.parametrize("library", rows(), ids=str)
def test_all_elements_equal(library: Library, fill: float) -> None:
    for mode in ("largest", "smallest"):
        for nan in ("last", "greatest"):
            assert_agrees(library, np.full((2, 40), fill, dtype=np.float32), 7, mode=mode, nan=nan)


@pytest.mark.parametrize("library", rows(), ids=str)
def test_defaults(library: Library) -> None:
    """The defaults are the last axis, the largest, sorted, stable, NaN last."""
    x_np = np.asarray([[1, np.nan, 3, 3], [np.inf, 0, -0.0, np.nan]], dtype=np.float32)
    x = library.make(x_np)
    values, indices = library.back(*library.topk(x, 3))
    assert indices.tolist() == [[2, 3, 0], [0, 1, 2]]
    assert values.tolist() == [[3, 3, 1], [np.inf, 0, 0]]
    assert np.signbit(values[1]).tolist() == [False, False, True]


class Three:
    """An integer in all but name."""

    def __index__(self) -> int:
        return 3


@pytest.mark.parametrize("k", [3, np.int8(3), np.uint64(3), np.asarray(3), Three()], ids=lambda k: type(k).__name__)
@pytest.mark.parametrize("library", rows(), ids=str)
def test_k_may_be_anything_with_an_index(library: Library, k: Any) -> None:
    x_np = np.asarray([4, 1, 3, 2, 0], dtype=np.int32)
    x = library.make(x_np)
    assert_topk(library, library.topk(x, k), x, x_np, 3)
    assert_topk(library, library.topk(x, k, axis=np.int64(0)), x, x_np, 3)


@pytest.mark.parametrize("library", rows(), ids=str)
def test_k_may_be_an_array_of_the_library(library: Library) -> None:
    x_np = np.asarray([4, 1, 3, 2, 0], dtype=np.int32)
    x = library.make(x_np)
    k = library.make(np.asarray(3, dtype=np.int32))
    if hasattr(k, "__index__"):
        assert_topk(library, library.topk(x, k), x, x_np, 3)
    else:  # as CuPy's, which would have to be waited for
        with pytest.raises(TypeError, match=r"k must be an integer, such as int\(k\) makes; got cupy.ndarray"):
            library.topk(x, k)


@pytest.mark.parametrize("library", rows(), ids=str)
def test_the_result_is_a_named_tuple(library: Library) -> None:
    result = library.topk(library.make(np.arange(5, dtype=np.int32)), 2)
    assert isinstance(result, xtopk.TopK)
    assert isinstance(result, tuple)
    values, indices = result
    assert values is result.values
    assert indices is result.indices


@pytest.mark.parametrize("library", rows(), ids=str)
def test_the_result_has_memory_of_its_own(library: Library) -> None:
    """Writing to what comes back may not change the input, not even when all of it comes back."""
    x_np = np.asarray([3, 2, 1], dtype=np.int32)
    x = library.make(x_np.copy())
    (values,) = library.back(library.topk(x, 3).values)
    if values.flags.writeable:
        values[:] = 9
    assert library.back(x)[0].tolist() == [3, 2, 1]


@pytest.mark.parametrize("mode", ["largest", "smallest"])
@pytest.mark.parametrize("library", rows(), ids=str)
def test_infinities_among_nan(library: Library, mode: str) -> None:
    """Rows of fewer than `k` numbers, some of them the infinity that ranks last, between many NaN."""
    rng = np.random.default_rng(0)
    x = np.full((6, 600), np.nan, dtype=np.float32)
    for row, infinities in zip(x, (0, 1, 3, 10, 30, 200), strict=True):
        where = rng.permutation(600)
        row[where[:5]] = rng.normal(size=5)
        row[where[5 : 5 + infinities]] = -np.inf if mode == "largest" else np.inf
    assert_agrees(library, x, 20, mode=mode)
    assert_agrees(library, x.T.copy(), 20, 0, mode=mode)


LARGE_K: dict[str, Callable[[np.random.Generator, tuple[int, ...]], Any]] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "few values": lambda rng, shape: rng.integers(-3, 4, shape),
    "zeros of both signs": lambda rng, shape: np.copysign(rng.random(shape) < 0.01, rng.normal(size=shape)),
    "half NaN": lambda rng, shape: np.where(rng.random(shape) < 0.5, np.nan, rng.normal(size=shape)),
    "few numbers": lambda rng, shape: np.where(rng.random(shape) < 0.97, np.nan, rng.normal(size=shape)),
    "best at each 37th": lambda rng, shape: rng.normal(size=shape) + 99 * (np.arange(shape[-1]) % 37 == 0),
    "infinities": lambda rng, shape: rng.choice([-np.inf, np.inf, 1, np.nan], shape),
}


@pytest.mark.parametrize(("mode", "nan"), [("largest", "last"), ("largest", "greatest"), ("smallest", "last")])
@pytest.mark.parametrize("dtype", ["float16", "float64", "int32"])
@pytest.mark.parametrize("kind", LARGE_K)
@pytest.mark.parametrize("library", rows(compiled=False, lazy=False, disguised=False), ids=str)
def test_a_large_k(library: Library, kind: str, dtype: str, mode: str, nan: str) -> None:
    """Of one row, of two and of many, of data that mislead a look at few elements."""
    if dtype not in library.dtypes:
        pytest.skip(f"{library} has no {dtype}, of which there is nothing to ask")
    rng = np.random.default_rng(0)
    for shape, k in [((77_000,), 5000), ((2, 140_000), 30_000), ((140, 40), 33), ((60, 700), 400)]:
        x = LARGE_K[kind](rng, shape)
        if dtype == "int32":
            x = np.nan_to_num(1000 * x, nan=-1, posinf=5, neginf=-5)
        x = x.astype(dtype)
        assert_agrees(library, x, k, mode=mode, nan=nan)
        assert_agrees(library, x, k, mode=mode, nan=nan, sorted=False)
        own = library.make(x)
        assert_mask(library, library.topk_mask(own, k, mode=mode, nan=nan), own, x, k, mode=mode, nan=nan)


LOOKED_AT: dict[str, Callable[[np.random.Generator, tuple[int, ...]], Any]] = {
    "rising": lambda rng, shape: np.sort(rng.normal(size=shape)),
    "falling": lambda rng, shape: -np.sort(rng.normal(size=shape)),
    "rising in steps": lambda rng, shape: np.broadcast_to(np.arange(shape[-1]) // 3, shape),
    "the least everywhere": lambda rng, shape: np.where(rng.random(shape) < 0.05, 9, -(2**31)),
    "equals of the best": lambda rng, shape: np.minimum(rng.normal(size=shape), 0),
    "equals but in the last row": lambda rng, shape: np.where(
        np.indices(shape)[0] == shape[0] - 1, rng.normal(size=shape), 2
    ),
    "one NaN a row": lambda rng, shape: np.where(np.arange(shape[-1]) == shape[-1] // 2 + 1, np.nan, rng.random(shape)),
    "NaN and infinities": lambda rng, shape: rng.choice([-np.inf, np.nan, 2.0], shape, p=[0.3, 0.69, 0.01]),
}


@pytest.mark.parametrize("mode", ["largest", "smallest"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32"])
@pytest.mark.parametrize("kind", LOOKED_AT)
@pytest.mark.parametrize("library", rows(transforms="torch", disguised=False, gpu=False), ids=str)
def test_what_a_look_shows(library: Library, kind: str, dtype: str, mode: str) -> None:
    """And what it does not: of short and long rows, where torch keeps a heap and where not."""
    rng = np.random.default_rng(0)
    for shape, ks in [
        ((30_000, 5), (1, 2)),
        ((9000, 20), (1, 3, 6)),
        ((300, 700), (1, 2, 5, 90)),
        ((2, 270_000), (7, 30_000)),
    ]:
        x = LOOKED_AT[kind](rng, shape)
        if dtype == "int32":
            x = np.nan_to_num(x if abs(x).max() > 99 else 50 * x, nan=3, posinf=5, neginf=-5)
        x = x.astype(dtype)
        for k in ks:
            assert_agrees(library, x, k, mode=mode)
            assert_agrees(library, x, k, mode=mode, stable=False, nan="greatest")


SIXTEEN_BITS: dict[str, Callable[..., Any]] = {
    "normal": lambda rng, shape: 300 * rng.normal(size=shape),
    "a NaN a row": lambda rng, shape: np.where(np.arange(shape[-1]) == 1001, np.nan, 300 * rng.normal(size=shape)),
    "few distinct": lambda rng, shape: rng.integers(-3, 4, shape),
    "zeros of both signs": lambda rng, shape: (
        np.where(rng.random(shape) < 0.999, -0.0, 0.0) + (rng.random(shape) < 0.002)
    ),
    "NaN and infinities": lambda rng, shape: rng.choice(
        [-np.inf, np.nan, 2, np.inf], shape, p=[0.1, 0.002, 0.897, 0.001]
    ),
    "just enough": lambda rng, shape: -np.minimum(rng.permuted(np.zeros(shape) + np.arange(shape[-1]), axis=-1), 9),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("library", rows(transforms="torch", disguised=False, gpu=False), ids=str)
def test_one_row_of_which_nan_hides_ties(library: Library, dtype: str) -> None:
    x = np.random.default_rng(0).normal(size=(2, 70_000)).astype(dtype)
    x[1, 1], x[1, [5, 77]] = np.nan, 9
    for k in (1, 2, 4, 70):
        assert_agrees(library, x, k)
        assert_agrees(library, x.T, k, 0)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int16"])
@pytest.mark.parametrize("kind", SIXTEEN_BITS)
@pytest.mark.parametrize("library", rows(transforms="torch", disguised=False, gpu=False), ids=str)
def test_sixteen_bits(library: Library, kind: str, dtype: str) -> None:
    """They tie, in rows of which torch would keep a heap."""
    rng = np.random.default_rng(0)
    for shape, axis in [
        ((4000,), 0),
        ((1, 4000), 1),
        ((3, 1500), 1),
        ((2, 2, 1500), -1),
        ((3, 1500), 0),
        ((2, 5, 1500), 1),
    ]:
        x = SIXTEEN_BITS[kind](rng, shape)
        if dtype == "int16":
            x = np.nan_to_num(x, nan=3, posinf=5, neginf=-5)
        x = np.moveaxis(x.astype(dtype), -1, axis)
        for k in (2, 4, 5):
            for mode, nan in [("largest", "last"), ("largest", "greatest"), ("smallest", "last")]:
                assert_agrees(library, x, k, axis, mode=mode, nan=nan)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
@pytest.mark.parametrize("library", rows(native="numpy", disguised=False), ids=str)
def test_results_of_numpy_keep_nothing_else(library: Library, dtype: str) -> None:
    """They are no views of all that was sorted, but of one more for each row at most."""
    for shape, k in [((9000,), 4000), ((9000,), 100), ((20, 2000), 900), ((300, 100), 50)]:
        x = library.make(np.random.default_rng(0).integers(0, 99, shape).astype(dtype))
        for part in library.topk(x, k):
            assert part.base is None or part.base.size <= part.size + part.size // k


@pytest.mark.parametrize("kind", LARGE_K)
@pytest.mark.parametrize("library", rows(transforms="torch", disguised=False, gpu=False), ids=str)
def test_a_sample_serves_what_it_shows(library: Library, kind: str) -> None:
    """Also ties and NaN; it gives up where it shows other data than there are."""
    row = library.make(LARGE_K[kind](np.random.default_rng(0), (77_000,)))
    for largest in (True, False):
        rank = Ranking(largest=largest, nan_first=False, sorted=True, stable=True)
        found = indices_by_sample(OPERATIONS, library.namespace, row, 5000, rank, 1 << 15)
        assert (found is None) == (kind == "best at each 37th")


@pytest.mark.parametrize("offset", [-50, 50])
@pytest.mark.parametrize("library", rows(compiled=False, lazy=False, disguised=False), ids=str)
def test_a_sample_that_misleads(library: Library, offset: int) -> None:
    """Of one row and of a few, for a small and a large share, for a bound and for a bracket."""
    rng = np.random.default_rng(0)
    for n, stride in [
        (16_384, stride_from(16_384 // SAMPLED)),
        (70_000, stride_from(round(70_000 ** (1 / SAMPLE_ROOT)))),
    ]:
        x = rng.standard_normal((3, n), dtype=np.float32)
        x[1, ::stride] += offset
        for k in (100, 1100, n // 2, n - 2800):
            for part in (x, x[1]):
                assert_agrees(library, part, k)
                own = library.make(part)
                assert_mask(library, library.topk_mask(own, k), own, part, k)


@pytest.mark.parametrize("library", rows(compiled=False, lazy=False, disguised=False), ids=str)
def test_a_bracket_at_the_ends(library: Library) -> None:
    """Where k is so near the length that there is no lower value, NaN are more than that, and where all tie."""
    x = np.random.default_rng(0).standard_normal(70_000, dtype=np.float32)
    few = np.where(np.arange(70_000) % 3 == 0, x, np.float32(np.nan))
    equal, two = np.zeros_like(x), (np.arange(70_000) % 7 == 0).astype(np.float32)  # 10 000 ones
    for part in (x, few, equal, two, np.maximum(x, 0), np.minimum(x, 0)):
        for k in (1200, 10_000, 23_333, 23_334, 23_335, 69_999, 70_000):
            own = library.make(part)
            assert_agrees(library, part, k, sorted=False)
            assert_mask(library, library.topk_mask(own, k), own, part, k)


@pytest.mark.parametrize("turned", [0, 100])
@pytest.mark.parametrize("mode", ["largest", "smallest"])
@pytest.mark.parametrize("library", rows(), ids=str)
def test_fewer_numbers_than_k_in_order(library: Library, mode: str, turned: int) -> None:
    """As they are, or but for the last ones, of one row and of many."""
    row = np.full(20_000, np.nan, dtype=np.float32)
    row[:1500] = np.arange(1500)
    row[1500 - turned : 1500] = row[1500 - turned : 1500][::-1].copy()
    rows = np.full((300, 200), np.nan, dtype=np.float32)
    rows[:, 10:18] = np.arange(8)
    rows[:turned, 12:18] = 1
    for x in (row, -row[::-1], rows, -rows):
        assert_agrees(library, x, 2000 if x.ndim == 1 else 20, mode=mode)


@pytest.mark.parametrize("mode", ["largest", "smallest"])
@pytest.mark.parametrize("library", rows(), ids=str)
def test_infinities_behind_blocks_of_nan(library: Library, mode: str) -> None:
    """A block of NaN alone may not be taken for one that holds the worst infinity, too."""
    x = np.full(1 << 14, np.nan, dtype=np.float32)
    x[9000], x[9001:9004] = -np.inf, np.inf
    x[12_000:12_003] = 1
    x[13_000:] = -np.inf
    x[14_000:] = np.nan
    facing = x if mode == "largest" else -x
    assert_agrees(library, facing[4000:], 9, mode=mode)
    assert_agrees(library, np.stack([facing[:9000], facing[5000:14_000]]), 9, mode=mode)
    assert_agrees(library, np.stack([facing[:9001], facing[4999:14_000]]).T, 9, 0, mode=mode, stable=False)


@pytest.mark.parametrize("mode", ["largest", "smallest"])
@pytest.mark.parametrize("library", rows(), ids=str)
def test_the_worst_number_is_not_the_worst_infinity(library: Library, mode: str) -> None:
    """Few of one of them among many of the other or of NaN, in arrays long enough for every way."""
    lowest = np.finfo(np.float32).min
    few_numbers = np.full(1 << 17, -np.inf, dtype=np.float32)
    few_numbers[0], few_numbers[100_000:100_003] = np.nan, lowest
    few_infinities = np.full(1 << 17, lowest, dtype=np.float32)
    few_infinities[0], few_infinities[3:7] = np.nan, -np.inf
    much_nan = np.full(1 << 17, np.nan, dtype=np.float32)
    much_nan[:16], much_nan[16:20] = -np.inf, lowest
    for x in (few_numbers, few_infinities, much_nan):
        facing = x if mode == "largest" else -x
        assert_agrees(library, facing, 6, mode=mode)
        assert_agrees(library, facing.reshape(32, -1), 30, mode=mode, stable=False)


@pytest.mark.parametrize("k", [4, 20])
@pytest.mark.parametrize("library", rows(), ids=str)
def test_zeros_of_both_signs_among_few_positive(library: Library, k: int) -> None:
    """They are equal, so the lower index wins, though the bits of one are those of the least integer."""
    rng = np.random.default_rng(0)
    x = np.full((70, 600), -0.0, dtype=np.float32)
    x[:, 3 - k :] = 0
    x[:, :600:200] = 1 + rng.random((70, 3), dtype=np.float32)
    assert_agrees(library, x, k)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("library", rows(transforms="torch", disguised=False, gpu=False), ids=str)
def test_rows_of_nan_beside_rows_of_ties(library: Library, dtype: str) -> None:
    """Of which the ties are looked for in a few rows at a time, also where these are all NaN."""
    for shape in ((60, 700), (4000, 700)):
        x = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
        x[len(x) // 4 :, 1:] = np.nan
        for k in (2, 9):
            for mode, nan in [("largest", "last"), ("largest", "greatest"), ("smallest", "last")]:
                assert_agrees(library, x, k, mode=mode, nan=nan)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("library", rows(transforms="torch", disguised=False, gpu=False), ids=str)
def test_rows_of_few_values_one_with_nan(library: Library, dtype: str) -> None:
    """Which is none of those that are looked at, or in which equals are counted."""
    for shape in ((100, 1000), (100, 2000)):
        x = np.tile(np.array([1, 0], dtype), (shape[0], shape[1] // 2))
        x[1, 5:105] = np.nan
        for mode, nan in [("largest", "last"), ("largest", "greatest"), ("smallest", "last")]:
            assert_agrees(library, x, 5, mode=mode, nan=nan)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("library", rows(transforms="torch", disguised=False, gpu=False), ids=str)
def test_zeros_beside_ties(library: Library, dtype: str) -> None:
    """+0 is the last of some row, which -0 before it equals, though its bits do not."""
    x = np.random.default_rng(0).random((4000, 700)).astype(dtype)
    x[3, 5:9] = 2
    for k in (4, 9):
        x[k] = -1
        x[k, 10], x[k, 20], x[k, 30 : 30 + k - 1] = -0.0, 0.0, np.arange(1, k)
        assert_agrees(library, x, k)


@pytest.mark.parametrize("odd", [-1.0, -0.0, 0.0, np.nan, np.inf, 3.0])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("library", "dtype"),
    [(row, dtype) for row in rows(compiled=False) for dtype in row.dtypes if dtype in ("float16", "bfloat16")],
    ids=str,
)
def test_halves_of_one_sign_but_one(library: Library, dtype: str, sign: int, odd: float) -> None:
    """The bits of one sign are in order, which is not to be taken for granted of what was not looked at."""
    x = np.linspace(1, 2000, 3000)[np.random.default_rng(0).permutation(3000)]
    x[-1] = odd
    x = (sign * x).astype(np_dtype(dtype))
    for mode in ("largest", "smallest"):
        assert_agrees(library, x, 5, mode=mode)
        assert_agrees(library, np.stack([x, x[::-1], abs(x)]), 5, mode=mode)
