"""The kernels' source, and the macros that make it that of a dtype and a ranking."""

from functools import cache
from importlib.resources import files
from typing import NamedTuple

from xtopk._order import FLOAT_BITS, FLOAT_INFINITY_BITS, INTEGER_BITS, Ranking


class Kernel(NamedTuple):
    """One kernel, as it is compiled."""

    file: str
    name: str
    macros: tuple[str, ...]

    @property
    def source(self) -> str:
        """All that is compiled."""
        return "".join(_text(name) for name in ("key.cuh", "select.cuh", self.file))


def macros_of(dtype: str, rank: Ranking) -> tuple[str, ...]:
    """Return what makes keys of the elements of a dtype."""
    bits = 8 if dtype == "bool" else FLOAT_BITS.get(dtype) or INTEGER_BITS[dtype]
    kind = 2 if dtype in FLOAT_BITS else int(dtype.startswith("int"))
    infinity = f"{FLOAT_INFINITY_BITS.get(dtype, 0)}ull"
    order = {"LARGEST": int(rank.largest), "NAN_FIRST": int(rank.nan_first and kind == 2)}
    found = {"BITS": bits, "KIND": kind, "INFINITY_BITS": infinity, **order}
    return tuple(f"-D{name}={value}" for name, value in found.items())


@cache
def _text(name: str) -> str:
    return files("xtopk._cuda").joinpath(name).read_text()
