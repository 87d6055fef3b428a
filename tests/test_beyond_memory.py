"""Files larger than the memory that a process is allowed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from shutil import rmtree

import numpy as np
import pytest

from tests.libraries import Library, rows

LAZY = pytest.mark.parametrize("library", rows(lazy=True), ids=str)
EAGER = pytest.mark.parametrize("library", [row for row in rows(disguised=False) if row.native == "numpy"], ids=str)
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone bounds what a process may write to")

N = 48 << 20
K = 100
ALLOWED = 64 << 20
"""Bytes that a process may take beside what its imports took; the file holds three times as many."""

PROGRAM = """
import resource, sys, threading
import numpy as np
import xtopk
{imports}
threading.stack_size(1 << 20)
status = open("/proc/self/status").read().split()
taken = int(status[status.index("VmData:") + 1]) << 10
resource.setrlimit(resource.RLIMIT_DATA, (taken + {allowed},) * 2)
path, k = sys.argv[1], {k}
{work}
print(*map(int, indices))
try:
    np.fromfile(sys.argv[2], dtype=np.float32)
except MemoryError:
    print("too large")
"""

OVER_FILE = """
def read(block_id):  # as from_array would copy it whole
    return np.load(path, mmap_mode="r")[block_id[0] << 20 : (block_id[0] + 1) << 20]
x = da.map_blocks(read, chunks=((1 << 20,) * 48,), meta=np.empty(0, dtype=np.float32))
values, indices = dask.compute(*xtopk.topk(x, k), scheduler="synchronous")
"""
OVER_ZARR = """
values, indices = dask.compute(*xtopk.topk(da.from_zarr(path), k), scheduler="synchronous")
"""
BY_HAND = """
x = np.load(path, mmap_mode="r")
best = xtopk.topk(x[:k], k)
for start in range(k, len(x), 1 << 20):
    piece = x[start : start + (1 << 20)]
    values, indices = xtopk.topk(piece, min(k, len(piece)))
    best = xtopk.merge_topk([best, (values, indices + start)], k)
indices = best.indices
"""
AT_ONCE = """
indices = xtopk.topk(np.load(path, mmap_mode="r"), k).indices
"""
ROW_BY_ROW = """
indices = xtopk.topk(np.load(path, mmap_mode="r").reshape(3, -1), k).indices[0]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a .npy file of numbers from 0 to 999, each many times."""
    folder = tmp_path_factory.mktemp("large")
    x = np.lib.format.open_memmap(folder / "x.npy", mode="w+", dtype=np.float32, shape=(N,))
    rng = np.random.default_rng(0)
    for start in range(0, N, 1 << 20):
        x[start : start + (1 << 20)] = rng.integers(0, 1000, size=1 << 20, dtype=np.uint16)
    yield folder
    rmtree(folder)  # pytest would keep it


def assert_within_memory(folder: Path, name: str, work: str, imports: str = "") -> None:
    """Assert that a program finds the first of the greatest where it may not read the file whole."""
    program = PROGRAM.format(imports=imports, allowed=ALLOWED, k=K, work=work)
    done = subprocess.run(
        [sys.executable, "-c", program, folder / name, folder / "x.npy"],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "MALLOC_ARENA_MAX": "1"},
    )
    assert not done.returncode, done.stderr
    found, control = done.stdout.splitlines()
    assert control == "too large"
    x = np.load(folder / "x.npy", mmap_mode="r")
    assert [int(i) for i in found.split()] == np.flatnonzero(x[: N // 3] == 999)[:K].tolist()


@LAZY
def test_a_memory_mapped_file(library: Library, folder: Path) -> None:
    assert_within_memory(folder, "x.npy", OVER_FILE, "import dask, dask.array as da")


@LAZY
def test_a_zarr_array(library: Library, folder: Path) -> None:
    x = import_module("zarr").create_array(
        folder / "x.zarr", shape=N, chunks=1 << 20, dtype="float32", compressors=None
    )
    x[:] = np.load(folder / "x.npy", mmap_mode="r")
    assert_within_memory(folder, "x.zarr", OVER_ZARR, "import dask, dask.array as da, zarr")


@pytest.mark.parametrize("work", [BY_HAND, AT_ONCE, ROW_BY_ROW], ids=["by hand", "at once", "row by row"])
@EAGER
def test_one_process_with_a_memory_mapped_file(library: Library, folder: Path, work: str) -> None:
    assert_within_memory(folder, "x.npy", work)
