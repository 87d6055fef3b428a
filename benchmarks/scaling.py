"""python -m benchmarks.scaling: Dask beside its own calls, how the cost grows, and a model of more than is here.

One thread of one process is measured at many sizes, two processes for what moves between them. The model is fitted to
these and to nothing else; what it says of more workers is no measurement.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np

import xtopk
from benchmarks.__main__ import medians, memory_peak, timed
from benchmarks.crossover import Constant, replaced
from benchmarks.scaling_model import ITEM, Costs, fit, line, model
from xtopk._native.dask import MERGED_AT_A_TIME

MARKS = (
    "<!-- measured: written by `python -m benchmarks.scaling --write docs` -->",
    "<!-- end of what is measured -->",
)
PACKAGES = ("xtopk", "numpy", "dask", "distributed")
SPLIT = Constant("dask", "xtopk._native.dask", "MERGED_AT_A_TIME", (2, 4, 16, 32), ())


GRID = (
    *((10 * length, length, 100) for length in (10**5, 10**6, 4 * 10**6, 10**7)),
    *((10**8, length, 100) for length in (5 * 10**6, 2 * 10**7, 5 * 10**7)),
    (10**9, 10**7, 100),
    *((blocks * 10**5, 10**5, 100) for blocks in (30, 100, 300)),
    *((3 * 10**7, 10**6, k) for k in (10, 1000, 10_000, 100_000)),
)


class Sizes(NamedTuple):
    """How much is measured: the longest axis, its chunks, and the grid to which the costs are fitted."""

    n: int = 10**8
    length: int = 10**7
    ks: tuple[int, ...] = (100, 10_000)
    grid: tuple[tuple[int, int, int], ...] = GRID
    blocks: tuple[int, ...] = (10, 40, 100, 400)
    payloads: tuple[int, ...] = (1200, 12_000, 120_000, 1_200_000, 12_000_000)
    seconds: float = 2.0


SCENARIOS = ((10**9, 8, 1), (10**11, 100, 1), (10**11, 100, 10), (10**12, 10_000, 1), (10**12, 10_000, 10))
"""Elements, workers, and how many times longer than measured the chunks are."""

TINY = Sizes(8000, 1000, (3,), ((4000, 1000, 3), (4000, 100, 30), (8000, 100, 3)), (2, 4), (10, 1000), 0)


def read(block_id: tuple[int, ...], path: Path, length: int) -> Any:
    """Return a chunk of a file of float32, from its beginning again after its end, in memory of its own."""
    return np.fromfile(path, np.float32, length, offset=block_id[0] * length * ITEM % path.stat().st_size)


def lazy(path: Path, n: int, length: int) -> Any:
    """Return the first `n` elements of a file as a Dask array."""
    import dask.array as da

    chunks, name = ((length,) * (n // length),), f"read-{uuid4()}"  # or a cluster would find it done
    return da.map_blocks(read, path=path, length=length, chunks=chunks, meta=np.empty(0, np.float32), name=name)


def beside(path: Path, sizes: Sizes, k: int) -> dict[str, tuple[float, float]]:
    """Return the seconds of each side, and by how many chunks the process grew, on two threads."""
    import dask
    import dask.array as da

    x = lazy(path, sizes.n, sizes.length)
    calls: dict[str, Callable[[], Any]] = {
        "xtopk.topk": lambda: dask.compute(*xtopk.topk(x, k)),
        "da.topk and da.argtopk in one graph": lambda: dask.compute(da.topk(x, k), da.argtopk(x, k)),
        "da.topk, then da.argtopk": lambda: (da.topk(x, k).compute(), da.argtopk(x, k).compute()),
        "x.max()": lambda: x.max().compute(),
    }
    with dask.config.set(scheduler="threads", num_workers=2):
        found = medians(calls, sizes.seconds)
        return {side: (found[side], (memory_peak(call) or 0) / (ITEM * sizes.length)) for side, call in calls.items()}


def on_one_thread(path: Path, point: tuple[int, int, int], repeats: int) -> float:
    """Return the least seconds of one call, elements read anew, on one thread: whatever else runs only adds."""
    import dask

    n, length, k = point

    def call() -> None:
        dask.compute(*xtopk.topk(lazy(path, n, length), k), scheduler="synchronous")

    call()
    return min(timed(call) for _ in range(repeats))


def by_merged(path: Path, sizes: Sizes, value: int) -> float:
    """Return the seconds of many chunks when `value` partial results are merged at a time."""
    n, length, _ = sizes.grid[0]
    with replaced(SPLIT, value):
        return on_one_thread(path, (n, length // 20, length // 100), 3)


def received(dask_worker: Any) -> int:
    """Return how many bytes a worker has had from others."""
    return sum(entry["total"] for entry in dask_worker.transfer_incoming_log)


def moved(client: Any, size: int, there: str) -> float:
    """Return the seconds until a worker has looked at bytes that the first worker holds."""
    import distributed

    data = client.submit(bytes, size, workers=[next(iter(client.scheduler_info()["workers"]))], pure=False)
    distributed.wait(data)
    return timed(lambda: client.submit(len, data, workers=[there], pure=False).result())


def between_processes(path: Path, sizes: Sizes, folder: str) -> dict[str, Any]:
    """Return what two worker processes of one thread take, and the bytes that one call sends between them."""
    import distributed

    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "host": "127.0.0.1"}
    with (
        distributed.LocalCluster(**options, dashboard_address="127.0.0.1:0", local_directory=folder) as cluster,
        distributed.Client(cluster) as client,
    ):

        def call(n: int, length: int, k: int) -> float:
            return timed(lambda: client.gather(client.compute(list(xtopk.topk(lazy(path, n, length), k)))))

        def call_max(n: int, length: int) -> float:
            return timed(lambda: client.gather(client.compute(lazy(path, n, length).max())))

        call(sizes.n, sizes.length, sizes.ks[0])
        workers = list(client.scheduler_info()["workers"])
        sent = []
        for size in sizes.payloads:
            here, there = (min(moved(client, size, worker) for _ in range(9)) for worker in workers)
            sent.append(max(1e-6, there - here))
        tasks = [min(call(blocks * 100, 100, 10) for _ in range(3)) for blocks in sizes.blocks]
        maxima = [min(call_max(blocks * 100, 100) for _ in range(3)) for blocks in sizes.blocks]
        before = sum(client.run(received).values())
        whole = [call(sizes.n, sizes.length, sizes.ks[0]) for _ in range(5)]
        return {
            "sent": sent,
            "tasks": tasks,
            "maxima": maxima,
            "whole": min(whole),
            "bytes": (sum(client.run(received).values()) - before) / len(whole),
        }


def told(steps: dict[str, Callable[[], Any]]) -> Iterator[tuple[str, Any]]:
    """Yield what each step returns, and say on stderr how far it is."""
    start = time.perf_counter()
    for done, (name, step) in enumerate(steps.items()):
        print(f"{done}/{len(steps)} {time.perf_counter() - start:4.0f} s  {name}", file=sys.stderr, flush=True)
        yield name, step()


def measure(sizes: Sizes) -> dict[str, Any]:
    """Return all that is measured."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.f32"
        rng = np.random.default_rng(0)
        with path.open("wb") as file:
            for _ in range(sizes.n // sizes.length):
                rng.standard_normal(sizes.length, np.float32).tofile(file)
        steps: dict[str, Callable[[], Any]] = {
            **{f"beside {k}": partial(beside, path, sizes, k) for k in sizes.ks},
            **{f"merged {m}": partial(by_merged, path, sizes, m) for m in (MERGED_AT_A_TIME, *SPLIT.others)},
            **{f"one thread {p}": partial(on_one_thread, path, p, 5) for p in sizes.grid},
            "two processes": lambda: between_processes(path, sizes, folder),
        }
        return dict(told(steps))


def costs_of(found: dict[str, Any], sizes: Sizes) -> Costs:
    """Return the costs fitted to what was measured."""
    on_worker = fit(sizes.grid, [found[f"one thread {point}"] for point in sizes.grid])
    two = found["two processes"]
    return Costs._make([*on_worker, *line(sizes.blocks, two["tasks"]), *line(sizes.payloads, two["sent"])])


def table(head: str, rows: list[list[Any]]) -> list[str]:
    """Return a Markdown table."""
    count = head.count("|") + 1
    return ["", f"| {head} |", "|---" + "|---:" * (count - 1) + "|", *(f"| {' | '.join(map(str, r))} |" for r in rows)]


def tables(found: dict[str, Any], sizes: Sizes) -> str:
    """Return Markdown: what was measured, the costs fitted to it, and what they make of more."""
    costs = costs_of(found, sizes)
    lines = ["### Measured: beside Dask's own calls"]
    for k in sizes.ks:
        sides = found[f"beside {k}"]
        ours = sides["xtopk.topk"][0]
        lines += table(
            f"{sizes.n:.0e} float32 in chunks of {sizes.length:.0e}, k={k}, two threads | seconds | times xtopk "
            "| peak memory, chunks",
            [[side, f"{taken:.3f}", f"{taken / ours:.1f}", f"{held:.1f}"] for side, (taken, held) in sides.items()],
        )
    lines += ["", "### Measured and fitted: one thread"]
    rows = []
    for n, length, k in sizes.grid:
        taken, fitted = found[f"one thread {(n, length, k)}"], model(costs, n, 1, k, length)["work"]
        rows.append([f"{n:.0e}", n // length, k, f"{taken * 1e3:.1f}", f"{fitted * 1e3:.1f}", f"{fitted / taken:.2f}"])
    lines += table("elements | chunks | k | measured ms | fitted ms | fitted / measured", rows)
    two = found["two processes"]
    predicted = model(costs, sizes.n, 2, sizes.ks[0], sizes.length)
    lines += ["", "### Measured: two processes on this machine"]
    lines += table(
        "what | measured | model",
        [
            [f"{blocks} chunks of 100, k=10 (and `x.max()`), ms", f"{taken * 1e3:.0f} ({floor * 1e3:.0f})", ""]
            for blocks, taken, floor in zip(sizes.blocks, two["tasks"], two["maxima"], strict=True)
        ]
        + [
            [f"sending {size} bytes, ms", f"{taken * 1e3:.2f}", f"{(costs.transfer + costs.byte * size) * 1e3:.2f}"]
            for size, taken in zip(sizes.payloads, two["sent"], strict=True)
        ]
        + [
            [f"{sizes.n:.0e}, k={sizes.ks[0]}, ms", f"{two['whole'] * 1e3:.0f}", f"{predicted['seconds'] * 1e3:.0f}"],
            ["bytes between them", f"{two['bytes']:.0f}", f"at most {predicted['bytes moved at most']:.0f}"],
        ],
    )
    lines += ["", "### Measured: how many partial results are merged at a time"]
    merged = {m: found[f"merged {m}"] for m in sorted((MERGED_AT_A_TIME, *SPLIT.others))}
    n, length, _ = sizes.grid[0]
    lines += table(
        f"{n * 20 // length} chunks of {length // 20}, k={length // 100} | " + " | ".join(map(str, merged)),
        [["ms", *(f"{taken * 1e3:.0f}" for taken in merged.values())]],
    )
    lines += ["", "### Fitted costs"]
    lines += table("| ".join(f"{name} " for name in Costs._fields), [[f"{cost * 1e9:.3g} ns" for cost in costs]])
    lines += ["", "### Modelled, not measured"]
    rows = []
    for n, workers, longer in SCENARIOS:
        for k in sizes.ks:
            m = model(costs, n, workers, k, longer * sizes.length)
            counts = int(m["chunks"]), f"{m['data bytes']:.0e}", f"{m['bytes moved at most']:.1e}", int(m["depth"])
            seconds = (f"{m[part]:.3g}" for part in ("work", "scheduler", "merges", "seconds"))
            rows.append([f"{n:.0e}", workers, k, *counts, *seconds])
    lines += table(
        "elements | workers | k | chunks | bytes of data | bytes moved, at most | merge depth | a worker's work, s "
        "| the scheduler's, s | last merges, s | in all, s",
        rows,
    )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Measure, fit, print, and write if told where."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__.partition("\n")[0])
    parser.add_argument("--tiny", action="store_true", help="few elements, to see that it runs")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="write the figures there, too")
    chosen = parser.parse_args(arguments)
    sizes = TINY if chosen.tiny else Sizes()
    text = tables(measure(sizes), sizes)
    print(text)
    if chosen.write:
        from benchmarks.pages import machine, write_between

        write_between(chosen.write / "scaling.md", MARKS, machine(PACKAGES), text)


if __name__ == "__main__":
    main()
