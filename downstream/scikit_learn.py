"""scikit-learn: nearest neighbours by cosine, and top-k accuracy."""

from typing import Any

import numpy as np

import xtopk
from downstream.task import Prepared, Proxy, Task, equal, equal_up_to_ties


def kneighbors(size: int) -> Prepared:
    """Search for 256 digits among many, each an image of the shipped data with a little noise.

    For Euclidean distances scikit-learn has its own compiled selection; other metrics go this way.
    """
    from sklearn.datasets import load_digits
    from sklearn.neighbors import NearestNeighbors

    rng = np.random.default_rng(0)
    digits = load_digits().data.astype(np.float32)
    many = digits[rng.integers(len(digits), size=size)] + rng.random((size, digits.shape[1]), dtype=np.float32)
    neighbors = NearestNeighbors(n_neighbors=10, metric="cosine", algorithm="brute").fit(many)
    queries = digits[:256]

    def reduce(self: Any, dist: Any, start: int, n_neighbors: int, return_distance: bool) -> Any:
        distances, indices = xtopk.topk(dist, n_neighbors, axis=1, mode="smallest")
        return (distances, indices) if return_distance else indices

    return Prepared(
        lambda: neighbors.kneighbors(queries), [(NearestNeighbors, "_kneighbors_reduce_func", reduce)], equal_up_to_ties
    )


def top_k_accuracy(size: int) -> Prepared:
    """Score ten predictions a class, rounded to three digits so that they tie.

    The function promises that of equal scores the class of the highest index is chosen: the lowest of the flipped row.
    """
    from sklearn.metrics import _ranking, top_k_accuracy_score

    rng = np.random.default_rng(0)
    truth = rng.integers(size, size=10 * size)
    scores = np.round(rng.random((len(truth), size), dtype=np.float32), 3)
    scores[np.arange(len(truth)), truth] += np.float32(0.499)
    k = 5

    def argsort(x: Any, axis: int, kind: str) -> Any:
        """Sort the last `k` only; the function then looks at no others."""
        return x.shape[1] - 1 - xtopk.topk(x[:, ::-1], k, axis=axis).indices[:, ::-1]

    return Prepared(
        lambda: top_k_accuracy_score(truth, scores, k=k, labels=np.arange(size)),
        [(_ranking, "np", Proxy(np, argsort=argsort))],
        equal,
    )


def select_k_best(size: int) -> Prepared:
    """Keep the 100 best of many features, whose scores are known; of equal ones the highest index, undocumented."""
    from sklearn.feature_selection import SelectKBest, _univariate_selection

    select = SelectKBest(k=100)
    select.scores_ = np.round(np.random.default_rng(0).standard_gamma(2.0, size), 3)

    def argsort(x: Any, kind: str) -> Any:
        return len(x) - 1 - xtopk.topk(x[::-1], select.k).indices[::-1]

    return Prepared(select._get_support_mask, [(_univariate_selection, "np", Proxy(np, argsort=argsort))], equal)


TASKS = [
    Task(
        "scikit-learn",
        "NearestNeighbors(metric='cosine').kneighbors, 256 of 100k, k=10",
        "argpartition, argsort of the k",
        kneighbors,
        100_000,
        module="sklearn",
    ),
    Task(
        "scikit-learn",
        "top_k_accuracy_score, 10k of 1000 classes, k=5",
        "stable argsort of everything",
        top_k_accuracy,
        1000,
        module="sklearn",
    ),
    Task(
        "scikit-learn",
        "SelectKBest, 1M features, k=100",
        "stable argsort of everything",
        select_k_best,
        1_000_000,
        module="sklearn",
    ),
]
