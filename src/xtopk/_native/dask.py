"""Dask: each chunk's top k by the chunk's own library, merged in a tree; one pass gives values and indices."""

from functools import partial
from operator import itemgetter
from typing import Any

from xtopk._explain import Plan
from xtopk._native.generic import Selected, TopkFunction
from xtopk._order import Ranking, dtype_name

MERGED_AT_A_TIME = 8
"""How many partial results one task merges, and so holds at least."""


def dask_topk(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of a Dask array, lazily."""
    from dask.layers import ArraySliceDep

    from xtopk import topk

    chunk_topk = partial(_chunk_topk, k=k, axis=axis, dtype=dtype_name(x.dtype), arguments=_arguments(rank))
    # What says where a chunk begins must not grow with their number, for every task carries it.
    tops = xp.map_blocks(chunk_topk, x, ArraySliceDep(x.chunks), meta=x._meta)
    return _merge_tops(xp, tops, topk(x._meta, 0, axis).indices, k, axis, rank)


def dask_plan(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Plan:
    """Return which way `dask_topk` goes, with the way that its greatest chunk goes."""
    from xtopk import explain

    shape = [max((length for length in chunks if length == length), default=1) for chunks in x.chunks]
    library = _library(x._meta)
    chunk = library.broadcast_to(library.zeros((), dtype=x.dtype), shape)
    inner = explain(chunk, min(k, shape[axis]), axis, **_arguments(rank))
    return Plan("tree of chunks", 0, f"{len(x.chunks[axis])} along the axis, each by {inner}")


def dask_mask(topk: TopkFunction, xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Any:
    """Return the mask of the top k, lazily, from the indices alone, lest every chunk be kept until the last is read."""
    from dask.layers import ArraySliceDep

    _, indices = topk(xp, x, k, axis, rank)  # the very tasks of `topk`, should it be asked for, too
    chunk_mask, meta = partial(_chunk_mask, axis=axis), x._meta.astype(bool)
    return xp.map_blocks(chunk_mask, indices, ArraySliceDep(x.chunks), chunks=x.chunks, meta=meta)


def dask_concat(xp: Any, arrays: list[Any], axis: int) -> Any:
    """Return the arrays one after another, also where lengths along other axes are unknown."""
    return xp.concatenate(arrays, axis=axis, allow_unknown_chunksizes=True)


def dask_merge(topk: TopkFunction, xp: Any, values: Any, indices: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of candidates, lazily; each chunk of them is a part."""
    tops = xp.map_blocks(_pair, values, indices.rechunk(values.chunks), meta=values._meta)
    return _merge_tops(xp, tops, indices._meta, k, axis, rank)


def _arguments(rank: Ranking) -> dict[str, Any]:
    return {
        "mode": "largest" if rank.largest else "smallest",
        "nan": "greatest" if rank.nan_first else "last",
        "sorted": rank.sorted,
        "stable": rank.stable,
    }


def _merge_tops(xp: Any, tops: Any, index_meta: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the arrays of values and indices from a Dask array whose chunks are (values, indices) pairs."""
    merge = partial(_merge, k=k, arguments=_arguments(rank))
    last = partial(_merge, k=k, arguments=_arguments(rank), least=k)
    merged = xp.reduction(
        tops,
        chunk=_unchanged,
        combine=merge,
        aggregate=last,
        axis=axis,
        keepdims=True,
        dtype=tops.dtype,
        concatenate=False,
        split_every={axis: MERGED_AT_A_TIME},
        meta=tops._meta,
    )
    chunks = tuple((k,) if i == axis else lengths for i, lengths in enumerate(tops.chunks))
    values = merged.map_blocks(itemgetter(0), chunks=chunks, meta=tops._meta, token="topk-values")
    indices = merged.map_blocks(itemgetter(1), chunks=chunks, meta=index_meta, token="topk-indices")
    return values, indices


def _chunk_topk(
    chunk: Any, where: tuple[slice, ...], k: int, axis: int, dtype: str, arguments: dict[str, Any]
) -> Selected:
    from xtopk import topk

    start, stop, length = where[axis].start, where[axis].stop, chunk.shape[axis]
    if length != stop - start:  # as after map_blocks without chunks=
        raise ValueError(f"x must have chunks as long as it says; got {length} for {stop - start} along axis {axis}")
    values, indices = topk(chunk, min(k, length), axis, **arguments)
    if dtype_name(values.dtype) != dtype:
        raise TypeError(f"x must have chunks of the dtype that it says; got {dtype_name(values.dtype)} for {dtype}")
    return values, indices + start


def _chunk_mask(indices: Any, where: tuple[slice, ...], axis: int) -> Any:
    xp = _library(indices)
    indices = xp.moveaxis(indices, axis, -1)
    start, stop = where[axis].start, where[axis].stop
    rows = indices.reshape(-1, indices.shape[-1])
    mask = xp.zeros((rows.shape[0], stop - start), dtype=bool)
    row, slot = xp.nonzero((rows >= start) & (rows < stop))
    places = row, rows[row, slot] - start
    if hasattr(mask, "at"):  # of JAX, whose arrays are never written to
        mask = mask.at[places].set(True)
    else:
        mask[places] = True
    return xp.moveaxis(mask.reshape(*indices.shape[:-1], stop - start), -1, axis)


def _library(chunk: Any) -> Any:
    """Return the functions for a chunk, also where its type is not of the module that has them."""
    from dask.utils import get_meta_library

    return chunk.__array_namespace__() if hasattr(chunk, "__array_namespace__") else get_meta_library(chunk)


def _pair(values: Any, indices: Any) -> Selected:
    return values, indices


def _unchanged(top: Selected, axis: tuple[int], keepdims: bool) -> Selected:
    return top


def _merge(tops: Any, axis: tuple[int], keepdims: bool, k: int, arguments: dict[str, Any], least: int = 0) -> Selected:
    from xtopk import merge_topk

    parts = _flatten(tops)
    total = sum(values.shape[axis[0]] for values, _ in parts)
    if total < least:
        raise ValueError(f"values must have chunks as long as they say; got {total} candidates in all for k={k}")
    return merge_topk(parts, min(k, total), axis[0], **arguments)


def _flatten(tops: Any) -> list[Selected]:
    """Return the pairs in Dask's nested lists of them."""
    if isinstance(tops, tuple):
        return [tops]
    return [pair for inner in tops for pair in _flatten(inner)]
