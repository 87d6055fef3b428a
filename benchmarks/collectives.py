"""What a compiled JAX program moves between devices, read from its text."""

import re
from typing import NamedTuple

KINDS = "all-gather|all-reduce|reduce-scatter|all-to-all|ragged-all-to-all|collective-permute|collective-broadcast"
COLLECTIVE = re.compile(rf"= (.*?) ({KINDS})(?:-start)?\(")
SHAPE = re.compile(r"([a-z]+)(\d*)\w*\[([\d,]*)\]")


class Moved(NamedTuple):
    """One collective operation of a program: what each device has after it."""

    kind: str
    elements: int
    bytes: int


def collectives(program: str) -> list[Moved]:
    """Return the collective operations in the text of ``jax.jit(f).lower(x).compile().as_text()``."""
    found = []
    for shapes, kind in COLLECTIVE.findall(program):
        sizes = [(_product(lengths), int(bits or 8)) for _, bits, lengths in SHAPE.findall(shapes)]
        found.append(Moved(kind, sum(n for n, _ in sizes), sum(n * bits // 8 for n, bits in sizes)))
    return found


def _product(lengths: str) -> int:
    product = 1
    for length in filter(None, lengths.split(",")):
        product *= int(length)
    return product
