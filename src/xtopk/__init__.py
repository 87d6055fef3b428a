"""Top-k of any array: one specified answer on every array library."""

from xtopk._checks import AxisError
from xtopk._explain import Explanation
from xtopk._result import Array, MaskOptions, Mode, NanRule, Options, TopK
from xtopk._topk import explain, merge_topk, topk, topk_mask

__version__ = "0.1.0"

__all__ = [
    "Array",
    "AxisError",
    "Explanation",
    "MaskOptions",
    "Mode",
    "NanRule",
    "Options",
    "TopK",
    "__version__",
    "explain",
    "merge_topk",
    "topk",
    "topk_mask",
]

for _public in (Array, AxisError, Explanation, MaskOptions, Options, TopK, explain, merge_topk, topk, topk_mask):
    _public.__module__ = __name__  # so tracebacks, help() and pickles name what stays, not the file it is in today
del _public
