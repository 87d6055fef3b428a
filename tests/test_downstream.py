"""Released libraries with xtopk in the place of their own selection, on little data; those that are installed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xtopk
from downstream.__main__ import LIBRARIES, MARKS, all_tasks, is_here, main, results_of
from downstream.task import Prepared, Task, equal, equal_up_to_ties
from tests.test_docs import ROOT, run_page

HERE = [pytest.param(task, id=f"{task.package} {task.what}") for task in all_tasks() if is_here(task)]
libraries = pytest.mark.filterwarnings("ignore")
"""Their warnings are theirs."""


@libraries
@pytest.mark.parametrize("task", HERE)
def test_a_library_does_its_task(task: Task) -> None:
    (result,) = results_of([task], seconds=0, tiny=True)
    assert not result.wrong, result.found


@libraries
@pytest.mark.parametrize("task", HERE)
def test_its_check_sees_a_wrong_selection(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, mode="largest", **options: function(
            *args, mode="largest" if mode == "smallest" else "smallest", **options
        )

    for name in ("topk", "topk_mask"):
        monkeypatch.setattr(xtopk, name, wrong(getattr(xtopk, name)))
    (result,) = results_of([task], seconds=0, tiny=True)
    assert result.wrong
    assert result.found.startswith("WRONG")


class Shop:
    """A library of the tests' own."""

    def best(self, prices: Any) -> Any:
        return np.argsort(-prices, kind="stable")[:3]


def shop_task(select: Callable[[Any], Any]) -> Task:
    prices = np.asarray([3.0, 1.0, 4.0, 1.0, 5.0, 9.0])
    shop = Shop()
    prepared = Prepared(lambda: shop.best(prices), [(Shop, "best", lambda self, prices: select(prices))], equal)
    return Task("numpy", "the best of a shop", "argsort", lambda size: prepared, size=6)


def test_the_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "downstream.md"
    page.write_text(f"before\n{MARKS[0]}\nold\n{MARKS[1]}\nafter\n")
    monkeypatch.setattr("downstream.__main__.all_tasks", lambda: [shop_task(lambda prices: xtopk.topk(prices, 3)[1])])
    main(["--seconds", "0", "--write", str(tmp_path)])
    row = f"| numpy {np.__version__} | the best of a shop | argsort |"
    assert row in capsys.readouterr().out
    assert row in page.read_text()
    assert page.read_text().startswith("before\n")
    assert page.read_text().endswith("after\n")
    assert "old" not in page.read_text()


def test_a_wrong_selection_is_reported(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("downstream.__main__.all_tasks", lambda: [shop_task(lambda prices: np.arange(3))])
    with pytest.raises(SystemExit) as ended:
        main(["--seconds", "0"])
    assert ended.value.code == 1
    assert "WRONG" in capsys.readouterr().out
    assert Shop.best is not None
    assert Shop().best(np.asarray([1.0, 2.0])).tolist() == [1, 0]


def test_nothing_to_run_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["no-such-package"])
    assert "nothing to run" in capsys.readouterr().err


OWN = ([[9.0, 7.0, 7.0, 5.0]], [[0, 1, 2, 3]])


@pytest.mark.parametrize(
    ("ours", "found"),
    [
        (OWN, "equal"),
        (([[9.0, 7.0, 7.0, 5.0]], [[0, 1, 2, 8]]), "equal but for ties, in 1 of 1 rows"),
        (([[9.0, 7.0, 7.0, 4.0]], [[0, 1, 2, 3]]), ""),
        (([[9.0, 7.0, 7.0, 5.0]], [[8, 1, 2, 3]]), ""),
        (([[9.0, 7.0, 7.0, 5.0]], [[0, 1, 8, 3]]), ""),
        (([[9.0, 7.0, 7.0, 5.0]], [[0, 2, 1, 3]]), ""),
        (([[9.0, 7.0, 7.0, 5.0]], [[0, 1, 2, 0]]), ""),
        (([[9.0, 7.0, 7.0]], [[0, 1, 2]]), ""),
    ],
    ids=["same", "other tie at the end", "score", "index", "index of a tie", "order of ties", "twice", "fewer"],
)
def test_what_may_differ(ours: Any, found: str) -> None:
    if found:
        assert equal_up_to_ties(OWN, ours) == found
    else:
        with pytest.raises(AssertionError):
            equal_up_to_ties(OWN, ours)


def test_every_library_is_listed() -> None:
    files = {path.stem for path in (ROOT / "downstream").glob("*.py")} - {"__init__", "__main__", "task"}
    assert set(LIBRARIES) == files


@libraries
@pytest.mark.skipif(len(HERE) < len(all_tasks()), reason="every library is in nox -s downstream")
@pytest.mark.parametrize("page", ["why.md", "downstream.md"])
def test_no_block_is_left_out(page: str) -> None:
    assert run_page((ROOT / "docs" / page).read_text(), page, set()) == 0
