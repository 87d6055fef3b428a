"""`xtopk.testing`: xtopk has every property on every row, and a function that lacks one is caught by just that one."""

import re
import subprocess
import sys
import unittest
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from array_api_compat import array_namespace

import xtopk
from benchmarks import conformity
from benchmarks.subjects import OTHERS, OWN, Subject, available, check
from tests.libraries import Library, np_dtype, rows
from xtopk._topk import Mode
from xtopk.testing import RefusedError, cases, check_case, check_topk
from xtopk.testing._arrays import DTYPES
from xtopk.testing._properties import PROPERTIES

NAMES = [prop.name for prop in PROPERTIES]


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


def also(**fixed: Any) -> Callable[..., Any]:
    """Return a top k that is right but for what it is always asked for."""
    return lambda x, k, **options: xtopk.topk(x, k, **(options | fixed))


def where(condition: Callable[..., Any], wrong: Callable[..., Any]) -> Callable[..., Any]:
    """Return a top k that is wrong where a condition holds."""

    def topk(x: Any, k: int, **options: Any) -> Any:
        return (wrong if condition(x, k, **options) else xtopk.topk)(x, k, **options)

    return topk


def result(change: Callable[..., Any]) -> Callable[..., Any]:
    """Return a top k whose right values and indices are changed."""
    return lambda x, k, **options: change(x, *xtopk.topk(x, k, **options))


def given(change: Callable[..., Any]) -> Callable[..., Any]:
    """Return a top k that selects from a changed input, and takes the values from the right one."""

    def topk(x: Any, k: int, *, axis: int, **options: Any) -> Any:
        indices = xtopk.topk(change(x), k, axis, **options).indices
        return np.take_along_axis(x, indices, axis), indices

    return topk


def last_ties(x: Any, k: int, *, axis: int, **options: Any) -> Any:
    values, indices = xtopk.topk(np.flip(x, axis), k, axis, **options)
    return values, x.shape[axis] - 1 - indices


def negated(x: Any, k: int, *, mode: Mode, **options: Any) -> Any:
    """Take the other end of -x, which is x for the least signed integer and for 0."""
    other: Mode = "smallest" if mode == "largest" else "largest"
    indices = xtopk.topk(-x, k, mode=other, **options).indices
    return np.take_along_axis(x, indices, options["axis"]), indices


def first_k(x: Any, k: int, *, axis: int, **_: Any) -> Any:
    indices = np.take(np.indices(x.shape)[axis], range(k), axis=axis)
    return np.take_along_axis(x, indices, axis), indices


def searched(x: Any, k: int, *, axis: int, **options: Any) -> Any:
    """Look for the index of each value, which finds the first of equal ones again and again."""
    values = xtopk.topk(x, k, axis, **options).values
    if x.ndim > 1 or k == 0:
        return xtopk.topk(x, k, axis, **options)
    same = (x[None] == values[:, None]) | ((x != x)[None] & (values != values)[:, None])
    return values, same.argmax(axis=1)


def worst_first(x: Any, k: int, *, axis: int, **options: Any) -> Any:
    return [np.flip(part, axis) for part in xtopk.topk(x, k, axis, **options)]


def axis_from_the_end(x: Any, k: int, *, axis: int, **options: Any) -> Any:
    return xtopk.topk(x, k, axis + 1 if axis < -1 else axis, **options)


def writes(x: Any, k: int, **options: Any) -> Any:
    found = xtopk.topk(x, k, **options)
    x *= -1
    return found


def clamped(x: Any, k: int, *, axis: int, **options: Any) -> Any:
    return xtopk.topk(x, min(k, x.shape[axis]), axis, **options)


def from_the_end(x: Any, k: int, **options: Any) -> Any:
    """Slice as ``order[:k]`` does for a negative k."""
    return xtopk.topk(x, k if k >= 0 else x.shape[-1] + 1 + k, **options)


def in_memory(x: Any, k: int, **options: Any) -> Any:
    """Read the memory in its own order."""
    return xtopk.topk(x.ravel(order="K").reshape(x.shape), k, **options)


