"""Types: of what comes back, of the options, and of what type checkers need to know."""

from textwrap import indent
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, Protocol, TypedDict, TypeVar

if TYPE_CHECKING:
    import numpy as np

WIDTH = 79
"""How many columns a result of short arrays may fill before each array begins a line of its own."""

Mode = Literal["largest", "smallest"]
NanRule = Literal["last", "greatest"]


class MaskOptions(TypedDict, total=False):
    """The options of `topk_mask`."""

    mode: Mode
    stable: bool
    nan: NanRule


class Options(MaskOptions, total=False):
    """The options of `topk`, for a function that hands them on: ``**options: Unpack[xtopk.Options]``."""

    sorted: bool


class Array(Protocol):
    """What a type checker may know of an array of any library; `topk` asks for more when it runs."""

    @property
    def dtype(self) -> Any:
        """What the elements are."""

    @property
    def ndim(self) -> int:
        """How many axes there are."""

    @property
    def shape(self) -> Any:
        """How long each axis is."""


AnyArray = TypeVar("AnyArray", bound=Array)
Values = TypeVar("Values")
Indices = TypeVar("Indices")


class TopK(NamedTuple, Generic[Values, Indices]):
    """The chosen elements and their positions along the axis."""

    values: Values
    indices: Indices

    def __repr__(self) -> str:
        """Return it on one line, or else with each array from a line of its own and its rows under one another."""
        fields = [f"{name}={value!r}" for name, value in self._asdict().items()]
        line = f"TopK({', '.join(fields)})"
        if len(line) <= WIDTH and "\n" not in line:
            return line
        rows = [indent(field, " " * (len("TopK(=") + field.index("="))).lstrip() for field in fields]
        return "TopK(" + ",\n     ".join(rows) + ")"


if TYPE_CHECKING:  # NumPy's arrays alone have a dtype that a type checker sees
    Shape = TypeVar("Shape", bound=tuple[int, ...])
    DType = TypeVar("DType", bound=np.dtype[Any])
    Bools = np.ndarray[Shape, np.dtype[np.bool]]
    Numpy = TopK[np.ndarray[Shape, DType], np.ndarray[Shape, np.dtype[np.int64]]]
