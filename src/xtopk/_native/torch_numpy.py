"""NumPy for torch: a tensor of the CPU is an array of the same memory, from which NumPy may select in less time."""

from functools import cache
from typing import Any

from xtopk._native.numpy import numpy_topk
from xtopk._order import Ranking


@cache
def has_numpy() -> bool:
    """Return whether NumPy, which need not be there, shares the memory of torch on the CPU."""
    import torch

    try:
        shared(torch.zeros(1, dtype=torch.int64, device="cpu"))
        torch.zeros(1, dtype=torch.int64, device="cpu").numpy()
    except (ImportError, AttributeError, RuntimeError):
        return False
    return True


def shared(x: Any) -> Any:
    """Return an array of the memory of a tensor, to be read; after ``x.numpy()`` the tensor could not be resized."""
    import numpy as np

    return np.from_dlpack(x)


def indices_by_numpy(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Any:
    """Return where NumPy finds the top k of a tensor."""
    import numpy as np

    array = shared(x.float() if x.dtype == xp.bfloat16 else x)
    indices = xp.from_numpy(numpy_topk(np, array, k, axis, rank)[1])
    return indices.clone(memory_format=xp.contiguous_format)  # to torch's own memory
