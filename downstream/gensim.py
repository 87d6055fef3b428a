"""gensim: the words most similar to a word, of 400000 vectors of 100 numbers, as many as GloVe has."""

from typing import Any

import numpy as np

import xtopk
from downstream.task import Prepared, Task, equal_up_to_ties


def most_similar(size: int) -> Prepared:
    """Ask for the ten nearest of random vectors."""
    from gensim import matutils
    from gensim.models import KeyedVectors

    vectors = KeyedVectors(100)
    normal = np.random.default_rng(0).standard_normal((size, 100), dtype=np.float32)
    vectors.add_vectors([str(i) for i in range(size)], normal)

    def argsort(x: Any, topn: int, reverse: bool) -> Any:
        return xtopk.topk(x, min(topn, len(x)), mode="largest" if reverse else "smallest").indices

    return Prepared(lambda: vectors.most_similar("7", topn=10), [(matutils, "argsort", argsort)], check)


def check(own: Any, ours: Any) -> str:
    """Words are written as their indices."""
    read = [([score for _, score in result], [int(word) for word, _ in result]) for result in (own, ours)]
    return equal_up_to_ties(*read)


TASKS = [Task("gensim", "KeyedVectors.most_similar, 400k words, k=10", "argpartition of -x", most_similar, 400_000)]
