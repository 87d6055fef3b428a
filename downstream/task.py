"""One task of one library: how it runs, what xtopk is put in the place of, and what must be true of both results."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

Check = Callable[[Any, Any], str]
"""From the library's own result and that with xtopk to what was found, in words; raises AssertionError if wrong."""


class Prepared(NamedTuple):
    """The library's task on its data, and where xtopk is put: each an (owner, name, replacement)."""

    run: Callable[[], Any]
    places: list[tuple[Any, str, Any]]
    check: Check

    def run_patched(self) -> Any:
        """Run the task with the replacements in place: by hand, for `mock.patch` takes time that would be counted."""
        kept = [vars(owner).get(name) for owner, name, _ in self.places]
        try:
            for place in self.places:
                setattr(*place)
            return self.run()
        finally:
            for (owner, name, _), before in zip(self.places, kept, strict=True):
                if before is None:
                    delattr(owner, name)  # it was inherited, or of the class
                else:
                    setattr(owner, name, before)


@dataclass(frozen=True)
class Task:
    """What a row of the table shows; `size` is what grows, documents or classes, and is less in a test."""

    package: str
    what: str
    selects: str
    """How the library selects, in a few words."""
    prepare: Callable[[int], Prepared]
    size: int
    tiny: int = 200
    module: str = ""
    """What is imported, where its name is not that of the package."""

    @property
    def imports(self) -> str:
        """Return the name by which the library is imported."""
        return self.module or self.package


class Proxy:
    """A module some of whose names are others, for the one module that gets it in the place of its own import."""

    def __init__(self, module: Any, **others: Any) -> None:
        self._module = module
        self.__dict__.update(others)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def equal(own: Any, ours: Any) -> str:
    """Check that both results are the same, bit by bit."""
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(own), strict=True)
    return "equal"


def equal_up_to_ties(own: tuple[Any, Any], ours: tuple[Any, Any], *, lower_index_first: bool = True) -> str:
    """Check scores in order with their indices: the same, but for which of equal scores were kept, in which order."""
    (scores, indices), (our_scores, our_indices) = (
        tuple(np.atleast_2d(*map(np.asarray, each))) for each in (own, ours)
    )
    np.testing.assert_array_equal(our_scores, scores)
    differing = 0
    for row, before, after in zip(scores, indices, our_indices, strict=True):
        assert len(set(before.tolist())) == len(set(after.tolist())) == len(row), "an index comes twice"
        inner = row != row[-1]
        for score in np.unique(row[inner]):
            np.testing.assert_array_equal(np.sort(after[row == score]), np.sort(before[row == score]))
        if lower_index_first:
            tied = row[1:] == row[:-1]
            assert (after[1:][tied] > after[:-1][tied]).all(), "of equal scores a higher index comes first"
        differing += not np.array_equal(before, after)
    return f"equal but for ties, in {differing} of {len(scores)} rows" if differing else "equal"
