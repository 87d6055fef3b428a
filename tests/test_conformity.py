"""`xtopk.testing`: xtopk has every property on every row, and the report tells what a function has."""

import subprocess
import sys
import unittest
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from array_api_compat import array_namespace

import xtopk
from tests.libraries import Library, np_dtype, rows
from tests.mutants import also, result
from xtopk.testing import RefusedError, cases, check_case, check_topk
from xtopk.testing._arrays import DTYPES
from xtopk.testing._properties import PROPERTIES


@pytest.mark.parametrize("library", rows(), ids=str)
def test_xtopk_has_every_property(library: Library) -> None:
    def topk(x: Any, k: int, **options: Any) -> Any:
        """Call as the row calls, on an array as the row makes it."""
        (inside,) = library.back(x)
        return library.topk(library.make(inside), k, **options)

    xp = array_namespace(library.make(np.zeros(1, dtype=np.float32)))
    dtypes = {name: getattr(xp, name, None) or np_dtype(name) for name in DTYPES if name in library.dtypes}
    report = check_topk(topk, xp, dtypes=dtypes)
    assert [str(outcome.case) for outcome in report.outcomes if outcome.status in ("differs", "refused")] == [], report
    assert all(any(outcome.status == "agrees" for outcome in found) for found in report.properties.values()), report


