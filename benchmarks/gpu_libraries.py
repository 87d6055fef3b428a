"""The libraries that compute on a GPU: how each makes data there, selects by itself, and is timed.

Each can also rehearse: the same on the CPU, where only the clock is another.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

import xtopk
from xtopk._native import NATIVES

Select = Callable[[Any], Any]
REHEARSAL = "none, a rehearsal"


class Task(NamedTuple):
    """One task: the top `k` of data of some kind and dtype along an axis."""

    name: str
    shape: tuple[int, ...]
    k: int
    kind: str = "random"
    dtype: str = "float32"
    axis: int = -1
    mode: str = "largest"

    def tiny(self) -> "Task":
        """Return the same task on few elements, for a rehearsal."""
        return self._replace(shape=tuple(min(n, 600) for n in self.shape), k=min(self.k, 5))

    @property
    def bytes(self) -> int:
        """How many bytes the input has."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype.replace("bfloat", "float")).itemsize


KINDS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "random": lambda xp, normal, chance: normal,
    "constant": lambda xp, normal, chance: xp.ones_like(normal),
    "few_distinct": lambda xp, normal, chance: xp.floor(8 * chance),
    "half_nan": lambda xp, normal, chance: xp.where(chance < 0.5, xp.nan, normal),
    "nearly_all_nan": lambda xp, normal, chance: xp.where(chance < 0.99, xp.nan, normal),
    "bm25": lambda xp, normal, chance: xp.where(chance < 0.93, 0 * normal, xp.floor(abs(normal) * 1000) / 1000),
    "integers": lambda xp, normal, chance: xp.floor(normal * 1e8),
}
"""What is made of normal numbers and of chances; `ascending` is made of positions."""


class Torch:
    """torch, its events and its allocator."""

    sample = 2e-3  # seconds, by which what an event costs is nothing
    name, rows, rehearsed = "torch", ("torch-cuda", "torch-cuda-kernels", "torch-cuda-blocks"), ("torch-static",)
    lacks: tuple[str, ...] = ()

    def __init__(self, *, rehearse: bool) -> None:
        import torch

        self.xp, self.rehearse, self.device = torch, rehearse, "cpu" if rehearse else "cuda"

    def is_here(self) -> bool:
        """Return whether there is a GPU for it."""
        return bool(self.rehearse or self.xp.cuda.is_available())

    def card(self) -> dict[str, Any]:
        """Return what the card is."""
        if self.rehearse:
            return {"card": REHEARSAL, "memory": 1 << 30, "L2": 1 << 20}
        found = self.xp.cuda.get_device_properties(0)
        return {"card": found.name, "memory": found.total_memory, "L2": getattr(found, "L2_cache_size", 0)}

    def notes(self) -> dict[str, str]:
        """Return what else decides how fast it is."""
        return {"torch CUDA": str(self.xp.version.cuda), "torch's CuTeDSL topk": cutedsl_topk()}

    def make(self, task: Task, seed: int) -> Any:
        """Return the data of a task, on the GPU."""
        torch, options = self.xp, {"device": self.device, "dtype": self.xp.float32}
        if task.kind == "ascending":
            x = torch.arange(task.shape[task.axis], **options).expand(task.shape).contiguous()
        else:
            generator = torch.Generator(self.device).manual_seed(seed)
            normal = torch.randn(task.shape, generator=generator, **options)
            needed = task.kind not in ("random", "constant", "integers")
            chance = torch.rand(task.shape, generator=generator, **options) if needed else None
            x = KINDS[task.kind](torch, normal, chance)
        return x.to(getattr(torch, task.dtype))

    def sides(self, task: Task) -> dict[str, Select]:
        """Return the library's own call, xtopk's two, and one pass over the data."""
        torch, largest = self.xp, task.mode == "largest"
        return {
            "native": lambda x: torch.topk(x, task.k, task.axis, largest=largest),
            **ours(task),
            "max": lambda x: (torch.amax if largest else torch.amin)(x, task.axis),
        }

    def copy(self, x: Any) -> Any:
        """Return a copy."""
        return x.clone()

    def elapsed(self, call: Callable[[], Any], times: int) -> float:
        """Return the seconds of so many calls on the device, in a row."""
        if self.rehearse:
            return on_the_host(call, times, lambda result: None)
        start, end = (self.xp.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(times):
            call()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) / 1e3

    def peak(self, call: Callable[[], Any]) -> int | None:
        """Return how many bytes were allocated at most during a call, beside those before it."""
        if self.rehearse:
            call()
            return None
        cuda = self.xp.cuda
        cuda.synchronize()
        before = cuda.memory_allocated()
        cuda.reset_peak_memory_stats()
        call()
        cuda.synchronize()
        return int(cuda.max_memory_allocated() - before)

    def free(self) -> None:
        """Give back memory that is kept but not in use."""
        if not self.rehearse:
            self.xp.cuda.empty_cache()

    def host(self, x: Any) -> Any:
        """Return few elements as float64 in NumPy."""
        return x.to(self.xp.float64).cpu().numpy()


