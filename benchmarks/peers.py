"""Other packages that select the top k of a NumPy array, and the full sort that many write; each only if installed."""

import os
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from benchmarks.workloads import Workload


class Peer(NamedTuple):
    """What a package gives, and how it is called: ``call(x, k, axis, largest)``."""

    package: str
    indices: str
    in_order: str
    ties: str
    call: Callable[..., Any]
    one_row: bool = False


def full_sort(x: Any, k: int, axis: int, largest: bool) -> Any:
    """Return the top k by a stable sort of everything."""
    order = np.argsort(x, axis=axis, kind="stable")
    order = np.take(order, np.arange(-k, 0) if largest else np.arange(k), axis=axis)
    return np.take_along_axis(x, order, axis=axis), order


def array_api_extra(x: Any, k: int, axis: int, largest: bool) -> Any:
    """Return the top k by array_api_extra.argpartition."""
    import array_api_extra as xpx

    n = x.shape[axis]
    order = xpx.argpartition(x, n - k if largest else k - 1, axis=axis)
    return np.take(order, np.arange(n - k, n) if largest else np.arange(k), axis=axis)


def bottleneck(x: Any, k: int, axis: int, largest: bool) -> Any:
    """Return the top k by bottleneck.argpartition, which leaves the k least in front."""
    import bottleneck as bn

    order = bn.argpartition(-x if largest else x, k - 1, axis=axis)
    return np.take(order, np.arange(k), axis=axis)


def keras(x: Any, k: int, axis: int, largest: bool) -> Any:
    """Return the top k of the last axis by keras.ops on its NumPy backend, of the negative for the least."""
    os.environ.setdefault("KERAS_BACKEND", "numpy")
    from keras import ops

    return ops.top_k(np.moveaxis(x if largest else -x, axis, -1), k)


def pyarrow(x: Any, k: int, axis: int, largest: bool) -> Any:
    """Return the top k of one row by pyarrow's select_k_unstable."""
    import pyarrow as pa
    import pyarrow.compute as pc

    keys = [("x", "descending" if largest else "ascending")]
    return pc.select_k_unstable(pa.table({"x": pa.array(x)}), options=pc.SelectKOptions(k, keys))


def polars(x: Any, k: int, axis: int, largest: bool) -> Any:
    """Return the top k of one row by polars, values only."""
    import polars as pl

    series = pl.Series(x)
    return series.top_k(k) if largest else series.bottom_k(k)


PEERS = {
    "full stable sort": Peer("numpy", "yes", "ascending", "the higher index for the largest", full_sort),
    "array_api_extra.argpartition": Peer("array_api_extra", "yes", "no", "any", array_api_extra),
    "bottleneck.argpartition": Peer("bottleneck", "yes", "no", "any", bottleneck),
    "keras.ops.top_k": Peer("keras", "yes", "yes", "any", keras),
    "pyarrow select_k_unstable": Peer("pyarrow", "yes, alone", "yes", "any", pyarrow, one_row=True),
    "polars top_k": Peer("polars", "no", "no", "not told apart", polars, one_row=True),
}


def peer_sides(work: Workload, x: Any) -> dict[str, Callable[[Any], Any]]:
    """Return the packages that are here and take such an array, as functions of one."""
    if x.dtype.kind not in "fi" or x.dtype.itemsize < 4:
        return {}
    return {
        name: partial(peer.call, k=work.k, axis=work.axis, largest=work.mode == "largest")
        for name, peer in PEERS.items()
        if find_spec(peer.package) and (x.ndim == 1 or not peer.one_row)
    }
