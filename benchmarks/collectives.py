"""What is moved between devices: by a compiled JAX program, read from its text, and by DTensor, seen as it happens."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any, NamedTuple

KINDS = "all-gather|all-reduce|reduce-scatter|all-to-all|ragged-all-to-all|collective-permute|collective-broadcast"
COLLECTIVE = re.compile(rf"= (.*?) ({KINDS})(?:-start)?\(")
SHAPE = re.compile(r"([a-z]+)(\d*)\w*\[([\d,]*)\]")


class Moved(NamedTuple):
    """One collective operation: what it leaves with each device."""

    kind: str
    elements: int
    bytes: int


def collectives(program: str) -> list[Moved]:
    """Return the collective operations in the text of ``jax.jit(f).lower(x).compile().as_text()``."""
    found = []
    for shapes, kind in COLLECTIVE.findall(program):
        sizes = [
            (prod(int(length) for length in lengths.split(",") if length), int(bits or 8))
            for _, bits, lengths in SHAPE.findall(shapes)
        ]
        found.append(Moved(kind, sum(n for n, _ in sizes), sum(n * bits // 8 for n, bits in sizes)))
    return found


@contextmanager
def dispatched() -> Iterator[list[Moved]]:
    """List the collective operations that DTensor makes in this process."""
    from torch.distributed.tensor import DTensor
    from torch.utils._python_dispatch import TorchDispatchMode

    found: list[Moved] = []

    class Listing(TorchDispatchMode):  # type: ignore[misc, unused-ignore]
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if DTensor in types:
                return NotImplemented  # so that what it does with local tensors comes here
            result = func(*args, **(kwargs or {}))
            kind = str(func).partition(".")[2]
            if "c10d" in func.namespace and not kind.startswith(("wait", "_wrap")):
                found.append(Moved(kind, result.numel(), result.nbytes))
            return result

    with Listing():
        yield found
