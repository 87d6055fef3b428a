"""NumPy for torch: a tensor of the CPU is an array of the same memory, from which NumPy may select in less time."""

from functools import cache
from operator import ge, gt, le, lt
from typing import Any

from xtopk._native.numpy import CUT_ELEMENTS, indices_of_bits, numpy_indices
from xtopk._native.numpy_rows import as_numbers, indices_by_keys, indices_of_half
from xtopk._native.numpy_ways import PACKED_ROW
from xtopk._native.torch_shapes import UNSUPPORTED, is_heaped
from xtopk._order import FLOAT_INFINITY_BITS, Ranking, dtype_name
from xtopk._select.best_blocks import SAMPLED, indices_in_blocks
from xtopk._select.packed_sort import ascending_key, packed_keys
from xtopk._select.ranked import as_integers, may_be_positive
from xtopk._select.verified import put_right

PARTED_FOR = 8
"""NumPy finds such a share or more of packed keys of long rows faster than torch does."""

ORDERED_FROM, ORDERED_AT = 1 << 14, 8
"""Before so many elements, or more, are sorted, so many of so many rows are looked at."""

FEW_THREADS = 2
"""With more threads torch reduces halves faster than NumPy does the bits of negative ones, or a row with NaN."""


def has_numpy() -> bool:
    """Return whether NumPy may read what torch holds on the CPU: not in a transform or under a mode of dispatch.

    A transform wraps the results even of operations on plain tensors, and a mode may replace them.
    """
    import torch

    is_free = torch._C._functorch.peek_interpreter_stack() is None and not torch._C._len_torch_dispatch_stack()
    return is_free and _is_there()


@cache
def _is_there() -> bool:
    """Return whether NumPy is installed, knows DLPack and is known to torch, which takes no operation of torch."""
    import torch

    try:
        import numpy as np

        torch.from_numpy(np.zeros(1))
    except (ImportError, RuntimeError, TypeError):
        return False
    return hasattr(np, "from_dlpack")


def has_few_threads() -> bool:
    """Return whether torch has so few threads that one of NumPy is as fast."""
    import torch

    return bool(torch.get_num_threads() <= FEW_THREADS)


def _is_half(x: Any) -> bool:
    return bool(x.dtype.itemsize == 2 and x.is_floating_point())


class _Memory:
    """What a tensor of the CPU holds, in DLPack's words; torch's own would ask CUDA whether it is pinned."""

    __slots__ = ("capsule",)

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **options: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0  # the CPU


def shared(x: Any) -> Any:
    """Return an array of the memory of a tensor, to be read, or of float32 for bfloat16, which NumPy lacks.

    After ``x.numpy()`` the tensor could not be resized.
    """
    import numpy as np
    from torch.utils import dlpack

    return np.from_dlpack(_Memory(dlpack.to_dlpack(x.float() if dtype_name(x.dtype) == "bfloat16" else x)))


def indices_by_numpy(x: Any, k: int, axis: int, rank: Ranking) -> Any:
    """Return where NumPy finds the top k of a tensor."""
    import numpy as np
    import torch

    elements, name = selected_from(x, axis)
    if name:
        indices = torch.from_numpy(indices_of_bits(np, elements, k, axis, rank, name))
    else:
        indices = torch.from_numpy(numpy_indices(np, elements, k, axis, rank))
    return indices.clone(memory_format=torch.contiguous_format)  # to torch's own memory


def selected_from(x: Any, axis: int) -> tuple[Any, str]:
    """Return the array from which NumPy selects, and the name of a dtype that it lacks, of which it sorts the bits."""
    import torch

    n, name = x.shape[axis], dtype_name(x.dtype)
    if name == "bfloat16" and n <= PACKED_ROW[2] and x.numel() > n:
        return shared(x.view(torch.int16)), name
    return shared(x), ""


def indices_by_packed_keys(x: Any, k: int, axis: int, rank: Ranking) -> Any:
    """Return where the top k of few elements are: NumPy packs keys with positions, so that none tie, and sorts them.

    An operation on few elements takes torch a microsecond or three, and NumPy half of that, which also sorts and
    partitions integers in vector instructions; torch finds few of a long row faster. None where 64 bits do not hold a
    position beside how much the keys differ, or `torch.topk` makes use of an order.
    """
    import numpy as np
    import torch

    rows = x if axis == x.ndim - 1 else x.movedim(axis, -1)
    name = "bfloat16" if dtype_name(x.dtype) == "bfloat16" else ""  # which NumPy lacks
    elements = as_numbers(np, shared(rows.view(torch.int16) if name else rows))
    if is_packed_for_torch(x, k, axis):
        found = packed_keys(np, ascending_key(np, elements, rank, name), rank)
        if found is None:
            return None
        indices = torch.from_numpy(found[0]).topk(k, -1, False, rank.sorted).indices
    else:
        matrix = elements.reshape(-1, elements.shape[-1])
        if elements.size >= ORDERED_FROM and _is_ordered(np, matrix, rank):
            return None
        if (found := indices_by_keys(np, matrix, k, rank, name)) is None:
            return None
        indices = torch.from_numpy(found).clone(memory_format=torch.contiguous_format).view(*rows.shape[:-1], k)
    return indices if rows is x else indices.movedim(-1, axis).contiguous()


