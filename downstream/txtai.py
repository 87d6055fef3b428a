"""txtai: its vector index in NumPy."""

from typing import Any

import numpy as np

import xtopk
from downstream.task import Prepared, Task, equal_up_to_ties


def search(size: int) -> Prepared:
    """Search for 16 vectors."""
    from txtai.ann.dense.numpy import NumPy

    vectors = np.random.default_rng(0).standard_normal((size, 384), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = NumPy({"dimensions": 384})
    index.index(vectors)

    def argsort(negative: Any) -> Any:
        """Sort the first ten only; `search` then looks at no others."""
        return xtopk.topk(negative, 10, mode="smallest").indices

    return Prepared(lambda: index.search(vectors[:16], 10), [(index, "argsort", argsort)], check)


def check(own: Any, ours: Any) -> str:
    """Compare each query's pairs of index and score."""
    read = [tuple(np.asarray([[pair[i] for pair in row] for row in result]) for i in (1, 0)) for result in (own, ours)]
    return equal_up_to_ties(*read)  # type: ignore[arg-type]


TASKS = [Task("txtai", "NumPy index, search, 16 of 100k x 384, k=10", "argsort of everything", search, 100_000)]
