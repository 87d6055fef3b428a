"""A top k that lacks a property is caught by just that one."""

import numpy as np
import pytest

from tests.mutants import MUTANTS
from xtopk.testing import check_topk
from xtopk.testing._properties import PROPERTIES


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_is_caught_by_just_the_property_that_it_lacks(mutant: str) -> None:
    lacks, function = MUTANTS[mutant]
    report = check_topk(function, np)
    assert [outcome.case.property.name for outcome in report.differences] == [lacks], report


def test_every_property_has_a_mutant() -> None:
    assert {lacks for lacks, _ in MUTANTS.values()} == {prop.name for prop in PROPERTIES}
