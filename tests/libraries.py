"""The only list of libraries that the tests know: one row each, chosen by traits and never by name."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal
from unittest import mock

import numpy as np

import xtopk

INTEGERS = tuple(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
STANDARD = ("bool", *INTEGERS, "float32", "float64")
USUAL = (*STANDARD, "float16")
BFLOAT16 = ("bfloat16",) if find_spec("ml_dtypes") else ()
TIMES = ("datetime64[s]", "timedelta64[ns]")
SWAPPED = tuple(np.dtype(code).newbyteorder("S").str for code in ("i2", "u4", "i8", "f2", "f4", "f8", "M8[s]"))
"""Dtypes of the byte order that this machine does not have."""
JAX_X64 = os.environ.get("JAX_ENABLE_X64", "").lower() in ("1", "true")


def np_dtype(name: str) -> Any:
    """Return NumPy's dtype of a name; for bfloat16, ml_dtypes' (which the torch row needs, too)."""
    return np.dtype(import_module("ml_dtypes").bfloat16 if name == "bfloat16" else name)


@dataclass(frozen=True, repr=False)
class Library:
    """One row: how to make arrays and get them back, how to call a function, and its traits."""

    name: str
    requires: str
    """The module without which the row cannot run."""
    native: str
    """The key of `xtopk._native.NATIVES` that serves it; empty for the generic path."""
    dtypes: tuple[str, ...]
    make: Callable[[Any], Any]
    """From a NumPy array to the library's; aliases its memory where that is possible."""
    back: Callable[..., list[Any]]
    """From the library's arrays to NumPy arrays, all at once."""
    call: Callable[..., Any] = lambda function, *args, **options: function(*args, **options)
    """How a function of xtopk is called."""
    index_dtype: str = "int64"
    transforms: Literal["", "torch", "jax"] = ""
    """Whose derivatives and transformations apply."""
    lazy: bool = False
    gpu: bool = False
    static: bool = False
    """Whether Python may not look at the elements during a call."""
    compiled: bool = False
    """Whether each new shape costs a compilation."""
    disguised: bool = False
    """Whether the arrays are another row's and only the call differs."""
    kernels: bool = False
    """Whether CUDA kernels are what is tested; without a GPU a C++ compiler is needed."""

    def __repr__(self) -> str:
        return self.name

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(self.name)  # or hypothesis prints every field

    @property
    def namespace(self) -> Any:
        """The library itself."""
        return import_module(self.requires)

    def topk(self, *args: Any, **options: Any) -> Any:
        return self.call(xtopk.topk, *args, **options)

    def topk_mask(self, *args: Any, **options: Any) -> Any:
        return self.call(xtopk.topk_mask, *args, **options)

    def merge_topk(self, *args: Any, **options: Any) -> Any:
        return self.call(xtopk.merge_topk, *args, **options)


def numpy_back(*arrays: Any) -> list[Any]:
    return list(arrays)


def read_only(x: Any) -> Any:
    x = x.view()
    x.flags.writeable = False
    return x


def aligned(x: Any) -> Any:
    return x if x.flags.aligned else x.copy(order="K")


