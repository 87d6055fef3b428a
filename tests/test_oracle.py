"""The oracle by hand-written examples, and every ``assert_`` helper shown failing."""

from typing import Any

import numpy as np
import pytest

from tests.libraries import LIBRARIES, Library, chosen, rows
from tests.oracle import (
    assert_marked,
    assert_mask,
    assert_own,
    assert_ranked,
    assert_same_bits,
    assert_topk,
    oracle_topk,
    places,
    places_of_many,
    plain,
)
from tests.strategies import every_special, from_bits, special_bits

NAN = np.nan
X = np.asarray([2.0, NAN, -0.0, 0.0, 5.0, NAN, -np.inf])
BY_HAND = {
    ("largest", "last"): [4, 0, 2, 3, 6, 1, 5],
    ("largest", "greatest"): [1, 5, 4, 0, 2, 3, 6],
    ("smallest", "last"): [6, 2, 3, 0, 4, 1, 5],
    ("smallest", "greatest"): [6, 2, 3, 0, 4, 1, 5],
}
NUMPY = LIBRARIES[0]


@pytest.mark.parametrize(("words", "ranking"), BY_HAND.items())
def test_ranking_by_hand(words: tuple[str, str], ranking: list[int]) -> None:
    mode, nan = words
    for k in range(8):
        values, indices = oracle_topk(X, k, mode=mode, nan=nan)
        assert indices.tolist() == ranking[:k]
        assert_same_bits(values, X[ranking[:k]])


def test_places_by_hand() -> None:
    assert places(X).tolist() == [1, 5, 2, 3, 0, 6, 4]
    assert places(X, stable=False).tolist() == [1, 5, 2, 2, 0, 5, 4]
    assert places(np.asarray([[3, 1], [2, 4]]), axis=0).tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize("stable", [True, False])
@pytest.mark.parametrize("words", BY_HAND)
@pytest.mark.parametrize("dtype", ["bool", "int8", "int64", "uint64", "float16", "float64"])
def test_many_are_placed_like_few(dtype: str, words: tuple[str, str], stable: bool) -> None:
    mode, nan = words
    x = np.tile(every_special(np.dtype(dtype)), (2, 2))
    x[1] = x[1, ::-1]
    assert np.array_equal(places_of_many(x, mode, nan, stable), places(x, -1, mode, nan, stable))


def test_extreme_integers_and_times_are_exact() -> None:
    x = np.asarray([2**63 - 1, 2**63, 2**64 - 1, 2**64 - 2, 0], dtype=np.uint64)
    assert places(x).tolist() == [3, 2, 0, 1, 4]
    least = np.asarray([-(2**63), 2**63 - 1, -(2**63) + 1])
    assert places(least, mode="smallest").tolist() == [0, 2, 1]
    assert plain(np.asarray(["NaT", 3], dtype="datetime64[s]")) == [None, 3]


def test_odd_elements_are_as_named() -> None:
    x = every_special(np.dtype("float32"))
    assert np.isnan(x).sum() == 6
    assert np.isinf(x).sum() == 2
    assert (x == 0).sum() == 2
    assert (np.abs(x) == 1).sum() == 2
    assert np.sum((x != 0) & (np.abs(x) < np.finfo("float32").tiny)) == 4
    assert np.isnat(from_bits(special_bits(np.dtype("M8[s]")), np.dtype("M8[s]"))).tolist() == [True] + [False] * 5


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (np.asarray([0.0]), np.asarray([-0.0])),
        (np.asarray([1.0]), np.asarray([1.0], dtype=np.float32)),
        (np.asarray([1.0]), np.asarray([[1.0]])),
        (np.asarray([NAN]), np.asarray([1.0])),
        (np.asarray([1], dtype=">i4"), np.asarray([1], dtype="<i4")),
    ],
)
def test_same_bits_fails(actual: Any, expected: Any) -> None:
    assert_same_bits(actual, actual)
    assert_same_bits(np.asarray([NAN]), -np.asarray([NAN]))
    with pytest.raises(AssertionError):
        assert_same_bits(actual, expected)


