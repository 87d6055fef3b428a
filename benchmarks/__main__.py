"""python -m benchmarks: xtopk against each library's own call, and against one pass over the data.

All sides run in turn in one process; what is reported are medians and their ratios. `native` gives neither stable ties
nor NaN last, `xtopk` both.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from statistics import geometric_mean, median
from typing import Any

import numpy as np

from benchmarks.natives import CALLS, runs
from benchmarks.workloads import WORKLOADS, Workload


def medians(calls: dict[str, Callable[[], Any]], seconds: float, least: int = 3) -> dict[str, float]:
    """Return the median seconds of each call, all of them taken in turn."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    end = time.perf_counter() + seconds
    rounds = 0
    while rounds < least or time.perf_counter() < end:
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
        rounds += 1
    return {name: median(taken) for name, taken in times.items()}


def report(library: str, workloads: list[Workload], seconds: float) -> None:
    """Print a Markdown table of one library."""
    gains = []
    print(f"\n| {library} | native ms | xtopk ms | max ms | native / xtopk | xtopk / max | xtopk - native µs |")
    print("|---|---|---|---|---|---|---|")
    for work in workloads:
        if not runs(library, work):
            print(f"| {work.name} | needs ml_dtypes | | | | | |")
            continue
        print(f"{work.name} ...", end="\r", file=sys.stderr, flush=True)
        calls = CALLS[library](work, work.make(np.random.default_rng(0), work.shape))
        found = medians(calls, seconds)
        native, floor = found["native"], found["max"]
        for side, ours in found.items():
            if side.startswith("xtopk"):
                name = work.name + side.removeprefix("xtopk")
                print(
                    f"| {name} | {native * 1e3:.3f} | {ours * 1e3:.3f} | {floor * 1e3:.3f} | {native / ours:.2f} "
                    f"| {ours / floor:.2f} | {(ours - native) * 1e6:.0f} |",
                    flush=True,
                )
        gains.append(native / found["xtopk"])
    print(f"\nGeometric mean of native / xtopk over {len(gains)} workloads: {geometric_mean(gains):.2f}")


def main(arguments: list[str] | None = None) -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="parts of workload names; all if none")
    parser.add_argument("--library", choices=CALLS, action="append", help="default: numpy; may be repeated")
    parser.add_argument("--seconds", type=float, default=1.0, help="at least so long a workload, default 1")
    parser.add_argument("--tiny", action="store_true", help="the same on few elements, to see that it runs")
    chosen = parser.parse_args(arguments)
    workloads = [w for w in WORKLOADS if not chosen.names or any(name in w.name for name in chosen.names)]
    if not workloads:
        parser.error(f"no workload has a name like {', '.join(chosen.names)}")
    for library in chosen.library or ["numpy"]:
        report(library, [w.tiny() for w in workloads] if chosen.tiny else workloads, chosen.seconds)


if __name__ == "__main__":
    os.environ.setdefault("JAX_ENABLE_X64", "1")  # before JAX is imported; its float64 would be float32
    main()
