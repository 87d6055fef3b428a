"""Putting a case to a function."""

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

from xtopk.testing._arrays import DTYPES, LAYOUTS, Contents, dtypes_of, read, word
from xtopk.testing._case import OPTIONS, Case, check_names
from xtopk.testing._judges import judge, ranked, values_at_indices
from xtopk.testing._trial import Finding, Trial


class NotRunError(Exception):
    """Why a case cannot be put to a function."""


class RefusedError(Exception):
    """An error of the function, which is its cause."""


@dataclass(frozen=True)
class Subject:
    """A function, the namespace of its arrays, and what it takes."""

    function: Callable[..., Any]
    xp: Any
    options: Collection[str]
    dtypes: Mapping[str, Any]

    def try_case(self, case: Case, in_order: bool = True, together: bool = True) -> Finding | None:
        """Return what differs, or nothing; `together` asks for ranked values that are at the indices, too."""
        absent = sorted(case.needs - set(self.options))
        if absent:
            raise NotRunError(f"takes no {absent[0]}")
        x = self.make(case, case.elements)
        try:
            values, indices = self.call(x, case)
        except RefusedError:
            if case.refused:
                return None
            raise
        twin = None if case.twin is None else self.call(self.make(case, case.twin), case)[1]
        in_order = in_order and case.sorted
        trial = Trial(case, self.xp, self.dtypes[case.dtype], values, indices, twin, read(x).elements, in_order)
        together = together and case.property.judge is ranked and len(trial.parts) == 2
        return judge(trial) or (values_at_indices(trial) if together else None)

    def make(self, case: Case, elements: tuple[Any, ...]) -> Any:
        """Return an array of the elements, if the library holds them as they are."""
        if case.dtype not in self.dtypes:
            raise NotRunError(f"no {case.dtype} here")
        if case.layout.isidentifier() and not hasattr(self.xp, case.layout):
            raise NotRunError(f"no {case.layout} here")
        x = LAYOUTS[case.layout](self.xp, elements, case.shape, self.dtypes[case.dtype])
        if list(map(word, read(x).elements)) != list(map(word, elements)):
            raise NotRunError(f"such {case.dtype} cannot be made here")
        return x

    def call(self, x: Any, case: Case) -> list[Contents | None]:
        """Return what the function gives, called with the options that it takes."""
        options = {name: value for name, value in case.options.items() if name in self.options}
        try:
            result = self.function(x, case.k, **options)
            if is_pair_of_arrays(result):
                return [None if part is None else read(part) for part in result]
        except Exception as error:
            raise RefusedError(shorten(f"{type(error).__name__}: {error}", 100, placeholder=" ...")) from error
        raise TypeError(f"the function must return a pair of arrays, of which one may be None; got {kind(result)}")


def is_pair_of_arrays(result: Any) -> bool:
    """Return whether a result is two arrays, of which one may be None."""
    if not isinstance(result, tuple | list) or len(result) != 2:
        return False
    given = [part for part in result if part is not None]
    return bool(given) and all(hasattr(part, "shape") for part in given)


def kind(result: Any) -> str:
    """Return the type of a result in words, those of its parts too if they are few."""
    name = type(result).__name__
    few = isinstance(result, tuple | list) and 0 < len(result) <= 3
    return f"{name} of {', '.join(type(part).__name__ for part in result)}" if few else name


def subject(function: Callable[..., Any], xp: Any, options: Any, dtypes: Any) -> Subject:
    """Return a function with what it takes, found out where it is not told."""
    options = options_of(function) if options is None else options
    dtypes = dtypes_of(xp) if dtypes is None else dtypes
    check_names(options, OPTIONS, "options")
    check_names(dtypes, DTYPES, "dtypes")
    return Subject(function, xp, options, dtypes)


def options_of(function: Callable[..., Any]) -> Collection[str]:
    """Return the options that the signature of a function names, or all if it takes any keyword."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError as error:
        raise ValueError(
            f"options must name those of {', '.join(OPTIONS)} that a function takes whose signature cannot be seen"
        ) from error
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return list(OPTIONS)
    return {parameter.name for parameter in parameters} & set(OPTIONS)
