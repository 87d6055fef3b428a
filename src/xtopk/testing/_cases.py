"""The list of all calls, and those of it that a function can be asked."""

from collections.abc import Collection, Iterator

from xtopk.testing._arrays import DTYPES
from xtopk.testing._case import OPTIONS, Case, check_names
from xtopk.testing._properties import PROPERTIES


def every_case() -> Iterator[Case]:
    """Yield the cases of each property, the shortest first."""
    for prop, calls in PROPERTIES.items():
        for number, fields in enumerate(sorted(calls, key=lambda fields: len(fields["elements"])), 1):
            yield Case(prop, number, **{"shape": (len(fields["elements"]),), **fields})


ALL = tuple(every_case())


def cases(options: Collection[str] = tuple(OPTIONS), dtypes: Collection[str] = DTYPES) -> list[Case]:
    """Return the calls of the suite, to be parametrized over; ``str(case)`` is an id.

    Parameters
    ----------
    options : collection of str, default: all
        Those of ``axis``, ``mode``, ``sorted``, ``stable`` and ``nan`` that the function takes.
    dtypes : collection of str, default: all
        The dtypes that it takes.

    Returns
    -------
    list of Case
        The same on every machine; property by property, the shortest inputs first.

    Raises
    ------
    ValueError
        If an option or a dtype is unknown.

    Examples
    --------
    >>> from xtopk.testing import cases
    >>> case = cases()[0]
    >>> print(case)
    largest-1
    >>> print(case.call)
    x = [2.0, -5.0, 4.0, 1.0, -3.0, 6.0], float32; k=2
    """
    check_names(options, OPTIONS, "options")
    check_names(dtypes, DTYPES, "dtypes")
    return [case for case in ALL if case.needs <= set(options) and case.dtype in dtypes]
