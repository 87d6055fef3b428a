"""The benchmark of scale runs on few elements, its fit finds costs that are known, and shards are merged."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xtopk
from benchmarks import scaling
from benchmarks.scaling_model import Costs, candidates, fit, line, model
from tests.libraries import Library, rows
from tests.oracle import assert_ranked
from tests.strategies import tied_array

LAZY = pytest.mark.parametrize("library", rows(lazy=True), ids=str)


@LAZY
def test_it_runs_and_writes(library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "scaling.md"
    page.write_text(f"before\n{scaling.MARKS[0]}\nold\n{scaling.MARKS[1]}\nafter\n")
    scaling.main(["--tiny", "--write", str(tmp_path)])
    written = page.read_text()
    assert written.startswith("before\n")
    assert written.endswith("\nafter\n")
    assert "old" not in written
    assert capsys.readouterr().out.strip() in written
    assert [line for line in written.splitlines() if line.startswith("| 1e+12 | 10000 |")]


@LAZY
def test_the_page_has_the_marks(library: Library) -> None:
    page = (Path(__file__).parents[1] / "docs" / "scaling.md").read_text()
    assert all(page.count(mark) == 1 for mark in scaling.MARKS)


def test_known_costs_are_found() -> None:
    points = [(1000, 10, 1), (1000, 1000, 5), (5000, 50, 20), (9000, 90, 3)]
    seconds = [2 * n + 30 * (n // length) + 4 * candidates(n // length, k) for n, length, k in points]
    np.testing.assert_allclose(fit(points, seconds), (2, 30, 4))
    np.testing.assert_allclose(fit(points, [30 * (n // length) for n, length, _ in points]), (0, 30, 0), atol=1e-9)
    np.testing.assert_allclose(line([1, 2, 5], [5.0, 7.0, 13.0]), (3, 2))


def test_the_model_of_a_tree() -> None:
    assert [candidates(blocks, 3) for blocks in (1, 2, 8, 9, 64)] == [0, 6, 24, 27 + 6, 192 + 24]
    told = model(Costs(1, 10, 100, 7, 2, 1000, 0), 640, 4, 3, 10)
    assert (told["chunks"], told["depth"], told["bytes moved at most"]) == (64, 2, 12 * 216)
    assert told["work"] == (640 + 640 + 100 * 216) / 4
    assert told["seconds"] == 7 + told["work"] + 2 * (1000 + 10 + 100 * 24)


def shard_top(rank: int, shards: int, k: int) -> xtopk.TopK[Any, Any]:
    """Return what one process sends: the top k of its shard, counted from the start of the whole."""
    start, stop = (place * len(whole()) // shards for place in (rank, rank + 1))
    values, indices = xtopk.topk(whole()[start:stop], min(k, stop - start))
    return xtopk.TopK(values, indices + start)


def whole() -> Any:
    return tied_array(np.random.default_rng(0), (1000,), np.dtype("float32"), kinds=50)


@pytest.mark.parametrize("library", [row for row in rows(disguised=False) if row.native == "numpy"], ids=str)
def test_shards_of_processes(library: Library) -> None:
    for k, shards in ((7, 5), (400, 3)):
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            parts = list(pool.map(shard_top, range(shards), [shards] * shards, [k] * shards))
        assert_ranked(xtopk.merge_topk(parts[::-1], k), whole(), k)
