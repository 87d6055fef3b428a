"""Every benchmark also runs, on few elements; what it compares gives the same values."""

import numpy as np
import pytest

from benchmarks.__main__ import main, medians
from benchmarks.natives import CALLS, runs
from benchmarks.workloads import WORKLOADS, Workload
from tests.libraries import rows

LIBRARIES = sorted({row.requires for row in rows(disguised=False)} & set(CALLS))


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype:UserWarning")
def test_every_workload_runs(library: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--library", library, "--tiny", "--seconds", "0"])
    table = capsys.readouterr().out
    assert all(f"| {work.name} |" in table for work in WORKLOADS)
    assert f"over {sum(runs(library, work) for work in WORKLOADS)} workloads" in table


@pytest.mark.parametrize(
    "work",
    [work for work in WORKLOADS if runs("numpy", work) and "climate" not in work.name],  # argpartition puts NaN first
    ids=lambda work: work.name,
)
def test_the_idiom_selects_the_same_values(work: Workload) -> None:
    calls = CALLS["numpy"](work.tiny(), work.make(np.random.default_rng(1), work.tiny().shape))
    np.testing.assert_array_equal(calls["native"]()[0], calls["xtopk"]().values)


def test_an_unknown_workload_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["nothing_like_this"])
    assert "no workload has a name like nothing_like_this" in capsys.readouterr().err


def test_sides_take_turns() -> None:
    turns: list[str] = []
    medians({"a": lambda: turns.append("a"), "b": lambda: turns.append("b")}, seconds=0, least=2)
    assert turns == ["a", "b"] * 3
