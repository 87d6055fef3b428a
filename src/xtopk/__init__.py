"""Top-k of any array: one specified answer on every array library."""

from xtopk._checks import AxisError
from xtopk._topk import TopK, merge_topk, topk, topk_mask

__version__ = "0.1.0"

__all__ = ["AxisError", "TopK", "__version__", "merge_topk", "topk", "topk_mask"]
