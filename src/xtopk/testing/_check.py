"""The suite put to a function, whole or one case of it."""

import unittest
from collections.abc import Callable, Collection, Mapping
from typing import Any

from xtopk.testing._case import Case
from xtopk.testing._cases import ALL
from xtopk.testing._report import AGREES, DIFFERS, NOT_RUN, REFUSED, Outcome, Report
from xtopk.testing._run import NotRunError, RefusedError, subject
from xtopk.testing._trial import NothingToJudgeError


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
        `AssertionError` where there is a difference, or no answer at all.

    Raises
    ------
    TypeError
        If the function returns no pair of arrays.
    ValueError
        If its signature cannot be seen and no `options` are given, or an option or a dtype is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from xtopk.testing import check_topk
    >>> def full_sort(x, k, *, axis=-1):
    ...     indices = np.take(np.argsort(-x, axis=axis, stable=True), np.arange(k), axis=axis)
    ...     return np.take_along_axis(x, indices, axis=axis), indices
    >>> report = check_topk(full_sort, np)
    >>> [outcome.case.property.name for outcome in report.differences]
    ['signed', 'unsigned', 'k negative']
    """
    to = subject(function, xp, options, dtypes)
    outcomes: list[Outcome] = []
    asked: set[str] = set()
    broken: set[str] = set()
    for case in ALL:
        ground = next((name for name in case.grounds if name in broken), None)
        if ground:
            outcomes.append(Outcome(case, NOT_RUN, got=f"{ground!r} is wrong"))
            continue
        try:
            in_order = case.property.name == "sorted" or "sorted" not in broken
            finding = to.try_case(case, in_order, together="values at indices" in asked - broken)
        except RefusedError as error:
            outcomes.append(Outcome(case, REFUSED, got=str(error)))
        except (NotRunError, NothingToJudgeError) as error:
            outcomes.append(Outcome(case, NOT_RUN, got=str(error)))
        else:
            outcomes.append(Outcome(case, DIFFERS, *finding) if finding else Outcome(case, AGREES))
        asked.add(case.property.name)
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
