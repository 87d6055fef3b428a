"""Top-k of any array: one specified answer on every array library."""

from xtopk._checks import AxisError
from xtopk._explain import Explanation
from xtopk._topk import TopK, explain, merge_topk, topk, topk_mask

__version__ = "0.1.0"

__all__ = ["AxisError", "Explanation", "TopK", "__version__", "explain", "merge_topk", "topk", "topk_mask"]
