"""Dask: everything is an Array that is not computed yet."""

from typing import assert_type

import dask.array as da
import pytest

import xtopk


def use(x: da.Array) -> None:
    top = xtopk.topk(x, 2)
    assert_type(top, xtopk.TopK[da.Array, da.Array])
    values, indices = xtopk.topk(x, 2, axis=0, mode="smallest")
    assert_type(values, da.Array)
    assert_type(indices, da.Array)
    assert_type(xtopk.topk_mask(x, 2), da.Array)
    assert_type(xtopk.merge_topk([top, top], 2).indices, da.Array)
    with pytest.raises(ValueError, match="mode"):
        xtopk.topk(x, 2, mode="top")  # type: ignore[call-overload]


use(da.zeros((3, 4), chunks=2))
