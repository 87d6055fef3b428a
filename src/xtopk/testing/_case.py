"""What a property is, and one call by which a function shows whether it has it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from xtopk.testing._arrays import shown

OPTIONS = {"axis": -1, "mode": "largest", "sorted": True, "stable": True, "nan": "last"}
"""The keywords of a top k, with their defaults."""


def check_names(got: Collection[str], known: Collection[str], what: str) -> None:
    """Refuse names that are not known."""
    unknown = sorted(set(got) - set(known))
    if unknown:
        raise ValueError(f"{what} must be among {', '.join(known)}; got {', '.join(unknown)}")


class Property(NamedTuple):
    """What a top k may have or lack: its name, what it means, and what judges one call by it.

    Where a function lacks one of the `grounds`, the property is not judged.
    """

    name: str
    meaning: str
    judge: Callable[..., Any]
    grounds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """One call, and the property that it is asked for.

    `elements` are those of the input, in the order of its last axis; `twin` are others, for which the indices must be
    the same; `refused` says that an error is the right answer.
    """

    property: Property
    number: int
    elements: tuple[Any, ...]
    shape: tuple[int, ...]
    k: int
    dtype: str = "float32"
    axis: int = -1
    mode: str = "largest"
    sorted: bool = True
    stable: bool = True
    nan: str = "last"
    layout: str = "asarray"
    twin: tuple[Any, ...] | None = None
    refused: bool = False

    def __str__(self) -> str:
        return f"{self.property.name}-{self.number}".replace(" ", "-")

    @cached_property
    def options(self) -> dict[str, Any]:
        """Return the keywords of the call."""
        return {name: getattr(self, name) for name in OPTIONS}

    @cached_property
    def needs(self) -> set[str]:
        """Return the keywords without which the call cannot be made."""
        needed = {name for name, value in self.options.items() if value != OPTIONS[name]}
        return needed - ({"axis"} if self.axis % len(self.shape) == len(self.shape) - 1 else set())

    @cached_property
    def grounds(self) -> list[str]:
        """Return the properties without which this call shows nothing more."""
        return [name for name in (self.mode, *self.property.grounds) if name != self.property.name]

    @cached_property
    def result_shape(self) -> tuple[int, ...]:
        """Return the shape of the values and of the indices."""
        axis = self.axis % len(self.shape)
        return (*self.shape[:axis], self.k, *self.shape[axis + 1 :])

    @cached_property
    def call(self) -> str:
        """Return the call in words."""
        options = [f"{name}={value!r}" for name, value in self.options.items() if value != OPTIONS[name]]
        shape = f" of shape {self.shape}" if len(self.shape) > 1 else ""
        layout = f", made by {self.layout}" if self.layout != "asarray" else ""
        x = f"{shown(self.elements)}, {self.dtype}{shape}{layout}"
        return f"x = {x}; {', '.join([f'k={self.k}', *options])}"
