"""sentence-transformers: the functions that take embeddings; no model is loaded."""

from collections.abc import Callable
from typing import Any

import numpy as np

import xtopk
from downstream.task import Check, Prepared, Proxy, Task, equal_up_to_ties


def embeddings(size: int) -> Any:
    """Return normal numbers, of the length of MiniLM's embeddings."""
    import torch

    return torch.randn(size, 384, generator=torch.Generator().manual_seed(0))


def with_xtopk(run: Callable[[], Any], check: Check) -> Prepared:
    """Give the module a torch with another topk: xtopk itself goes on calling torch's."""
    import torch
    from sentence_transformers.util import retrieval

    def topk(x: Any, k: int, dim: int, largest: bool = True, sorted: bool = True) -> Any:
        return xtopk.topk(x, k, dim, mode="largest" if largest else "smallest", sorted=sorted)

    return Prepared(run, [(retrieval, "torch", Proxy(torch, topk=topk))], check)


def semantic_search(size: int) -> Prepared:
    """Search for 100 embeddings."""
    from sentence_transformers import util

    corpus = embeddings(size)
    return with_xtopk(lambda: util.semantic_search(corpus[:100] + 0.5, corpus, top_k=10), check_search)


def paraphrases(size: int) -> Prepared:
    """Mine for pairs in chunks, whose candidates the library merges by hand."""
    from sentence_transformers import util

    corpus = embeddings(size)
    return with_xtopk(
        lambda: util.paraphrase_mining_embeddings(corpus, corpus_chunk_size=size // 4, top_k=10, max_pairs=10_000),
        check_pairs,
    )


def check_search(own: Any, ours: Any) -> str:
    """Compare each query's result; its order among equal scores is that of a heap."""
    read = [
        tuple(np.asarray([[hit[key] for hit in hits] for hits in result]) for key in ("score", "corpus_id"))
        for result in (own, ours)
    ]
    return equal_up_to_ties(*read, lower_index_first=False)  # type: ignore[arg-type]


def check_pairs(own: Any, ours: Any) -> str:
    """Compare scores and pairs, a pair written as one number."""
    read = [([score for score, _, _ in result], [i << 32 | j for _, i, j in result]) for result in (own, ours)]
    return equal_up_to_ties(*read, lower_index_first=False)


TASKS = [
    Task(
        "sentence-transformers",
        "util.semantic_search, 100 of 100k x 384, k=10",
        "torch.topk, a heap",
        semantic_search,
        100_000,
        module="sentence_transformers",
    ),
    Task(
        "sentence-transformers",
        "util.paraphrase_mining_embeddings, 4k x 384, k=10",
        "torch.topk of chunks, cat, topk, gather",
        paraphrases,
        4000,
        module="sentence_transformers",
    ),
]
