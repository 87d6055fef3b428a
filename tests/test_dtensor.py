"""torch's DTensor, on two and four processes: the answer, its placements and gradient, and what is moved."""

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xtopk
from benchmarks.collectives import dispatched
from benchmarks.sharded import end_together
from tests.libraries import Library, chosen, np_dtype, rows
from tests.oracle import assert_marked, assert_ranked
from tests.strategies import tied_array

TORCH = pytest.mark.parametrize("library", rows(transforms="torch"), ids=str)
WORDS: list[dict[str, Any]] = [{}, {"mode": "smallest"}, {"nan": "greatest"}, {"sorted": False}, {"stable": False}]


@pytest.mark.parametrize("processes", [2, 4])
@TORCH
def test_on_processes(library: Library, processes: int, tmp_path: Path) -> None:
    """Every check of this file, in one group of processes; the first that fails is shown."""
    import torch.multiprocessing

    torch.multiprocessing.spawn(work, args=(processes, tmp_path / "store", library.name), nprocs=processes)


def work(rank: int, processes: int, store: Path, name: str) -> None:
    import torch.distributed as dist

    (library,) = chosen(name)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    library.namespace.set_num_threads(1)
    patience = timedelta(seconds=60)  # with a process that has failed
    meeting = dist.FileStore(str(store), processes)
    dist.init_process_group("gloo", None, patience, world_size=processes, rank=rank, store=meeting)
    for check in CHECKS:
        check(library, processes)
    end_together(meeting, processes)


