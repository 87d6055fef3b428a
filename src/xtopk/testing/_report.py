"""Running the suite on a function, and what was found."""

import unittest
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from textwrap import indent
from typing import Any, NamedTuple

from xtopk.testing._case import Case
from xtopk.testing._cases import ALL
from xtopk.testing._run import NotRunError, RefusedError, subject
from xtopk.testing._trial import NothingToJudgeError

AGREES, DIFFERS, REFUSED, NOT_RUN = "agrees", "differs", "refused", "not run"
STATUSES = (DIFFERS, REFUSED, AGREES, NOT_RUN)


class Outcome(NamedTuple):
    """What came of a case: its status, and where that is not ``"agrees"``, why."""

    case: Case
    status: str
    expected: str = ""
    got: str = ""

    def __str__(self) -> str:
        if self.status != DIFFERS:
            return self.got
        return f"{self.case.call}\nexpected  {self.expected}\ngot       {self.got}"


@dataclass(frozen=True)
class Report:
    """What came of every case; printed, one line a property, and the shortest call that differs.

    `outcomes` are in the order of the cases.
    """

    name: str
    outcomes: list[Outcome]

    @property
    def properties(self) -> dict[str, list[Outcome]]:
        """Return the outcomes of each property."""
        found: dict[str, list[Outcome]] = {}
        for outcome in self.outcomes:
            found.setdefault(outcome.case.property.name, []).append(outcome)
        return found

    def with_status(self, status: str) -> list[Outcome]:
        """Return the first outcome of each property that has one of a status."""
        firsts = ([o for o in outcomes if o.status == status][:1] for outcomes in self.properties.values())
        return [outcome for first in firsts for outcome in first]

    @property
    def differences(self) -> list[Outcome]:
        """Return the shortest call that differs, of each property that has one."""
        return self.with_status(DIFFERS)

    @property
    def refusals(self) -> list[Outcome]:
        """Return the shortest call that was refused, of each property that has one."""
        return self.with_status(REFUSED)

    def raise_if_any(self) -> None:
        """Raise an AssertionError that holds the report, if there is a difference."""
        if self.differences:
            raise AssertionError(str(self))

    def __str__(self) -> str:
        lines = [f"{self.name}: {len(self.differences)} of {len(self.properties)} properties differ"]
        for name, outcomes in self.properties.items():
            lines.append(f"{name:<20} {summary(outcomes)}")
            lines += [indent(str(outcome), " " * 4) for outcome in outcomes if outcome.status == DIFFERS][:1]
        return "\n".join(lines)


def summary(outcomes: list[Outcome]) -> str:
    """Return the outcomes of one property in a few words."""
    words = []
    for status in STATUSES:
        found = [outcome for outcome in outcomes if outcome.status == status]
        if found and (status != NOT_RUN or len(found) == len(outcomes)):
            part = f" {len(found)} of {len(outcomes)}" if len(found) < len(outcomes) else ""
            reason = f" ({found[0]})" if status in (REFUSED, NOT_RUN) else ""
            words.append(status + part + dtypes_among(found, outcomes) * (status == REFUSED) + reason)
    return ", ".join(words)


def dtypes_among(found: list[Outcome], outcomes: list[Outcome]) -> str:
    """Return the dtypes of some outcomes, if others have other dtypes."""
    some, every = (list(dict.fromkeys(o.case.dtype for o in those)) for those in (found, outcomes))
    return f": {', '.join(some)}" if len(some) < len(every) else ""


def check_topk(
    function: Callable[..., Any],
    xp: Any,
    *,
    options: Collection[str] | None = None,
    dtypes: Mapping[str, Any] | None = None,
    name: str = "",
) -> Report:
    """Return how the answers of a top k compare with the specified ones.

    Parameters
    ----------
    function : callable
        ``function(x, k, **options)`` returns a pair of values and indices, of which one may be None. An error of it is
        a refusal: no agreement, and no difference.
    xp : namespace
        What makes its arrays, by the array API standard's functions: ``numpy``, ``array_api_compat.torch``, your own.
    options : collection of str, optional
        Those of ``axis``, ``mode``, ``sorted``, ``stable`` and ``nan`` that it takes; by default those that its
        signature names. It is given all of them in each call.
    dtypes : mapping of str to dtype, optional
        The dtypes to try, by their names in the standard; by default those that `xp` has.
    name : str, optional
        What the report calls it.

    Returns
    -------
    Report
        To be printed; ``report.differences`` and ``report.refusals`` are lists, and ``report.raise_if_any()`` raises an
        `AssertionError` where there is a difference.

    Raises
    ------
    TypeError
        If the function returns no pair.
    ValueError
        If its signature cannot be seen and no `options` are given.

    Examples
    --------
    >>> import numpy as np
    >>> from xtopk.testing import check_topk
    >>> def full_sort(x, k, *, axis=-1):
    ...     indices = np.take(np.argsort(-x, axis=axis, stable=True), np.arange(k), axis=axis)
    ...     return np.take_along_axis(x, indices, axis=axis), indices
    >>> report = check_topk(full_sort, np)
    >>> [outcome.case.property.name for outcome in report.differences]
    ['signed', 'unsigned']
    """
    to = subject(function, xp, options, dtypes)
    outcomes: list[Outcome] = []
    broken: set[str] = set()
    for case in ALL:
        ground = next((name for name in case.grounds if name in broken), None)
        if ground:
            outcomes.append(Outcome(case, NOT_RUN, got=f"{ground!r} is wrong"))
            continue
        try:
            finding = to.try_case(case, in_order=case.property.name == "sorted" or "sorted" not in broken)
        except RefusedError as error:
            outcomes.append(Outcome(case, REFUSED, got=str(error)))
        except (NotRunError, NothingToJudgeError) as error:
            outcomes.append(Outcome(case, NOT_RUN, got=str(error)))
        else:
            outcomes.append(Outcome(case, DIFFERS, *finding) if finding else Outcome(case, AGREES))
        if outcomes[-1].status == DIFFERS:
            broken.add(case.property.name)
    return Report(name or getattr(function, "__name__", "the function"), outcomes)


def check_case(
    case: Case,
    function: Callable[..., Any],
    xp: Any,
    *,
    options: Collection[str] | None = None,
    dtypes: Mapping[str, Any] | None = None,
) -> None:
    """Raise an AssertionError if the answer to one of `cases` is not the specified one.

    Parameters
    ----------
    case : Case
        One of what `cases` returns.
    function, xp, options, dtypes
        As for `check_topk`.

    Returns
    -------
    None
        The answer is right.

    Raises
    ------
    AssertionError
        If the answer differs; it holds the call, what was expected and what came.
    RefusedError
        From an error of the function.
    unittest.SkipTest
        If the case cannot be put to the function; pytest reports it as skipped.

    Examples
    --------
    >>> import numpy as np
    >>> import xtopk
    >>> from xtopk.testing import cases, check_case
    >>> for case in cases():
    ...     if case.dtype != "bfloat16":
    ...         check_case(case, xtopk.topk, np)
    """
    try:
        finding = subject(function, xp, options, dtypes).try_case(case)
    except (NotRunError, NothingToJudgeError) as error:
        raise unittest.SkipTest(str(error)) from error
    if finding:
        raise AssertionError(str(Outcome(case, DIFFERS, *finding)))