def floats(x: Any, *_: Any, **__: Any) -> bool:
    return bool(x.dtype.kind not in "biu")


def has_nan(x: Any, *_: Any, **__: Any) -> bool:
    return bool(floats(x) and np.isnan(x).any())


def signed_nan_apart(x: Any, k: int, *, axis: int, mode: str, **options: Any) -> Any:
    """Rank -NaN as less than every number."""
    changed = np.where(np.isnan(x) & np.signbit(x), -np.inf if mode == "largest" else np.inf, x)
    return given(lambda _: changed)(x, k, axis=axis, mode=mode, **options)


def finite(x: Any) -> Any:
    return np.clip(x, np.finfo(x.dtype).min, np.finfo(x.dtype).max) if floats(x) else x


def rounded(x: Any) -> Any:
    """Let float64 near 1 be what float32 has of them."""
    with np.errstate(all="ignore"):
        return np.where(np.abs(np.abs(x) - 1) < 0.1, x.astype("float32"), x) if x.dtype == "float64" else x


def flushed(x: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.where(np.abs(x) < np.finfo(x.dtype).smallest_normal, x.dtype.type(0), x) if floats(x) else x


MUTANTS: dict[str, tuple[str, Callable[..., Any]]] = {
    "the other side": ("largest", where(lambda x, k, *, mode, **_: mode == "largest", also(mode="smallest"))),
    "mode has no effect": ("smallest", also(mode="largest")),
    "worst first": ("sorted", where(lambda x, k, *, sorted, **_: sorted, worst_first)),
    "sorted=False does not select": ("sorted=False", where(lambda x, k, *, sorted, **_: not sorted, first_k)),
    "ties from the back": ("stable", where(lambda x, k, *, stable, **_: stable and not has_nan(x), last_ties)),
    "stable=False does not select": ("stable=False", where(lambda x, k, *, stable, **_: not stable, first_k)),
    "NaN first": ("NaN last", also(nan="greatest")),
    "NaN last whatever is asked": ("NaN greatest", also(nan="last")),
    "NaN from the back": ("NaN stable", where(has_nan, last_ties)),
    "-NaN is less than numbers": ("NaN bits", where(has_nan, signed_nan_apart)),
    "-0.0 is less than +0.0": (
        "signed zero",
        given(lambda x: np.where((x == 0) & np.signbit(x), x.dtype.type(-1e-30), x) if floats(x) else x),
    ),
    "-0.0 turns into +0.0": ("signed zero kept", result(lambda x, v, i: (v + 0 if floats(x) else v, i))),
    "inf is the greatest number": ("inf", given(finite)),
    "subnormals are zero": ("subnormal", given(flushed)),
    "bool is not ranked": ("bool", where(lambda x, *_, **__: x.dtype == bool, first_k)),
    "-x of the least integer": ("signed", where(lambda x, *_, **__: x.dtype.kind == "i", negated)),
    "-x of unsigned": ("unsigned", where(lambda x, *_, **__: x.dtype.kind == "u", negated)),
    "float64 is compared as float32": ("floating", given(rounded)),
    "values are doubles": ("values dtype", result(lambda x, v, i: (v.astype("float64") if floats(x) else v, i))),
    "indices are 32 bits": ("indices dtype", result(lambda x, v, i: (v, i.astype("int32")))),
    "two selections": ("values at indices", result(lambda x, v, i: (v, np.sort(i, axis=-1)))),
    "indices are searched": ("distinct indices", searched),
    "axes counted wrongly from the end": ("axis", axis_from_the_end),
    "[-0:]": ("k=0", where(lambda x, k, **_: k == 0, lambda x, k, **o: xtopk.topk(x, x.shape[-1], **o))),
    "the axis is lost": (
        "k=1",
        where(lambda x, k, **_: k == 1 and x.shape[-1] > 2, result(lambda x, v, i: (v[..., 0], i[..., 0]))),
    ),
    "everything, as it lies": ("k=length", where(lambda x, k, **_: x.shape == (k,), first_k)),
    "k is clamped": ("k beyond the length", clamped),
    "k from the end": ("k negative", from_the_end),
    "nothing has no axis": (
        "zero-length axes",
        where(lambda x, *_, **__: 0 in x.shape, result(lambda x, v, i: (v.ravel(), i.ravel()))),
    ),
    "memory is read in its order": ("layouts", in_memory),
    "x *= -1": ("x unchanged", where(floats, writes)),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_is_caught_by_just_the_property_that_it_lacks(mutant: str) -> None:
    lacks, function = MUTANTS[mutant]
    report = check_topk(function, np)
    assert [outcome.case.property.name for outcome in report.differences] == [lacks], report


def test_every_property_has_a_mutant() -> None:
    assert {lacks for lacks, _ in MUTANTS.values()} == set(NAMES)


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
    assert "refused 2 of 26: bool (NotImplementedError: bool is not there yet), agrees 22 of 26" in str(report)


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
    with pytest.raises(TypeError, match="must return a pair of values and indices; got ndarray"):
        check_case(by_id["largest-1"], lambda x, k: x, np)


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


PAGE = (Path(__file__).parents[1] / "docs" / "conformity.md").read_text()


def test_the_page_says_what_each_property_means() -> None:
    means = re.findall(r"^\| `(.+)` \| ([^|]+) \|$", PAGE.partition("## What was found")[0], flags=re.MULTILINE)
    assert means == [(prop.name, prop.meaning) for prop in PROPERTIES]


@pytest.mark.parametrize("subjects", [OWN, OTHERS])
def test_the_page_has_a_cell_for_each_property_and_function(subjects: tuple[Subject, ...]) -> None:
    head = next(line for line in PAGE.splitlines() if line.startswith(f"|  | {subjects[0].title} |"))
    titles = head.strip("|").split(" | ")[1:]
    assert [title.strip() for title in titles] == [s.title for s in subjects if s.package != "cupy"]
    rows = PAGE.partition(head)[2].splitlines()[2 : 2 + len(PROPERTIES)]
    assert [row.split(" | ")[0].strip("| `") for row in rows] == NAMES
    words = {"agrees", "**differs**", "refuses", "agrees, refuses some", "-"}
    assert all(len(row.split(" | ")) == len(titles) + 1 for row in rows)
    assert {cell.strip(" |") for row in rows for cell in row.split(" | ")[1:]} <= words


@pytest.mark.parametrize("subject", [s for s in (*OWN, *OTHERS) if available(s)], ids=lambda s: s.title)
def test_the_page_tells_what_is_found_here(subject: Subject) -> None:
    """Only of the versions that the page was written with."""
    name = subject.package.replace("_", "-")
    if f"- {name}: {version(name)}\n" in PAGE:
        report = check(subject)
        examples = PAGE.partition(f"#### {subject.title}\n")[2].partition("#### ")[0]
        found = re.findall(r"^([^ ].*?): x = ", examples, flags=re.MULTILINE)
        differs = [outcome.case.property.name for outcome in report.differences]
        assert [name for name in found if name != "refused"] == differs


def test_what_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "conformity.md"
    page.write_text(f"before\n{conformity.MARKS[0]}\nold\n{conformity.MARKS[1]}\nafter\n")
    wrong = Subject("wrong", "numpy", also(nan="greatest"), "numpy")
    for name, subjects in {"OWN": (wrong,), "OTHERS": (absent(),), "OURS": (wrong, absent())}.items():
        monkeypatch.setattr(conformity, name, subjects)
    assert conformity.main(["--write", str(tmp_path)]) == 1
    text = page.read_text()
    assert (text[:7], text[-6:], "old" in text) == ("before\n", "after\n", False)
    assert "| `NaN last` | **differs** |" in text
    assert "#### wrong\n\n```text\nNaN last: x = [2.0, nan, 4.0, 1.0, nan, 6.0], float32; k=3\n    expected  " in text
    assert "| absent | not run | | | | |" in text
    assert conformity.main(["WRONG"]) == 1
    assert capsys.readouterr().out.startswith("wrong: 1 of 31 properties differ\n")


def absent() -> Subject:
    return Subject("absent", "no_such_library", xtopk.topk, "no_such_library")
