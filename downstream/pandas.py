"""pandas: Series.nlargest, which promises what xtopk does: NaN last, the first of equal values."""

from typing import Any

import numpy as np

import xtopk
from downstream.task import Prepared, Task


def nlargest(size: int) -> Prepared:
    """Take the hundred largest of prices to the cent, one in twenty missing."""
    import pandas as pd
    from pandas.core.methods.selectn import SelectNSeries

    rng = np.random.default_rng(0)
    prices = np.round(rng.standard_gamma(2.0, size), 2)
    prices[rng.random(size) < 0.05] = np.nan
    series = pd.Series(prices)

    def compute(self: Any, method: str) -> Any:
        values = self.obj.to_numpy()
        mode: xtopk.Mode = "largest" if method == "nlargest" else "smallest"
        return self.obj.iloc[xtopk.topk(values, min(self.n, len(values)), mode=mode).indices]

    return Prepared(lambda: series.nlargest(100), [(SelectNSeries, "compute", compute)], check)


def check(own: Any, ours: Any) -> str:
    """Compare values and labels."""
    import pandas as pd

    pd.testing.assert_series_equal(ours, own)
    return "equal"


TASKS = [
    Task(
        "pandas",
        "Series.nlargest, 5M float64 with NaN, k=100",
        "compiled k-th of -x, x <= it",
        nlargest,
        5_000_000,
    )
]