class Jax:
    """JAX, which has no events: many calls on the host's clock."""

    sample = 2e-2  # seconds, by which waiting for the last call is little
    name, rows, rehearsed = "jax", ("jax-gpu", "jax-gpu-kernels", "jax-gpu-blocks"), ("jax-off-cpu",)
    lacks: tuple[str, ...] = ()

    def __init__(self, *, rehearse: bool) -> None:
        import jax
        import jax.numpy as jnp

        self.jax, self.xp, self.rehearse = jax, jnp, rehearse

    def is_here(self) -> bool:
        """Return whether there is a GPU for it."""
        return self.rehearse or self.jax.default_backend() in ("gpu", "cuda")

    def card(self) -> dict[str, Any]:
        """Return what the card is."""
        device = self.jax.devices()[0]
        memory = (device.memory_stats() or {}).get("bytes_limit", 1 << 30)
        return {
            "card": REHEARSAL if self.rehearse else device.device_kind,
            "memory": memory,
            "L2": 1 << 20 if self.rehearse else 64 << 20,
        }

    def notes(self) -> dict[str, str]:
        """Return what else decides how fast it is."""
        return {"jax backend": self.jax.default_backend(), "x64": str(self.jax.config.jax_enable_x64)}

    def make(self, task: Task, seed: int) -> Any:
        """Return the data of a task, on the GPU."""
        jax, jnp = self.jax, self.xp

        def data(key: Any) -> Any:
            if task.kind == "ascending":
                x = jnp.broadcast_to(jnp.arange(task.shape[task.axis], dtype=jnp.float32), task.shape)
            else:
                left, right = jax.random.split(key)
                normal = jax.random.normal(left, task.shape, dtype=jnp.float32)
                x = KINDS[task.kind](jnp, normal, jax.random.uniform(right, task.shape, dtype=jnp.float32))
            return x.astype(task.dtype)

        return jax.block_until_ready(jax.jit(data)(jax.random.key(seed)))

    def sides(self, task: Task) -> dict[str, Select]:
        """Return the library's own call, xtopk's two, and one pass over the data, each compiled."""
        jax, jnp, largest = self.jax, self.xp, task.mode == "largest"

        def native(x: Any) -> Any:
            x = jnp.moveaxis(x, task.axis, -1)
            values, indices = jax.lax.top_k(x if largest else -x, task.k)
            return jnp.moveaxis(values if largest else -values, -1, task.axis), jnp.moveaxis(indices, -1, task.axis)

        sides: dict[str, Select] = {"native": native, **ours(task)}
        sides["max"] = lambda x: (x.max if largest else x.min)(task.axis)
        return {name: jax.jit(side) for name, side in sides.items()}

    def copy(self, x: Any) -> Any:
        """Return a copy."""
        return self.xp.copy(x)

    def elapsed(self, call: Callable[[], Any], times: int) -> float:
        """Return the seconds of so many calls, in a row."""
        return on_the_host(call, times, self.jax.block_until_ready)

    def peak(self, call: Callable[[], Any]) -> int | None:
        """Return nothing: XLA's peak is that of the whole process."""
        self.jax.block_until_ready(call())
        return None

    def free(self) -> None:
        """Give back what was compiled."""
        self.jax.clear_caches()

    def host(self, x: Any) -> Any:
        """Return few elements as float64 in NumPy."""
        return np.asarray(x, dtype=np.float64)


