"""What a type checker is told: the files of tests/types, which `nox -s types` checks, run as well; names agree."""

import runpy
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

import xtopk
from tests.libraries import Library, rows
from xtopk._checks import MODES, NAN_RULES

FILES = {path.stem.removeprefix("use_"): path for path in Path(__file__).parent.glob("types/use_*.py")}


@pytest.mark.parametrize("library", [row for row in rows(disguised=False) if row.name in FILES], ids=str)
def test_what_is_checked_runs(library: Library) -> None:
    runpy.run_path(str(FILES[library.name]))


def test_a_library_that_hands_the_options_on_runs() -> None:
    runpy.run_path(str(FILES["in_a_library"]))


def test_every_file_is_run() -> None:
    from tests.libraries import LIBRARIES

    assert set(FILES) - {"in_a_library"} <= {library.name for library in LIBRARIES}


def test_words_are_those_that_are_checked() -> None:
    assert get_args(xtopk.Mode) == MODES
    assert get_args(xtopk.NanRule) == NAN_RULES


def test_an_annotation_may_be_evaluated() -> None:
    assert xtopk.TopK[int, str](values=1, indices="a") == (1, "a")


def test_only_what_is_public_is_offered() -> None:
    """What a prompt completes after ``xtopk.``, in an interpreter of its own, for here submodules were imported."""
    program = "import xtopk; print(*[name for name in dir(xtopk) if not name.startswith('_')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == sorted(name for name in xtopk.__all__ if not name.startswith("_"))


@pytest.mark.parametrize("name", [name for name in xtopk.__all__ if not name.startswith("_")])
def test_every_name_says_what_it_is(name: str) -> None:
    """What an editor shows on hover; the words of an option are shown as they are."""
    if name not in ("Mode", "NanRule"):
        assert (getattr(xtopk, name).__doc__ or "").partition("\n")[0].endswith(".")
        assert getattr(xtopk, name).__module__ == "xtopk"
