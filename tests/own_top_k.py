"""A ``top_k`` as awkward as the draft standard allows: ties from the back, NaN the greatest."""

from typing import Any

import numpy as np


def top_k(x: Any, k: int, /, *, axis: int = -1, mode: str = "largest") -> tuple[Any, Any]:
    """Return the `k` largest or smallest and their indices, the higher index first among equal ones."""
    strict = x.__array_namespace__()
    if not 0 <= k <= x.shape[axis]:
        raise ValueError("k out of range")
    data = np.asarray(x.to_device(strict.Device("CPU_DEVICE")))
    backwards = np.flip(data, axis)
    # NumPy sorts NaN last, and stably: flipped first, equal elements come from the back.
    order = np.argsort(backwards, axis=axis, stable=True)
    if mode == "largest":
        # Descending, still from the back among equal ones: flip an ascending stable sort of the original.
        order = data.shape[axis] - 1 - np.flip(np.argsort(data, axis=axis, stable=True), axis)
    indices = data.shape[axis] - 1 - np.take(order, range(k), axis=axis)
    values = np.take_along_axis(data, indices, axis)
    return strict.asarray(values, device=x.device), strict.asarray(indices, device=x.device)
