"""torch on a CUDA GPU: kernels, compiled and launched by NVIDIA's own bindings, which torch's builds for CUDA bring."""

from array import array
from functools import cache
from typing import Any

from xtopk._cuda.kernels import Kernel
from xtopk._cuda.nvrtc import compiled, result, versions
from xtopk._cuda.select import COPIED, Gpu, Rows, serves, topk_of_rows
from xtopk._native.torch_operations import gather
from xtopk._order import Ranking, dtype_name


def kernels_serve(x: Any, k: int, axis: int) -> bool:
    """Return whether kernels select from a plain tensor on a GPU."""
    if (axis != x.ndim - 1 or not x.is_contiguous()) and x.nbytes > COPIED:
        return False
    n, bits = x.shape[axis], x.dtype.itemsize * 8
    return serves(x.numel() // n, n, k, bits) and usable()


def topk_by_kernels(xp: Any, x: Any, k: int, axis: int, rank: Ranking) -> tuple[Any, Any]:
    """Return the top `k` of a plain tensor on a GPU; the gradient is that of gathering the values."""
    given = x if axis == x.ndim - 1 else x.movedim(axis, -1)
    n, index, data, stride = x.shape[axis], x.get_device(), given, x.shape[axis]
    if not given.is_contiguous():
        data = given.reshape(-1, n)
        if n > 1 and data.stride(-1) != 1:
            data = data.contiguous()
        stride = n if data.is_contiguous() else data.stride(0)
    shape = (*given.shape[:-1], k)
    values, indices = x.new_empty(shape), x.new_empty(shape, dtype=xp.int64)
    rows = Rows(data, _name(x.dtype), rank, x.numel() // n, n, stride, x.dtype.itemsize * 8)
    if _is_alone() or xp.cuda.current_device() == index:
        found = topk_of_rows(_device(index), rows, k, values, indices)
    else:
        with xp.cuda.device(index):
            found = topk_of_rows(_device(index), rows, k, values, indices)
    if found is not None:
        indices = found.reshape(shape)
    if found is not None or x.requires_grad or xp.autograd.forward_ad.unpack_dual(x).tangent is not None:
        values = gather(xp, given, -1, indices)
    if given is not x:
        return values.movedim(-1, axis).contiguous(), indices.movedim(-1, axis).contiguous()
    return values, indices


_name = cache(dtype_name)


@cache
def _is_alone() -> bool:
    import torch

    return bool(torch.cuda.device_count() == 1)


@cache
def usable() -> bool:
    """Return whether kernels can be compiled and launched here."""
    import torch

    compiler, driver = versions()
    return torch.version.cuda is not None and 0 < compiler // 1000 <= driver // 1000


class Device(Gpu):
    """A device, and its current stream."""

    def __init__(self, index: int) -> None:
        import torch
        from cuda.bindings import driver, runtime

        self.index, self.device = index, torch.device("cuda", index)
        self.torch, self.driver, self.runtime = torch, driver, runtime
        self.stream = getattr(torch._C, "_cuda_getCurrentRawStream", self._stream)  # as torch's own compiler asks

    def _stream(self, index: int) -> int:
        return int(self.torch.cuda.current_stream(index).cuda_stream)

    def empty(self, shape: tuple[int, ...], dtype: str) -> Any:
        """Return a tensor on the device."""
        return self.torch.empty(shape, dtype=getattr(self.torch, dtype), device=self.device)

    def zeros(self, shape: tuple[int, ...], dtype: str) -> Any:
        """Return a tensor of zeros."""
        return self.torch.zeros(shape, dtype=getattr(self.torch, dtype), device=self.device)

    def argsort(self, a: Any) -> Any:
        """Return where integers stand sorted along the last axis, equals in order."""
        return a.sort(dim=-1, stable=True).indices

    def take(self, a: Any, indices: Any) -> Any:
        """Return elements along the last axis."""
        return a.reshape(indices.shape).gather(-1, indices)

    def launch(self, kernel: Kernel, blocks: tuple[int, int], threads: int, shared: int, *args: Any) -> None:
        """Launch on the current stream; every argument is passed in 64 bits, of which a kernel may take 32."""
        held = array("q", [a if type(a) is int else a.data_ptr() if a is not None else 0 for a in args])
        at, many = held.buffer_info()
        pointers = array("Q", range(at, at + 8 * many, 8))
        function, stream = _function(kernel, self.index), self.stream(self.index)
        given = (function, *blocks, 1, threads, 1, 1, shared, stream, pointers.buffer_info()[0], 0)
        (error,) = self.driver.cuLaunchKernel(*given)
        if error:
            self._again(error, given)

    def _again(self, error: Any, given: tuple[Any, ...]) -> None:
        if error == self.driver.CUresult.CUDA_ERROR_INVALID_CONTEXT:  # a thread that has not used the device before
            result(self.runtime.cudaSetDevice(self.index))
            (error,) = self.driver.cuLaunchKernel(*given)
        result((error,))


_device = cache(Device)


@cache
def _function(kernel: Kernel, index: int) -> Any:
    """Compile for a device and load."""
    import torch
    from cuda.bindings import driver, runtime

    code = compiled(kernel, "sm_{}{}".format(*torch.cuda.get_device_capability(index)))
    result(runtime.cudaSetDevice(index))
    module = result(driver.cuModuleLoadData(code))
    return result(driver.cuModuleGetFunction(module, kernel.name.encode()))