def _is_ordered(xp: Any, rows: Any, rank: Ranking) -> bool:
    """Return whether a few rows all rise, or all fall, in a few places, of which `torch.topk` makes use.

    That is no gain where it has to rank ties but for 64-bit floats, nor for what it cannot select from.
    """
    if (rank.stable and rows.dtype != xp.float64) or dtype_name(rows.dtype) in UNSUPPORTED:
        return False
    few = rows[tuple(slice(None, None, -(-length // ORDERED_AT)) for length in rows.shape)]
    before, after = few[:, :-1], few[:, 1:]
    rises, falls = (lt, gt) if rank.stable else (le, ge)
    return bool(rises(before, after).all() or falls(before, after).all())


def is_packed_for_torch(x: Any, k: int, axis: int) -> bool:
    """Return whether `torch.topk` finds packed keys faster than NumPy sorts or partitions them."""
    n = x.shape[axis]
    return is_heaped(n, k) or max(PACKED_ROW[x.dtype.itemsize], PARTED_FOR * k) < n


def indices_of_lists(x: Any, values: Any, indices: Any, k: int, rank: Ranking) -> Any:
    """Return where the top k of a few rows are, of which torch chose one more; None of halves, or if NaN is chosen.

    Python puts them right, and NumPy finds the first of what equals the last: each in less time than an operation.
    """
    if x.dtype.itemsize < 4 or not has_numpy():
        return None
    import numpy as np

    seen, places = (part.reshape(-1, part.shape[-1]).tolist() for part in (values, indices))
    if any(row[0] != row[0] or row[-1] != row[-1] for row in seen):  # NaN is in front, or last
        return None
    rows = shared(x.reshape(-1, x.shape[-1]))
    found = [put_right(np.flatnonzero, *row, k, largest=rank.largest) for row in zip(rows, seen, places, strict=True)]
    return indices.new_tensor(found).view(*x.shape[:-1], k)


def indices_by_blocks(xp: Any, rows: Any, k: int, rank: Ranking, width: int) -> Any:
    """Return where the top k of each row of a matrix are: torch takes the best of blocks, NumPy does the rest.

    So the one pass over all elements has all threads. Halves are compared as their bits. None where these are not in
    order, or NaN is in the way.
    """
    import numpy as np
    import torch

    infinity = FLOAT_INFINITY_BITS[dtype_name(rows.dtype)] if _is_half(rows) else 0
    seen = as_integers(xp, rows) if infinity else rows
    elements, (count, n) = shared(seen), rows.shape
    if infinity and not may_be_positive(rows, k, rank):
        return _indices_by_bits(elements, k, rank, infinity)
    blocks, cut = n // width, n // width * width
    if elements.dtype.kind == "f" and np.isnan(elements[:, : 1 + SAMPLED // count]).any():
        return None
    best = seen[:, :cut].unflatten(1, (blocks, width))
    best = shared(best.amax(-1) if rank.largest else best.amin(-1))
    if best.dtype.kind == "f" and (np.isnan(best.max()) or (rank.nan_first and np.isnan(elements[:, cut:]).any())):
        return None
    found, step = np.empty((count, k), dtype=np.int64), max(1, CUT_ELEMENTS // n)
    for i in range(0, count, step):
        few = elements[i : i + step]
        body, here = few[:, :cut].reshape(-1, blocks, width), np.arange(few.shape[0])
        found[i : i + step] = indices_in_blocks(np, few, body, best[i : i + step], here, k, largest=rank.largest)
    if infinity:
        chosen = np.take_along_axis(elements, found[:, [0, -1]], axis=1)
        least = 1 if rank.largest else 0  # the bits of +0, which -0 equals, are not in order where it is the last
        if chosen.min() < least or chosen.max() > infinity:
            return None
    return torch.from_numpy(found).clone()


def _indices_by_bits(row: Any, k: int, rank: Ranking, infinity: int) -> Any:
    """Return where NumPy finds the top k among the bits of halves, in one thread; None where that takes longer.

    That is for one row: of many the front of some would mislead.
    """
    import numpy as np
    import torch

    if row.shape[0] > 1 or rank.nan_first or not has_few_threads():
        return None
    found, unanswered = indices_of_half(np, row, k, rank, infinity)
    return None if unanswered.any() else torch.from_numpy(found).clone()
