"""Which properties of the specified order each library's own top k has: ``python -m benchmarks.conformity``.

``--write docs`` writes what was found into ``docs/conformity.md``.
"""

import argparse
import re
import sys
from pathlib import Path

from benchmarks.pages import machine, write_between
from benchmarks.subjects import OTHERS, OURS, OWN, Subject, available, check
from xtopk.testing import Outcome, Report, cases

MARKS = (
    "<!-- measured: written by `python -m benchmarks.conformity --write docs` -->",
    "<!-- end of what is measured -->",
)
NAMES = list(dict.fromkeys(case.property.name for case in cases()))
PACKAGES = ("numpy", "torch", "jax", "dask", "array-api-strict", "cupy")
OTHER_PACKAGES = ("array-api-extra", "bottleneck", "keras", "pyarrow", "polars")


def main(arguments: list[str] | None = None) -> int:
    """Print what was found, or write it; return 1 if xtopk differs somewhere."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="print the reports on what is named so; all if none is given")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="where conformity.md is")
    options = parser.parse_args(arguments)
    found = {
        subject: check(subject) if available(subject) else None
        for subject in (*OWN, *OTHERS, *OURS)
        if all(name.lower() in subject.title.lower() for name in options.names)
    }
    if options.write:
        here = machine(("xtopk", *PACKAGES, *OTHER_PACKAGES))
        write_between(options.write / "conformity.md", MARKS, here, findings(found))
    else:
        print("\n\n".join(str(report or f"{subject.title}: not here") for subject, report in found.items()))
    return int(any(report and report.differences for subject, report in found.items() if subject in OURS))


def findings(found: dict[Subject, Report | None]) -> str:
    """Return everything that was found as Markdown."""
    own, others, ours = ({s: found[s] for s in group} for group in (OWN, OTHERS, OURS))
    parts = ["### Each library's own", table(own), "### Other packages, on NumPy arrays", table(others)]
    parts += ["### xtopk", summary(ours), "### The shortest calls that differ"]
    parts += [details(subject, report) for subject, report in (own | others).items() if report]
    return "\n\n".join(parts)


def table(found: dict[Subject, Report | None]) -> str:
    """Return a row for each property."""
    here = {subject: report for subject, report in found.items() if report}
    lines = [["", *(subject.title for subject in here)], ["---"] * (len(here) + 1)]
    columns = [report.properties for report in here.values()]
    lines += [[f"`{name}`", *(cell(column[name]) for column in columns)] for name in NAMES]
    rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    absent = [subject.title for subject, report in found.items() if not report]
    return rows + (f"\n\nNot run, for they are not here: {', '.join(absent)}." if absent else "")


def cell(outcomes: list[Outcome]) -> str:
    """Return what came of a property in a word or two."""
    statuses = {outcome.status for outcome in outcomes}
    if "differs" in statuses:
        return "**differs**"
    if "agrees" in statuses:
        return "agrees, refuses some" if "refused" in statuses else "agrees"
    return "refuses" if "refused" in statuses else "-"


def summary(found: dict[Subject, Report | None]) -> str:
    """Return how many properties xtopk has on each library."""
    lines = [
        "| xtopk on | properties | calls that agree | differ | are refused | cannot be made there |",
        "|---|---|---|---|---|---|",
    ]
    for subject, report in found.items():
        if report is None:
            lines.append(f"| {subject.title} | not run | | | | |")
            continue
        statuses = [outcome.status for outcome in report.outcomes]
        counts = [statuses.count(status) for status in ("agrees", "differs", "refused", "not run")]
        lines.append(f"| {subject.title} | {len(report.properties)} | {' | '.join(map(str, counts))} |")
    return "\n".join(lines)


def details(subject: Subject, report: Report) -> str:
    """Return the shortest call of each property that differs, and each kind of refusal."""
    refused: dict[str, Outcome] = {}
    for outcome in report.outcomes:
        if outcome.status == "refused":
            refused.setdefault(re.sub(r"\d+", "", outcome.got), outcome)
    lines = [f"#### {subject.title}", "", "```text"]
    for outcome in report.differences:
        lines += [f"{outcome.case.property.name}: {outcome}".replace("\n", "\n    ")]
    lines += [f"refused: {outcome.case.call}\n    {outcome.got}" for outcome in refused.values()]
    return "\n".join([*lines, "```"])


if __name__ == "__main__":
    sys.exit(main())
