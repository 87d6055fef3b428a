"""torchmetrics: top-5 accuracy, which version 1.9 selects for twice.

The answer is that of the second selection, by `torch.topk`; of the first only the shape is used. Both are replaced.
"""

from functools import partial
from importlib import import_module
from typing import Any

import xtopk
from downstream.task import Prepared, Proxy, Task


def accuracy(dtype: str, size: int) -> Prepared:
    """Score 256 predictions over many classes."""
    import torch
    from torchmetrics.functional.classification import multiclass_accuracy

    stat_scores = import_module("torchmetrics.functional.classification.stat_scores")  # a function is called so, too

    generator = torch.Generator().manual_seed(0)
    target = torch.randint(size, (256,), generator=generator)
    logits = torch.randn(256, size, generator=generator)
    logits[torch.arange(256), target] += 2
    logits = logits.to(getattr(torch, dtype))

    def topk(x: Any, k: int, dim: int) -> Any:
        return xtopk.topk(x, k, dim)

    def select_topk(x: Any, topk: int, dim: int) -> Any:
        return xtopk.topk_mask(x, topk, dim).int()

    def check(own: Any, ours: Any) -> str:
        """Compare with the target's rank; where others equal it, the library's own answer may be any between."""
        mine = logits.gather(1, target[:, None])
        place = torch.arange(size)
        greater, not_less = logits > mine, (logits >= mine) & (place != target[:, None])
        before = greater | not_less & (place < target[:, None])
        most, specified, least = ((each.sum(1) < 5).float().mean() for each in (greater, before, not_less))
        assert least <= own <= most
        assert ours == specified
        return "equal" if own == ours else f"equal but for ties: {own:.6f} and {ours:.6f}"

    return Prepared(
        lambda: multiclass_accuracy(logits, target, num_classes=size, top_k=5, average="micro", validate_args=False),
        [(stat_scores, "torch", Proxy(torch, topk=topk)), (stat_scores, "select_topk", select_topk)],
        check,
    )


TASKS = [
    Task(
        "torchmetrics",
        f"multiclass_accuracy, 256 of 1000 classes, {dtype}, k=5",
        selects,
        partial(accuracy, dtype),
        1000,
    )
    for dtype, selects in [("float32", "torch.topk, twice"), ("float16", "argsort of everything and torch.topk")]
]
