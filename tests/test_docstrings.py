"""The docstrings of the public functions: their sections are there and their examples run."""

import doctest
import inspect
import pydoc
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import xtopk
import xtopk.testing

MODULES = (xtopk, xtopk.testing)
PUBLIC = [part for module in MODULES for name in module.__all__ if inspect.isfunction(part := getattr(module, name))]


def sections(function: Any) -> list[str]:
    """Return the titles that are underlined in a docstring."""
    lines = (inspect.getdoc(function) or "").splitlines()
    return [a for a, b in pairwise(lines) if b and set(b) == {"-"} and len(a) == len(b)]


def test_the_public_functions_are_found() -> None:
    assert {xtopk.topk, xtopk.topk_mask, xtopk.merge_topk, xtopk.testing.check_topk} <= set(PUBLIC)


@pytest.mark.parametrize("function", PUBLIC, ids=lambda f: f.__name__)
def test_sections(function: Any) -> None:
    found = [title for title in sections(function) if title in ("Parameters", "Returns", "Raises", "Examples")]
    assert found == ["Parameters", "Returns", "Raises", "Examples"]


@pytest.mark.parametrize("function", PUBLIC, ids=lambda f: f.__name__)
def test_every_parameter_is_described(function: Any) -> None:
    text = inspect.getdoc(function) or ""
    described = text.partition("Parameters\n")[2].partition("\nReturns\n")[0]
    titles = {
        name.strip() for line in described.splitlines() if line[:1].strip() for name in line.split(":")[0].split(",")
    }
    assert set(inspect.signature(function).parameters) <= titles


@pytest.mark.parametrize("function", PUBLIC, ids=lambda f: f.__name__)
def test_first_line_is_short(function: Any) -> None:
    first = (inspect.getdoc(function) or "").splitlines()[0]
    assert first.endswith(".")
    assert len(first) < 100


@pytest.mark.parametrize("function", [f for f in PUBLIC if f.__module__ == "xtopk"], ids=lambda f: f.__name__)
def test_help_fits_a_screen(function: Any) -> None:
    """80 columns, in which longer lines wrap, by 50 rows, one of which is the pager's own."""
    lines = pydoc.plain(pydoc.render_doc(function, "Help on %s:")).splitlines()
    assert sum(max(1, -(-len(line) // 80)) for line in lines) < 50
    body = (inspect.getdoc(function) or "").splitlines()
    assert max(map(len, body)) <= 76, "help() indents by 4"


@pytest.mark.parametrize("function", PUBLIC, ids=lambda f: f.__name__)
def test_examples_run(function: Any) -> None:
    tests = doctest.DocTestFinder(recurse=False).find(function, globs={"np": np, "xtopk": xtopk})
    runner = doctest.DocTestRunner()
    for test in tests:
        runner.run(test)
    assert runner.tries > 0
    assert runner.failures == 0
