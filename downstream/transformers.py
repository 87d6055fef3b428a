"""transformers: the logits that sampling may choose among."""

from functools import partial
from typing import Any

import xtopk
from downstream.task import Prepared, Task


def warper(dtype: str, size: int) -> Prepared:
    """Keep 50 of each of 32 rows of logits over a vocabulary."""
    import torch
    from transformers import TopKLogitsWarper

    warp = TopKLogitsWarper(50)
    logits = torch.randn(32, size, generator=torch.Generator().manual_seed(0)).to(getattr(torch, dtype))

    def call(self: Any, input_ids: Any, scores: Any) -> Any:
        kept = xtopk.topk_mask(scores, min(self.top_k, scores.shape[-1]))
        return scores.masked_fill(~kept, self.filter_value)

    return Prepared(lambda: warp(None, logits), [(TopKLogitsWarper, "__call__", call)], check)


def check(own: Any, ours: Any) -> str:
    """Check that the library removes what is less than the k-th, so it may keep more than k; xtopk keeps k of those."""
    kept, our_kept = own.isfinite(), ours.isfinite()
    assert (our_kept.sum(-1) == 50).all()
    assert (kept | ~our_kept).all(), "something is kept that the library removes"
    assert (ours[our_kept] == own[our_kept]).all()
    more = kept & ~our_kept
    least = ours.masked_fill(~our_kept, float("inf")).amin(-1, keepdim=True)
    assert (own == least)[more].all(), "something is removed that does not equal the least kept"
    rows = int(more.any(-1).sum())
    return (
        f"equal but for ties: the library keeps up to {kept.sum(-1).max()} in {rows} of {len(own)} rows"
        if rows
        else "equal"
    )


TASKS = [
    Task(
        "transformers",
        f"TopKLogitsWarper, 32 x 128256 {dtype}, k=50",
        "x < the k-th of torch.topk",
        partial(warper, dtype),
        128_256,
    )
    for dtype in ("float32", "bfloat16")
]