X_TIES = np.asarray([3.0, 7.0, 7.0, 1.0, 7.0])


@pytest.mark.parametrize(
    ("indices", "options"),
    [
        ([1, 3], {}),  # the wrong element
        ([2, 1], {}),  # the right ones, ties in the wrong order
        ([1, 4], {}),  # the wrong one of equal ones
        ([1, 1], {"stable": False}),  # one twice
        ([0, 1], {"stable": False}),  # the wrong element
        ([1], {}),  # too few
        ([1, 2, 4], {}),  # too many
        ([1, -1], {"stable": False}),  # an index from the end
        ([1, 4], {"sorted": False}),  # the wrong one of equal ones, in any order
        ([1, 2], {"mode": "smallest"}),  # the other mode
    ],
)
def test_ranked_fails(indices: list[int], options: dict[str, Any]) -> None:
    assert_ranked((X_TIES[[1, 2]], np.asarray([1, 2])), X_TIES, 2)
    assert_ranked((X_TIES[[2, 1]], np.asarray([2, 1])), X_TIES, 2, sorted=False)
    assert_ranked((X_TIES[[4, 1]], np.asarray([4, 1])), X_TIES, 2, stable=False)
    with pytest.raises(AssertionError):
        assert_ranked((X_TIES[indices], np.asarray(indices)), X_TIES, 2, **options)


def test_ranked_fails_on_foreign_values_and_wrong_order() -> None:
    with pytest.raises(AssertionError):
        assert_ranked((np.asarray([7.0, 6.0]), np.asarray([1, 2])), X_TIES, 2)
    with pytest.raises(AssertionError):
        assert_ranked((np.asarray([3.0, 7.0]), np.asarray([0, 1])), X_TIES[:2], 2)


@pytest.mark.parametrize("marked", [[0, 1], [1, 4], [1], [1, 2, 4]])
def test_marked_fails(marked: list[int]) -> None:
    mask = np.zeros(5, dtype=bool)
    mask[marked] = True
    assert_marked(np.asarray([0, 1, 1, 0, 0], dtype=bool), X_TIES, 2)
    assert_marked(np.asarray([0, 1, 0, 0, 1], dtype=bool), X_TIES, 2, stable=False)
    with pytest.raises(AssertionError):
        assert_marked(mask, X_TIES, 2)
    with pytest.raises(AssertionError):
        assert_marked(mask.astype(np.uint8), X_TIES, len(marked), stable=False)


def test_own_fails() -> None:
    assert_own(NUMPY, X, X, X.dtype)
    with pytest.raises(AssertionError):
        assert_own(NUMPY, X, X, np.dtype("float32"))
    with pytest.raises(AssertionError):
        assert_own(NUMPY, [1.0], X, X.dtype)


@pytest.mark.parametrize("library", rows(), ids=str)
def test_library_helpers_fail(library: Library) -> None:
    x_np = np.asarray([4, 9, 9, 1], dtype=np.int32)
    x = library.make(x_np)
    result = library.topk(x, 2)
    mask = library.topk_mask(x, 2)
    assert_topk(library, result, x, x_np, 2)
    assert_mask(library, mask, x, x_np, 2)
    with pytest.raises(AssertionError):
        assert_topk(library, result, x, x_np, 2, mode="smallest")
    with pytest.raises(AssertionError):
        assert_topk(library, tuple(result), x, x_np, 2)
    with pytest.raises(AssertionError):
        assert_topk(library, result._replace(indices=result.values), x, x_np, 2)
    with pytest.raises(AssertionError):
        assert_mask(library, mask, x, x_np, 1)
    with pytest.raises(AssertionError):
        assert_mask(library, x, x, x_np, 2)


def test_a_named_library_that_is_absent_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.libraries.available", lambda library: library.name != "jax")
    assert "jax" not in [library.name for library in chosen(None)]
    assert [library.name for library in chosen("numpy,torch")] == ["numpy", "torch"]
    with pytest.raises(ModuleNotFoundError, match="cannot run here: \\['jax'\\]"):
        chosen("numpy,jax")
    with pytest.raises(LookupError, match="nunpy"):
        chosen("nunpy")
