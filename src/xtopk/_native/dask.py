"""Dask: each chunk's top k by the chunk's own library, merged in a tree; one pass gives values and indices."""

from functools import partial
from itertools import accumulate
from operator import itemgetter
from typing import Any

from xtopk._explain import Plan
from xtopk._native.generic import Selected, TopkFunction
from xtopk._order import Ranking, rank_key


def dask_topk(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of a Dask array, lazily."""
    starts = [0, *accumulate(x.chunks[axis])]
    arguments = _arguments(rank)
    tops = x.map_blocks(_chunk_topk, k, axis, starts, arguments, dtype=object, meta=x._meta)
    return _merge_tops(xp, x, tops, k, axis, arguments)


def dask_plan(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Plan:
    """Return which way `dask_topk` goes, with the way that its greatest chunk goes."""
    from xtopk import explain

    meta = x._meta.__array_namespace__()
    chunk = meta.broadcast_to(meta.zeros((), dtype=x.dtype), tuple(map(max, x.chunks)))
    inner = explain(chunk, min(k, chunk.shape[axis]), axis, **_arguments(rank))
    return Plan("tree of chunks", 0, f"{len(x.chunks[axis])} along the axis, each by {inner}")


def dask_mask(topk: TopkFunction, xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> Any:
    """Return the mask of the top k, lazily, by comparing each element with the last chosen one."""
    if any(0 in chunks for chunks in x.chunks):  # beside an axis of length 1 Dask would broadcast them
        x = x.rechunk(tuple(tuple(length for length in chunks if length != 0) for chunks in x.chunks))
    top = topk(xp, x, k, axis, rank._replace(sorted=True, stable=True))
    last, last_index = (part[(slice(None),) * axis + (slice(-1, None),)] for part in top)
    position = xp.arange(x.shape[axis], chunks=(x.chunks[axis],)).reshape((-1,) + (1,) * (x.ndim - 1 - axis))
    return xp.map_blocks(_chunk_mask, x, last, last_index, position, rank, dtype=bool, meta=x._meta.astype(bool))


def dask_merge(topk: TopkFunction, xp: Any, values: Any, indices: Any, k: int, axis: int, rank: Ranking) -> Selected:
    """Return the top k of candidates, lazily; each chunk of them is a part."""
    indices = indices.rechunk(values.chunks)
    tops = xp.map_blocks(_pair, values, indices, dtype=object, meta=values._meta)
    values, merged = _merge_tops(xp, values, tops, k, axis, _arguments(rank))
    return values, merged.astype(indices.dtype)


def _arguments(rank: Ranking) -> dict[str, Any]:
    return {
        "mode": "largest" if rank.largest else "smallest",
        "nan": "greatest" if rank.nan_first else "last",
        "sorted": rank.sorted,
        "stable": rank.stable,
    }


def _merge_tops(xp: Any, x: Any, tops: Any, k: int, axis: int, arguments: dict[str, Any]) -> Selected:
    """Return the arrays of values and indices from a Dask array whose chunks are (values, indices) pairs."""
    merge = partial(_merge, k=k, arguments=arguments)
    merged = xp.reduction(
        tops,
        chunk=_unchanged,
        combine=merge,
        aggregate=merge,
        axis=axis,
        keepdims=True,
        dtype=object,
        concatenate=False,
        output_size=k,
        meta=x._meta,
    )
    values = merged.map_blocks(itemgetter(0), dtype=x.dtype, meta=x._meta)
    indices = merged.map_blocks(itemgetter(1), dtype="int64", meta=x._meta.astype("int64"))
    return values, indices


def _chunk_topk(
    chunk: Any, k: int, axis: int, starts: list[int], arguments: dict[str, Any], block_id: tuple[int, ...]
) -> Selected:
    from xtopk import topk

    values, indices = topk(chunk, min(k, chunk.shape[axis]), axis, **arguments)
    return values, indices + starts[block_id[axis]]


def _chunk_mask(chunk: Any, last: Any, last_index: Any, position: Any, rank: Ranking) -> Any:
    """Return what ranks no later than `last`, by integers: comparing NaN may warn, and bfloat16 is slow."""
    xp = chunk.__array_namespace__()
    chunk, last = (a if a.dtype.isnative else a.astype(a.dtype.newbyteorder("=")) for a in (chunk, last))
    key, last_key = rank_key(xp, chunk, rank), rank_key(xp, last, rank)
    return (key < last_key) | ((key == last_key) & (position <= last_index))


def _pair(values: Any, indices: Any) -> Selected:
    return values, indices


def _unchanged(top: Selected, axis: tuple[int], keepdims: bool) -> Selected:
    return top


def _merge(tops: Any, axis: tuple[int], keepdims: bool, k: int, arguments: dict[str, Any]) -> Selected:
    from xtopk import merge_topk

    parts = _flatten(tops)
    total = sum(values.shape[axis[0]] for values, _ in parts)
    return merge_topk(parts, min(k, total), axis[0], **arguments)


def _flatten(tops: Any) -> list[Selected]:
    """Return the pairs in Dask's nested lists of them."""
    if isinstance(tops, tuple):
        return [tops]
    return [pair for inner in tops for pair in _flatten(inner)]
