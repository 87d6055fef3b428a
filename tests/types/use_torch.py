"""torch: everything is a Tensor."""

from typing import assert_type

import pytest
import torch

import xtopk

x = torch.zeros(3, 4)
top = xtopk.topk(x, 2)
assert_type(top, xtopk.TopK[torch.Tensor, torch.Tensor])
values, indices = xtopk.topk(x, 2, axis=0, mode="smallest")
assert_type(values, torch.Tensor)
assert_type(indices, torch.Tensor)
assert_type(xtopk.topk_mask(x, 2), torch.Tensor)
assert_type(xtopk.merge_topk([top, (top.values, top.indices + 4)], 2).indices, torch.Tensor)
top.values.sum().item()

with pytest.raises(ValueError, match="mode"):
    xtopk.topk(x, 2, mode="min")  # type: ignore[call-overload]
with pytest.raises(TypeError):
    xtopk.topk(x, 2, 1, False)  # type: ignore[call-overload]
