"""Every Python block of the README and the docs runs, the blocks of a file one after another."""

import ast
import doctest
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.libraries import SELECTED

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")] if "/_" not in page.relative_to(ROOT).as_posix()
)
BLOCK = re.compile(r"^```(?:python|pycon)\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)


def blocks(text: str) -> list[tuple[int, str]]:
    """Return the Python blocks of a page, each with the line it begins on."""
    return [(text.count("\n", 0, match.start(1)) + 1, match[1]) for match in BLOCK.finditer(text)]


def source(block: str) -> str:
    """Return what a block runs, its prompts and outputs left out."""
    if not block.lstrip().startswith(">>>"):
        return block
    return "".join(example.source for example in doctest.DocTestParser().get_examples(block))


def absent_libraries(tree: ast.Module) -> set[str]:
    """Return the top-level packages that a block imports and that are not installed."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return {name for name in names if find_spec(name) is None}


def names_of(tree: ast.Module, context: type[ast.expr_context]) -> set[str]:
    """Return the names that a block stores or loads."""
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, context)}
    if context is ast.Store:
        names |= {
            (alias.asname or alias.name).partition(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return names


def run_page(text: str, name: str, needed: set[str]) -> int:
    """Run the blocks of a page and return how many were left out for want of a library that is not `needed`.

    A block that uses what a left-out one defines, and does not define it itself, is left out as well.
    """
    names: dict[str, Any] = {"__name__": name}
    undefined: set[str] = set()
    left_out = 0
    for line, block in blocks(text):
        tree = ast.parse(source(block))
        absent = absent_libraries(tree)
        assert not absent & needed, f"{name}:{line} needs {absent & needed}"
        stored = names_of(tree, ast.Store)
        if absent or (names_of(tree, ast.Load) - stored) & undefined:
            undefined |= stored - set(names)
            left_out += 1
            continue
        undefined -= stored
        if source(block) == block:
            exec(compile("\n" * (line - 1) + block, name, "exec"), names)
        else:
            test = doctest.DocTestParser().get_doctest(block, names, name, name, line - 1)
            runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
            runner.run(test, clear_globs=False)
            names.update(test.globs)
            assert runner.failures == 0, f"{name}:{line} prints something else"
    return left_out


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_page(page: Path) -> None:
    run_page(page.read_text(), page.relative_to(ROOT).as_posix(), {row.requires.partition(".")[0] for row in SELECTED})


def test_the_errors_of_the_first_steps_are_those_of_the_code() -> None:
    table = (ROOT / "docs" / "start.md").read_text().partition("| it says | do |\n")[2].partition("\n\n")[0]
    said = [re.split(r"\.\.\.|; got", line.split("`")[1])[0] for line in table.splitlines()[1:]]
    tested = "".join((ROOT / "tests" / name).read_text() for name in ("test_refusals.py", "test_lazy.py"))
    assert len(said) > 5
    assert [message for message in said if message not in tested] == []


def test_the_readme_has_blocks() -> None:
    assert blocks((ROOT / "README.md").read_text())


def test_runner_runs_blocks_in_order() -> None:
    page = "```python\na = 1\n```\n```bash\nnope(\n```\n```python\nassert a == 1\n```\n```pycon\n>>> a + 1\n2\n```\n"
    assert run_page(page, "page", set()) == 0


@pytest.mark.parametrize("block", ["assert 1 == 2\n", ">>> 1 + 1\n3\n", "import no_such_library\n"])
def test_runner_fails(block: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AssertionError):
        run_page(f"```python\n{block}```\n", "page", {"no_such_library"})


def test_runner_leaves_out_what_is_absent_and_not_needed() -> None:
    absent, user, other = "import no_such_library as n\nb = n.f()\n", "b + 1\n", "b = 1\nassert b == 1\n"
    page = "".join(f"```python\n{block}```\n" for block in (absent, user, other, user))
    assert run_page(page, "page", {"numpy"}) == 2
