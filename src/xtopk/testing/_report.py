"""What was found, and how it is printed."""

from dataclasses import dataclass
from textwrap import indent
from typing import NamedTuple

from xtopk.testing._case import Case

AGREES, DIFFERS, REFUSED, NOT_RUN = "agrees", "differs", "refused", "not run"


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
        """Raise an AssertionError that holds the report, if there is a difference, or if no call has an answer."""
        if self.differences or not any(o.status == AGREES and not o.case.refused for o in self.outcomes):
            raise AssertionError(str(self))

    def __str__(self) -> str:
        refuse = f"; calls of {len(self.refusals)} are refused" if self.refusals else ""
        lines = [f"{self.name}: {len(self.differences)} of {len(self.properties)} properties differ{refuse}"]
        for name, outcomes in self.properties.items():
            lines.append(f"{name:<20} {summary(outcomes)}")
            lines += [indent(str(outcome), " " * 4) for outcome in outcomes if outcome.status == DIFFERS][:1]
        return "\n".join(lines)


def summary(outcomes: list[Outcome]) -> str:
    """Return the outcomes of one property in a few words."""
    run = [outcome for outcome in outcomes if outcome.status != NOT_RUN]
    if not run:
        return f"{NOT_RUN} ({outcomes[0]})"
    words = []
    for status in (DIFFERS, REFUSED, AGREES):
        found = [outcome for outcome in run if outcome.status == status]
        if found:
            part = f" {len(found)} of {len(run)}" if len(found) < len(run) else ""
            reason = f"{dtypes_among(found, run)} ({found[0]})" if status == REFUSED else ""
            words.append(status + part + reason)
    return ", ".join(words)


def dtypes_among(found: list[Outcome], outcomes: list[Outcome]) -> str:
    """Return the dtypes of some outcomes, if others have other dtypes."""
    some, every = (list(dict.fromkeys(o.case.dtype for o in those)) for those in (found, outcomes))
    return f": {', '.join(some)}" if len(some) < len(every) else ""
