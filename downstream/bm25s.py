"""bm25s: the best thousand of a million documents, for each of eight queries."""

from typing import Any

import numpy as np

import xtopk
from downstream.task import Prepared, Task, equal_up_to_ties

WORDS = 50_000


def retrieve(size: int) -> Prepared:
    """Index documents of 5 to 11 words, some words far more common than others; retrieve with queries of five."""
    import bm25s

    rng = np.random.default_rng(0)
    lengths = rng.integers(5, 12, size)
    words = np.minimum(rng.pareto(1.0, lengths.sum()) * 10, WORDS - 1).astype(int)
    documents = [each.tolist() for each in np.split(words, np.cumsum(lengths)[:-1])]
    index = bm25s.BM25()
    vocabulary = {str(word): word for word in range(WORDS)}
    index.index(bm25s.tokenization.Tokenized(ids=documents, vocab=vocabulary), show_progress=False)
    queries = [[str(word) for word in documents[i][:5]] for i in rng.integers(size, size=8)]

    def run() -> Any:
        return index.retrieve(queries, k=1000, show_progress=False, backend_selection="numpy")

    def topk(scores: Any, k: int, sorted: bool) -> Any:
        return xtopk.topk(scores, k, sorted=sorted)

    return Prepared(run, bm25s.selection, "_topk_numpy", topk)


def check(own: Any, ours: Any) -> str:
    """Scores are rounded alike and often equal; the library keeps any of those."""
    return equal_up_to_ties((own.scores, own.documents), (ours.scores, ours.documents))


TASKS = [Task("bm25s", "BM25.retrieve, 1M documents, k=1000", "argpartition, argsort of the k", retrieve, check, 1_000_000)]