def test_a_library_without_numpy_is_checked() -> None:
    program = """
import sys
sys.modules["numpy"] = None
from tests import lists
from xtopk.testing import RefusedError, cases, check_case, check_topk
report = check_topk(lists.top_k, lists)
assert not report.differences and not report.refusals, report
assert {o.got for o in report.outcomes if o.status == "not run"} >= {"takes no axis", "no flip here", "no uint16 here"}
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def refuses_bool(x: Any, k: int, *, axis: int) -> Any:
    if x.dtype == bool:
        raise NotImplementedError("bool is not there yet")
    return xtopk.topk(x, k, axis)


def test_a_refusal_is_no_difference_and_no_agreement() -> None:
    report = check_topk(refuses_bool, np)
    report.raise_if_any()
    assert {outcome.status for outcome in report.properties["bool"]} == {"refused", "not run"}
    assert str(report.properties["bool"][0]) == "NotImplementedError: bool is not there yet"
    assert {o.case.property.name for o in report.refusals} == {"stable", "bool", "values dtype", "indices dtype"}
    assert "refused 2 of 24: bool (NotImplementedError: bool is not there yet), agrees 22 of 24" in str(report)


def test_refusing_everything_is_raised() -> None:
    def refuse(x: Any, k: int) -> Any:
        raise NotImplementedError("nothing is there yet")

    with pytest.raises(AssertionError, match="refuse: 0 of 31 properties differ; calls of 25 are refused\n"):
        check_topk(refuse, np).raise_if_any()


WRONG_INDICES: dict[str, Callable[[Any, int, int], Any]] = {
    "k=length": lambda x, k, axis: k == x.shape[axis],
    "k=1": lambda x, k, axis: k == 1 and x.ndim == 1 and len(x) > 2,
    "unsigned": lambda x, k, axis: x.dtype == np.uint64,
    "axis": lambda x, k, axis: x.ndim == 3,
    "layouts": lambda x, k, axis: not x.flags.c_contiguous,
}


@pytest.mark.parametrize("name", WRONG_INDICES)
def test_wrong_indices_of_right_values_are_found(name: str) -> None:
    def topk(x: Any, k: int, axis: int = -1, **options: Any) -> Any:
        values, indices = xtopk.topk(x, k, axis, **options)
        wrong = WRONG_INDICES[name](x, k, axis)
        return values, ((indices + 1) % max(x.shape[axis], 1) if wrong else indices)

    assert name in [outcome.case.property.name for outcome in check_topk(topk, np).differences]


def test_a_difference_is_raised_and_printed() -> None:
    report = check_topk(also(nan="greatest"), np, name="torch-like")
    with pytest.raises(AssertionError, match="torch-like: 1 of 31 properties differ") as raised:
        report.raise_if_any()
    assert str(raised.value) == str(report)
    lines = str(report).splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("NaN last "))
    assert lines[at : at + 4] == [
        "NaN last             differs 5 of 12, agrees 7 of 12",
        "    x = [2.0, nan, 4.0, 1.0, nan, 6.0], float32; k=3",
        "    expected  [6.0, 4.0, 2.0] at [5, 2, 0]",
        "    got       [nan, nan, 6.0] at [1, 4, 5]",
    ]


def test_no_length_of_an_input_hides_what_differs() -> None:
    """A long result is shown where it differs."""

    def wrong_at_the_end(x: Any, k: int) -> Any:
        first = xtopk.topk(x, k).indices.copy()
        if k == 100:
            first[97] = np.argmin(x)
        return x[first], first

    (difference,) = check_topk(wrong_at_the_end, np, options=[]).with_status("differs")[:1]
    assert difference.expected.startswith("[..., ")
    assert difference.expected != difference.got


def test_a_case_is_checked_alone() -> None:
    by_id = {str(case): case for case in cases()}
    check_case(by_id["NaN-last-3"], xtopk.topk, np)
    with pytest.raises(AssertionError, match=r"k=3\nexpected  .* at .*\ngot  "):
        check_case(by_id["NaN-last-3"], also(nan="greatest"), np)
    with pytest.raises(unittest.SkipTest, match="takes no mode"):
        check_case(by_id["smallest-1"], refuses_bool, np)
    with pytest.raises(unittest.SkipTest, match="gives no indices"):
        check_case(by_id["stable-1"], lambda x, k: (xtopk.topk(x, k).values, None), np)
    with pytest.raises(RefusedError, match="NotImplementedError: bool is not there yet"):
        check_case(by_id["bool-1"], refuses_bool, np)
    with pytest.raises(TypeError, match="must return a pair of arrays, of which one may be None; got ndarray"):
        check_case(by_id["largest-1"], lambda x, k: x, np)
    with pytest.raises(TypeError, match="one may be None; got tuple of NoneType, NoneType"):
        check_case(by_id["largest-1"], lambda x, k: (None, None), np)
    with pytest.raises(TypeError, match="one may be None; got list of list, list"):
        check_case(by_id["largest-1"], lambda x, k: [part.tolist() for part in xtopk.topk(x, k)], np)
    with pytest.raises(AssertionError, match="expected  indices from 0 to 5\ngot       "):
        check_case(by_id["stable-9"], result(lambda x, v, i: (v, i + 1)), np)


def test_ids_are_unique_and_the_shortest_comes_first() -> None:
    assert len({str(case) for case in cases()}) == len(cases())
    for prop in PROPERTIES:
        lengths = [len(case.elements) for case in cases() if case.property == prop]
        assert lengths == sorted(lengths)


def test_cases_are_those_that_can_be_asked() -> None:
    some = cases(options=["mode"], dtypes=["float32"])
    assert {case.dtype for case in some} == {"float32"}
    assert {(case.nan, case.sorted, case.stable) for case in some} == {("last", True, True)}
    assert {case.mode for case in some} == {"largest", "smallest"}
    with pytest.raises(ValueError, match="options must be among axis, mode, sorted, stable, nan; got largest"):
        cases(options=["largest"])
    with pytest.raises(ValueError, match=r"dtypes must be among bool, .*; got float128"):
        cases(dtypes=["float128"])


def test_values_or_indices_alone_are_judged() -> None:
    """What is not given is not judged; what is given is."""
    values = check_topk(lambda x, k, **o: (xtopk.topk(x, k, **o).values, None), np)
    indices = check_topk(lambda x, k, **o: (None, xtopk.topk(x, k, **o).indices), np)
    for report, absent in ((values, "stable"), (indices, "values dtype")):
        report.raise_if_any()
        assert {outcome.status for outcome in report.properties[absent]} == {"not run"}
    wrong = check_topk(lambda x, k, **o: (None, xtopk.topk(x, k, **(o | {"nan": "greatest"})).indices), np)
    assert [outcome.case.property.name for outcome in wrong.differences] == ["NaN last"]
    wrong = check_topk(lambda x, k, **o: (xtopk.topk(x, k, **(o | {"nan": "greatest"})).values, None), np)
    assert [outcome.case.property.name for outcome in wrong.differences] == ["NaN last"]


def test_indices_out_of_range_are_found() -> None:
    wrong = check_topk(lambda x, k, **o: (None, xtopk.topk(x, k, **o).indices + 1), np)
    assert [outcome.case.property.name for outcome in wrong.differences] == ["largest", "smallest"]


def test_what_a_lazy_result_says_of_itself_is_judged() -> None:
    class Lazy:
        def __init__(self, inner: Any, shape: Any) -> None:
            self.inner, self.shape, self.dtype = inner, shape, inner.dtype

        def compute(self) -> Any:
            return self.inner

    def lazy(x: Any, k: int) -> Any:
        return [Lazy(part, (k + 1,) if k == 2 else part.shape) for part in xtopk.topk(x, k)]

    assert check_topk(lazy, np).differences[0].got == "shape (3,) and (2,)"


def test_options_are_asked_for_where_there_is_no_signature() -> None:
    with pytest.raises(ValueError, match="options must be among axis, mode, sorted, stable, nan; got dim"):
        check_topk(xtopk.topk, np, options=["dim"])
    with pytest.raises(ValueError, match="options must name those of axis, mode, sorted, stable, nan that a function"):
        check_topk(map, np)
    assert {outcome.status for outcome in check_topk(map, np, options=[]).outcomes} == {"refused", "not run", "agrees"}