def torch_make(x: Any) -> Any:
    torch = import_module("torch")
    if not (x.flags.aligned and x.flags.writeable and all(stride >= 0 for stride in x.strides)):
        x = x.copy(order="K")
    if x.dtype.name == "bfloat16":
        return torch.from_numpy(x.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(x)


def torch_back(*arrays: Any) -> list[Any]:
    torch = import_module("torch")
    return [
        a.detach().view(torch.int16).cpu().numpy().view(np_dtype("bfloat16"))
        if a.dtype == torch.bfloat16
        else a.detach().cpu().numpy()
        for a in arrays
    ]


def torch_make_on(device: str, x: Any) -> Any:
    """Make a tensor on a device, with the strides it has on the CPU unless elements share memory."""
    torch = import_module("torch")
    here = torch_make(x)
    if 0 in here.stride():
        return here.to(device)
    there = torch.empty_strided(here.shape, here.stride(), dtype=here.dtype, device=device)
    return there.copy_(here)


@contextmanager
def replaced(constants: dict[str, Any]) -> Iterator[None]:
    """Give constants, named in full, other values for a while."""
    with ExitStack() as stack:
        for name, value in constants.items():
            stack.enter_context(mock.patch(name, value))
        yield


PARTED = {"xtopk._select.packed_sort.PARTED": 0, "xtopk._select.packed_sort.PARTED_SHARE": 1}


def numpy_call_with_blocks(function: Any, *args: Any, **options: Any) -> Any:
    """Call with bounds from blocks and columns also of few elements, and few of them at a time."""
    few: dict[str, Any] = {f"xtopk._native.{name}.BLOCK_ELEMENTS": 20 for name in ("numpy", "numpy_rows", "numpy_ways")}
    few |= {"xtopk._native.numpy.CUT_ELEMENTS": 100, "xtopk._select.best_blocks.PICKED_SHARE": 4}
    few |= {"xtopk._native.numpy_ways.CUT_FROM": 10}
    few |= {f"xtopk._native.numpy_ways.SAMPLED{name}_FROM": 1 << 30 for name in ("", "_ROWS")}
    few |= {"xtopk._select.best_blocks.BLOCK_GAIN": 4, "xtopk._select.best_blocks.CROWD": 3}
    few |= {"xtopk._select.bound.FOLDED_ROW": 10}
    few |= {"xtopk._select.best_blocks.SAMPLED": 0}
    few |= {f"xtopk._select.{name}.MIN_COLUMNS": 2 for name in ("bound", "threshold")}
    few |= {f"xtopk._select.{name}.COLUMNS_PER_CHOICE": 1 for name in ("best_blocks", "bound")}
    few |= {"xtopk._select.threshold.MAX_FOLDS": 1}
    few |= {"xtopk._select.threshold.PIECE": 20, "xtopk._select.threshold.CUT": 60}
    few |= {
        "xtopk._native.numpy_ways.PACKED_BYTES": 0,
        "xtopk._native.numpy_ways.PACKED_ROW": dict.fromkeys((1, 2, 4, 8), 0),
    }
    few |= {
        "xtopk._native.numpy_ways.SORTED_SHARES": {1: 2, 2: 2, 4: 2, 8: 2},
        "xtopk._select.small.SORTED_BYTES": 8,
        "xtopk._select.small.SORTED_ROW": 9,
    }
    few |= {"xtopk._select.small.PACKED_FROM": 6} | PARTED
    few |= {"xtopk._select.partition.MANY_EQUAL": 101, "xtopk._select.partition.MANY_CHOSEN": 101}
    few |= {"xtopk._native.numpy_marks.SORTED_ROWS": 0, "xtopk._native.numpy_marks.PAIRED": 0}
    few |= {f"xtopk._native.numpy_ways.MARKED_{name}": 1 << 30 for name in ("SHORT", "SHARE")}
    with replaced(few):
        return function(*args, **options)


def numpy_call_with_samples(function: Any, *args: Any, **options: Any) -> Any:
    """Call with a bound from a sample of few elements, which is often wrong, for all rows by themselves."""
    few: dict[str, Any] = {f"xtopk._native.numpy_{name}.PIECE": 20 for name in ("rows", "marks")}
    few |= {f"xtopk._native.numpy_{name}.BRACKETED_FROM": 4 for name in ("ways", "marks")}
    few |= {"xtopk._native.numpy_ways.BRACKETED_SHARE": 1 << 30, "xtopk._native.numpy_marks.PAIRED": 0}
    few |= {"xtopk._select.bracket.SAMPLE_ROOT": 1.5, "xtopk._select.bracket.DEVIATIONS": 0}
    few |= {f"xtopk._native.numpy_ways.{name}": 1 << 30 for name in ("CUT_FROM", "SAMPLED_SHARE")}
    few |= {f"xtopk._native.numpy_ways.SAMPLED{name}_FROM": 4 for name in ("", "_ROWS")}
    few |= {"xtopk._native.numpy_ways.SAMPLED_ROWS_SHARE": 1 << 30, "xtopk._native.numpy_ways.PACKED_BYTES": 0}
    few |= {
        "xtopk._native.numpy_ways.PACKED_ROW": dict.fromkeys((1, 2, 4, 8), 0),
        "xtopk._native.numpy_ways.COUNTED": 0,
        "xtopk._native.numpy_ways.COUNTED_APART": 0,
    }
    few |= {"xtopk._native.numpy_ways.SORTED_SHARES": dict.fromkeys((1, 2, 4, 8), 0)}
    few |= {"xtopk._select.sampled.SAMPLED": 8, "xtopk._select.sampled.DEVIATIONS": 0}
    with replaced(few):
        return function(*args, **options)


def torch_call_off_the_cpu(function: Any, *args: Any, **options: Any) -> Any:
    """Call without kernels, with blocks also of few elements, and few of them at a time."""
    few = {"xtopk._native.torch_static.FEW": 0, "xtopk._select.maxima.AT_A_TIME": 1000, "xtopk._cuda.select.ON": False}
    with replaced(few):
        return function(*args, **options)


def torch_call_static(function: Any, x: Any, *args: Any, **options: Any) -> Any:
    """Call under `torch.vmap` along a new axis of one, where Python may not look at elements; few blocks at a time."""
    torch = import_module("torch")
    batch = [tuple(a[None] for a in part) for part in x] if isinstance(x, list) else x[None]
    with mock.patch("xtopk._select.maxima.AT_A_TIME", 1000):
        result = torch.vmap(lambda inner: function(inner, *args, **options))(batch)
    return xtopk.TopK(*(a[0] for a in result)) if isinstance(result, tuple) else result[0]


LOOKED_AT_FEW = {
    **{f"xtopk._native.torch_looks.{name}": 0 for name in ("LOOKED_FROM", "PLAIN_FROM", "PLAIN_LOOSELY", "EQUAL_LONG")},
    "xtopk._native.torch_looks.LOOKED_AT": 2,
    "xtopk._native.torch_looks.EQUAL": 1 << 30,
    "xtopk._select.equals.APART": 1,
}


def in_torch(**constants: Any) -> dict[str, Any]:
    """Return where constants of torch's ways stand: in each file that reads them."""
    files = [f"xtopk._native.torch_{file}" for file in ("ways", "shapes", "numpy", "numpy_ways")]
    return {
        f"{file}.{name}": constants[name] for file in files for name in constants if hasattr(import_module(file), name)
    }


def torch_call_with_numpy(function: Any, x: Any, *args: Any, **options: Any) -> Any:
    """Call with NumPy also of few elements."""
    few = in_torch(NUMPY_ROW=0, NUMPY_NARROW_ROW=0, NUMPY_SLOWED_LONG=0, DIRECT_BELOW=0)
    few |= in_torch(REDUCED_FROM=0, REDUCED_LONG=0, REDUCED_LONGER=0, REDUCED_WIDTH=1, ONE_CUT_FROM=0)
    few |= in_torch(LISTED_BELOW=0, HEAPED=2)
    few |= {"xtopk._native.torch_numpy.CUT_ELEMENTS": 40, "xtopk._native.torch_looks.PLAIN_FROM": 0}
    few |= {"xtopk._native.torch_looks.LOOKED_FROM": 0, "xtopk._native.torch_looks.LOOKED_AT": 2}
    few |= {"xtopk._native.torch_looks.EQUAL_LONG": 0, "xtopk._select.equals.APART": 1}
    with replaced(few):
        return function(x, *args, **options)


def torch_call_with_keys(function: Any, x: Any, *args: Any, **options: Any) -> Any:
    """Call with packed keys also of so few elements that torch would sort them, or select from them."""
    few = in_torch(SORTED_AT_ONCE=0, LISTED_IN_ALL=dict.fromkeys((1, 2, 4, 8), 0), LOOSE_FROM=0, LOOSE_SHORTEST=2)
    with replaced(few | in_torch(HEAPED=8, PACKED_ROW=dict.fromkeys((1, 2, 4, 8), 6)) | PARTED):
        return function(x, *args, **options)


def torch_call_with_blocks(function: Any, x: Any, *args: Any, **options: Any) -> Any:
    """Call with block and column maxima also where there are too few elements for them to pay, by torch alone."""
    few = in_torch(has_numpy=lambda: False, LISTED_BELOW=0, DIRECT_BELOW=0, UNTIED_BELOW=0, HEAPED_BELOW=0)
    few |= in_torch(FOLDED_FROM=0, FOLDED_APART=0, FOLDED_HEAPED=0, ROW_FROM=0, ONE_CUT_FROM=0, ONE_FOLDED_FROM=0)
    few |= in_torch(FOLDED_HEAPS=dict.fromkeys((1, 2, 4, 8), 0), FOLDED_WORK=dict.fromkeys((1, 2, 4, 8), 0))
    few |= in_torch(UNSIGNED_AT_A_TIME=20, UNSIGNED_GAIN=2, ROW_GAIN=2, SHORTEST=2, NARROW_GAIN=1)
    few |= in_torch(MARKED_SHARES=dict.fromkeys((1, 2, 4, 8), 3))
    few |= {f"xtopk._native.torch_looks.{name}": 0 for name in ("FOLDED_FROM", "FOLDED_LOOK")} | LOOKED_AT_FEW
    few |= {"xtopk._select.few_numbers.LONG": 0}
    few |= {"xtopk._native.torch_eager.RANKED_AT_A_TIME": 20, "xtopk._native.torch_eager.ONE_BY_ONE_AT_A_TIME": 20}
    few |= {"xtopk._native.torch_eager.RANKED_TOGETHER": 0}
    few |= {f"xtopk._select.long_row.{kind}_WIDTH": 2 for kind in ("INTEGERS", "FLOATS", "HALVES", "CUT")}
    few |= {
        "xtopk._select.long_row.CUT_GAIN": 2,
        "xtopk._select.long_row.CUT_FROM": 8,
        "xtopk._select.few_numbers.FEW": 2,
    }
    few |= {"xtopk._select.few_numbers.SEARCHED_AT_A_TIME": 40}
    few |= {"xtopk._select.columns.MIN_COLUMNS": 2, "xtopk._select.piles.PILED_FROM": 0}
    few |= {"xtopk._native.torch_marks.MARKED_AT_A_TIME": 20}
    few |= {f"xtopk._select.{name}.LONG_ROW": 200 for name in ("nth", "settle")}
    few |= {f"xtopk._select.{name}.BATCH": 40 for name in ("nth", "settle", "verified")}
    few |= {f"xtopk._select.nth.{name}": 0 for name in ("WORDS_FROM", "WHOLE_UP_TO")} | {
        "xtopk._select.nth.MIN_PREFIX": 1
    }
    few |= {f"xtopk._select.verified.{name}_UP_TO": 0 for name in ("SORTED", "RANKED")}
    few |= {"xtopk._select.verified.ROWS_LISTED": 1}
    with replaced(few):
        return function(x, *args, **options)


def torch_call_with_samples(function: Any, x: Any, *args: Any, **options: Any) -> Any:
    """Call with a bound from a sample of few elements, which is often wrong, also of a short row and a small k."""
    few = in_torch(has_numpy=lambda: False, LISTED_BELOW=0, DIRECT_BELOW=0, UNTIED_BELOW=0, HEAPED=2)
    few |= in_torch(SAMPLED_FROM=0, SAMPLED_ROWS_FROM=0, SAMPLED_SHARE=30, SAMPLED_ROWS_SHARE=30, ROWS_AT_ONCE=1 << 30)
    few |= in_torch(BRACKETED_FROM=0, BRACKETED_ROWS_FROM=0, BRACKETED_SHARE=1 << 30, TIED_CHOICES=1, PAIRED=0)
    few |= LOOKED_AT_FEW
    few |= {"xtopk._select.sampled.SAMPLED": 8, "xtopk._select.sampled.DEVIATIONS": 0}
    few |= {f"xtopk._native.torch_{name}.COMPARED_AT_A_TIME": 20 for name in ("eager", "marks")}
    few |= {"xtopk._native.torch_marks.PAIRED": 0}
    few |= {"xtopk._select.nth.PREFIX_PER_CHOICE": 1}
    few |= {"xtopk._select.bracket.SAMPLE_ROOT": 1.5, "xtopk._select.bracket.DEVIATIONS": 0}
    few |= {"xtopk._select.radix.PADDED_FROM": dict.fromkeys((1, 2, 4, 8), 8)}
    with replaced(few):
        return function(x, *args, **options)


def torch_call_with_kernels(function: Any, *args: Any, **options: Any) -> Any:
    """Call as if on a CUDA GPU, with kernels as the CPU runs them, block maxima also of few elements."""
    from tests.kernels_on_numpy import OnTorch
    from xtopk._native import NATIVES
    from xtopk._native.torch_cuda import topk_by_kernels

    device = {"xtopk._native.torch_cuda._device": OnTorch, "xtopk._native.torch_cuda._is_alone": lambda: True}
    with mock.patch.dict(NATIVES, torch=NATIVES["torch"]._replace(topk=topk_by_kernels)), replaced(device):
        return call_with_all_kernels(function, *args, **options)


def jax_make(x: Any) -> Any:
    return import_module("jax.numpy").asarray(x)


def jax_make_on_gpu(x: Any) -> Any:
    jax = import_module("jax")
    return jax.device_put(x, jax.devices("gpu")[0])


def jax_back(*arrays: Any) -> list[Any]:
    return [np.asarray(a) for a in arrays]


def ragged(length: int, many: bool) -> tuple[int, ...]:
    """Return uneven chunks of an axis, an empty one among them."""
    if length < 2:
        return (length,)
    third = min(3, length - 1)
    return (1, 0, third, length - 1 - third) if many else (third, length - third)


@cache
def jax_compiled(row: str) -> Any:
    """Return a `_compiled` for a row, so that what was compiled under other constants stays apart."""
    return cache(import_module("xtopk._native.jax")._compiled.__wrapped__)


def as_if_many() -> AbstractContextManager[None]:
    """Let JAX arrays take the paths of many rows, a few rows at a time."""
    small = {"MANY": 3, "MOST_ROUNDS": 4, "COUNTED": 9, "COUNTED_WIDE": 1, "MANY_WIDE": 1, "SHORT_WIDE": 100}
    constants = {f"xtopk._native.jax_ways.{name}": value for name, value in small.items()}
    constants |= {f"xtopk._native.jax_ways.{name}": 0 for name in ("AT_ONCE", "UNCUT_FLOATS")}
    constants |= {"xtopk._native.jax._compiled": jax_compiled("many")}
    constants |= {"xtopk._native.jax_cpu.CACHED": 256, "xtopk._native.jax_cpu.LANES": 4}
    return replaced(constants | {"xtopk._select.rounds.LANES": 4})


def as_if_off_the_cpu() -> AbstractContextManager[None]:
    """Let JAX arrays take the path of other devices, also few elements."""
    constants: dict[str, Any] = {f"xtopk._native.jax_gpu.{name}": 0 for name in ("SORTED", "UNSORTED", "MANY")}
    constants |= {
        "xtopk._native.jax_gpu.ROUNDS": 4,
        "xtopk._native.jax_gpu.COUNTED": 200,
        "xtopk._native.jax._compiled": jax_compiled("off the cpu"),
    }
    constants |= {"xtopk._native.jax.is_on_cpu": lambda x: False, "xtopk._cuda.select.ON": False}
    return replaced(constants | {"jax.lax.platform_dependent": lambda *args, cpu, default: default(*args)})


def jax_call_off_the_cpu(function: Any, *args: Any, **options: Any) -> Any:
    with as_if_off_the_cpu():
        return function(*args, **options)


def jax_call_with_kernels(function: Any, *args: Any, **options: Any) -> Any:
    """Call as if on a CUDA GPU, with kernels as the CPU runs them, block maxima also of few elements."""
    from tests.kernels_on_numpy import launched_on_the_cpu

    constants: dict[str, Any] = {"xtopk._native.jax_cuda.usable": lambda: True}
    constants |= {"xtopk._native.jax_cuda.launched": launched_on_the_cpu}
    constants |= {
        "xtopk._native.jax._compiled": jax_compiled("kernels"),
        "xtopk._native.jax.is_on_cpu": lambda x: False,
    }
    constants["jax.lax.platform_dependent"] = lambda *args, cpu, default, cuda=None: (cuda or default)(*args)
    with replaced(constants):
        return call_with_all_kernels(function, *args, **options)


def jax_call_with_all_kernels(function: Any, *args: Any, **options: Any) -> Any:
    with replaced({"xtopk._native.jax._compiled": jax_compiled("all kernels")}):
        return call_with_all_kernels(function, *args, **options)


def jax_call_of_many(function: Any, *args: Any, **options: Any) -> Any:
    with as_if_many():
        return function(*args, **options)


def dask_make(x: Any) -> Any:
    chunks = tuple(ragged(length, many=x.ndim < 3) for length in x.shape)
    return import_module("dask.array").from_array(x, chunks=chunks)


def dask_back(*arrays: Any) -> list[Any]:
    return list(import_module("dask").compute(*arrays, scheduler="synchronous"))


@cache
def strictest() -> Any:
    """Return array_api_strict with everything refused that the standard does not promise everywhere."""
    strict = import_module("array_api_strict")
    strict.set_array_api_strict_flags(boolean_indexing=False, data_dependent_shapes=False, enabled_extensions=())
    return strict


def strict_make(x: Any) -> Any:
    """Make an array on a device that is not the default, so that one made without naming it shows."""
    strict = strictest()
    return strict.asarray(np.array(x), device=strict.Device("device1"))


def strict_back(*arrays: Any) -> list[Any]:
    cpu = strictest().Device("CPU_DEVICE")
    return [np.asarray(a.to_device(cpu)) for a in arrays]


def call_with_own_top_k(function: Any, *args: Any, **options: Any) -> Any:
    with mock.patch.object(strictest(), "top_k", import_module("tests.own_top_k").top_k, create=True):
        return function(*args, **options)


KERNELS = "xtopk._cuda.select."


def call_with_all_kernels(function: Any, *args: Any, **options: Any) -> Any:
    """Call with block maxima also of few elements, and with little memory to sort in."""
    little = {"READ_TWICE": 0, "SHORT": 0, "MIN_BLOCKS": 0, "MEMORY": 4096, "WARPS": 1, "MAX_ROW": 40, "MIN_PART": 64}
    little["MAX_SORTED"] = 500
    with replaced({KERNELS + name: value for name, value in little.items()}):
        return function(*args, **options)


@contextmanager
def as_if_cupy(*, kernels: bool = False) -> Iterator[None]:
    """Let NumPy arrays take CuPy's path, with kernels as the CPU runs them or with none."""
    from tests.kernels_on_numpy import OnNumPy
    from xtopk._native import NATIVES

    device = {KERNELS + "ON": kernels, "xtopk._native.cupy.DEVICE": OnNumPy()}
    with mock.patch.dict(NATIVES, numpy=NATIVES["cupy"]), replaced(device):
        yield


def call_as_cupy(function: Any, *args: Any, kernels: bool = False, **options: Any) -> Any:
    """Call as CuPy, which does not warn as NumPy does of sums that overflow or are NaN."""
    with as_if_cupy(kernels=kernels), np.errstate(over="ignore", invalid="ignore"):
        return function(*args, **options)


def cupy_call_with_blocks(function: Any, *args: Any, **options: Any) -> Any:
    """Call without kernels, with blocks also of few elements, and few of them at a time."""
    few = {"xtopk._native.cupy.MIN_WIDTH": 4, "xtopk._native.cupy.FEW": 0, "xtopk._select.maxima.AT_A_TIME": 99}
    with replaced(few | {KERNELS + "ON": False}):
        return function(*args, **options)


def call_as_cupy_with_blocks(function: Any, *args: Any, **options: Any) -> Any:
    return cupy_call_with_blocks(call_as_cupy, function, *args, **options)


def call_as_cupy_with_all_kernels(function: Any, *args: Any, **options: Any) -> Any:
    return call_with_all_kernels(partial(call_as_cupy, function, kernels=True), *args, **options)


def cupy_make(x: Any) -> Any:
    return import_module("cupy").asarray(x)


def cupy_back(*arrays: Any) -> list[Any]:
    return [a.get() for a in arrays]


NUMPY_DTYPES = (*USUAL, *BFLOAT16, *TIMES, *SWAPPED)
TORCH_DTYPES = (*USUAL, "bfloat16")
JAX_DTYPES = tuple(d for d in TORCH_DTYPES if JAX_X64 or not d.endswith("64"))
JAX_INDEX = "int64" if JAX_X64 else "int32"

LIBRARIES = (
    Library("numpy", "numpy", "numpy", NUMPY_DTYPES, make=lambda x: x, back=numpy_back),
    Library(
        "numpy-blocks",
        "numpy",
        "numpy",
        NUMPY_DTYPES,
        make=lambda x: x,
        back=numpy_back,
        call=numpy_call_with_blocks,
        disguised=True,
    ),
    Library(
        "numpy-samples",
        "numpy",
        "numpy",
        NUMPY_DTYPES,
        make=lambda x: x,
        back=numpy_back,
        call=numpy_call_with_samples,
        disguised=True,
    ),
    Library("numpy-readonly", "numpy", "numpy", NUMPY_DTYPES, make=read_only, back=numpy_back),
    Library("torch", "torch", "torch", TORCH_DTYPES, make=torch_make, back=torch_back, transforms="torch"),
    Library(
        "torch-static",
        "torch",
        "torch",
        TORCH_DTYPES,
        make=torch_make,
        back=torch_back,
        call=torch_call_static,
        static=True,
        disguised=True,
    ),
    Library(
        "torch-numpy",
        "torch",
        "torch",
        TORCH_DTYPES,
        make=torch_make,
        back=torch_back,
        call=torch_call_with_numpy,
        disguised=True,
    ),
    Library(
        "torch-keys",
        "torch",
        "torch",
        TORCH_DTYPES,
        make=torch_make,
        back=torch_back,
        call=torch_call_with_keys,
        disguised=True,
    ),
    Library(
        "torch-blocks",
        "torch",
        "torch",
        TORCH_DTYPES,
        make=torch_make,
        back=torch_back,
        call=torch_call_with_blocks,
        disguised=True,
    ),
    Library(
        "torch-samples",
        "torch",
        "torch",
        TORCH_DTYPES,
        make=torch_make,
        back=torch_back,
        call=torch_call_with_samples,
        disguised=True,
    ),
    Library(
        "torch-kernels",
        "torch",
        "torch",
        TORCH_DTYPES,
        make=torch_make,
        back=torch_back,
        call=torch_call_with_kernels,
        static=True,
        disguised=True,
        kernels=True,
    ),
    Library(
        "jax",
        "jax",
        "jax.numpy",
        JAX_DTYPES,
        make=jax_make,
        back=jax_back,
        index_dtype=JAX_INDEX,
        transforms="jax",
        compiled=True,
    ),
    Library(
        "jax-many",
        "jax",
        "jax.numpy",
        JAX_DTYPES,
        make=jax_make,
        back=jax_back,
        call=jax_call_of_many,
        index_dtype=JAX_INDEX,
        compiled=True,
        disguised=True,
    ),
    Library(
        "jax-off-cpu",
        "jax",
        "jax.numpy",
        JAX_DTYPES,
        make=jax_make,
        back=jax_back,
        call=jax_call_off_the_cpu,
        index_dtype=JAX_INDEX,
        compiled=True,
        disguised=True,
    ),
    Library(
        "jax-kernels",
        "jax",
        "jax.numpy",
        JAX_DTYPES,
        make=jax_make,
        back=jax_back,
        call=jax_call_with_kernels,
        index_dtype=JAX_INDEX,
        compiled=True,
        disguised=True,
        kernels=True,
    ),
    Library("dask", "dask.array", "dask.array", NUMPY_DTYPES, make=dask_make, back=dask_back, lazy=True),
    Library("strict", "array_api_strict", "", STANDARD, make=strict_make, back=strict_back),
    Library(
        "own-top-k",
        "array_api_strict",
        "",
        STANDARD,
        make=strict_make,
        back=strict_back,
        call=call_with_own_top_k,
        disguised=True,
    ),
    Library(
        "cupy-on-numpy",
        "numpy",
        "cupy",
        USUAL,
        make=lambda x: x,
        back=numpy_back,
        call=call_as_cupy,
        disguised=True,
    ),
    Library(
        "cupy-blocks-on-numpy",
        "numpy",
        "cupy",
        USUAL,
        make=lambda x: x,
        back=numpy_back,
        call=call_as_cupy_with_blocks,
        disguised=True,
    ),
    Library(
        "cupy-kernels-on-numpy",
        "numpy",
        "cupy",
        USUAL,
        make=aligned,
        back=numpy_back,
        call=partial(call_as_cupy, kernels=True),
        disguised=True,
        kernels=True,
    ),
    Library(
        "cupy-all-kernels-on-numpy",
        "numpy",
        "cupy",
        USUAL,
        make=aligned,
        back=numpy_back,
        call=call_as_cupy_with_all_kernels,
        disguised=True,
        kernels=True,
    ),
    Library(
        "torch-cuda",
        "torch",
        "torch",
        TORCH_DTYPES,
        make=partial(torch_make_on, "cuda"),
        back=torch_back,
        gpu=True,
        static=True,
    ),
    Library(
        "torch-cuda-blocks",
        "torch",
        "torch",
        TORCH_DTYPES,
        make=partial(torch_make_on, "cuda"),
        back=torch_back,
        call=torch_call_off_the_cpu,
        gpu=True,
        static=True,
        disguised=True,
    ),
    Library(
        "torch-cuda-kernels",
        "torch",
        "torch",
        TORCH_DTYPES,
        make=partial(torch_make_on, "cuda"),
        back=torch_back,
        call=call_with_all_kernels,
        gpu=True,
        static=True,
        disguised=True,
        kernels=True,
    ),
    Library(
        "jax-gpu",
        "jax",
        "jax.numpy",
        JAX_DTYPES,
        make=jax_make_on_gpu,
        back=jax_back,
        index_dtype=JAX_INDEX,
        gpu=True,
        compiled=True,
    ),
    Library(
        "jax-gpu-kernels",
        "jax",
        "jax.numpy",
        JAX_DTYPES,
        make=jax_make_on_gpu,
        back=jax_back,
        call=jax_call_with_all_kernels,
        index_dtype=JAX_INDEX,
        gpu=True,
        compiled=True,
        disguised=True,
        kernels=True,
    ),
    Library(
        "jax-gpu-blocks",
        "jax",
        "jax.numpy",
        JAX_DTYPES,
        make=jax_make_on_gpu,
        back=jax_back,
        call=jax_call_off_the_cpu,
        index_dtype=JAX_INDEX,
        gpu=True,
        compiled=True,
        disguised=True,
    ),
    Library("cupy", "cupy", "cupy", USUAL, make=cupy_make, back=cupy_back, gpu=True),
    Library(
        "cupy-kernels",
        "cupy",
        "cupy",
        USUAL,
        make=cupy_make,
        back=cupy_back,
        call=call_with_all_kernels,
        gpu=True,
        disguised=True,
        kernels=True,
    ),
    Library(
        "cupy-blocks",
        "cupy",
        "cupy",
        USUAL,
        make=cupy_make,
        back=cupy_back,
        call=cupy_call_with_blocks,
        gpu=True,
        disguised=True,
    ),
)

HAS_GPU: dict[str, Callable[[Any], Any]] = {
    "torch": lambda torch: torch.cuda.is_available(),
    "jax": lambda jax: jax.default_backend() in ("gpu", "cuda"),
    "cupy": lambda cupy: cupy.is_available(),
}
"""Whether a library can compute on a GPU here."""


def available(library: Library) -> bool:
    """Return whether a row can run here."""
    if find_spec(library.requires.partition(".")[0]) is None:
        return False
    if library.kernels and not library.gpu:
        from tests.cuda_on_cpu import UNAVAILABLE

        return not UNAVAILABLE
    return not library.gpu or bool(HAS_GPU[library.requires](library.namespace))


def chosen(named: str | None) -> tuple[Library, ...]:
    """Return the rows that `named` names, all of which must be there, or else every row that can run here.

    Kernels on the CPU, which are compiled for each dtype, must be named.
    """
    if named is None:
        return tuple(row for row in LIBRARIES if available(row) and (row.gpu or not row.kernels))
    names = named.split(",")
    unknown = set(names) - {library.name for library in LIBRARIES}
    if unknown:
        raise LookupError(f"XTOPK_TEST_LIBRARIES names rows that tests/libraries.py does not have: {sorted(unknown)}")
    picked = tuple(library for library in LIBRARIES if library.name in names)
    missing = [library.name for library in picked if not available(library)]
    if missing:
        raise ModuleNotFoundError(f"XTOPK_TEST_LIBRARIES names rows that cannot run here: {missing}")
    return picked


SELECTED = chosen(os.environ.get("XTOPK_TEST_LIBRARIES"))


def rows(**traits: Any) -> list[Library]:
    """Return the selected rows that have all the given traits."""
    return [library for library in SELECTED if all(getattr(library, t) == value for t, value in traits.items())]
