"""python -m benchmarks.gpu: tests and figures of whatever GPU is here, each library in a process of its own.

Without a GPU it says so and writes nothing. What is found is saved after each measurement, so that a run that is cut
short loses none. `--rehearse` does the same on the CPU, on few elements, to see that it runs.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from math import ceil
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any
from unittest import mock

import numpy as np

import xtopk
from benchmarks.gpu_libraries import LIBRARIES, REHEARSAL, Task

ROOT = Path(__file__).parents[1]
MARKS = "<!-- on a GPU: written by `python -m benchmarks.gpu --write docs` -->", "<!-- end of what a GPU gave -->"
MOST_CALLS = 200
"""How many calls a sample is of at most."""

LEAST_ROUNDS, SECONDS = 3, 0.3
"""At least so many samples of each side, and for so many seconds a side."""

CACHES = 4
"""Inputs together are so many times larger than the cache, or as many as `INPUTS` of them."""

INPUTS = 16
SHARES = {"checks": 0.5, "bench": 0.7, "constants": 1.0}
"""Of the time that is left, how much each part may take."""

CALLS = {"torch": 2000, "cupy": 1000, "jax": 60}
"""Random calls that are compared with the oracle: JAX compiles nearly each."""

ROWS_OF_TESTS = "XTOPK_TEST_LIBRARIES"
"""The variable of the environment that names the rows which are tested, and then are required."""

CEILING = Task("ceiling", (1 << 30,), 1)

TASKS = [
    *(Task(f"one_row_1e8_k{k}", (10**8,), k) for k in (10, 100, 1000)),
    Task("rows_float32", (64, 131_072), 50),
    Task("rows_bfloat16", (64, 131_072), 50, dtype="bfloat16"),
    Task("moe_router_bfloat16", (8192, 256), 8, dtype="bfloat16"),
    Task("short_rows", (65_536, 64), 8),
    Task("knn_smallest", (1024, 100_000), 10, mode="smallest"),
    Task("bm25", (8_841_823,), 1000, "bm25"),
    Task("sparse_attention", (128, 131_072), 2048),
    Task("large_k", (8_388_608,), 10_000),
    Task("large_k_rows", (8, 1 << 20), 30_000),
    Task("quarter_rows", (64, 1 << 18), 1 << 16),
    Task("quarter", (1 << 18,), 1 << 16),
    Task("small_row", (1000,), 5),
    Task("small_rows", (32, 100), 5),
    Task("axis_0", (131_072, 64), 50, axis=0),
    *(
        Task(f"{kind}_{name}", shape, k, kind)
        for kind in ("constant", "ascending", "few_distinct", "half_nan", "nearly_all_nan")
        for name, shape, k in (("row", (10**8,), 100), ("rows", (64, 131_072), 50))
    ),
    Task("one_row_int32", (10**8,), 100, "integers", "int32"),
    Task("one_row_float64", (5 * 10**7,), 100, dtype="float64"),
    *(Task(f"one_row_1e9_k{k}", (10**9,), k) for k in (10, 100, 1000)),
]

JAX, KERNELS = "xtopk._native.jax_gpu", "xtopk._cuda.select"


def rows_of(count: int, n: int, k: int) -> Task:
    """Return a task of random float32, named by its shape."""
    return Task(f"{count}x{n}_k{k}", (count, n), k)


ROW, ROWS = Task("row", (10**8,), 100), Task("rows", (64, 131_072), 50)
AROUND = [Task(f"2**{e}", (1 << e,), 300) for e in (16, 18, 20, 22, 24)]
SHORT = [rows_of(8192, n, k) for n, k in ((64, 8), (64, 32), (256, 32), (256, 64), (1024, 8), (1024, 16), (1024, 32))]
MIDDLE = [rows_of(count, 1 << e, 50) for e in (15, 17, 18) for count in (1, 64, 1024)]
GREAT_K = [rows_of(count, 1 << e, 1 << e - 2) for count, e in ((1, 16), (1, 18), (1, 20), (64, 18))]
CONSTANTS: list[tuple[str, str, str, tuple[Any, ...], list[Task]]] = [
    ("torch", KERNELS, "READ_TWICE", (0, 1 << 40), MIDDLE),
    ("torch", KERNELS, "LEFT", (1, 4), [Task("bm25", (8_841_823,), 1000), Task("row_k20000", (10**8,), 20_000)]),
    ("torch", KERNELS, "WARPS", (1 << 10, 1 << 14), [ROW, Task("row_k1000", (10**8,), 1000)]),
    (
        "torch",
        KERNELS,
        "PLACED",
        (0, 1 << 40),
        [rows_of(c, 1 << 23, k) for c in (1, 8) for k in (5000, 30_000)],
    ),
    ("torch", KERNELS, "PARTS", (1 << 8, 1 << 9, 1 << 11, 1 << 12), GREAT_K),
    ("torch", KERNELS, "MAX_SORTED", (0, 1 << 30), GREAT_K),
    ("torch", KERNELS, "MIN_PART", (1 << 12, 1 << 14, 1 << 15), GREAT_K),
    ("torch", KERNELS, "SHORT_WORK", (0, 1 << 30), SHORT),
    ("torch", KERNELS, "MAX_ROW", (0, 1 << 30), [rows_of(c, 1 << e, 4096) for c in (1, 64) for e in (16, 18)]),
    ("jax", JAX, "NARROWEST", (8, 16, 32, 64, 128), [ROWS, Task("large_k", (128, 131_072), 2048)]),
    ("jax", JAX, "SORTED", (1 << 10, 1 << 12, 1 << 14), [ROW, ROWS, rows_of(4096, 2048, 8)]),
    ("jax", JAX, "FEW", (0, 1 << 30), [ROW, Task("row_k1000", (10**8,), 1000)]),
    ("jax", JAX, "COUNTED", (0, 1 << 14, 1 << 16), [ROW, ROWS, Task("bm25", (8_841_823,), 200), rows_of(32, 1000, 10)]),
    ("jax", JAX, "MANY", (0, 1 << 40), SHORT),
    ("jax", JAX, "UNSORTED", (0, 1 << 30), AROUND),
]
"""Those that choose a path off the CPU, other values of them, and tasks that they decide."""


class Run:
    """What was found with one library, and where it is saved."""

    def __init__(self, library: Any, folder: Path, minutes: float) -> None:
        self.library, self.path = library, folder / f"gpu-{library.name}.json"
        self.end = time.monotonic() + 60 * minutes
        self.found: dict[str, Any] = {"machine": {}, "tasks": [], "constants": [], "checks": []}
        if self.path.exists():  # parts that were measured by themselves
            self.found |= json.loads(self.path.read_text())
        self.inputs = 1

    def save(self, line: str) -> None:
        """Write all that was found, and print a line."""
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(self.found, indent=1) + "\n")
        part.replace(self.path)
        print(line, flush=True)

    def seconds_left(self, share: float = 1) -> float:
        """Return how much time there is."""
        return max(0.0, share * (self.end - time.monotonic()))


def machine(run: Run) -> None:
    """Find what the figures depend on, and how fast the card reads and copies."""
    here = {**run.library.card(), "driver": driver(), "Python": platform.python_version(), **run.library.notes()}
    for package in ("xtopk", "numpy", "torch", "triton", "jax", "jaxlib", "cupy-cuda13x", "cupy-cuda12x"):
        try:
            here[package] = version(package)
        except PackageNotFoundError:
            continue
    here.setdefault("xtopk", xtopk.__version__)
    run.found["machine"] = here
    task = CEILING.tiny() if run.library.rehearse else CEILING._replace(shape=(min(1 << 30, here["memory"] // 16),))
    x = run.library.make(task, 0)
    sides = {"amax": run.library.sides(task)["max"], "copy": run.library.copy}
    times = medians(run, sides, [x], SECONDS)
    here["amax GB/s"], here["copy GB/s"] = task.bytes / times["amax"] / 1e9, 2 * task.bytes / times["copy"] / 1e9
    run.save("\n".join(f"{name}: {value}" for name, value in here.items()))


def driver() -> str:
    """Return the version of the driver."""
    if shutil.which("nvidia-smi") is None:
        return "no nvidia-smi"
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.split("\n")[0].strip()


def medians(run: Run, sides: dict[str, Callable[[Any], Any]], inputs: list[Any], seconds: float) -> dict[str, float]:
    """Return the median seconds of a call of each side, which take turns, and so do the inputs."""
    turn = 0

    def next_call(side: Callable[[Any], Any]) -> Any:
        nonlocal turn
        turn += 1
        return side(inputs[turn % len(inputs)])

    calls = {name: partial(next_call, side) for name, side in sides.items()}
    for call in calls.values():
        run.library.elapsed(call, 2)
    times = {name: ceil(min(MOST_CALLS, run.library.sample / run.library.elapsed(c, 1))) for name, c in calls.items()}
    taken: dict[str, list[float]] = {name: [] for name in calls}
    end, rounds = time.monotonic() + seconds * len(calls), 0
    while rounds < LEAST_ROUNDS or time.monotonic() < end:
        rounds += 1
        for name, call in calls.items():
            taken[name].append(run.library.elapsed(call, times[name]) / times[name])
    return {name: median(each) for name, each in taken.items()}


def measure(run: Run, task: Task) -> dict[str, Any]:
    """Return what one task took, and what failed of it."""
    library, here = run.library, run.found["machine"]
    if task.dtype in library.lacks:
        return {"task": task.name, "failed": {"all": f"no {task.dtype}"}}
    if 8 * task.bytes > here["memory"]:
        return {"task": task.name, "failed": {"all": f"{task.bytes >> 20} MiB are more than an eighth of the card's"}}
    count = max(1, min(INPUTS, ceil(CACHES * here["L2"] / task.bytes)))
    inputs = [library.make(task, seed) for seed in range(count)]
    sides, failed, memory = library.sides(task), {}, {}
    for name in list(sides):
        try:
            memory[name] = library.peak(partial(sides[name], inputs[0]))
        except Exception as error:  # most of all, out of memory; anything is reported, and the others go on
            failed[name] = f"{type(error).__name__}: {error}"[:200]
            del sides[name]
            library.free()
    agrees = None
    if {"native", "xtopk"} <= set(sides) and "nan" not in task.kind:
        values = [library.host(sides[side](inputs[0])[0]) for side in ("native", "xtopk", "xtopk unstable")]
        agrees = all(np.array_equal(values[0], each) for each in values[1:])
    seconds = medians(run, sides, inputs, 0.01 if library.rehearse else SECONDS)
    found = {"task": task.name, "shape": task.shape, "k": task.k, "dtype": task.dtype, "kind": task.kind}
    return found | {"seconds": seconds, "memory": memory, "failed": failed, "agrees": agrees, "bytes": task.bytes}


def bench(run: Run, tasks: list[Task]) -> None:
    """Measure each task while there is time, and say which were left."""
    end = time.monotonic() + run.seconds_left(SHARES["bench"])
    run.found["tasks"] = []
    print(TITLE, flush=True)
    for at, task in enumerate(tasks):
        if time.monotonic() > end:
            run.save(f"no time for {', '.join(each.name for each in tasks[at:])}")
            return
        run.found["tasks"].append(measure(run, task))
        run.save(row(run.found["tasks"][-1], run.found["machine"]))
        run.library.free()


def constants(run: Run) -> None:
    """Measure each constant of this library beside other values."""
    from benchmarks.crossover import Constant, replaced

    end = time.monotonic() + run.seconds_left(SHARES["constants"])
    run.found["constants"] = []
    if run.library.name == "jax":  # of which all choose among ways without kernels
        mock.patch(f"{KERNELS}.ON", False).start()
    for library, module, name, others, tasks in CONSTANTS:
        for task in tasks if library == run.library.name else []:
            if time.monotonic() > end:
                return
            task = task.tiny() if run.library.rehearse else task
            x = run.library.make(task, 0)
            constant = Constant(library, module, name, others, ())
            sides: dict[str, Callable[[Any], Any]] = {}
            for other in others:
                if library == "jax":  # what is traced keeps the value
                    sys.modules["xtopk._native.jax"]._compiled.cache_clear()
                    sides[str(other)] = run.library.sides(task)["xtopk"]
                    with replaced(constant, other):
                        sides[str(other)](x)
                else:
                    sides[str(other)] = partial(called_with, constant, other, run.library.sides(task)["xtopk"])
            taken = medians(run, sides, [x], 0.05)
            run.found["constants"].append({"constant": f"{module}.{name}", "task": task.name, "seconds": taken})
            run.save(f"{name} {task.name}: " + ", ".join(f"{v}: {s * 1e3:.3f} ms" for v, s in taken.items()))


def called_with(constant: Any, value: int, side: Callable[[Any], Any], x: Any) -> Any:
    """Call under another value of a constant."""
    from benchmarks.crossover import replaced

    with replaced(constant, value):
        return side(x)


def checks(run: Run) -> None:
    """Run the fuzz and the tests of each row that needs a GPU, all at once, and keep how they ended."""
    rows = run.library.rehearsed if run.library.rehearse else run.library.rows
    calls = "20" if run.library.rehearse else str(CALLS[run.library.name])
    quiet = ["pytest", "-q", "-p", "no:cacheprovider", "-W", "default"]  # what other versions warn of is no failure
    files = ["tests/test_topk.py", "tests/test_mask.py", "tests/test_merge.py"]
    commands = {f"fuzz of {name}": ["tests.fuzz", "--library", name, "--calls", calls] for name in rows}
    if run.library.rehearse:
        commands["tests"] = [*quiet, "tests/test_oracle.py"]
    else:
        commands |= {f"{Path(file).stem} of {name}": [*quiet, file] for file in files for name in rows}
        commands["test_gpu"] = [*quiet, "tests/test_gpu.py", "tests/test_explain.py"]
    run_all(run, commands, max(60.0, run.seconds_left(SHARES["checks"])))


def run_all(run: Run, commands: dict[str, list[str]], seconds: float) -> None:
    """Run commands at once and keep how they ended; the rows of tests are those that a name ends with, or all."""
    rows = () if run.library.rehearse else run.library.rows
    path = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    started, end = {}, time.monotonic() + seconds
    for name, command in commands.items():
        named = ",".join(row for row in rows if name.endswith(f" {row}")) or ",".join(rows)
        environment = {**os.environ, "PYTHONPATH": path} | ({ROWS_OF_TESTS: named} if named else {})
        options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "cwd": ROOT}
        started[name] = subprocess.Popen([sys.executable, "-m", *command], env=environment, **options)
    run.found["checks"] = []
    for name, process in started.items():
        try:
            printed, _ = process.communicate(timeout=max(1.0, end - time.monotonic()))
            ended = "passed" if process.returncode == 0 else f"failed, {process.returncode}"
        except subprocess.TimeoutExpired:
            process.kill()
            printed, ended = process.communicate()[0], "not finished in time"
        run.found["checks"].append({"check": name, "ended": ended, "printed": printed[-3000:]})
        run.save(f"{name}: {ended}\n{printed[-3000:] if ended != 'passed' else printed[-200:]}")


PARTS: dict[str, Callable[[Run], None]] = {"checks": checks, "constants": constants}

TITLE = (
    "| task | native ms | xtopk ms | unstable ms | max ms | native / xtopk | native / unstable | share of the ceiling "
    "| extra memory |\n|---" + "|---:" * 8 + "|"
)


def row(found: dict[str, Any], here: dict[str, Any]) -> str:
    """Return a line of the table; what failed is empty."""
    taken = found.get("seconds", {})
    native, ours, unstable, floor = (taken.get(side) for side in ("native", "xtopk", "xtopk unstable", "max"))
    cells = ["" if each is None else f"{each * 1e3:.3f}" for each in (native, ours, unstable, floor)]
    cells += [f"{native / each:.2f}" if native and each else "" for each in (ours, unstable)]
    share = found["bytes"] / ours / 1e9 / here["amax GB/s"] if ours else None
    memory = found.get("memory", {}).get("xtopk")
    cells += ["" if share is None else f"{share:.0%}", "" if memory is None else f"{memory / found['bytes']:.2f}"]
    notes = "".join(f" ({side}: {error})" for side, error in found.get("failed", {}).items())
    notes += " (VALUES DIFFER)" if found.get("agrees") is False else ""
    return f"| {found['task']}{notes} | {' | '.join(cells)} |"


def tables(folder: Path) -> str:
    """Return Markdown of all that was saved in a folder."""
    lines = []
    for path in sorted(folder.glob("gpu-*.json")):
        found = json.loads(path.read_text())
        name = path.stem.removeprefix("gpu-")
        lines += [f"**{name}, {found['machine']['card']}**", ""]
        lines += [
            f"- {key}: {value:.0f}" if isinstance(value, float) else f"- {key}: {value}"
            for key, value in found["machine"].items()
            if key not in ("memory", "L2")
        ]
        for ended in sorted({each["ended"] for each in found["checks"]}, reverse=True):
            lines.append(f"- {ended}: {', '.join(each['check'] for each in found['checks'] if each['ended'] == ended)}")
        lines += ["", TITLE, *(row(each, found["machine"]) for each in found["tasks"]), ""]
        both = [each["seconds"] for each in found["tasks"] if {"native", "xtopk"} <= set(each.get("seconds", {}))]
        if both:
            gains = [each["native"] / each["xtopk"] for each in both]
            lines += [f"Geometric mean of native / xtopk over {len(gains)} tasks: {geometric_mean(gains):.2f}.", ""]
        if left := [task.name for task in TASKS if task.name not in {each["task"] for each in found["tasks"]}]:
            lines += [f"Not measured, for want of time: {', '.join(left)}.", ""]
    return "\n".join(lines)


def write(folder: Path, docs: Path) -> None:
    """Put the tables of a folder into docs/performance.md, between marks of their own; never those of a rehearsal."""
    from benchmarks.pages import write_between

    for path in sorted(folder.glob("gpu-*.json")):
        found = json.loads(path.read_text())
        if found["machine"]["card"] == REHEARSAL:
            raise SystemExit(f"{path} is of a rehearsal, and no figure of a GPU")
        for each in found["checks"]:
            each.pop("printed", None)  # which has paths of that machine
        (docs / path.name).write_text(json.dumps(found, indent=1) + "\n")
    write_between(docs / "performance.md", MARKS, {}, tables(folder))


def run_one(library: Any, folder: Path, minutes: float, parts: list[str], tasks: list[Task]) -> bool:
    """Measure with one library, in this process; return whether all was right."""
    folder.mkdir(parents=True, exist_ok=True)
    run = Run(library, folder, minutes)
    if not run.found["machine"]:
        machine(run)
    for part in parts:
        if run.seconds_left() > 0:
            bench(run, tasks) if part == "bench" else PARTS[part](run)
    wrong = [each for each in run.found["tasks"] if each.get("agrees") is False or "xtopk" in each["failed"]]
    return not wrong and all(each["ended"] == "passed" for each in run.found["checks"])


def main(arguments: list[str] | None = None) -> int:
    """Measure what the command line names; return 1 if a test failed or did not end, or a value was wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="parts of task names; all if none")
    parser.add_argument("--library", choices=LIBRARIES, action="append", help="default: all; may be repeated")
    parser.add_argument("--only", choices=SHARES, action="append", help="default: all parts; may be repeated")
    parser.add_argument("--minutes", type=float, default=9, help="of all libraries together, default 9")
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", ".")), help="where results are saved")
    parser.add_argument("--rehearse", action="store_true", help="on the CPU and on few elements, to see that it runs")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="measure nothing; write what is saved there")
    chosen = parser.parse_args(arguments)
    if chosen.write:
        write(chosen.out, chosen.write)
        return 0
    tasks = [task for task in TASKS if not chosen.names or any(name in task.name for name in chosen.names)]
    parts = [part for part in SHARES if part in (chosen.only or SHARES)]
    libraries = [name for name in chosen.library or LIBRARIES if is_here(name, chosen.rehearse)]
    if len(libraries) == 1:
        library = LIBRARIES[libraries[0]](rehearse=chosen.rehearse)
        cut = [task.tiny() for task in tasks] if chosen.rehearse else tasks
        right = run_one(library, chosen.out, chosen.minutes, parts, cut)
        print(f"\n{tables(chosen.out)}")
        return int(not right)
    end, right = time.monotonic() + 60 * chosen.minutes, True
    for at, name in enumerate(libraries):  # in processes of their own, for JAX does not give memory back
        minutes = (end - time.monotonic()) / 60 / (len(libraries) - at)
        command = [sys.executable, "-m", "benchmarks.gpu", "--library", name, "--minutes", str(minutes)]
        command += ["--out", str(chosen.out), *["--rehearse"] * chosen.rehearse, *chosen.names]
        command += [word for part in chosen.only or [] for word in ("--only", part)]
        right &= subprocess.run(command, check=False).returncode == 0
    return int(not right)


def is_here(name: str, rehearse: bool) -> bool:
    """Return whether a library can compute on a GPU here, and say so if not."""
    try:
        here = bool(LIBRARIES[name](rehearse=rehearse).is_here())
    except ImportError:
        here = False
    if not here:
        print(f"{name}: no GPU that it can use, so nothing is measured", flush=True)
    return here


if __name__ == "__main__":
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    os.environ.setdefault("JAX_ENABLE_X64", "1")  # its float64 would be float32
    sys.exit(main())
