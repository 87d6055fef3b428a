"""How long hypothesis looks, and the tests of rows that were not selected."""

import pytest
from hypothesis import HealthCheck, settings

from tests.libraries import SELECTED

settings.register_profile(
    "default", deadline=None, max_examples=40, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=1000)
settings.register_profile("compiled", settings.get_profile("default"), max_examples=12)
settings.load_profile("compiled" if all(row.compiled for row in SELECTED) else "default")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that no selected row has the traits for, which pytest would report as skipped."""
    without = [
        item
        for item in items
        if any(
            mark.kwargs.get("reason", "").startswith("got empty parameter set") for mark in item.iter_markers("skip")
        )
    ]
    if without:
        config.hook.pytest_deselected(items=without)
        items[:] = [item for item in items if item not in without]
