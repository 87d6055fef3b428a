"""docs/conformity.md: what it says is what is found, and how it is written."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest

import xtopk
from benchmarks import conformity
from benchmarks.subjects import OTHERS, OWN, Subject, available, check
from tests.mutants import also
from xtopk.testing._properties import PROPERTIES

PAGE = (Path(__file__).parents[1] / "docs" / "conformity.md").read_text()


def test_the_page_says_what_each_property_means() -> None:
    means = re.findall(r"^\| `(.+)` \| ([^|]+) \|$", PAGE.partition("## What was found")[0], flags=re.MULTILINE)
    assert means == [(prop.name, prop.meaning) for prop in PROPERTIES]


@pytest.mark.parametrize("subjects", [OWN, OTHERS])
def test_the_page_has_a_cell_for_each_property_and_function(subjects: tuple[Subject, ...]) -> None:
    head = next(line for line in PAGE.splitlines() if line.startswith(f"|  | {subjects[0].title} |"))
    titles = head.strip("|").split(" | ")[1:]
    absent = PAGE.partition(head)[2].partition("###")[0].partition("Not run, for they are not here: ")[2]
    assert [title.strip() for title in titles] == [s.title for s in subjects if s.title not in absent]
    rows = PAGE.partition(head)[2].splitlines()[2 : 2 + len(PROPERTIES)]
    assert [row.split(" | ")[0].strip("| `") for row in rows] == [prop.name for prop in PROPERTIES]
    words = {"agrees", "**differs**", "refuses", "agrees, refuses some", "-"}
    assert all(len(row.split(" | ")) == len(titles) + 1 for row in rows)
    assert {cell.strip(" |") for row in rows for cell in row.split(" | ")[1:]} <= words


@pytest.mark.parametrize("subject", [s for s in (*OWN, *OTHERS) if available(s)], ids=lambda s: s.title)
def test_the_page_tells_what_is_found_here(subject: Subject) -> None:
    """Only of the versions that the page was written with.

    And not whether `lax.top_k` flushes subnormals of bfloat16, which it does on an Intel processor, not on an AMD one.
    """
    by_processor = {"subnormal"} if subject.title == "`jax.lax.top_k`" else set()
    name = subject.package.replace("_", "-")
    if f"- {name}: {version(name)}\n" in PAGE:
        report = check(subject)
        examples = PAGE.partition(f"#### {subject.title}\n")[2].partition("#### ")[0]
        found = re.findall(r"^([^ ].*?): x = ", examples, flags=re.MULTILINE)
        differs = [outcome.case.property.name for outcome in report.differences]
        found, differs = ([n for n in names if n not in by_processor] for names in (found, differs))
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
