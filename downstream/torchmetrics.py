"""torchmetrics: top-5 accuracy, of float32 and of float16, which has a way of its own there."""

from functools import partial
from typing import Any

import xtopk
from downstream.task import Prepared, Task, equal


def accuracy(dtype: str, size: int) -> Prepared:
    """Score 4096 predictions over many classes."""
    import torch
    from torchmetrics.utilities import data
    from torchmetrics.functional.classification import multiclass_accuracy

    generator = torch.Generator().manual_seed(0)
    target = torch.randint(size, (4096,), generator=generator)
    logits = torch.randn(4096, size, generator=generator)
    logits[torch.arange(4096), target] += 2
    logits = logits.to(getattr(torch, dtype))

    def indices(x: Any, k: int, dim: int) -> Any:
        return xtopk.topk(x, k, dim).indices

    return Prepared(
        lambda: multiclass_accuracy(logits, target, num_classes=size, top_k=5, average="micro", validate_args=False),
        data,
        "_top_k_with_half_precision_support",
        indices,
    )


TASKS = [
    Task(
        "torchmetrics",
        f"multiclass_accuracy, 4096 of 1000 classes, {dtype}, k=5",
        selects,
        partial(accuracy, dtype),
        equal,
        1000,
    )
    for dtype, selects in [("float32", "torch.topk"), ("float16", "stable argsort of everything")]
]
