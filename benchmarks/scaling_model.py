"""What a top k costs on any number of workers, by costs that are fitted to what one and two processes took."""

from collections.abc import Sequence
from math import ceil, log
from typing import Any, NamedTuple

import numpy as np

from xtopk._native.dask import MERGED_AT_A_TIME

ITEM, PAIR = 4, 4 + 8
"""Bytes of a float32, and with its index."""


class Costs(NamedTuple):
    """Seconds for an element, a chunk, a candidate; a call and a chunk in the scheduler; a transfer, a byte of it."""

    element: float
    chunk: float
    candidate: float
    call: float
    scheduled: float
    transfer: float
    byte: float


def candidates(blocks: int, k: int) -> int:
    """Return how many candidates all merges of a tree look at."""
    total = 0
    while blocks > 1:
        total += blocks * k
        blocks = ceil(blocks / MERGED_AT_A_TIME)
    return total


def fit(points: Sequence[tuple[int, int, int]], seconds: Sequence[float]) -> Any:
    """Return the seconds of an element, a chunk and a candidate that come closest, as shares of what was measured."""
    rows = np.array([(n, n // length, candidates(n // length, k)) for n, length, k in points])
    measured = np.array(seconds)
    kept = np.arange(3)
    while True:  # no cost is negative
        found = np.linalg.lstsq(rows[:, kept] / measured[:, None], np.ones(len(points)))[0]
        if (found >= 0).all():
            return np.bincount(kept, found, 3)
        kept = kept[found >= 0]


def line(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Return intercept and slope, neither below zero, of what grows with x, fitted to shares of y."""
    rows = np.stack([np.ones(len(x)), x], axis=1) / np.array(y)[:, None]
    start, slope = np.maximum(np.linalg.lstsq(rows, np.ones(len(x)))[0], 0)
    return float(start), float(slope)


def model(costs: Costs, n: int, workers: int, k: int, length: int) -> dict[str, float]:
    """Return what a call moves and takes: the start, a worker's work or the scheduler's, then the last merges."""
    blocks = n // length
    depth = max(1, ceil(log(blocks) / log(MERGED_AT_A_TIME) - 1e-9))
    width = min(blocks, MERGED_AT_A_TIME)
    partial = PAIR * k * (width - 1)
    step = costs.transfer + costs.byte * partial + costs.chunk + costs.candidate * width * k
    work = (costs.element * n + costs.chunk * blocks + costs.candidate * candidates(blocks, k)) / min(workers, blocks)
    return {
        "chunks": blocks,
        "data bytes": ITEM * n,
        "bytes moved at most": PAIR * candidates(blocks, k),
        "depth": depth,
        "work": work,
        "scheduler": costs.scheduled * blocks,
        "merges": depth * step,
        "seconds": costs.call + max(work, costs.scheduled * blocks) + depth * step,
    }
