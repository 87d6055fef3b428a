"""Whether a top k gives the specified answers: for authors of array libraries, backends and selections.

Everything is plain Python and the array API standard: no array library, hypothesis or pytest is imported.
"""

from xtopk.testing._case import Case, Property
from xtopk.testing._cases import cases
from xtopk.testing._check import check_case, check_topk
from xtopk.testing._oracle import rank_key, topk_indices
from xtopk.testing._report import Outcome, Report
from xtopk.testing._run import RefusedError

__all__ = [
    "Case",
    "Outcome",
    "Property",
    "RefusedError",
    "Report",
    "cases",
    "check_case",
    "check_topk",
    "rank_key",
    "topk_indices",
]
