"""python -m benchmarks: xtopk against each library's own call, other packages, and one pass over the data.

All sides run in turn in one process; what is reported are medians and their ratios. `native` gives neither stable ties
nor NaN last, `xtopk` both.
"""

import argparse
import ctypes
import os
import sys
import time
from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path
from random import Random
from statistics import geometric_mean, median
from typing import Any, TypeVar

import numpy as np

from benchmarks.natives import CALLS, UNSTABLE, runs
from benchmarks.workloads import WORKLOADS, Workload, any_workloads, normal

T = TypeVar("T")

SLOW = 0.2
"""A side that takes so many seconds is not called again."""

KEPT = 31 << 20
"""Once a block of so many bytes was freed, glibc keeps what is freed, up to twice as much; it learns up to 32 MB."""

NEW, MOST_NEW = 1 << 18, 64
"""A task of fewer elements gets new ones in each call, of so many altogether and so many arrays at most: a processor
learns by heart which way the branches of a selection go among the same few thousand numbers, which then takes a fourth
of the time."""

SWEEPS = {
    "n": [Workload(f"n={1 << e}", (1 << e,), k, normal, group=f"k={k}") for k in (10, 1000) for e in range(12, 24)],
    "k": [Workload(f"k={4**e}", (1 << 22,), 4**e, normal, group="n=2**22") for e in range(10)],
}


def medians(calls: dict[str, Callable[[], Any]], seconds: float, least: int = 5) -> dict[str, float]:
    """Return the median seconds of each call, all of them taken in turn.

    The order is another each time, or one side would always find in the cache what the one before it left there. Memory
    is allocated as in a process that has used a large array before: in others all results of operations are given back
    to Linux at once, which then clears the next ones page by page.
    """
    np.ones(KEPT, dtype=np.uint8)
    for call in calls.values():
        call()
    times = {name: [timed(call)] for name, call in calls.items()}
    quick = [name for name, (first,) in times.items() if first < SLOW]
    end = time.perf_counter() + seconds
    rounds, order = 1, Random(0)
    while rounds < least or time.perf_counter() < end:
        for name in order.sample(quick, len(quick)):
            times[name].append(timed(calls[name]))
        rounds += 1
    return {name: median(taken) for name, taken in times.items()}


