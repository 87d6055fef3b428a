"""What CI runs: ``python -m nox``; one session of it: ``python -m nox -s "tests(torch)"``."""

import shutil
from typing import NamedTuple

import nox

nox.options.default_venv_backend = "venv"
nox.options.reuse_venv = "yes"

TEST_TOOLS = ["pytest", "pytest-xdist", "hypothesis"]
TORCH = "torch==2.13.0"
"""Spelled in full, so that a build for the CPU (2.13.0+cpu) satisfies it: others bring gigabytes of CUDA."""


class Backend(NamedTuple):
    """The rows of tests/libraries.py that a session must run, what they need, and what they run under."""

    rows: str
    needs: list[str]
    environment: dict[str, str] = {}  # noqa: RUF012


BACKENDS = {
    "numpy": Backend("numpy,numpy-readonly,cupy-on-numpy", ["ml_dtypes", "matplotlib"]),
    "torch": Backend("torch,torch-static,torch-blocks", [TORCH, "ml_dtypes"]),
    "jax": Backend("jax", ["jax"], {"JAX_ENABLE_X64": "0"}),
    "jax-x64": Backend("jax,jax-many", ["jax"], {"JAX_ENABLE_X64": "1"}),
    "dask": Backend("dask", ["dask[array,distributed]", "zarr", "ml_dtypes"]),
    "strict": Backend("strict,own-top-k", ["array-api-strict"]),
    "lite": Backend("numpy,numpy-readonly", ["numpy==2.0.*", "array-api-compat==1.12.*"]),
    "cupy": Backend("cupy", ["cupy-cuda13x"]),
}
"""``lite`` is NumPy alone, in the oldest versions that pyproject.toml allows."""

PEERS = ["matplotlib", "array-api-extra", "bottleneck", "pyarrow", "polars", "keras"]

HERE = [name for name in BACKENDS if name != "cupy" or shutil.which("nvidia-smi")]
ALL = [backend for name, backend in BACKENDS.items() if name not in ("lite", "cupy")]
EVERYTHING = sorted({need for backend in ALL for need in backend.needs})
EVERY_ROW = ",".join(backend.rows for backend in ALL)

nox.options.sessions = ["lint", "types", *(f"tests({name})" for name in HERE), "docs-blocks"]


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    session.install("ruff")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly, in src and tests."""
    session.install(".[numpy]", "mypy", *TEST_TOOLS)
    session.run("mypy")


@nox.session
@nox.parametrize("backend", [nox.param(name, id=name) for name in BACKENDS])
def tests(session: nox.Session, backend: str) -> None:
    """Run the tests on one library; fail if it cannot be imported."""
    rows, needs, environment = BACKENDS[backend]
    session.install(".[numpy]", *TEST_TOOLS, *needs)
    arguments = session.posargs or ["-q", "-n", "2"]
    session.run("pytest", *arguments, env={"XTOPK_TEST_LIBRARIES": rows, **environment})


@nox.session(name="docs-blocks")
def docs_blocks(session: nox.Session) -> None:
    """Run every code block of the README and the docs, and ``python -m xtopk``, with every library there."""
    session.install(".[numpy]", *TEST_TOOLS, *EVERYTHING)
    arguments = session.posargs or ["-q", "tests/test_docs.py", "tests/test_main.py"]
    session.run("pytest", *arguments, env={"XTOPK_TEST_LIBRARIES": EVERY_ROW})


@nox.session
def bench(session: nox.Session) -> None:
    """Measure on every library, against every peer: ``python -m nox -s bench -- --quick``."""
    session.install(".[numpy]", *EVERYTHING, *PEERS)
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def conformity(session: nox.Session) -> None:
    """Check every library's own top k, and write docs/conformity.md."""
    session.install(".[numpy]", *EVERYTHING, *PEERS)
    session.run("python", "-m", "benchmarks.conformity", *(session.posargs or ["--write", "docs"]))


@nox.session
def fuzz(session: nox.Session) -> None:
    """Compare random calls with the oracle: ``python -m nox -s fuzz -- --library torch --calls 100000``."""
    session.install(".[numpy]", *TEST_TOOLS, *EVERYTHING)
    session.run("python", "-m", "tests.fuzz", *session.posargs)
