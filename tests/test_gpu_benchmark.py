"""`python -m benchmarks.gpu` rehearsed: all of it but the clocks of a GPU, which stand-ins tell."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import gpu
from benchmarks.gpu_libraries import LIBRARIES, REHEARSAL, CuPy, Torch
from tests.libraries import rows

ROOT = Path(__file__).parents[1]
HERE = sorted({row.native.partition(".")[0] for row in rows()} & set(LIBRARIES))
TASKS = {"jax": ["half_nan_row", "rows_bfloat16"]}
"""Of a library that compiles, so few."""


@pytest.mark.parametrize("library", HERE)
def test_a_rehearsal(library: str, tmp_path: Path) -> None:
    """In a process of its own, as each library runs."""
    command = [sys.executable, "-m", "benchmarks.gpu", "--rehearse", "--library", library, "--out", str(tmp_path)]
    done = subprocess.run([*command, *TASKS.get(library, [])], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / f"gpu-{library}.json").read_text())
    assert found["machine"]["card"] == REHEARSAL
    assert {each["check"]: each["ended"] for each in found["checks"]}["tests"] == "passed"
    names = TASKS.get(library, [""])
    assert len(found["tasks"]) == sum(any(name in task.name for name in names) for task in gpu.TASKS)
    for each in found["tasks"]:
        assert each["failed"] == ({"all": "no bfloat16"} if "seconds" not in each else {})
        assert each.get("agrees") in (True, None)
        assert f"| {each['task']}" in done.stdout
    named = {constant[2] for constant in gpu.CONSTANTS if constant[0] == library}
    assert {each["constant"].rpartition(".")[2] for each in found["constants"]} == named
    with pytest.raises(SystemExit, match="is of a rehearsal, and no figure of a GPU"):
        gpu.main(["--out", str(tmp_path), "--write", str(tmp_path)])


def test_without_a_gpu_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if any(gpu.is_here(name, rehearse=False) for name in LIBRARIES):
        pytest.skip("what is said where there is no GPU; here is one, and tests/test_gpu.py runs on it")
    assert gpu.main(["--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert all(f"{name}: no GPU that it can use, so nothing is measured" in printed for name in LIBRARIES)
    assert not list(tmp_path.iterdir())


def test_what_is_written(tmp_path: Path) -> None:
    seconds = {"native": 0.04, "xtopk": 0.01, "xtopk unstable": 0.005, "max": 0.004}
    task = {"task": "a_task", "seconds": seconds, "memory": {"xtopk": 10**9}, "failed": {}, "bytes": 4 * 10**9}
    failed = {"task": "too_much", "failed": {"all": "64 MiB are more than an eighth of the card's"}}
    machine = {"card": "a card", "amax GB/s": 1000.0}
    found = {
        "machine": machine,
        "tasks": [task, failed],
        "checks": [{"check": "tests", "ended": "passed", "printed": "/a/path"}],
    }
    (tmp_path / "gpu-torch.json").write_text(json.dumps(found))
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "performance.md"
    page.write_text(f"before\n{gpu.MARKS[0]}\nold\n{gpu.MARKS[1]}\nafter\n")
    assert gpu.main(["--out", str(tmp_path), "--write", str(page.parent)]) == 0
    written = page.read_text()
    assert "| a_task | 40.000 | 10.000 | 5.000 | 4.000 | 4.00 | 8.00 | 40% | 0.25 |" in written
    assert "| too_much (all: 64 MiB are more than an eighth of the card's) |" in written
    assert "**torch, a card**" in written
    assert "over 1 tasks: 4.00" in written
    assert "Not measured, for want of time: one_row_1e8_k10, " in written
    assert written.startswith("before\n")
    assert written.endswith("after\n")
    assert "old" not in written
    assert "/a/path" not in (page.parent / "gpu-torch.json").read_text()


def test_the_page_has_the_marks() -> None:
    page = (ROOT / "docs" / "performance.md").read_text()
    assert all(page.count(mark) == 1 for mark in gpu.MARKS)


def test_how_a_check_ended_is_kept(tmp_path: Path) -> None:
    run = gpu.Run(Torch.__new__(Torch), tmp_path, minutes=1)
    run.library.rehearse = True
    sleeps = "print('so far', flush=True)\nimport time\ntime.sleep(60)"
    commands = {"ends": ["platform"], "fails": ["no_such_module"], "sleeps": ["timeit", "-n1", "-r1", sleeps]}
    gpu.run_all(run, commands, 3)
    found = json.loads((tmp_path / "gpu-torch.json").read_text())["checks"]
    assert [each["ended"] for each in found] == ["passed", "failed, 1", "not finished in time"]
    assert "so far" in found[2]["printed"]


class Event:
    """An event of torch or CuPy, on a clock that goes on by a second a call."""

    now = 0

    def __init__(self, **options: bool) -> None:
        self.at = -1

    def record(self) -> None:
        self.at = Event.now

    def synchronize(self) -> None:
        assert self.at >= 0

    def elapsed_time(self, end: "Event") -> int:
        return 1000 * (end.at - self.at)


@pytest.mark.parametrize("kind", [Torch, CuPy])
def test_events_count_all_calls(kind: Any) -> None:
    library = object.__new__(kind)
    cuda = SimpleNamespace(Event=Event, get_elapsed_time=Event.elapsed_time)
    library.rehearse, library.xp = False, SimpleNamespace(cuda=cuda)

    def call() -> None:
        Event.now += 1

    assert library.elapsed(call, 3) == 3
