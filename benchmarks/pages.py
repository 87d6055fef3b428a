"""What ``python -m benchmarks --write docs`` writes: JSON, the generated part of performance.md, and plots."""

import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

MARKS = "<!-- measured: written by `python -m benchmarks --write docs` -->", "<!-- end of what is measured -->"
PACKAGES = ("xtopk", "numpy", "torch", "jax", "array-api-extra", "bottleneck", "pyarrow", "polars", "keras")


def write(folder: Path, results: list[dict[str, Any]], sweeps: dict[str, list[dict[str, Any]]], table: str) -> None:
    """Write all of it."""
    here = machine()
    found = json.dumps({"machine": here, "workloads": results, "sweeps": sweeps}, indent=1)
    (folder / "performance.json").write_text(found + "\n")
    plot_gains(folder / "performance-gains.svg", results)
    plot_sweeps(folder / "performance-n.svg", sweeps["n"], "n", "elements in the row")
    plot_sweeps(folder / "performance-k.svg", sweeps["k"], "k", "k")
    write_between(folder / "performance.md", MARKS, here, table)


def write_between(page: Path, marks: tuple[str, str], here: dict[str, str], table: str) -> None:
    """Replace what stands between the marks of a page by the machine and a table."""
    before, _, rest = page.read_text().partition(marks[0])
    _, _, after = rest.partition(marks[1])
    lines = [f"- {name}: {value}" for name, value in here.items()]
    page.write_text("\n".join([before + marks[0], "", *lines, "", table, "", marks[1] + after]))


def machine(packages: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Return what the figures depend on."""
    cpu = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        cpu = lines[0] if lines else cpu
    found = {"CPU": f"{cpu}, {len(os.sched_getaffinity(0))} cores", "Python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not here"
    return found


def plot_gains(path: Path, results: list[dict[str, Any]]) -> None:
    """Draw how many times faster than the native call each workload is, on each library."""
    plt = _pyplot()
    named = [result for result in results if result["group"] == "named"]
    works = list(dict.fromkeys(result["workload"] for result in named))
    libraries = list(dict.fromkeys(result["library"] for result in named))
    figure, axes = plt.subplots(figsize=(8, 0.34 * len(works) + 1))
    for i, library in enumerate(libraries):
        here = (result for result in named if result["library"] == library)
        gains = {r["workload"]: r["seconds"]["native"] / r["seconds"]["xtopk"] for r in here}
        at = [j + (i - (len(libraries) - 1) / 2) * 0.26 for j, work in enumerate(works) if work in gains]
        axes.barh(at, [gains[work] - 1 for work in works if work in gains], 0.26, left=1, label=library)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set(
        xscale="log", xlabel="times faster than the library's own call", yticks=range(len(works)), yticklabels=works
    )
    axes.invert_yaxis()
    axes.legend()
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})


def plot_sweeps(path: Path, results: list[dict[str, Any]], name: str, label: str) -> None:
    """Draw the time of the native call, of xtopk and of one pass, for each library."""
    plt = _pyplot()
    libraries = list(dict.fromkeys(result["library"] for result in results))
    groups = list(dict.fromkeys(result["group"] for result in results))
    size = (3.2 * len(libraries), 2.8 * len(groups))
    figure, grid = plt.subplots(len(groups), len(libraries), figsize=size, squeeze=False, sharex=True, sharey=True)
    for group, line in zip(groups, grid, strict=True):
        for library, axes in zip(libraries, line, strict=True):
            found = [r for r in results if (r["library"], r["group"]) == (library, group)]
            for side in ("native", "xtopk", "max"):
                at = [r["shape"][0] if name == "n" else r["k"] for r in found]
                axes.plot(at, [r["seconds"][side] * 1e3 for r in found], marker=".", label=side)
            axes.set(xscale="log", yscale="log", title=f"{library}, {group}")
    for axes in grid[-1]:
        axes.set_xlabel(label)
    for axes in grid[:, 0]:
        axes.set_ylabel("ms")
    grid[0][0].legend()
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})


def _pyplot() -> Any:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "xtopk"
    from matplotlib import pyplot

    return pyplot