def layouts(processes: int) -> Iterator[tuple[Any, list[Any]]]:
    """Yield meshes, and placements on them of an array of two axes."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Replicate, Shard

    line = init_device_mesh("cpu", (processes,))
    yield from ((line, [place]) for place in (Shard(1), Shard(0), Replicate()))
    if processes > 2:
        grid = init_device_mesh("cpu", (2, processes // 2))
        yield from ((grid, [Shard(a), Shard(b)]) for a in (0, 1) for b in (0, 1))
        yield from ((grid, places) for places in ([Shard(1), Replicate()], [Replicate(), Shard(1)]))


def place(library: Library, x: Any, mesh: Any, placements: list[Any]) -> Any:
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(library.make(x), mesh, placements, src_data_rank=None)


def back(library: Library, *parts: Any) -> list[Any]:
    return library.back(*(part.detach().full_tensor() for part in parts))


def tied(shape: tuple[int, ...], dtype: str = "float32", seed: int = 0) -> Any:
    return tied_array(np.random.default_rng(seed), shape, np_dtype(dtype), 5)


def squares(x: Any) -> Any:
    return (xtopk.topk(x, 3).values ** 2).sum()


def check_that_moving_data_is_seen(library: Library, processes: int) -> None:
    mesh, placements = next(layouts(processes))
    x = place(library, tied((2, 64)), mesh, placements)
    with dispatched() as moved:
        library.namespace.topk(x, 3)
    assert max(one.elements for one in moved) == 2 * 64


def check_answer_and_placements(library: Library, processes: int) -> None:
    """Shards of unequal lengths, and empty ones, along any axis."""
    from torch.distributed.tensor import Replicate, Shard

    for mesh, placements in layouts(processes):
        for shape in ((5, 64), (3, 10), (1, 3), (2, 5)):
            x_np = tied(shape)
            x = place(library, x_np, mesh, placements)
            for k in (1, 3):
                result = xtopk.topk(x, k)
                assert_ranked(back(library, *result), x_np, k)
                uncut = tuple(Replicate() if at == Shard(1) else at for at in placements)
                assert all(part.shape == (shape[0], k) and part.placements == uncut for part in result)
                mask = xtopk.topk_mask(x, k)
                assert_marked(back(library, mask)[0], x_np, k)
                assert mask.placements == tuple(placements)
            turned = [Shard(1 - at.dim) if isinstance(at, Shard) else at for at in placements]
            across = place(library, np.ascontiguousarray(x_np.T), mesh, turned)
            assert_ranked(back(library, *xtopk.topk(across, 3, 0)), x_np.T, 3, 0)


def check_what_is_moved(library: Library, processes: int) -> None:
    for mesh, placements in layouts(processes):
        x = place(library, tied((4, 256)), mesh, placements).requires_grad_()
        row_count = x.to_local().shape[0]
        calls: list[Callable[[], Any]] = [lambda: squares(x), lambda: xtopk.topk_mask(x, 3)]  # noqa: B023
        for call in calls:
            with dispatched() as moved:
                call()
            assert all(one.elements <= 3 * processes * row_count for one in moved)
            assert bool(moved) == (x.to_local().shape[1] < 256)
        loss = squares(x)
        with dispatched() as moved:
            loss.backward()
        assert not moved


def check_dtypes_and_options(library: Library, processes: int) -> None:
    mesh, placements = list(layouts(processes))[0 if processes == 2 else -3]
    for seed, dtype in enumerate(library.dtypes):
        x_np = tied((2, 37), dtype, seed)
        x = place(library, x_np, mesh, placements)
        for options in WORDS:
            result = xtopk.topk(x, 20, **options)
            assert result.values.dtype == x.dtype
            assert result.indices.dtype == library.namespace.int64
            assert_ranked(back(library, *result), x_np, 20, **options)
            marks = {word: value for word, value in options.items() if word != "sorted"}
            assert_marked(back(library, xtopk.topk_mask(x, 5, **marks))[0], x_np, 5, **marks)
        assert xtopk.topk(x, 0).values.dtype == x.dtype
        numbers = place(library, np.broadcast_to(np.arange(37), (2, 37)).copy(), mesh, placements)
        assert_ranked(back(library, *xtopk.merge_topk([(x, numbers)], 7)), x_np, 7)
        parts = [xtopk.topk(x, 0), (x, numbers)]
        assert_ranked(back(library, *xtopk.merge_topk(parts, 7)), x_np, 7)


def check_gradient(library: Library, processes: int) -> None:
    torch = library.namespace
    x_np = np.random.default_rng(0).permutation(44).reshape(4, 11).astype("float64")
    whole = library.make(x_np).requires_grad_()
    (expected,) = torch.autograd.grad(squares(whole), whole)
    for mesh, placements in layouts(processes):
        x = place(library, x_np, mesh, placements).requires_grad_()
        squares(x).backward()
        assert x.grad.placements == tuple(placements)
        assert torch.equal(x.grad.full_tensor(), expected)
        (gradient,) = torch.autograd.grad(squares(x), x, create_graph=True)
        (second,) = torch.autograd.grad((gradient**2).sum(), x)
        assert torch.equal(second.full_tensor(), 4 * expected)


def check_transforms_are_refused(library: Library, processes: int) -> None:
    func = library.namespace.func
    x = place(library, tied((3, 40)), *next(layouts(processes)))
    calls: list[Callable[[], Any]] = [
        lambda: func.grad(squares)(x),
        lambda: func.vmap(squares)(x),
        lambda: func.vmap(func.grad(squares))(x),
        lambda: func.vmap(lambda a: xtopk.topk_mask(a, 3))(x),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=r"^x must be a DTensor outside of the transforms .* got one inside$"):
            call()


def check_merge(library: Library, processes: int) -> None:
    x_np = tied((3, 40))
    for mesh, placements in layouts(processes):
        left, right = (place(library, half, mesh, placements) for half in (x_np[:, :19].copy(), x_np[:, 19:].copy()))
        parts = [xtopk.topk(right, 7), xtopk.topk(left, 7)]
        parts[0] = xtopk.TopK(parts[0].values, parts[0].indices + 19)
        result = xtopk.merge_topk(parts, 7)
        assert_ranked(back(library, *result), x_np, 7)
        assert result.values.placements == parts[0].values.placements
        everything = place(library, np.broadcast_to(np.arange(19), (3, 19)).copy(), mesh, placements)
        assert_ranked(back(library, *xtopk.merge_topk([(left, everything)], 7)), x_np[:, :19], 7)


def check_parts_of_both_kinds_are_refused(library: Library, processes: int) -> None:
    mesh, placements = next(layouts(processes))
    part = xtopk.topk(place(library, tied((3, 40)), mesh, placements), 7)
    plain = xtopk.topk(library.make(tied((3, 40))), 7)
    for parts in ([part, plain], [plain, part], [(part.values, plain.indices)], [(plain.values, part.indices)]):
        with pytest.raises(TypeError, match=r"^parts must hold DTensors alone or none, such as .* got both$"):
            xtopk.merge_topk(parts, 7)


def check_sums_yet_to_be_made(library: Library, processes: int) -> None:
    from torch.distributed.tensor import DTensor, Partial, Replicate, Shard

    mesh, _ = next(layouts(processes))
    x_np = np.random.default_rng(0).integers(-9, 9, (3, 26)).astype("float32")
    x = DTensor.from_local(library.make(x_np), mesh, [Partial()])
    assert_ranked(back(library, *xtopk.topk(x, 4)), x_np * processes, 4)
    mask = xtopk.topk_mask(x, 4)
    assert_marked(back(library, mask)[0], x_np * processes, 4)
    assert mask.placements == (Shard(1),)
    x.requires_grad_()
    xtopk.topk(x, 4).values.sum().backward()
    assert x.grad.placements == (Replicate(),)


def check_shards_in_several_pieces(library: Library, processes: int) -> None:
    """What fully sharded data parallelism makes of a tensor that tensor parallelism has cut along the same axis."""
    from torch.distributed.tensor import DTensor
    from torch.distributed.tensor.placement_types import _StridedShard

    for mesh, placements in layouts(processes):
        if mesh.ndim > 1 and all(at.is_shard(1) for at in placements):
            x_np = tied((3, 64))
            pieces = np.split(x_np, 8, axis=1)
            at = mesh.get_local_rank(1) * 4 + mesh.get_local_rank(0) * 2
            shard = np.concatenate(pieces[at : at + 2], axis=1)
            strided = [_StridedShard(1, split_factor=2), placements[1]]
            x = DTensor.from_local(library.make(shard), mesh, strided, run_check=False, shape=(3, 64), stride=(64, 1))
            assert_ranked(back(library, *xtopk.topk(x, 4)), back(library, x)[0], 4)
            assert_marked(back(library, xtopk.topk_mask(x, 4))[0], back(library, x)[0], 4)


def check_compiled(library: Library, processes: int) -> None:
    torch = library.namespace
    if processes > 2:
        return
    x_np = tied((2, 37))
    for mesh, placements in layouts(processes):
        x = place(library, x_np, mesh, placements)
        compiled = torch.compile(
            lambda a: (xtopk.topk(a, 3), xtopk.topk_mask(a, 3)), fullgraph=True, backend="aot_eager"
        )
        result, mask = compiled(x)
        assert_ranked(back(library, *result), x_np, 3)
        assert_marked(back(library, mask)[0], x_np, 3)
    numbers = library.make(np.random.default_rng(0).permutation(22).reshape(2, 11).astype("float32"))
    x = place(library, numbers.numpy(), *next(layouts(processes))).requires_grad_()
    torch.compile(squares, fullgraph=True, backend="aot_eager")(x).backward()
    assert torch.equal(x.grad.full_tensor(), 2 * numbers * xtopk.topk_mask(numbers, 3))


def check_explain(library: Library, processes: int) -> None:
    mesh, placements = next(layouts(processes))
    x = place(library, tied((1, 1 << 20)), mesh, placements)
    assert f"are left of {(1 << 20) // processes}" in xtopk.explain(x, 3).reason
    rank = mesh.get_local_rank(0)
    plan = xtopk.explain(place(library, tied((1, 1)), mesh, placements), 1)
    assert (plan.algorithm == "nothing") == (rank > 0)


def check_nothing_to_choose(library: Library, processes: int) -> None:
    for mesh, placements in layouts(processes):
        x = place(library, tied((3, 10)), mesh, placements)
        part = xtopk.topk(x, 2)
        uncut = part.values.placements
        with dispatched() as moved:
            for result in (xtopk.topk(x, 0), xtopk.merge_topk([part], 0)):
                assert all(a.shape == (3, 0) and a.placements == uncut for a in result)
            assert not xtopk.topk_mask(x, 0).to_local().any()
            empty = place(library, tied((0, 10)), mesh, placements)
            assert xtopk.topk(empty, 3).values.shape == (0, 3)
        assert not moved
        x.requires_grad_()
        xtopk.topk(x, 0).values.sum().backward()
        assert x.grad.placements == tuple(placements)


def check_shards_cut_otherwise_are_refused(library: Library, processes: int) -> None:
    """Of a length that is wrong in every process, so that none waits for another."""
    from torch.distributed.tensor import DTensor, Shard

    mesh, _ = next(layouts(processes))
    expected, lengths = {2: ((5, 5), (4, 6)), 4: ((3, 3, 3, 1), (1, 2, 4, 3))}[processes]
    rank = mesh.get_local_rank(0)
    shard = library.make(np.arange(10.0)[: lengths[rank]])
    x = DTensor.from_local(shard, mesh, [Shard(0)], run_check=False, shape=(10,), stride=(1,))
    message = rf"^x must have shards as .* got {lengths[rank]} for {expected[rank]} along axis 0$"
    calls: list[Callable[[], Any]] = [
        lambda: xtopk.topk(x, 2),
        lambda: xtopk.topk_mask(x, 2),
        lambda: xtopk.merge_topk([(x, x.to(library.namespace.int64))], 2),
        lambda: xtopk.merge_topk([(x, x.to(library.namespace.int64))] * 2, 2),
    ]
    for call in calls:
        with dispatched() as moved, pytest.raises(ValueError, match=message):
            call()
        assert not moved


def check_processes_without_a_shard(library: Library, processes: int) -> None:
    from torch.distributed.device_mesh import DeviceMesh
    from torch.distributed.tensor import DTensor, Shard

    x_np = tied((2, 10))
    mesh = DeviceMesh("cpu", list(range(processes - 1)))
    x = place(library, x_np, mesh, [Shard(1)])
    result, mask = xtopk.topk(x, 3), xtopk.topk_mask(x, 3)
    assert all(isinstance(part, DTensor) for part in (*result, mask))
    if mesh.get_coordinate() is not None:
        assert_ranked(back(library, *result), x_np, 3)
        assert_marked(back(library, mask)[0], x_np, 3)


CHECKS = [function for name, function in list(globals().items()) if name.startswith("check_")]
