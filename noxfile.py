"""What CI runs: ``python -m nox``; one session of it: ``python -m nox -s "tests(torch)"``."""

import shutil
from pathlib import Path
from typing import NamedTuple

import nox

nox.options.default_venv_backend = "venv"
nox.options.reuse_venv = "yes"

TEST_TOOLS = ["pytest", "pytest-xdist", "hypothesis"]
TORCH = "torch==2.13.0"
"""Spelled in full, so that a build for the CPU (2.13.0+cpu) satisfies it: others bring gigabytes of CUDA."""


class Run(NamedTuple):
    """The rows of tests/libraries.py that pytest must run, what it runs under, and which files of tests."""

    rows: str
    environment: dict[str, str] = {}  # noqa: RUF012
    only: tuple[str, ...] = ()
    """Without any, all."""


ANSWERS = ("topk", "merge", "result")
"""The files of tests that ask for answers, rather than how they are found."""

WAYS = ("topk", "mask", "layouts", "derivatives", "explain", "fuzz", "jax_transforms")
"""The files of tests that may end otherwise on another way through JAX; JAX's first run has all there are."""

X64, NO_X64 = {"JAX_ENABLE_X64": "1"}, {"JAX_ENABLE_X64": "0"}

FAST_COMPILE = {"XLA_FLAGS": "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"}
"""XLA compiles in half the time so; that takes most of the time of these tests, and they look at no speed."""

BACKENDS = {
    "numpy": (
        ["ml_dtypes", "matplotlib"],
        [Run("numpy,numpy-blocks,numpy-samples,numpy-readonly,cupy-on-numpy,cupy-blocks-on-numpy")],
    ),
    "torch": ([TORCH, "ml_dtypes"], [Run("torch,torch-static,torch-numpy,torch-keys,torch-blocks,torch-samples")]),
    "jax": (
        ["jax"],
        [
            Run("jax", X64),
            Run("jax", NO_X64 | FAST_COMPILE, WAYS),
            Run("jax-many,jax-off-cpu", X64 | FAST_COMPILE, WAYS),
        ],
    ),
    "dask": (["dask[array,distributed]", "zarr", "ml_dtypes", "jax"], [Run("dask")]),
    "strict": (["array-api-strict"], [Run("strict,own-top-k")]),
    "cupy": (["cupy-cuda13x"], [Run("cupy,cupy-kernels,cupy-blocks")]),
    "torch-cuda": ([TORCH, "ml_dtypes"], [Run("torch-cuda,torch-cuda-kernels,torch-cuda-blocks")]),
    "jax-gpu": (["jax[cuda13]", "cuda-bindings"], [Run("jax-gpu,jax-gpu-kernels,jax-gpu-blocks", X64)]),
}
"""What the session of a library installs, and its runs of pytest."""

PROJECT = nox.project.load_toml("pyproject.toml")["project"]
EXTRAS = [need for extra, needs in PROJECT["optional-dependencies"].items() if extra != "torch" for need in needs]
LOWEST = [f"{need.replace('>=', '==')}.*" for need in (*PROJECT["dependencies"], *EXTRAS)]
"""The oldest versions that pyproject.toml allows; of torch it is `TORCH`, which `tests(torch)` runs on."""

USE = "from typing import assert_type; import numpy as np; import xtopk; x = np.zeros(3)"
TYPED = "assert_type(xtopk.topk(x, 2).indices, np.ndarray[tuple[int], np.dtype[np.int64]])"
"""What a user of a package that was built does, and what a type checker then knows."""

GPU = ("cupy", "torch-cuda", "jax-gpu")
"""What runs only where there is a GPU, and there fails if a library cannot use it."""

DOWNSTREAM = [
    "bm25s",
    "docarray",
    "gensim",
    "jax",
    "keras",
    "pandas",
    "scikit-learn",
    "sentence-transformers",
    "torchmetrics",
    "txtai",
]
"""Libraries that select by hand; transformers comes with sentence-transformers, and keras' NumPy backend needs JAX."""

PEERS = ["matplotlib", "array-api-extra", "bottleneck", "pyarrow", "polars", "keras"]
SITE = [
    "sphinx",
    "furo",
    "myst-parser",
    "numpydoc",
    "sphinx-copybutton",
    "sphinx-gallery",
    "scikit-image",
    "scikit-learn",
]

HERE = [name for name in BACKENDS if name not in GPU or shutil.which("nvidia-smi")]
ALL = [backend for name, backend in BACKENDS.items() if name not in GPU]
EVERYTHING = sorted({need for needs, _ in ALL for need in needs})
EVERY_ROW = ",".join(run.rows for _, runs in ALL for run in runs)

COMPILES = ["kernels"] if shutil.which("g++") else []
"""What needs a C++ compiler, which pip cannot bring."""

nox.options.sessions = ["lint", "types", "build", *(f"tests({name})" for name in HERE), *COMPILES, "lowest", "docs"]


