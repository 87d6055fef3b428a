"""What a function gave for a case, and the words for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from xtopk.testing._arrays import Contents, shown
from xtopk.testing._case import Case
from xtopk.testing._oracle import slices


class Finding(NamedTuple):
    """What was expected and what came, in words."""

    expected: str
    got: str


class NothingToJudgeError(Exception):
    """What the function does not give."""


def given(part: Contents | None, name: str) -> Contents:
    """Return values or indices, if they are given."""
    if part is None:
        raise NothingToJudgeError(f"gives no {name}")
    return part


@dataclass(frozen=True)
class Trial:
    """A case, and what a function gave for it; what it does not give is None."""

    case: Case
    xp: Any
    dtype: Any
    values: Contents | None
    indices: Contents | None
    twin: Contents | None
    """The indices of the twin."""
    after: list[Any]
    """The elements of the input after the call."""
    in_order: bool
    """Whether the result should be in rank order."""

    @property
    def parts(self) -> list[Contents]:
        """Return what is given of values and indices."""
        return [part for part in (self.values, self.indices) if part is not None]

    def rows(self) -> Iterator[tuple[Any, Any, Any]]:
        """Yield the elements, values and indices of each slice from which something is chosen."""
        case, shape = self.case, self.case.result_shape
        if 0 in shape:
            return
        elements = slices(case.elements, case.shape, case.axis)
        parts = [
            [None] * len(elements) if part is None else slices(part.elements, shape, case.axis)
            for part in (self.values, self.indices)
        ]
        yield from zip(elements, *parts, strict=True)


def at(values: Sequence[Any] | None, indices: Sequence[Any] | None, start: int = 0) -> str:
    """Return values and indices, or what is given of them, in words."""
    return " at ".join(shown(part, start) for part in (values, indices) if part is not None)


def first_difference(a: Sequence[Any], b: Sequence[Any]) -> int:
    """Return a place a little before the first at which two sequences differ."""
    return max(0, next((i for i, (c, d) in enumerate(zip(a, b, strict=False)) if c != d), 0) - 1)
