"""NumPy arrays in the place of CuPy's, and the kernels run on the CPU."""

from typing import Any

import numpy as np

from tests.cuda_on_cpu import compiled
from xtopk._cuda.kernels import Kernel
from xtopk._cuda.select import Gpu


class OnNumPy(Gpu):
    """A device of which the memory is NumPy's."""

    def is_usable(self) -> bool:
        return True

    def empty(self, shape: tuple[int, ...], dtype: str) -> Any:
        return np.full(shape, 0x55, dtype=dtype)

    def sort(self, a: Any) -> Any:
        return np.sort(a, axis=-1)

    def argsort(self, a: Any) -> Any:
        return np.argsort(a, axis=-1, stable=True)

    def launch(self, kernel: Kernel, blocks: tuple[int, int], threads: int, shared: int, *args: Any) -> None:
        macros = (macro.removeprefix("-D").split("=") for macro in kernel.macros)
        module = compiled(kernel.source, tuple((name, value) for name, value in macros))
        module.launch(kernel.name, (*blocks, 1), (threads, 1, 1), args, shared)