def files(names: tuple[str, ...]) -> list[str]:
    """Return the paths of test files."""
    return [f"tests/test_{name}.py" for name in names]


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    session.install("ruff")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly, in src and tests, and as a user's own code is checked, by two checkers."""
    session.install(".[numpy]", "mypy", "pyright[nodejs]", *TEST_TOOLS, *EVERYTHING)
    session.run("mypy")
    session.run("mypy", "--config-file", "tests/types/mypy.ini")
    session.run("pyright", "--project", "tests/types")


@nox.session
def build(session: nox.Session) -> None:
    """Build the sdist and the wheel, look what is in them, install each where nothing else is, and use it."""
    session.install("build", "hatchling", "twine", "mypy", "numpy")
    here = Path(session.create_tmp()).resolve()
    dist = here / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    session.run("python", "-m", "build", "--no-isolation", "--outdir", str(dist))
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    session.run("twine", "check", "--strict", str(wheel), str(sdist))
    session.run("python", ".ci/packages.py", str(wheel), str(sdist))
    session.chdir(here)  # where there is no src
    for package in (wheel, sdist):
        session.run("python", "-m", "venv", "--clear", "clean")
        python = str(next(here.glob("clean/[bS]*/python*")))
        # Without the cache, in which pip keeps what it built of an sdist that lay at the same place before.
        install = [python, "-m", "pip", "install", "-q", "--no-cache-dir"]
        session.run(*install, f"xtopk[numpy] @ {package.as_uri()}", external=True)
        session.run(python, "-c", f"{USE}; print(xtopk.__file__, xtopk.topk(x, 2))", external=True)
        session.run("mypy", "--config-file=", "--strict", "--python-executable", python, "-c", f"{USE}; {TYPED}")
    session.run(python, "-m", "pip", "install", "-q", *TEST_TOOLS, external=True)
    session.run(python, "-m", "tarfile", "-e", str(sdist), str(here), external=True)  # a filter needs Python 3.11.4
    session.chdir(here / sdist.name.removesuffix(".tar.gz"))
    session.run(python, "-m", "pytest", "-q", "-n", "2", "tests/test_topk.py", external=True)


@nox.session
@nox.parametrize("backend", [nox.param(name, id=name) for name in BACKENDS])
def tests(session: nox.Session, backend: str) -> None:
    """Run the tests on one library; fail if it cannot be imported."""
    needs, runs = BACKENDS[backend]
    session.install(".[numpy]", *TEST_TOOLS, *needs)
    for rows, environment, only in runs:
        arguments = session.posargs or ["-q", "-n", "2", *files(only)]
        session.run("pytest", *arguments, env={"XTOPK_TEST_LIBRARIES": rows, **environment})


@nox.session
def kernels(session: nox.Session) -> None:
    """Compile the CUDA kernels as for a GPU, and run them on the CPU."""
    session.install(".[numpy]", *TEST_TOOLS, TORCH, "ml_dtypes", "jax", "cuda-bindings", "nvidia-cuda-nvrtc==13.0.*")
    session.run("python", "-c", "from cuda.bindings import nvrtc; print(nvrtc.nvrtcVersion())")
    tests = session.posargs or ["-q", "-n", "2", *files(("kernels", "topk", "mask"))]
    rows = "cupy-kernels-on-numpy,cupy-all-kernels-on-numpy,torch-kernels,jax-kernels"
    session.run("pytest", *tests, env={"XTOPK_TEST_LIBRARIES": rows} | X64 | FAST_COMPILE)


@nox.session
def lowest(session: nox.Session) -> None:
    """Run the tests that say what the answer is on the oldest versions that pyproject.toml allows."""
    session.install(".", *TEST_TOOLS, *LOWEST, "distributed")
    tests = session.posargs or ["-q", "-n", "2", *files(ANSWERS)]
    rows = {"XTOPK_TEST_LIBRARIES": "numpy,jax,dask,strict"}
    session.run("pytest", *tests, env=rows | NO_X64 | FAST_COMPILE)


@nox.session
def docs(session: nox.Session) -> None:
    """Run every code block of the README and the docs, ``python -m xtopk`` too, check the links, and build the site."""
    session.install(".[numpy]", *TEST_TOOLS, *EVERYTHING, *SITE)
    pages = ["tests/test_docs.py", "tests/test_links.py", "tests/test_main.py"]
    session.run("pytest", "-q", "-n", "2", *pages, env={"XTOPK_TEST_LIBRARIES": EVERY_ROW})
    arguments = session.posargs or ["-n", "-W", "--keep-going", "-q", "docs", "docs/_build/html"]
    session.run("sphinx-build", "-E", *arguments)


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
def downstream(session: nox.Session) -> None:
    """Put xtopk in the place of released libraries' own selection: ``python -m nox -s downstream -- --write docs``."""
    session.install(".[numpy]", TORCH, *TEST_TOOLS)
    session.install(*DOWNSTREAM)
    session.run("python", "-m", "downstream", *session.posargs)
    session.run("pytest", "-q", "tests/test_downstream.py", "-k", "not task")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Compare random calls with the oracle: ``python -m nox -s fuzz -- --library torch --calls 100000``."""
    session.install(".[numpy]", *TEST_TOOLS, *EVERYTHING)
    session.run("python", "-m", "tests.fuzz", *session.posargs)
