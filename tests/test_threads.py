"""Many threads call at once, on all libraries: there is no state that one could leave half-made for another."""

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import numpy as np
import pytest

import xtopk
from tests.libraries import Library, rows
from tests.oracle import assert_marked, assert_ranked
from xtopk import _checks

THREADS = 8


@pytest.fixture(autouse=True)
def _threads_change_places_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def call(library: Library, seed: int) -> None:
    """Compare `topk` and `topk_mask` of an array of one's own with the oracle."""
    x = np.random.default_rng(seed).integers(0, 9, (3, 40 + seed % 3)).astype("float32")
    mode: Any = ("largest", "smallest")[seed % 2]
    options = {"mode": mode}
    assert_ranked(library.back(*library.topk(library.make(x), 5, **options)), x, 5, **options)
    assert_marked(library.back(library.topk_mask(library.make(x), 5, **options))[0], x, 5, **options)


def test_all_libraries_from_many_threads() -> None:
    """The first calls of all begin together, nothing remembered yet."""
    begin = threading.Barrier(THREADS)
    libraries = rows(disguised=False)

    def work(thread: int) -> None:
        begin.wait(timeout=60)
        for at in range(3 * len(libraries)):
            call(libraries[(thread + at) % len(libraries)], thread + at)

    with mock.patch.dict(_checks._NAMESPACES, clear=True), ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(work, thread) for thread in range(THREADS)]:
            done.result(timeout=300)


def test_one_array_from_many_threads() -> None:
    """It is only read, so all may share it."""
    x = np.random.default_rng(0).standard_normal((50, 3000))
    expected = xtopk.topk(x, 10)
    with ThreadPoolExecutor(THREADS) as pool:
        for top in pool.map(lambda _: xtopk.topk(x, 10), range(4 * THREADS)):
            np.testing.assert_array_equal(top, expected)


def test_what_is_remembered_is_remembered_once() -> None:
    """The only state: a namespace for each type of array. A thread that comes late writes the same again."""
    with mock.patch.dict(_checks._NAMESPACES, clear=True):
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda _: xtopk.topk(np.zeros(3), 1), range(THREADS)))
        assert set(_checks._NAMESPACES) == {np.ndarray}
