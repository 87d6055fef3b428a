"""python -m benchmarks.sharded: arrays sharded over eight JAX devices or over two processes of torch.

The devices and processes are this machine's cores, so what is moved costs little here: look at the bytes, too. They are
the sum over the collective operations of a call, of what each leaves with a device.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

import xtopk
from benchmarks.__main__ import medians, timed
from benchmarks.collectives import Moved, collectives, dispatched
from benchmarks.natives import Call

DEVICES, PROCESSES = 8, 2


class Sharded(NamedTuple):
    """One task: an array sharded along one axis, its top k along the last."""

    name: str
    shape: tuple[int, ...]
    k: int
    along: int

    def tiny(self) -> "Sharded":
        """Return the same task on few elements, for a test."""
        return self._replace(shape=tuple(min(n, 64) for n in self.shape), k=5)

    def data(self) -> Any:
        """Return normal numbers."""
        return np.random.default_rng(0).standard_normal(self.shape, dtype=np.float32)


TASKS = [
    Sharded("one row", (1 << 23,), 100, 0),
    Sharded("64 rows, each sharded", (64, 1 << 17), 50, 1),
    Sharded("2048 rows, sharded among them", (2048, 4096), 50, 0),
]


def jax_results(tasks: list[Sharded], seconds: float) -> Iterator[tuple[str, dict[str, float], dict[str, int]]]:
    """Yield seconds and bytes of each task: `lax.top_k` and xtopk, compiled."""
    import jax

    mesh = jax.make_mesh((DEVICES,), ("devices",), axis_types=(jax.sharding.AxisType.Auto,))
    for task in tasks:
        spec = ["devices" if axis == task.along else None for axis in range(len(task.shape))]
        x = jax.device_put(task.data(), jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*spec)))
        sides: dict[str, Any] = {
            "lax.top_k": partial(jax.lax.top_k, k=task.k),
            "xtopk": partial(xtopk.topk, k=task.k),
        }
        compiled = {name: jax.jit(side).lower(x).compile() for name, side in sides.items()}
        moved = {name: _bytes(collectives(program.as_text())) for name, program in compiled.items()}
        calls: dict[str, Call] = {name: partial(_blocked, program, x) for name, program in compiled.items()}
        yield task.name, medians(calls, seconds), moved


def _blocked(call: Callable[[Any], Any], x: Any) -> Any:
    import jax

    return jax.block_until_ready(call(x))


def torch_results(tasks: list[Sharded], rounds: int) -> Iterator[tuple[str, dict[str, float], dict[str, int]]]:
    """Yield seconds and bytes of each task in this process, which the others accompany."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Shard, distribute_tensor

    mesh = init_device_mesh("cpu", (PROCESSES,))
    for task in tasks:
        x = distribute_tensor(_tensor(task), mesh, [Shard(task.along)], src_data_rank=None)
        calls: dict[str, Call] = {
            "full_tensor().topk": lambda x=x, k=task.k: x.full_tensor().topk(k),  # type: ignore[misc]
            "torch.topk": lambda x=x, k=task.k: x.topk(k),  # type: ignore[misc]
            "xtopk": partial(xtopk.topk, x, task.k),
        }
        moved = {}
        for name, call in calls.items():
            with dispatched() as found:
                call()
            moved[name] = _bytes(found)
        # As many calls in every process, or one would wait for ever.
        times = [{name: timed(call) for name, call in calls.items()} for _ in range(rounds)]
        yield task.name, {name: median(taken[name] for taken in times) for name in calls}, moved


def _tensor(task: Sharded) -> Any:
    import torch

    return torch.from_numpy(task.data())


def _work(rank: int, store: Path, tasks: list[Sharded], rounds: int) -> None:
    import torch
    import torch.distributed as dist

    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    meeting = dist.FileStore(str(store), PROCESSES)
    dist.init_process_group("gloo", store=meeting, rank=rank, world_size=PROCESSES)
    for result in torch_results(tasks, rounds):
        if rank == 0:
            report(*result)
    end_together(meeting, PROCESSES)


def end_together(store: Any, processes: int) -> None:
    """Leave the process group when no process waits for another in it any more, for those that do are aborted."""
    import torch.distributed as dist

    dist.barrier()
    store.add("through the barrier", 1)
    while store.add("through the barrier", 0) < processes:
        time.sleep(0.01)
    dist.destroy_process_group()


def _bytes(moved: list[Moved]) -> int:
    return sum(one.bytes for one in moved)


def report(task: str, seconds: dict[str, float], moved: dict[str, int]) -> None:
    """Print one row of the table for each side."""
    for name, took in seconds.items():
        print(f"| {task} | {name} | {took * 1e3:.2f} | {took / seconds['xtopk']:.1f} | {moved[name]} |", flush=True)


def main(arguments: list[str] | None = None) -> None:
    """Measure one library and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sharded")
    parser.add_argument("--library", choices=["jax", "torch"], required=True)
    parser.add_argument("--tiny", action="store_true", help="on few elements, as the tests do")
    parser.add_argument("--seconds", type=float, default=3, help="for each task; for torch, rounds of calls")
    chosen = parser.parse_args(arguments)
    tasks = [task.tiny() for task in TASKS] if chosen.tiny else TASKS
    print("| task | call | ms | to xtopk | bytes moved to each |\n|---|---|---:|---:|---:|", flush=True)
    if chosen.library == "jax":
        os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={DEVICES}"  # before JAX starts
        for result in jax_results(tasks, chosen.seconds):
            report(*result)
    else:
        import torch.multiprocessing

        with tempfile.TemporaryDirectory() as folder:
            rounds = 3 + 2 * int(chosen.seconds)
            torch.multiprocessing.spawn(_work, (Path(folder) / "store", tasks, rounds), PROCESSES)


if __name__ == "__main__":
    main()
