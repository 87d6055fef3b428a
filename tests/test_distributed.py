"""Other processes do the work of a lazy array: each chunk is read once, few are held, and a worker may die."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

import xtopk
from benchmarks.__main__ import peak_begins, peak_growth
from tests.libraries import Library, rows
from tests.oracle import assert_marked, assert_ranked
from tests.strategies import tied_array

LAZY = pytest.mark.parametrize("library", rows(lazy=True), ids=str)
LENGTH = 50
"""How long a chunk of tied numbers is."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two workers, each a process with one thread, which listen on this machine only."""
    distributed = import_module("distributed")
    options: dict[str, Any] = {
        "host": "127.0.0.1",
        "dashboard_address": "127.0.0.1:0",
        "n_workers": 2,
        "threads_per_worker": 1,
    }
    folder = str(tmp_path_factory.mktemp("workers"))
    with (
        distributed.LocalCluster(**options, processes=True, local_directory=folder) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def tied_chunk(block_id: tuple[int, ...], folder: Path, seconds: float) -> Any:
    """Return a chunk of tied numbers and NaN, and leave a file that tells of it."""
    (folder / f"{block_id[-1]}-{uuid4()}").touch()
    time.sleep(seconds)
    return tied_array(np.random.default_rng(block_id[-1]), (3, LENGTH), np.dtype("float32"), kinds=20)


def tied_chunks(library: Library, blocks: int, folder: Path, seconds: float = 0) -> tuple[Any, Any]:
    """Return a lazy array whose chunks tell when they are made, and its elements."""
    x = library.namespace.map_blocks(
        tied_chunk,
        folder=folder,
        seconds=seconds,
        chunks=((3,), (LENGTH,) * blocks),
        meta=np.empty((0, 0), dtype=np.float32),
    )
    (folder / "whole").mkdir()
    whole = np.concat([tied_chunk((0, block), folder / "whole", 0) for block in range(blocks)], axis=1)
    return x, whole


def made(folder: Path) -> int:
    return sum(path.is_file() for path in folder.iterdir())


@LAZY
def test_each_chunk_is_made_once(library: Library, client: Any, tmp_path: Path) -> None:
    x, whole = tied_chunks(library, 30, tmp_path)
    *selected, mask = client.gather(client.compute([*xtopk.topk(x, 70), xtopk.topk_mask(x, 70)]))
    assert made(tmp_path) == 30
    assert_ranked(selected, whole, 70)
    assert_marked(mask, whole, 70)


@LAZY
def test_from_what_is_held_by_workers(library: Library, client: Any, tmp_path: Path) -> None:
    x, whole = tied_chunks(library, 6, tmp_path)
    held = client.persist(x)
    left = xtopk.topk(held[:, :120], 9, nan="greatest")
    values, indices = client.persist(xtopk.topk(held[:, 120:], 9, nan="greatest"))
    merged = xtopk.merge_topk([left, (values, indices + 120)], 9, nan="greatest")
    assert_ranked(client.gather(client.compute(list(merged))), whole, 9, nan="greatest")
    assert made(tmp_path) == 6


@LAZY
def test_a_worker_dies(library: Library, client: Any, tmp_path: Path) -> None:
    x, whole = tied_chunks(library, 40, tmp_path, seconds=0.05)
    pids = client.run(os.getpid)
    futures = client.compute(list(xtopk.topk(x, 70)))
    end = time.monotonic() + 60
    while made(tmp_path) < 16 and time.monotonic() < end:
        time.sleep(0.01)
    os.kill(min(pids.values()), signal.SIGKILL)
    assert not any(future.done() for future in futures)
    assert_ranked([future.result(timeout=60) for future in futures], whole, 70)
    assert made(tmp_path) > 40, "it had nothing that was lost"
    client.wait_for_workers(2, timeout=60)


def million_chunk(block_id: tuple[int, ...]) -> Any:
    return np.random.default_rng(block_id[0]).random(8_000_000, dtype=np.float32)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells the peak")
@LAZY
def test_a_worker_holds_less_than_three_chunks(library: Library, client: Any) -> None:
    client.wait_for_workers(2, timeout=60)
    x = library.namespace.map_blocks(million_chunk, chunks=((8_000_000,) * 12,), meta=np.empty(0, dtype=np.float32))
    client.gather(client.compute(list(xtopk.topk(x[:16_000_000], 100))))  # what is imported is no data
    client.run(peak_begins)
    client.gather(client.compute(list(xtopk.topk(x, 100))))
    chunks = [growth / (4 * 8_000_000) for growth in client.run(peak_growth).values()]
    assert 0.9 < max(chunks) < 3, chunks