def timed(call: Callable[[], Any]) -> float:
    """Return the seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def memory_peak(call: Callable[[], Any]) -> int | None:
    """Return how many bytes the process grew by at most during a call, where Linux tells; 4096 is a page."""
    try:
        peak_begins()
    except (OSError, AttributeError):
        return None
    call()
    return peak_growth()


def peak_begins() -> None:
    """Let the peak start again, from what is in use."""
    ctypes.CDLL(None).malloc_trim(0)  # or memory that is free but kept would be used unseen
    Path("/proc/self/clear_refs").write_text("5")
    global _before
    _before = _status("VmRSS")


_before = 0


def peak_growth() -> int:
    """Return how many bytes the process grew by at most since then."""
    return max(0, _status("VmHWM") - _before)


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(field))


def arrays_of(size: int) -> int:
    """Return how many arrays of so many elements are new ones in turn."""
    return max(1, min(MOST_NEW, NEW // max(1, size)))


def measure(library: str, work: Workload, seconds: float) -> dict[str, Any]:
    """Return what one workload took on one library."""
    rng = np.random.default_rng(0)
    several = [work.make(rng, work.shape) for _ in range(arrays_of(prod(work.shape)))]
    calls = CALLS[library](work, several)
    found = medians(calls, seconds)
    return {
        "library": library,
        "workload": work.name,
        "group": work.group,
        "shape": work.shape,
        "k": work.k,
        "seconds": found,
        "memory": {side: memory_peak(calls[side]) for side in ("native", "xtopk")},
    }


def progress(libraries: list[str], workloads: list[Workload]) -> Iterator[tuple[str, Workload]]:
    """Yield each library with each workload that it can hold, and say on stderr how far it is."""
    todo = [(library, work) for library in libraries for work in workloads if runs(library, work)]
    return shown(todo, lambda each: f"{each[0]} {each[1].name}")


def shown(todo: list[T], name: Callable[[T], str]) -> Iterator[T]:
    """Yield one after another, and say on stderr how far it is."""
    start = time.perf_counter()
    for done, each in enumerate(todo):
        bar = "#" * (30 * done // len(todo))
        line = f"[{bar:30}] {done}/{len(todo)} {time.perf_counter() - start:4.0f} s  {name(each)}"
        if sys.stderr.isatty():
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
        elif done % 10 == 0:
            print(line, file=sys.stderr, flush=True)
        yield each
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)


def tables(results: list[dict[str, Any]]) -> str:
    """Return Markdown: a table for each library and group, and the geometric means."""
    lines: list[str] = []
    for library, group in dict.fromkeys((result["library"], result["group"]) for result in results):
        rows = [r for r in results if (r["library"], r["group"]) == (library, group)]
        lines += ["", f"**{library}, {group} workloads**", "", TITLE, "|---" + "|---:" * 8 + "|"]
        lines += [row(result) for result in rows]
        gains = [gain(result) for result in rows]
        worst = min(rows, key=gain)["workload"]
        mean = f"Geometric mean of native / xtopk over {len(gains)} workloads: {geometric_mean(gains):.2f}"
        lines += ["", f"{mean}; least {min(gains):.2f}, {worst}."]
        lines += peers_table(rows)
    return "\n".join(lines[1:])


TITLE = (
    "| workload | native ms | xtopk ms | max ms | native / xtopk | native / xtopk unstable | xtopk / max "
    "| xtopk - native µs | extra memory MB |"
)


def gain(result: dict[str, Any]) -> float:
    """Return how many times faster xtopk is than the native call."""
    return float(result["seconds"]["native"] / result["seconds"]["xtopk"])


def row(result: dict[str, Any]) -> str:
    """Return a line of the table."""
    native, ours, unstable, floor = (result["seconds"][side] for side in ("native", "xtopk", UNSTABLE, "max"))
    peak = result["memory"]["xtopk"]
    return (
        f"| {result['workload']} | {native * 1e3:.3f} | {ours * 1e3:.3f} | {floor * 1e3:.3f} | {native / ours:.2f} "
        f"| {native / unstable:.2f} | {ours / floor:.2f} | {(ours - native) * 1e6:.0f} "
        f"| {'' if peak is None else f'{peak / 1e6:.1f}'} |"
    )


def peers_table(results: list[dict[str, Any]]) -> list[str]:
    """Return how many times longer other packages and idioms took than xtopk."""
    known = {"native", "xtopk", UNSTABLE, "max"}
    peers = list(dict.fromkeys(side for result in results for side in result["seconds"] if side not in known))
    if not peers:
        return []
    lines = ["", "How many times longer than xtopk:", "", f"| workload | {' | '.join(peers)} |"]
    lines += ["|---" + "|---:" * len(peers) + "|"]
    for result in results:
        taken = result["seconds"]
        cells = (f"{taken[peer] / taken['xtopk']:.1f}" if peer in taken else "" for peer in peers)
        lines.append(f"| {result['workload']} | {' | '.join(cells)} |")
    return lines


def main(arguments: list[str] | None = None) -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="parts of workload names; all if none")
    parser.add_argument("--library", choices=CALLS, action="append", help="default: all; may be repeated")
    parser.add_argument("--seconds", type=float, default=0.5, help="at least so long a workload, default 0.5")
    parser.add_argument("--quick", action="store_true", help="no more than about a million elements, 0.05 s each")
    parser.add_argument("--tiny", action="store_true", help="the same on few elements, to see that it runs")
    parser.add_argument(
        "--random", type=int, metavar="N", help="so many random tasks instead of the named, worst first"
    )
    parser.add_argument("--write", type=Path, metavar="DOCS", help="write the figures and plots there, too")
    chosen = parser.parse_args(arguments)
    every = WORKLOADS if chosen.random is None else any_workloads(chosen.random)
    workloads = [w for w in every if not chosen.names or any(name in w.name for name in chosen.names)]
    if not workloads:
        parser.error(f"no workload has a name like {', '.join(chosen.names)}")
    cut = Workload.tiny if chosen.tiny else Workload.quick if chosen.quick else lambda work: work
    seconds = min(chosen.seconds, 0.05) if chosen.quick else chosen.seconds
    libraries = chosen.library or list(CALLS)
    results = [measure(*each, seconds) for each in progress(libraries, [cut(work) for work in workloads])]
    if chosen.random is not None:
        results.sort(key=lambda result: (libraries.index(result["library"]), gain(result)))
    print(tables(results))
    if chosen.write:
        from benchmarks.pages import write

        sweeps = {
            name: [measure(*each, seconds / 5) for each in progress(libraries, [cut(work) for work in works])]
            for name, works in SWEEPS.items()
        }
        write(chosen.write, results, sweeps, tables(results))


if __name__ == "__main__":
    os.environ.setdefault("JAX_ENABLE_X64", "1")  # before JAX is imported; its float64 would be float32
    main()
