"""Which array libraries are here, which path each takes, and whether each agrees with a plain full sort."""

import os
import platform
import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from sysconfig import get_config_var
from time import perf_counter
from typing import Any

import xtopk
from xtopk._native import GENERIC, NATIVES
from xtopk._worked import CHECKS, DisagreementError, Make, Place

LIBRARIES = (*NATIVES, "array_api_strict")

TYPICAL = (((1000,), 5), ((1_000_000,), 100), ((4096, 1024), 10))
"""Shapes and k whose paths are shown."""


def report() -> int:
    """Print the report; return 1 if a library is broken or disagrees, else 0."""
    began = perf_counter()
    print(f"{table(surroundings())}\n")
    places, lines, problems = [], [("library", "version", "devices", "path")], []
    for name in LIBRARIES:
        package = name.partition(".")[0]
        if find_spec(package) is None:
            lines.append((name, "not here", "", ""))
            continue
        progress(f"importing {name}")
        try:
            xp = import_module(name)
            release = import_module(package).__version__
            makers = DEVICES.get(name, any_devices)(xp)
        except (Exception, SystemExit) as error:
            lines.append((name, "broken", "", ""))
            problems.append(f"{name} is installed but broken: {one_line(error)}")
            continue
        lines.append((name, release, ", ".join(makers) or "no device", path_taken(name)))
        places += [Place(name, xp, device, make) for device, make in makers.items()]
    progress("")
    print(f"{table(lines)}\n")
    paths = [("library", "device", *(f"{' x '.join(map(str, shape))}, k={k}" for shape, k in TYPICAL))]
    paths += [(place.name, place.device, *(path_of(place, *typical) for typical in TYPICAL)) for place in places]
    print(f"paths of float32 arrays\n{table(paths)}\n")

    checks = [("library", "device", *CHECKS)]
    for place in places:
        cells = []
        for title, check in CHECKS.items():
            progress(f"checking {place.name} on {place.device}: {title}")
            try:
                cells.append("agrees" if check(place) else "-")
            except Exception as error:
                cells.append("DISAGREES" if isinstance(error, DisagreementError) else "FAILS")
                problems.append(f"{place.name} on {place.device}, {title}: {one_line(error)}")
        checks.append((place.name, place.device, *cells))
    progress("")
    print(f"worked examples, against a full sort\n{table(checks)}\n")
    count = f"{len(problems) or 'no'} problem{'s' * (len(problems) != 1)}"
    print("\n".join([f"{count}, in {perf_counter() - began:.1f} s", *problems]))
    return 1 if problems else 0


def surroundings() -> list[tuple[str, str]]:
    """Return what a bug report must say of the installation and the machine, without the name of the user."""
    folder, home = str(Path(xtopk.__file__).parent), str(Path.home())
    folder = "~" + folder.removeprefix(home) if folder.startswith(home + os.sep) else folder
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gil = "with the GIL" if getattr(sys, "_is_gil_enabled", lambda: True)() else "without the GIL"
    build = ", free-threaded build" if get_config_var("Py_GIL_DISABLED") else ""
    return [
        ("xtopk", f"{xtopk.__version__}, in {folder}"),
        ("array-api-compat", version("array-api-compat")),
        ("Python", f"{platform.python_version()}, {platform.python_implementation()} {gil}{build}"),
        ("system", f"{platform.platform()}, {usable} of {os.cpu_count()} CPUs"),
    ]


def progress(what: str) -> None:
    """Show on a terminal what takes its time now, over what was shown before."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{what}", end="", file=sys.stderr, flush=True)


def path_of(place: Place, shape: tuple[int, ...], k: int) -> str:
    """Return a few words for the path of an array of a shape."""
    import numpy as np

    try:
        plan = xtopk.explain(place.make(np.zeros(shape, dtype=np.float32)), k)
    except Exception as error:
        return f"FAILS: {one_line(error)}"
    return f"{plan.algorithm}{f', blocks of {plan.block_length}' * (plan.block_length > 0)}"


def path_taken(name: str) -> str:
    """Return the way a library's answer is found, as its native file's first line says it."""
    doc = sys.modules[NATIVES.get(name, GENERIC).topk.__module__].__doc__ or ""
    return doc.partition("\n")[0].partition(": ")[2].replace("``", "").rstrip(".")


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Return rows of cells as aligned lines."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def one_line(error: BaseException) -> str:
    """Return the first line of an error's message, after its type where that says more."""
    line = str(error).partition("\n")[0]
    return line if isinstance(error, DisagreementError) else f"{type(error).__name__}: {line}"


def any_devices(xp: Any) -> dict[str, Make]:
    """Return how to make arrays on the library's only or default device."""
    return {"cpu": xp.asarray}


def torch_devices(torch: Any) -> dict[str, Make]:
    """Return how to make tensors on the CPU and each GPU."""
    names = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    return {name: partial(torch.asarray, device=name) for name in names}


def jax_devices(jnp: Any) -> dict[str, Make]:
    """Return how to make arrays on each device of JAX's default platform."""
    import jax

    return {str(device): partial(jnp.asarray, device=device) for device in jax.devices()}


def cupy_devices(cupy: Any) -> dict[str, Make]:
    """Return how to make arrays on the current GPU, if there is one."""
    return {f"cuda:{cupy.cuda.runtime.getDevice()}": cupy.asarray} if cupy.cuda.is_available() else {}


DEVICES = {"torch": torch_devices, "jax.numpy": jax_devices, "cupy": cupy_devices}
"""What finds a library's devices, where it may have another than the CPU."""
