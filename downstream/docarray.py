"""docarray: exact search in its in-memory index."""

from typing import Any

import numpy as np

import xtopk
from downstream.task import Prepared, Task, equal_up_to_ties


def find(size: int) -> Prepared:
    """Search for 16 vectors."""
    from docarray import BaseDoc, DocList
    from docarray.computation.numpy_backend import NumpyCompBackend
    from docarray.index import InMemoryExactNNIndex
    from docarray.typing import NdArray

    class Vector(BaseDoc):  # type: ignore[misc]
        place: int
        embedding: NdArray[384]

    vectors = np.random.default_rng(0).standard_normal((size, 384), dtype=np.float32)
    documents = DocList[Vector](Vector(place=i, embedding=vector) for i, vector in enumerate(vectors))
    index = InMemoryExactNNIndex[Vector](documents)

    def top_k(values: Any, k: int, descending: bool = False, device: str | None = None) -> Any:
        values = np.atleast_2d(values)
        return xtopk.topk(values, min(k, values.shape[1]), mode="largest" if descending else "smallest")

    return Prepared(
        lambda: index.find_batched(vectors[:16], search_field="embedding", limit=10),
        [(NumpyCompBackend.Retrieval, "top_k", staticmethod(top_k))],
        check,
    )


def check(own: Any, ours: Any) -> str:
    """Compare scores and places."""
    read = [(result.scores, [[d.place for d in row] for row in result.documents]) for result in (own, ours)]
    return equal_up_to_ties(*read)


TASKS = [
    Task(
        "docarray",
        "InMemoryExactNNIndex.find_batched, 16 of 100k x 384, k=10",
        "argpartition of -x",
        find,
        100_000,
    )
]
