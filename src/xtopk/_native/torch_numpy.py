"""NumPy for torch: a tensor of the CPU is an array of the same memory, from which NumPy may select in less time."""

from functools import cache
from typing import Any

from xtopk._native.numpy import numpy_topk
from xtopk._order import Ranking, dtype_name


def has_numpy() -> bool:
    """Return whether NumPy may read what torch holds on the CPU: not in a transform or under a mode of dispatch.

    A transform wraps the results even of operations on plain tensors, and a mode may replace them.
    """
    import torch

    is_free = torch._C._functorch.peek_interpreter_stack() is None and not torch._C._len_torch_dispatch_stack()
    return is_free and _is_there()


@cache
def _is_there() -> bool:
    """Return whether NumPy is installed, knows DLPack and is known to torch, which takes no operation of torch."""
    import torch

    try:
        import numpy as np

        torch.from_numpy(np.zeros(1))
    except (ImportError, RuntimeError, TypeError):
        return False
    return hasattr(np, "from_dlpack")


class _Memory:
    """What a tensor of the CPU holds, in DLPack's words; torch's own would ask CUDA whether it is pinned."""

    def __init__(self, x: Any) -> None:
        self.x = x

    def __dlpack__(self, **options: Any) -> Any:
        from torch.utils.dlpack import to_dlpack

        return to_dlpack(self.x)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0  # the CPU


def shared(x: Any) -> Any:
    """Return an array of the memory of a tensor, to be read, or of float32 for bfloat16, which NumPy lacks.

    After ``x.numpy()`` the tensor could not be resized.
    """
    import numpy as np

    return np.from_dlpack(_Memory(x.float() if dtype_name(x.dtype) == "bfloat16" else x))


def indices_by_numpy(x: Any, k: int, axis: int, rank: Ranking) -> Any:
    """Return where NumPy finds the top k of a tensor."""
    import numpy as np
    import torch

    indices = torch.from_numpy(numpy_topk(np, shared(x), k, axis, rank)[1])
    return indices.clone(memory_format=torch.contiguous_format)  # to torch's own memory
