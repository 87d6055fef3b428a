"""The gradient of `topk` is that of taking the chosen elements: one worked example, on every differentiable row."""

from typing import Any

import numpy as np
import pytest

import xtopk
from tests.libraries import Library, rows

X = np.asarray([0.4, 0.5, 0.6], dtype=np.float32)
W = np.asarray([[1, 1, 1], [2, 2, 2], [3, 3, 3]], dtype=np.float32)
W_GRADIENT: Any = [[0, 0, 0], [2.4, 3, 3.6], [3.6, 4.5, 5.4]]
X_GRADIENT = [39, 39, 39]


def gradients(library: Library, loss: Any, *arrays: Any) -> list[Any]:
    """Return the gradients of a scalar loss by each of its arguments."""
    made = [library.make(a.copy()) for a in arrays]
    if library.transforms == "jax":
        return library.back(*library.namespace.grad(loss, argnums=tuple(range(len(made))))(*made))
    for a in made:
        a.requires_grad_(True)
    loss(*made).backward()
    return library.back(*(a.grad for a in made))


def by_values(library: Library, y: Any) -> Any:
    return (xtopk.topk(y, 2).values ** 2).sum()


def by_one_hot(library: Library, y: Any) -> Any:
    """The k elements as a matrix of zeros and ones times all elements."""
    indices = xtopk.topk(y, 2).indices
    (positions,) = [library.make(np.arange(3))]
    return (((indices[:, None] == positions) * 1.0) @ y).__pow__(2).sum()


def by_mask(library: Library, y: Any) -> Any:
    return (xtopk.topk_mask(y, 2) * y).__pow__(2).sum()


def by_where(library: Library, y: Any) -> Any:
    from array_api_compat import array_namespace

    xp = array_namespace(y)
    return (xp.where(xtopk.topk_mask(y, 2), y, xp.zeros_like(y)) ** 2).sum()


def by_merge(library: Library, y: Any) -> Any:
    left, right = xtopk.topk(y[:1], 1), xtopk.topk(y[1:], 2)
    return (xtopk.merge_topk([(right.values, right.indices + 1), left], 2).values ** 2).sum()


DIFFERENTIABLE = pytest.mark.parametrize("library", [row for row in rows() if row.transforms], ids=str)


@pytest.mark.parametrize("way", [by_values, by_one_hot, by_mask, by_where, by_merge])
@DIFFERENTIABLE
def test_worked_example(library: Library, way: Any) -> None:
    w_gradient, x_gradient = gradients(library, lambda w, x: way(library, w @ x), W, X)
    np.testing.assert_allclose(w_gradient, W_GRADIENT, rtol=1e-6)
    np.testing.assert_allclose(x_gradient, X_GRADIENT, rtol=1e-6)


@pytest.mark.parametrize(
    "options", [{}, {"sorted": False}, {"stable": False}, {"mode": "smallest"}, {"nan": "greatest"}]
)
@pytest.mark.parametrize("axis", [0, 1, -1])
@DIFFERENTIABLE
def test_gradient_is_one_at_the_chosen(library: Library, axis: int, options: dict[str, Any]) -> None:
    x = np.asarray([[3, 1, 2, 7], [5, 9, 4, 6], [8, -2, 0, -1]], dtype=np.float32)
    (gradient,) = gradients(library, lambda a: xtopk.topk(a, 2, axis, **options).values.sum(), x)
    words = {name: word for name, word in options.items() if name in ("mode", "nan")}
    np.testing.assert_array_equal(gradient, xtopk.topk_mask(x, 2, axis, **words))


@DIFFERENTIABLE
def test_gradient_of_ties_goes_to_the_lower_index(library: Library) -> None:
    x = np.asarray([1, 2, 2, 2, 0], dtype=np.float32)
    (gradient,) = gradients(library, lambda a: xtopk.topk(a, 2).values.sum(), x)
    assert gradient.tolist() == [0, 1, 1, 0, 0]


@DIFFERENTIABLE
def test_nan_that_is_not_chosen_does_not_spoil_the_gradient(library: Library) -> None:
    x = np.asarray([1, np.nan, 2, np.inf, -0.0], dtype=np.float32)
    (gradient,) = gradients(library, lambda a: xtopk.topk(a, 3).values.sum(), x)
    assert gradient.tolist() == [1, 0, 1, 1, 0]


@DIFFERENTIABLE
def test_gradient_of_nothing(library: Library) -> None:
    x = np.asarray([1, 2], dtype=np.float32)
    (gradient,) = gradients(library, lambda a: xtopk.topk(a, 0).values.sum() + (a * 0).sum(), x)
    assert gradient.tolist() == [0, 0]
