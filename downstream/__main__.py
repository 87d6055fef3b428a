"""python -m downstream: released libraries do their own task, by their own selection and with xtopk in its place.

Both run in turn in one process, on the same data; what is reported are medians. Ends with 1 if a result is wrong.
"""

import argparse
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from benchmarks.__main__ import medians, shown
from benchmarks.pages import machine, write_between
from downstream.task import Task

MARKS = "<!-- measured: written by `python -m downstream --write docs` -->", "<!-- end of what is measured -->"

LIBRARIES = [
    "bm25s",
    "docarray",
    "gensim",
    "keras",
    "pandas",
    "scikit_learn",
    "sentence_transformers",
    "torchmetrics",
    "transformers",
    "txtai",
]


class Result(NamedTuple):
    """What one task took, and what its check found."""

    task: Task
    seconds: dict[str, float]
    found: str
    wrong: bool


def all_tasks() -> list[Task]:
    """Return the tasks of every library."""
    return [task for name in LIBRARIES for task in import_module(f"downstream.{name}").TASKS]


def is_here(task: Task) -> bool:
    """Return whether the task's library is installed."""
    return find_spec(task.imports) is not None


def results_of(tasks: list[Task], seconds: float, tiny: bool) -> Iterator[Result]:
    """Yield the result of each task; its check comes before the clock."""
    for task in shown(tasks, lambda task: f"{task.package} {task.what}"):
        prepared = task.prepare(task.tiny if tiny else task.size)
        try:
            found, wrong = prepared.check(prepared.run(), prepared.run_patched()), False
        except AssertionError as error:
            found, wrong = f"WRONG: {' '.join(str(error).split())}", True
        taken = medians({"own": prepared.run, "xtopk": prepared.run_patched}, seconds)
        yield Result(task, taken, found, wrong)


def table(results: list[Result]) -> str:
    """Return Markdown."""
    lines = [
        "| library | task | selects by | own ms | with xtopk ms | own / with xtopk | results |",
        "|---|---|---|---:|---:|---:|---|",
    ]
    for task, taken, found, _ in results:
        own, ours = taken["own"], taken["xtopk"]
        lines.append(
            f"| {task.package} {version(task.package)} | {task.what} | {task.selects} "
            f"| {own * 1e3:.2f} | {ours * 1e3:.2f} | {own / ours:.2f} | {found} |"
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Run the tasks that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m downstream", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="packages; all that are installed if none")
    parser.add_argument("--seconds", type=float, default=3.0, help="at least so long a task, default 3")
    parser.add_argument("--tiny", action="store_true", help="the same on little data, to see that it runs")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="write the table there, too")
    chosen = parser.parse_args(arguments)
    tasks = [t for t in all_tasks() if not chosen.names or t.package in chosen.names]
    here = [task for task in tasks if is_here(task)]
    for package in dict.fromkeys(task.package for task in tasks if task not in here):
        print(f"{package} is not installed", file=sys.stderr)
    if not here:
        parser.error("nothing to run")
    results = list(results_of(here, chosen.seconds, chosen.tiny))
    print(table(results))
    if chosen.write:
        write_between(chosen.write / "downstream.md", MARKS, machine(("xtopk", "numpy", "torch")), table(results))
    if any(result.wrong for result in results):
        sys.exit(1)


if __name__ == "__main__":
    main()
