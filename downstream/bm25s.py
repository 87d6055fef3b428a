"""bm25s: the best thousand of a million documents, for each of eight queries, on the CPU."""

from functools import cache, partial
from typing import Any

import numpy as np

import xtopk
from downstream.task import Prepared, Task, equal_up_to_ties

WORDS = 50_000


@cache
def indexed(size: int) -> tuple[Any, list[list[str]]]:
    """Return an index of documents of 5 to 11 words, some far more common than others, and queries of five."""
    import bm25s

    rng = np.random.default_rng(0)
    lengths = rng.integers(5, 12, size)
    words = np.minimum(rng.pareto(1.0, lengths.sum()) * 10, WORDS - 1).astype(int)
    documents = [each.tolist() for each in np.split(words, np.cumsum(lengths)[:-1])]
    index = bm25s.BM25()
    vocabulary = {str(word): word for word in range(WORDS)}
    index.index(bm25s.tokenization.Tokenized(ids=documents, vocab=vocabulary), show_progress=False)
    return index, [[str(word) for word in documents[i][:5]] for i in rng.integers(size, size=8)]


def retrieve(backend: str, size: int) -> Prepared:
    """Select by NumPy, or by JAX, which the library takes where it is installed."""
    from bm25s import selection

    index, queries = indexed(size)

    def run() -> Any:
        return index.retrieve(queries, k=1000, show_progress=False, backend_selection=backend)

    def topk(scores: Any, k: int, sorted: bool = True) -> Any:
        return xtopk.topk(scores, k, sorted=sorted)

    return Prepared(run, [(selection, f"_topk_{backend}", topk)], check)


def check(own: Any, ours: Any) -> str:
    """Scores are rounded alike and often equal; the library keeps any of those."""
    return equal_up_to_ties((own.scores, own.documents), (ours.scores, ours.documents))


TASKS = [
    Task(
        "bm25s",
        f"BM25.retrieve, {backend}, 8 queries of 1M documents, k=1000",
        selects,
        partial(retrieve, backend),
        1_000_000,
        tiny=1200,
    )
    for backend, selects in [("numpy", "argpartition, argsort of the k"), ("jax", "lax.top_k, of a copy of the scores")]
]
