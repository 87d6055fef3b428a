"""Every benchmark also runs, on few elements; what it compares gives the same values."""

import ast
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import xtopk
from benchmarks import crossover
from benchmarks.__main__ import SWEEPS, main, medians, memory_peak
from benchmarks.natives import CALLS, runs
from benchmarks.sharded import TASKS
from benchmarks.workloads import WORKLOADS, Workload, any_workloads
from tests.libraries import rows

LIBRARIES = sorted({row.requires for row in rows(disguised=False)} & set(CALLS))


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype:UserWarning")
def test_every_workload_runs(library: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--library", library, "--tiny", "--seconds", "0"])
    table = capsys.readouterr().out
    assert all(f"| {work.name} |" in table for work in WORKLOADS if runs(library, work))
    for group in ("named", "unordered", "hurting"):
        count = sum(runs(library, work) and work.group == group for work in WORKLOADS)
        assert f"over {count} workloads" in table


@pytest.mark.parametrize(
    "work",
    [
        work for work in WORKLOADS if runs("numpy", work) and "climate" not in work.name and "nan" not in work.name
    ],  # argpartition puts NaN first
    ids=lambda work: work.name,
)
def test_the_idiom_selects_the_same_values(work: Workload) -> None:
    x = work.make(np.random.default_rng(1), work.tiny().shape)
    calls = CALLS["numpy"](work.tiny(), [x])
    native, ours = (calls[side]() for side in ("native", "xtopk"))
    if work.result == "mask":  # of equal elements the idiom marks any
        native, ours = (np.sort(np.where(mask, x, -np.inf), axis=work.axis)[None] for mask in (native, ours))
    elif work.result == "unsorted":
        native, ours = (np.sort(selected[0], axis=work.axis)[None] for selected in (native, ours))
    np.testing.assert_array_equal(native[0], ours[0])


def test_an_unknown_workload_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["nothing_like_this"])
    assert "no workload has a name like nothing_like_this" in capsys.readouterr().err


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype:UserWarning")
def test_random_tasks_come_worst_first(library: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--library", library, "--tiny", "--seconds", "0", "--random", "4"])
    table = capsys.readouterr().out.partition("Geometric mean")[0]
    gains = [float(line.split("|")[5]) for line in table.splitlines() if " axis=" in line]
    assert len(gains) == sum(runs(library, work) for work in any_workloads(4))
    assert gains == sorted(gains)


def test_any_tasks_are_new_with_each_seed_alone() -> None:
    assert any_workloads(9) == any_workloads(9) != any_workloads(9, seed=1)


def test_sides_take_turns() -> None:
    turns: list[str] = []
    medians({"a": lambda: turns.append("a"), "b": lambda: turns.append("b")}, seconds=0, least=2)
    assert sorted(turns) == ["a"] * 3 + ["b"] * 3
    medians({"a": lambda: turns.append("a"), "b": lambda: turns.append("b")}, seconds=0, least=30)
    pairs = [turns[i : i + 2] for i in range(0, len(turns), 2)]
    assert all(sorted(pair) == ["a", "b"] for pair in pairs)
    assert ["b", "a"] in pairs


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="plots need matplotlib; the numpy session has it")
def test_what_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "performance.md").write_text(
        "before\n<!-- measured: written by `python -m benchmarks --write docs` -->\n"
    )
    monkeypatch.setattr("benchmarks.__main__.SWEEPS", {name: works[:2] for name, works in SWEEPS.items()})
    main(["--library", "numpy", "--tiny", "--seconds", "0", "--write", str(tmp_path), "one_row", "call"])
    page = (tmp_path / "performance.md").read_text()
    assert page.startswith("before\n")
    assert "| call_overhead |" in page
    assert {path.name for path in tmp_path.iterdir()} == {
        "performance.md",
        "performance.json",
        "performance-gains.svg",
        "performance-n.svg",
        "performance-k.svg",
    }


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells the peak")
def test_the_memory_peak_is_seen() -> None:
    assert (memory_peak(lambda: np.ones(1 << 24)) or 0) > 1 << 26


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_constant_is_measured(library: str, capsys: pytest.CaptureFixture[str]) -> None:
    crossover.main(["--library", library, "--tiny", "--seconds", "0"])
    printed = capsys.readouterr().out
    for constant in crossover.CONSTANTS:
        assert (f"{constant.module} {constant.name} = " in printed) == (constant.library == library)


def test_replaced_constants_come_back() -> None:
    for constant in crossover.CONSTANTS:
        before = getattr(import_module(constant.module), constant.name)
        with crossover.replaced(constant, 3):
            assert getattr(import_module(constant.module), constant.name) == 3
        assert getattr(import_module(constant.module), constant.name) == before


@pytest.mark.parametrize("library", [row.requires for row in rows(disguised=False) if row.transforms])
def test_sharded_arrays(library: str) -> None:
    """In a process of its own, in which JAX is told how many devices it has before it starts."""
    command = [sys.executable, "-m", "benchmarks.sharded", "--library", library, "--tiny", "--seconds", "0"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert run.returncode == 0, run.stderr
    assert all(f"| {task.name} | xtopk |" in run.stdout for task in TASKS)


def is_number(value: object) -> bool:
    """Return whether a value is an integer, or a table of them."""
    return type(value) is int or (isinstance(value, dict) and all(type(each) is int for each in value.values()))


def integer_constants() -> set[tuple[str, str]]:
    """Return the modules and names of the integers that selection files and native files define at their top."""
    found = set()
    for path in Path(str(xtopk.__file__)).parent.glob("_[cns]*/*.py"):
        module = import_module(f"xtopk.{path.parent.name}.{path.stem}".removesuffix(".__init__"))
        for node in ast.parse(path.read_text()).body:
            names = [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
            names = [name for name in names if name.isupper() and is_number(getattr(module, name, None))]
            found |= {(module.__name__, name) for name in names}
    return found


def test_no_constant_is_forgotten() -> None:
    defined = integer_constants()
    fixed = {each for each in defined if {each[1], ".".join(each)} & set(crossover.FIXED)}
    assert {name for each in fixed for name in (each[1], ".".join(each))} >= set(crossover.FIXED)
    measured = {(constant.module, constant.name) for constant in crossover.CONSTANTS}
    assert defined - fixed == measured
