"""What a function gave for a case, and the words for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from xtopk.testing._arrays import shown
from xtopk.testing._case import Case
from xtopk.testing._oracle import slices


class Finding(NamedTuple):
    """What was expected and what came, in words."""

    expected: str
    got: str


class NothingToJudgeError(Exception):
    """Values or indices that the function does not give."""


@dataclass(frozen=True)
class Trial:
    """A case, and what a function gave for it; what it does not give is None."""

    case: Case
    xp: Any
    dtype: Any
    values: list[Any] | None
    indices: list[Any] | None
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[Any, ...]
    """Of the values and the indices."""
    after: list[Any]
    """The elements of the input after the call."""
    twin: list[Any] | None
    """The indices of the twin."""
    in_order: bool
    """Whether the result should be in rank order."""

    def given(self) -> list[Any]:
        """Return the indices."""
        if self.indices is None:
            raise NothingToJudgeError("gives no indices")
        return self.indices

    def rows(self) -> Iterator[tuple[Any, Any, Any]]:
        """Yield the elements, values and indices of each slice from which something is chosen."""
        case, shape = self.case, self.case.result_shape
        if 0 in shape:
            return
        elements = slices(case.elements, case.shape, case.axis)
        parts = [
            [None] * len(elements) if part is None else slices(part, shape, case.axis)
            for part in (self.values, self.indices)
        ]
        yield from zip(elements, *parts, strict=True)


def at(values: Sequence[Any] | None, indices: Sequence[Any] | None, start: int = 0) -> str:
    """Return values and indices, or what is given of them, in words."""
    return " at ".join(shown(part, start) for part in (values, indices) if part is not None)


def first_difference(a: Sequence[Any], b: Sequence[Any]) -> int:
    """Return a place a little before the first at which two sequences differ."""
    return max(0, next((i for i, (c, d) in enumerate(zip(a, b, strict=False)) if c != d), 0) - 1)
