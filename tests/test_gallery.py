"""Every script of the gallery has the shape that makes it a page and a test; the build of the site runs it.

``nox -s docs`` executes each script and fails if one raises, so here none is run a second time.
"""

import ast
import re
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parents[1] / "docs" / "gallery").glob("*.py"))
PAGE = '"""Title\n=====\n\nWhy.\n"""\nimport xtopk\n\n# %%\n# Prose.\n\nassert xtopk.topk(x, 1)\nplt.subplots()\n'


def problems(text: str) -> list[str]:
    """Return what keeps a script from being a page of the gallery."""
    tree = ast.parse(text)
    title, line, blank, *why = [*(ast.get_docstring(tree) or "").split("\n"), "", "", ""]
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    cells = text.split("\n# %%\n")
    found = {
        "no underlined title": not title or line != "=" * len(title) or blank != "",
        "not one sentence that says why": not re.fullmatch(r"[A-Z](?!.*\. ).*\.", " ".join(why).strip()),
        "no call of xtopk": not called & {"xtopk.topk", "xtopk.topk_mask", "xtopk.merge_topk"},
        "asserts nothing": not any(isinstance(node, ast.Assert) for node in ast.walk(tree)),
        "a cell without prose": not all(cell.startswith("# ") for cell in cells[1:]),
        "several figures in a cell, which are shown small": max(cell.count("plt.subplots(") for cell in cells) > 1,
        "no figure": "plt.subplots(" not in text,
        "a download": re.search(r"\bfetch_|https?://|urlretrieve", text) is not None,
    }
    return [problem for problem, is_so in found.items() if is_so]


def test_there_are_scripts() -> None:
    assert SCRIPTS
    assert all(path.name.startswith("plot_") for path in SCRIPTS)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script_is_a_page(path: Path) -> None:
    assert problems(path.read_text()) == []


def test_a_good_page_has_no_problem() -> None:
    assert problems(PAGE) == []


@pytest.mark.parametrize(
    ("was", "becomes", "problem"),
    [
        ("=====", "====", "no underlined title"),
        ("Why.", "why", "not one sentence that says why"),
        ("xtopk.topk(", "other.topk(", "no call of xtopk"),
        ("assert ", "", "asserts nothing"),
        ("# Prose.\n", "", "a cell without prose"),
        ("plt.subplots()", "plt.subplots(), plt.subplots()", "several figures in a cell, which are shown small"),
        ("plt.subplots()", "", "no figure"),
        ("plt", "fetch_openml(); plt", "a download"),
    ],
)
def test_a_bad_page_has_one(was: str, becomes: str, problem: str) -> None:
    assert problems(PAGE.replace(was, becomes)) == [problem]
