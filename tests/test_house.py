"""The rules of the house: what imports what, and lists that must agree."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import xtopk
from tests.libraries import LIBRARIES
from xtopk._native import NATIVES

ROOT = Path(__file__).parents[1]
SOURCE = Path(inspect.getfile(xtopk)).parent
MODULES = sorted(SOURCE.rglob("*.py"))
ARRAY_LIBRARIES = ["numpy", "torch", "jax", "cupy", "dask", "array_api_strict", "ml_dtypes", "pandas"]
NEEDED_BY = {"jax": ["numpy"]}
"""What is there wherever a library is."""


def array_libraries_loaded_by(statement: str) -> list[str]:
    """Return which array libraries a fresh interpreter has loaded after a statement."""
    return loaded_by(statement, ARRAY_LIBRARIES)


def loaded_by(statement: str, modules: list[str]) -> list[str]:
    """Return which of some modules a fresh interpreter has loaded after a statement."""
    program = f"import sys\n{statement}\nprint(*[m for m in {modules} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.split()


def imported(path: Path) -> set[str]:
    """Return the full names of the modules that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_import_loads_no_array_library() -> None:
    assert array_libraries_loaded_by("import xtopk") == array_libraries_loaded_by("import array_api_compat") == []


def test_the_suite_loads_no_array_library_and_no_test_tool() -> None:
    assert array_libraries_loaded_by("import xtopk.testing") == []
    assert loaded_by("import xtopk.testing", ["pytest", "hypothesis"]) == []


def test_only_who_wants_the_suite_loads_it() -> None:
    assert loaded_by("import xtopk", ["xtopk.testing"]) == []
    assert loaded_by("import xtopk.testing", ["xtopk.testing"]) == ["xtopk.testing"]


def test_that_guard_can_fail() -> None:
    assert array_libraries_loaded_by("import xtopk, numpy") == ["numpy"]


def test_import_arrows() -> None:
    for path in MODULES:
        for name in imported(path):
            if path.parent.name == "_select":
                assert not name.startswith(("xtopk._native", "xtopk._topk", "xtopk._checks")), f"{path}: {name}"
            if path.parent.name == "testing":  # it judges the rest, and knows no more of it than names of dtypes
                assert name.startswith(("xtopk.testing", "xtopk._order.")) or not name.startswith("xtopk"), name
                assert name.partition(".")[0] not in ARRAY_LIBRARIES, f"{path}: {name}"
            elif name.startswith("xtopk.testing"):
                raise AssertionError(f"{path}: {name}")
            if path.parent.name == "_native":
                assert not name.startswith(("xtopk._topk", "xtopk._checks")), f"{path}: {name}"
            if name.startswith("array_api_compat"):
                assert path.name in ("_checks.py", "_report.py"), f"{path}: {name}"


def test_a_native_file_imports_its_own_library_only() -> None:
    for path in (SOURCE / "_native").glob("*.py"):
        others = {name.partition(".")[0] for name in imported(path)} & set(ARRAY_LIBRARIES)
        own = path.stem.split("_")  # torch_numpy is where torch and NumPy meet
        assert others <= {*own, *NEEDED_BY.get(own[0], ())}, f"{path} imports {others}"


def test_nothing_names_a_path_of_one_machine() -> None:
    files = [*MODULES, *ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*.toml"), *ROOT.glob("*.py")]
    for path in files:
        found = re.findall(r"(?:^|[\s\"'`(])/(?:work|tmp|home|root)/\S*|\bshared/\S*", path.read_text())
        assert not found, f"{path}: {found}"


def test_every_native_has_a_row() -> None:
    assert set(NATIVES) == {library.native for library in LIBRARIES} - {""}


def test_row_names_are_unique() -> None:
    names = [library.name for library in LIBRARIES]
    assert len(names) == len(set(names))


def test_every_native_is_in_the_docs() -> None:
    table = (ROOT / "docs" / "libraries" / "index.md").read_text()
    documented = set(re.findall(r"^\| *`([^`]+)`", table, flags=re.MULTILINE))
    assert set(NATIVES) <= documented


def keywords(function: Any) -> dict[str, tuple[Any, Any]]:
    parameters = inspect.signature(function).parameters.values()
    return {p.name: (p.kind.name, p.default) for p in parameters}


ORDER = {"mode": ("KEYWORD_ONLY", "largest"), "stable": ("KEYWORD_ONLY", True), "nan": ("KEYWORD_ONLY", "last")}
SORTED = {"sorted": ("KEYWORD_ONLY", True)}
AXIS = {"k": ("POSITIONAL_OR_KEYWORD", inspect.Parameter.empty), "axis": ("POSITIONAL_OR_KEYWORD", -1)}


@pytest.mark.parametrize(
    ("function", "first", "rest"),
    [
        (xtopk.topk, "x", ORDER | SORTED),
        (xtopk.topk_mask, "x", ORDER),
        (xtopk.merge_topk, "parts", ORDER | SORTED),
    ],
)
def test_signatures(function: Any, first: str, rest: dict[str, Any]) -> None:
    """A superset of the standard's draft ``top_k(x, k, /, *, axis=-1, mode="largest")``."""
    assert keywords(function) == {first: ("POSITIONAL_OR_KEYWORD", inspect.Parameter.empty)} | AXIS | rest
