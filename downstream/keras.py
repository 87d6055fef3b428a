"""keras: top-5 accuracy on its NumPy backend."""

import os
from typing import Any

import numpy as np

import xtopk
from downstream.task import Prepared, Task, equal


def accuracy(size: int) -> Prepared:
    """Score 4096 predictions over many classes."""
    os.environ.setdefault("KERAS_BACKEND", "numpy")
    import keras
    from keras.src.backend.numpy import math

    rng = np.random.default_rng(0)
    truth = rng.integers(size, size=4096)
    scores = rng.standard_normal((4096, size), dtype=np.float32)
    scores[np.arange(4096), truth] += 2

    def topk(x: Any, k: int, sorted: bool = True) -> Any:
        return xtopk.topk(x, k, sorted=sorted)

    return Prepared(
        lambda: keras.metrics.sparse_top_k_categorical_accuracy(truth, scores, k=5),
        [(math, "top_k", topk)],
        equal,
    )


TASKS = [
    Task(
        "keras",
        "sparse_top_k_categorical_accuracy, NumPy, 4096 of 1000 classes, k=5",
        "argsort of everything",
        accuracy,
        1000,
    )
]
