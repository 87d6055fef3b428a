"""The named workloads: shapes and data of libraries that select the top k by hand."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Literal, get_args

import numpy as np

Generator = np.random.Generator
Mode = Literal["largest", "smallest"]
Result = Literal["sorted", "unsorted", "mask"]


QUICK_ELEMENTS = 1 << 20
MOST = 1 << 22


@dataclass(frozen=True)
class Workload:
    """One task: `make(rng, shape)` gives float32, float64 or integer data, cast to `dtype` by the library."""

    name: str
    shape: tuple[int, ...]
    k: int
    make: Callable[[Generator, tuple[int, ...]], Any]
    dtype: str = "float32"
    axis: int = -1
    mode: Mode = "largest"
    group: str = "named"
    result: Result = "sorted"

    def tiny(self) -> "Workload":
        """Return the same task on few elements, for a test."""
        return replace(self, shape=tuple(min(n, 50) for n in self.shape), k=min(self.k, 5))

    def quick(self) -> "Workload":
        """Return the same task with its longest axis cut until about a million elements are left."""
        longest = max(range(len(self.shape)), key=self.shape.__getitem__)
        keep = max(2 * self.k, self.shape[longest] * QUICK_ELEMENTS // max(QUICK_ELEMENTS, prod(self.shape)))
        shape = tuple(min(n, keep) if i == longest else n for i, n in enumerate(self.shape))
        return replace(self, shape=shape)


def normal(rng: Generator, shape: tuple[int, ...]) -> Any:
    """Return standard normal numbers."""
    return rng.standard_normal(shape, dtype=np.float32)


def bm25_scores(rng: Generator, shape: tuple[int, ...]) -> Any:
    """Return 93 % exact zeros, the rest gamma rounded to three digits."""
    scores = np.round(rng.standard_gamma(2.0, shape).astype(np.float32), 3)
    return np.where(rng.random(shape, dtype=np.float32) < 0.93, np.float32(0), scores)


def squared_distances(rng: Generator, shape: tuple[int, ...]) -> Any:
    """Return squared distances between random points."""
    left, right = normal(rng, (*shape[:-1], 16)), normal(rng, (shape[-1], 16))
    return (left**2).sum(-1, keepdims=True) + (right**2).sum(-1) - 2 * left @ right.T


def masked_scores(rng: Generator, shape: tuple[int, ...]) -> Any:
    """Return normal numbers, 0.2 % of them set to the lowest float."""
    scores = normal(rng, shape)
    scores[rng.random(shape, dtype=np.float32) < 0.002] = np.finfo(np.float32).min
    return scores


def probabilities(rng: Generator, shape: tuple[int, ...]) -> Any:
    """Return the softmax of normal numbers along the last axis."""
    weights = np.exp(normal(rng, shape))
    return weights / weights.sum(-1, keepdims=True)


def normal_float64(rng: Generator, shape: tuple[int, ...]) -> Any:
    """Return standard normal float64 numbers."""
    return rng.standard_normal(shape)


def magnitudes(rng: Generator, shape: tuple[int, ...]) -> Any:
    """Return absolute values of standard normal numbers."""
    return np.abs(normal(rng, shape))


def rectified(rng: Generator, shape: tuple[int, ...]) -> Any:
    """Return standard normal numbers, the negative ones set to zero."""
    return np.maximum(normal(rng, shape), 0)


def gappy_climate(rng: Generator, shape: tuple[int, ...]) -> Any:
    """Return standard normal float64 numbers, 5 % of them NaN."""
    series = rng.standard_normal(shape)
    series[rng.random(shape, dtype=np.float32) < 0.05] = np.nan
    return series


def whole_range_int32(rng: Generator, shape: tuple[int, ...]) -> Any:
    """Return integers over the whole range of int32."""
    return rng.integers(-(2**31), 2**31, shape, dtype=np.int32)


def whole_range_int64(rng: Generator, shape: tuple[int, ...]) -> Any:
    """Return integers over the whole range of int64."""
    return rng.integers(-(2**63), 2**63, shape, dtype=np.int64)


def constant(rng: Generator, shape: tuple[int, ...]) -> Any:
    """Return ones."""
    return np.ones(shape, dtype=np.float32)


def ascending(rng: Generator, shape: tuple[int, ...]) -> Any:
    """Return normal numbers, sorted along the last axis."""
    return np.sort(normal(rng, shape), axis=-1)


def descending(rng: Generator, shape: tuple[int, ...]) -> Any:
    """Return normal numbers, sorted the other way."""
    return ascending(rng, shape)[..., ::-1].copy()


def few_distinct(rng: Generator, shape: tuple[int, ...]) -> Any:
    """Return eight values in random order."""
    return rng.integers(0, 8, shape).astype(np.float32)


def half_nan(rng: Generator, shape: tuple[int, ...]) -> Any:
    """Return normal numbers, every other of them NaN by chance."""
    x = normal(rng, shape)
    x[rng.random(shape, dtype=np.float32) < 0.5] = np.nan
    return x


def nearly_all_nan(rng: Generator, shape: tuple[int, ...]) -> Any:
    """Return normal numbers, 99 % of them NaN."""
    x = normal(rng, shape)
    x[rng.random(shape, dtype=np.float32) < 0.99] = np.nan
    return x


def one_huge_a_block(rng: Generator, shape: tuple[int, ...]) -> Any:
    """Return normal numbers with a huge one in every 64."""
    x = normal(rng, shape)
    x[..., ::64] += 100
    return x


def ties_of_bfloat16(rng: Generator, shape: tuple[int, ...]) -> Any:
    """Return normal numbers rounded to eight bits, as those of bfloat16 are."""
    return (normal(rng, shape).view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


ROW = (8_388_608,)

HURTING = (
    constant,
    ascending,
    descending,
    few_distinct,
    half_nan,
    nearly_all_nan,
    one_huge_a_block,
    ties_of_bfloat16,
)

UNORDERED: list[tuple[str, tuple[int, ...], int, Any, str, Result]] = [
    ("prune_layer", (4_194_304,), 419_430, magnitudes, "float32", "mask"),
    ("prune_layer_half", (4_194_304,), 2_097_152, magnitudes, "float32", "mask"),
    ("prune_layer_bfloat16", (4_194_304,), 419_430, magnitudes, "bfloat16", "mask"),
    ("prune_rows", (4096, 1024), 512, magnitudes, "float32", "mask"),
    ("sparsity_2_of_4", (1_048_576, 4), 2, magnitudes, "float32", "mask"),
    ("winners_take_all", (4096, 1024), 102, rectified, "float32", "mask"),
    ("few_distinct_mask", (4_194_304,), 2_097_152, few_distinct, "float32", "mask"),
    ("half_nan_mask", (1024, 4096), 2048, half_nan, "float32", "mask"),
    ("gradient_compression", (8_388_608,), 83_886, normal, "float32", "unsorted"),
    ("sparse_autoencoder", (1024, 16_384), 64, normal, "float32", "unsorted"),
    ("replay_half", (1_000_000,), 500_000, normal_float64, "float64", "unsorted"),
    ("attention_rows", (64, 65_536), 16_384, normal, "float32", "unsorted"),
]
"""Masks of sparse training, and elements whose order does not matter."""

WORKLOADS = [
    Workload("word2vec_similar", (3_000_000,), 10, normal),
    Workload("bm25_msmarco", (8_841_823,), 1000, bm25_scores),
    *(
        Workload(f"one_row_{dtype}{'_smallest' * (mode == 'smallest')}", ROW, 100, make, dtype, mode=mode)
        for dtype, make in [
            ("float16", normal),
            ("bfloat16", normal),
            ("int32", whole_range_int32),
            ("float64", normal_float64),
        ]
        for mode in get_args(Mode)
    ),
    Workload("one_row_large_k", ROW, 10_000, normal),
    Workload("knn_brute_chunk", (1024, 100_000), 10, squared_distances, mode="smallest"),
    Workload("recsys_block", (100, 100_000), 10, masked_scores),
    Workload("vocab_logits", (64, 128_256), 50, normal),
    Workload("vocab_logits_bfloat16", (64, 128_256), 50, normal, "bfloat16"),
    Workload("sparse_attn_index", (128, 131_072), 2048, normal),
    Workload("top5_accuracy", (50_000, 1000), 5, normal),
    Workload("moe_router", (8192, 256), 8, probabilities),
    Workload("moe_router_bfloat16", (8192, 256), 8, probabilities, "bfloat16"),
    Workload("tiny_rows", (1_000_000, 20), 5, normal),
    Workload("channels_axis1", (64, 16, 24, 24), 7, normal_float64, "float64", axis=1),
    Workload("climate_time_axis0", (8760, 50, 100), 5, gappy_climate, "float64", axis=0),
    Workload("call_overhead", (1000,), 5, normal),
    Workload("call_overhead_rows", (32, 100), 5, normal),
    *(
        Workload(name, shape, k, make, dtype, group="unordered", result=result)
        for name, shape, k, make, dtype, result in UNORDERED
    ),
    *(
        Workload(f"{make.__name__}_{'row' if len(shape) == 1 else 'rows'}", shape, k, make, group="hurting")
        for make in HURTING
        for shape, k in [((4_194_304,), 100), ((1024, 4096), 50)]
    ),
]


def any_workloads(count: int, seed: int = 0) -> list[Workload]:
    """Return tasks of random shape, k, dtype, axis and data, of up to four million elements: none was tuned for."""
    rng = np.random.default_rng(seed)
    return [_any_workload(rng) for _ in range(count)]


def _any_workload(rng: Generator) -> Workload:
    def up_to(most: float) -> int:
        return round(2 ** rng.uniform(0, np.log2(most)))

    dtype = str(rng.choice(["float32", "float64", "float16", "bfloat16", "int32", "int64"], p=[0.4, *[0.12] * 5]))
    whole = {"float64": normal_float64, "int32": whole_range_int32, "int64": whole_range_int64}.get(dtype, normal)
    make = (whole, ascending, few_distinct, bm25_scores, half_nan)[rng.choice(5, p=[0.6, *[0.1] * 4])]
    if dtype.startswith("int") and make is half_nan:
        make = whole
    n = 1 + up_to(MOST)
    shape: tuple[int, ...] = (1 + up_to(MOST / n), n)
    axis = -1
    if rng.random() < 0.2:
        shape, axis = shape[::-1], 0
    elif rng.random() < 0.2:
        shape = (n,)
    k, mode = up_to(n), get_args(Mode)[rng.integers(2)]
    name = f"{'x'.join(map(str, shape))} {dtype} axis={axis} k={k} {mode} {make.__name__}"
    return Workload(name, shape, k, make, dtype, axis, mode, group="random")
