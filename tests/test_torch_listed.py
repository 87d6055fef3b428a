"""torch: few chosen of few rows, which Python lists, with NumPy and without."""

import numpy as np
import pytest

from tests.libraries import Library, np_dtype, replaced, rows
from tests.oracle import assert_topk
from tests.strategies import tied_array
from xtopk._native.torch_looks import way_of
from xtopk._order import Ranking

TORCH = pytest.mark.parametrize("library", [row for row in rows() if row.name == "torch"], ids=str)
SHAPES = [((300,), 0), ((1, 300), 1), ((300, 1), 0), ((4, 100), 1), ((2, 3, 50), 2), ((3, 0, 50), 2)]


@pytest.mark.parametrize("numpy", [True, False], ids=["numpy", "alone"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "int8", "uint8", "int32", "int64"])
@TORCH
def test_ties_are_put_right(library: Library, dtype: str, numpy: bool) -> None:
    rng = np.random.default_rng(0)
    constants = {"xtopk._native.torch_ways.SORTED_AT_ONCE": 0, "xtopk._native.torch_listed.has_numpy": lambda: numpy}
    for shape, axis in SHAPES:
        for kinds in (1, 2, 5, 60, 1000):
            x_np = tied_array(rng, shape, np_dtype(dtype), kinds)
            x = library.make(x_np)
            for k in (2, 5, 20):
                mode, nan = rng.choice(["largest", "smallest"]), rng.choice(["last", "greatest"])
                with replaced(constants):
                    assert 0 in shape or way_of(x, k, axis, Ranking(True, False, True, True)) == "listed"
                    result = library.topk(x, k, axis, mode=str(mode), nan=str(nan))
                assert_topk(library, result, x, x_np, k, axis, mode=str(mode), nan=str(nan))