class CuPy:
    """CuPy, its events and its memory pool; a rehearsal is on NumPy arrays that take CuPy's way."""

    sample = 2e-3
    name, rows, rehearsed = "cupy", ("cupy", "cupy-kernels", "cupy-blocks"), ("cupy-blocks-on-numpy",)
    lacks: tuple[str, ...] = ("bfloat16",)

    def __init__(self, *, rehearse: bool) -> None:
        if rehearse:
            self.xp: Any = np
            mock.patch.dict(NATIVES, numpy=NATIVES["cupy"]).start()
            mock.patch("xtopk._cuda.select.ON", False).start()
        else:
            import cupy

            self.xp = cupy
        self.rehearse = rehearse

    def is_here(self) -> bool:
        """Return whether there is a GPU for it."""
        return bool(self.rehearse or self.xp.cuda.is_available())

    def card(self) -> dict[str, Any]:
        """Return what the card is."""
        if self.rehearse:
            return {"card": REHEARSAL, "memory": 1 << 30, "L2": 1 << 20}
        found = self.xp.cuda.runtime.getDeviceProperties(0)
        return {"card": found["name"].decode(), "memory": found["totalGlobalMem"], "L2": found["l2CacheSize"]}

    def notes(self) -> dict[str, str]:
        """Return what else decides how fast it is."""
        return {"CuPy accelerators": "" if self.rehearse else str(self.xp._core.get_routine_accelerators())}

    def make(self, task: Task, seed: int) -> Any:
        """Return the data of a task, on the GPU."""
        xp = self.xp
        if task.kind == "ascending":
            x = xp.broadcast_to(xp.arange(task.shape[task.axis], dtype=xp.float32), task.shape)
        else:
            rng = xp.random.default_rng(seed)
            normal = rng.standard_normal(task.shape, dtype=xp.float32)
            needed = task.kind not in ("random", "constant", "integers")
            x = KINDS[task.kind](xp, normal, rng.random(task.shape, dtype=xp.float32) if needed else None)
        return xp.ascontiguousarray(x.astype(task.dtype))

    def sides(self, task: Task) -> dict[str, Select]:
        """Return the `argpartition` idiom, xtopk's two, and one pass over the data."""
        xp, largest, axis = self.xp, task.mode == "largest", task.axis

        def native(x: Any) -> Any:
            # Of the negative, for argpartition near the far end is a full sort.
            indices = xp.moveaxis(xp.argpartition(-x if largest else x, task.k - 1, axis=axis), axis, -1)
            indices = xp.moveaxis(indices[..., : task.k], -1, axis)
            values = xp.take_along_axis(x, indices, axis=axis)
            order = xp.argsort(-values if largest else values, axis=axis)
            return xp.take_along_axis(values, order, axis=axis), xp.take_along_axis(indices, order, axis=axis)

        return {"native": native, **ours(task), "max": lambda x: (xp.max if largest else xp.min)(x, axis=axis)}

    def copy(self, x: Any) -> Any:
        """Return a copy."""
        return x.copy()

    def elapsed(self, call: Callable[[], Any], times: int) -> float:
        """Return the seconds of so many calls on the device, in a row."""
        if self.rehearse:
            return on_the_host(call, times, lambda result: None)
        cuda = self.xp.cuda
        start, end = cuda.Event(), cuda.Event()
        start.record()
        for _ in range(times):
            call()
        end.record()
        end.synchronize()
        return float(cuda.get_elapsed_time(start, end)) / 1e3

    def peak(self, call: Callable[[], Any]) -> int | None:
        """Return how many bytes the pool grew by during a call that began with no free memory in it."""
        if self.rehearse:
            call()
            return None
        pool = self.xp.get_default_memory_pool()
        pool.free_all_blocks()
        before = pool.total_bytes()
        call()
        self.xp.cuda.Device().synchronize()
        return int(pool.total_bytes() - before)

    def free(self) -> None:
        """Give back memory that is kept but not in use."""
        if not self.rehearse:
            self.xp.get_default_memory_pool().free_all_blocks()

    def host(self, x: Any) -> Any:
        """Return few elements as float64 in NumPy."""
        return np.asarray(x if self.rehearse else x.get(), dtype=np.float64)


def ours(task: Task) -> dict[str, Select]:
    """Return xtopk with its default promises, and with those of the library."""

    def call(**options: Any) -> Select:
        return lambda x: xtopk.topk(x, task.k, task.axis, mode=task.mode, **options)  # type: ignore[call-overload]

    return {"xtopk": call(), "xtopk unstable": call(stable=False, nan="greatest")}


def on_the_host(call: Callable[[], Any], times: int, wait: Callable[[Any], Any]) -> float:
    """Return the seconds of so many calls on the host's clock, the last of which is waited for."""
    start, result = time.perf_counter(), None
    for _ in range(times):
        result = call()
    wait(result)
    return time.perf_counter() - start


def cutedsl_topk() -> str:
    """Return whether torch has put a CuTeDSL kernel in the place of its own topk for some shapes."""
    try:
        from torch.backends import python_native
    except ImportError:
        return "not in this torch"
    if "cutedsl" not in python_native.available_dsls:
        return "not active: nvidia-cutlass-dsl is not installed as torch needs it"
    return f"active, of {', '.join(python_native.get_dsl_operations('cutedsl'))}"


LIBRARIES: dict[str, Any] = {library.name: library for library in (Torch, Jax, CuPy)}
