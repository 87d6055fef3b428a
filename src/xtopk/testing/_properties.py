"""The properties of the specified order, and the calls that show whether a function has them."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from xtopk._order import FLOAT_BITS, INTEGER_BITS
from xtopk.testing import _elements as made
from xtopk.testing import _judges as judges
from xtopk.testing._arrays import DTYPES, LAYOUTS
from xtopk.testing._case import Property

Fields = dict[str, Any]

LARGEST: list[Fields] = [{}]
MODES: list[Fields] = [{}, {"mode": "smallest"}]
LENGTHS = ((6, 2), (6, 4), (40, 7), (1000, 30), (5000, 100))
"""Lengths of a row and `k`."""
SIGNED = [name for name in INTEGER_BITS if not name.startswith("u")]
UNSIGNED = [name for name in INTEGER_BITS if name.startswith("u")]
FLOATS = list(FLOAT_BITS)
INDICES = ("distinct indices",)


def calls(elements: Any, k: int, modes: list[Fields] = LARGEST, **fields: Any) -> list[Fields]:
    """Return the fields of a case, in each of the modes."""
    return [{"elements": tuple(elements), "k": k, **fields, **mode} for mode in modes]


def rows(modes: list[Fields], lengths: Sequence[tuple[int, int]] = LENGTHS, **fields: Any) -> list[Fields]:
    """Return calls on rows of distinct numbers."""
    return [call for n, k in lengths for call in calls(made.numbers(n), k, modes, **fields)]


def ties(modes: list[Fields], **fields: Any) -> list[Fields]:
    """Return calls on rows of few different numbers, from which it must be chosen among equal ones."""
    lengths = ((2, 1, 1), (3, 2, 2), (6, 2, 4), (17, 3, 8), (40, 3, 7), (1000, 4, 30), (5000, 50, 100))
    return [call for n, kinds, k in lengths for call in calls(made.few(n, kinds), k, modes, **fields)]


def missing(**fields: Any) -> list[Fields]:
    """Return calls on rows with NaN, of which none, some and all are chosen."""
    some = [
        call for n, k in ((6, 3), (6, 5), (12, 9), (40, 30), (1000, 700)) for call in calls(made.with_nan(n), k, MODES)
    ]
    return [call | fields for call in some + calls([made.NAN] * 3, 2, MODES)]


def dtype_ties(*dtypes: str) -> list[Fields]:
    """Return calls on rows of two different elements, of dtypes."""
    number: dict[str, Callable[[float], Any]] = {"bool": lambda one_or_two: one_or_two == 2, "float64": float}
    return [
        call
        for dtype in dtypes
        for n, k in ((6, 4), (40, 7))
        for call in calls([number.get(dtype, int)(e) for e in made.few(n, 2)], k, MODES, dtype=dtype)
    ]


def of_dtypes(
    dtypes: Sequence[str], elements: Callable[[str], Any] = made.extremes, modes: list[Fields] = MODES
) -> list[Fields]:
    """Return calls on odd elements of dtypes."""
    return [call for name in dtypes for k in (2, 4) for call in calls(elements(name), k, modes, dtype=name)]


def shaped(*places: tuple[tuple[int, ...], int, int], **fields: Any) -> list[Fields]:
    """Return calls on arrays of distinct numbers, each given by its shape, `k` and axis."""
    return [
        call
        for shape, k, axis in places
        for call in calls(made.numbers(math.prod(shape)), k, shape=shape, axis=axis, **fields)
    ]


PROPERTIES: dict[Property, list[Fields]] = {
    Property("largest", "the k greatest are chosen", judges.chosen): rows(LARGEST),
    Property("smallest", "the k least are chosen", judges.chosen): rows([{"mode": "smallest"}]),
    Property("sorted", "the result is in rank order", judges.ranked): rows(MODES),
    Property("sorted=False", "the same elements, in any order", judges.ranked): rows(MODES, sorted=False),
    Property("values at indices", "taking the indices from x gives the values", judges.values_at_indices): (
        rows(MODES) + rows(MODES, sorted=False) + ties(LARGEST, stable=False)
    ),
    Property("distinct indices", "no index comes twice; all count from the start of the axis", judges.distinct): (
        ties(LARGEST, stable=False) + missing()
    ),
    Property("stable", "of equal elements the lower index, and first", judges.stable, INDICES): (
        ties(MODES) + ties(LARGEST, sorted=False) + dtype_ties("bool", "uint8", "int32", "int64", "float64")
    ),
    Property("stable=False", "any of equal elements; the values are the same", judges.ranked): (
        ties(MODES, stable=False)
    ),
    Property("NaN last", "every number ranks before every NaN, in both modes", judges.ranked): missing(),
    Property("NaN greatest", "NaN ranks as greater than inf", judges.ranked): missing(nan="greatest"),
    Property("NaN stable", "of several NaN the lower index, and first", judges.stable, INDICES): (
        missing() + missing(nan="greatest")
    ),
    Property("NaN bits", "the sign and payload of NaN have no say", judges.same_as_twin): [
        call
        for nan in ("last", "greatest")
        for k in (3, 5)
        for call in calls(made.ODD_NAN, k, MODES, nan=nan, twin=made.alike(made.ODD_NAN))
    ],
    Property("signed zero", "-0.0 and +0.0 are equal", judges.same_as_twin): [
        call for k in (2, 4, 6) for call in calls(made.ZEROS, k, MODES, twin=made.alike(made.ZEROS))
    ],
    Property("signed zero kept", "a chosen -0.0 is still -0.0", judges.zero_kept, (*INDICES, "values at indices")): [
        call for k in (4, 6) for call in calls(made.ZEROS, k, MODES)
    ],
    Property("inf", "greater, and -inf less, than every number", judges.ranked): of_dtypes(FLOATS, made.infinities),
    Property("subnormal", "numbers next to zero are told apart", judges.ranked): of_dtypes(FLOATS, made.subnormals),
    Property("bool", "True is greater than False", judges.ranked): of_dtypes(["bool"]),
    Property("signed", "integers, the least and the greatest among them", judges.ranked): of_dtypes(SIGNED),
    Property("unsigned", "unsigned integers, 0 and the greatest among them", judges.ranked): of_dtypes(UNSIGNED),
    Property("floating", "floats, neighbours and the greatest among them", judges.ranked): of_dtypes(FLOATS),
    Property("values dtype", "the dtype of x", judges.values_dtype): of_dtypes(DTYPES, modes=LARGEST),
    Property("indices dtype", "the library's default dtype for indices", judges.indices_dtype): (
        of_dtypes(DTYPES, modes=LARGEST)
    ),
    Property("axis", "any axis, counted from either end; only its length changes", judges.ranked): (
        shaped(*(((2, 3, 4), 2, axis) for axis in range(-3, 3)), ((3, 2), 2, 0), ((2, 3), 2, -1))
    ),
    Property("k=0", "nothing is chosen", judges.ranked): shaped(((6,), 0, -1), ((2, 3), 0, -1)),
    Property("k=1", "the axis stays, one long", judges.ranked): shaped(((6,), 1, -1), ((2, 3), 1, -1), ((3, 2), 1, 0)),
    Property("k=length", "everything is chosen", judges.ranked): rows(MODES, ((1, 1), (6, 6), (40, 40))),
    Property("k beyond the length", "an error", judges.error): rows(LARGEST, ((6, 7), (40, 1000)), refused=True),
    Property("k negative", "an error", judges.error): rows(LARGEST, ((6, -1),), refused=True),
    Property("zero-length axes", "chosen from nothing, or for nothing", judges.ranked): (
        shaped(((0,), 0, -1), ((0, 3), 2, -1), ((2, 0), 0, -1), ((3, 0), 2, 0), ((2, 0, 3), 2, -1))
    ),
    Property("layouts", "the same however the elements lie in memory", judges.ranked): [
        call
        for layout in LAYOUTS
        for axis in (-1, 0)
        for call in (
            calls(made.SIX[:3] * 4, 2, shape=(4, 3), layout=layout)
            if layout == "broadcast_to"
            else shaped(((4, 3), 2, axis), layout=layout)
        )
    ],
    Property("x unchanged", "x holds after the call what it held before", judges.unchanged): (
        rows(MODES) + missing() + missing(nan="greatest") + calls(made.ZEROS, 4, MODES) + of_dtypes(["int32"])
    ),
}
"""What is asked, and by which calls. What a property rests on comes before it."""
