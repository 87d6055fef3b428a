"""A short run of the fuzz on every row, and the fuzz shown finding what is wrong."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import xtopk
from tests.fuzz import fuzz, main
from tests.libraries import LIBRARIES, Library, rows

NUMPY = LIBRARIES[0]


@pytest.mark.parametrize("library", rows(), ids=str)
def test_fuzz(library: Library) -> None:
    calls = 50 if library.compiled else 150 if library.lazy else 600
    assert not fuzz(library, calls, seed=0)


def last_ties_first(function: Any, x: Any, k: int, axis: int, **options: Any) -> Any:
    """A wrong top k: of equal elements, the last."""
    result = function(np.flip(x, axis), k, axis, **options)
    if function is xtopk.topk_mask:
        return np.flip(result, axis)
    return xtopk.TopK(result.values, x.shape[axis] - 1 - result.indices)


def other_mode(function: Any, x: Any, k: int, axis: int, *, mode: str, **options: Any) -> Any:
    return function(x, k, axis, mode="largest" if mode == "smallest" else "smallest", **options)


def nan_wins(function: Any, x: Any, k: int, axis: int, *, nan: str, **options: Any) -> Any:
    return function(x, k, axis, nan="greatest", **options)


def writes(function: Any, x: Any, k: int, axis: int, **options: Any) -> Any:
    result = function(x, k, axis, **options)
    if x.flags.writeable and x.dtype.kind in "iu":
        x[...] = 0
    return result


@pytest.mark.parametrize("wrong", [last_ties_first, other_mode, nan_wins, writes])
def test_fuzz_finds(wrong: Any) -> None:
    report = fuzz(replace(NUMPY, call=wrong), 600, seed=0)
    assert report.startswith("--library numpy --seed ")


def test_main_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--library", "numpy", "--calls", "20"]) == 0
    assert capsys.readouterr().out.startswith("numpy: 20 calls agree, ")


def test_main_reports(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.LIBRARIES", [replace(NUMPY, call=other_mode)])
    assert main(["--calls", "600"]) == 1
    assert "instead of" in capsys.readouterr().out
