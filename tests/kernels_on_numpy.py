"""NumPy arrays in the place of CuPy's, torch's and JAX's own on the CPU, and the kernels run there."""

import ctypes
from importlib import import_module
from typing import Any

import numpy as np

from tests.cuda_on_cpu import compiled
from xtopk._cuda.kernels import Kernel
from xtopk._cuda.select import Gpu
from xtopk._native.torch_cuda import Device


class OnNumPy(Gpu):
    """A device of which the memory is NumPy's."""

    def is_usable(self) -> bool:
        return True

    def empty(self, shape: tuple[int, ...], dtype: str) -> Any:
        return np.full(shape, 0x55, dtype=dtype)

    def zeros(self, shape: tuple[int, ...], dtype: str) -> Any:
        return np.zeros(shape, dtype=dtype)

    def argsort(self, a: Any) -> Any:
        return np.argsort(a, axis=-1, stable=True)

    def take(self, a: Any, indices: Any) -> Any:
        return np.take_along_axis(a.reshape(indices.shape), indices, axis=-1)

    def launch(self, kernel: Kernel, blocks: tuple[int, int], threads: int, shared: int, *args: Any) -> None:
        run(kernel, blocks, threads, shared, args)


class OnTorch(Device):
    """The CPU in the place of torch's device."""

    def __init__(self, index: int) -> None:
        self.torch = import_module("torch")
        self.device = self.torch.device("cpu")

    def launch(self, kernel: Kernel, blocks: tuple[int, int], threads: int, shared: int, *args: Any) -> None:
        run(kernel, blocks, threads, shared, [a if a is None or type(a) is int else _from(a.data_ptr()) for a in args])


def _from(address: int) -> Any:
    return np.ctypeslib.as_array((ctypes.c_ubyte * 1).from_address(address))


def run(kernel: Kernel, blocks: tuple[int, int], threads: int, shared: int, args: Any) -> None:
    """Run a kernel on NumPy arrays."""
    macros = (macro.removeprefix("-D").split("=") for macro in kernel.macros)
    module = compiled(kernel.source, tuple((name, value) for name, value in macros))
    module.launch(kernel.name, (*blocks, 1), (threads, 1, 1), args, shared)


def launched_on_the_cpu(
    kernel: Kernel,
    blocks: tuple[int, int],
    threads: int,
    shared: int,
    words: tuple[Any, ...],
    inputs: list[Any],
    results: list[Any],
    aliases: dict[int, int],
) -> Any:
    """Stand in for `xtopk._native.jax_cuda.launched`, which makes XLA launch the kernel."""
    import jax

    def on_the_host(*inputs: Any) -> list[Any]:
        arrays = {f"in{i}": np.ascontiguousarray(a) for i, a in enumerate(inputs)}
        outs = [np.full(result.shape, 0x55, dtype=result.dtype) for result in results]
        for i, at in aliases.items():
            outs[at][...] = inputs[i]
        arrays |= {f"out{i}": out for i, out in enumerate(outs)}
        run(kernel, blocks, threads, shared, [arrays.get(word, word) for word in words])
        return outs

    return jax.pure_callback(on_the_host, results, *inputs)
