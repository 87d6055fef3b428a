"""Which way a float32 array of some shape goes on each library, by the very functions that choose it."""

from xtopk._native import jax, torch
from xtopk._select.blocks import width_for
from xtopk._select.threshold import COLUMNS_PER_CHOICE, FOLDED_ROW, PICKED_SHARE, folds_for

TYPICAL = {
    "1 x 1000, k=5": (1, 1000, 5),
    "1 x 1000000, k=100": (1, 1_000_000, 100),
    "4096 x 1024, k=10": (4096, 1024, 10),
}
"""Rows, their length and k."""


def path_of(name: str, count: int, n: int, k: int) -> str:
    """Return a few words for the path of `count` rows of length `n`."""
    if name == "numpy":
        return _numpy_path(count, n, k)
    if name == "torch":
        return _block_path(width_for(n, k, torch.MIN_WIDTH, torch.MIN_GAIN), "torch.topk")
    if name == "jax.numpy":
        return _block_path(width_for(n, k, jax.MIN_WIDTH, jax.MIN_GAIN), "lax.top_k")
    return {"cupy": "packed partition", "dask.array": "its chunks' path"}.get(name, "argsort, or own top_k")


def _numpy_path(count: int, n: int, k: int) -> str:
    if count > 1 or FOLDED_ROW <= n < PICKED_SHARE * k:
        folds = folds_for(n, k)
    else:
        folds = folds_for(n, COLUMNS_PER_CHOICE * k) if n >= FOLDED_ROW else 1
    return f"bound from {folds} folds" if folds > 1 else "partition"


def _block_path(width: int, native: str) -> str:
    return f"blocks of {width}" if width else native
