"""Map the hottest days (Dask)
===========================

Find the ten hottest days of each cell of a map, in twelve years of daily temperatures, from a file read in pieces.
"""

import tempfile
import tracemalloc

import dask
import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
import zarr
from matplotlib.cbook import get_sample_data

import xtopk

# %%
# The relief is real, Vancouver Island and the mainland across the strait. The weather is made up: seasons, spells of
# some days, 6.5 °C less for each kilometre of height. It is noted to a tenth of a degree, and one day in twenty is
# missing.

relief = get_sample_data("topobathy.npz")
height, east, north = relief["topo"], relief["longitude"] - 360, relief["latitude"]
years, days, first_year = 12, 365, 2010


def weather(year):
    rng = np.random.default_rng(year)
    day = np.arange(days)[:, None, None]
    season = np.where(height > 0, -10, -5) * np.cos((day - 20) / days * 2 * np.pi)
    spells = np.apply_along_axis(np.convolve, 0, rng.normal(0, 4, (days + 4, 6)), np.full(5, 0.5), "valid")
    u, v = np.meshgrid(np.linspace(-1, 1, len(east)), np.linspace(-1, 1, len(north)))
    places = np.stack([np.ones_like(u), u, v, u * v, np.sin(4 * u), np.cos(4 * v)])
    degrees = 12 - 0.0065 * height.clip(0) + season + np.tensordot(spells, places, 1) / 2
    return np.where(rng.random(degrees.shape) < 0.05, np.nan, degrees.round(1))


folder = tempfile.TemporaryDirectory()
file = zarr.create_array(
    folder.name, shape=(years * days, *height.shape), chunks=(days, *height.shape), dtype="float32"
)
for year in range(years):
    file[year * days : (year + 1) * days] = weather(year)
print(f"{file.nbytes / 1e6:.0f} MB, a chunk {file.nbytes / years / 1e6:.0f} MB")

# %%
# The call computes nothing. ``dask.compute`` of values and indices reads each chunk once, and keeps ten days of it.

temperature = da.from_zarr(file)
hottest = xtopk.topk(temperature, 10, axis=0)
tracemalloc.start()
degrees, day = dask.compute(hottest.values.mean(axis=0), hottest.indices[0], scheduler="threads", num_workers=2)
peak = tracemalloc.get_traced_memory()[1]
tracemalloc.stop()
print(f"at most {peak / 1e6:.0f} MB in memory")
assert peak < file.nbytes / 2

# %%
# How hot, and when first. The line is the coast.

last_year = first_year + years - 1
for title, picture, colors, limits, bar in (
    ("Mean of the ten hottest days", degrees, "cividis", (None, None), {"label": "°C"}),
    (
        "Year of the hottest day",
        first_year + day // days,
        plt.get_cmap("cividis", years),
        (first_year - 0.5, last_year + 0.5),
        {"ticks": range(first_year, last_year, 2)},
    ),
):
    figure, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
    mesh = axes.pcolormesh(east, north, picture, cmap=colors, vmin=limits[0], vmax=limits[1], rasterized=True)
    axes.contour(east, north, height, levels=[0], colors="white", linewidths=0.8)
    figure.colorbar(mesh, shrink=0.75, **bar)
    axes.set(title=title, xlabel="longitude, °", ylabel="latitude, °", aspect=1.5)
plt.show()

# %%
# Dask's own ``topk`` takes NaN for the greatest, so the missing days are the hottest everywhere.

corner = temperature[:, :20, :20]
assert np.isnan(da.topk(corner, 10, axis=0).compute()).all()
assert not np.isnan(degrees).any()

# %%
# Days tie, and of equal days the first counts, however the file is cut. Dask's ``argtopk`` leaves open which of them it
# gives, here another one for other chunks, even without missing days.

cut = corner.rechunk((100, -1, -1))
assert (xtopk.topk(cut, 10, axis=0).indices[0].compute() == day[:20, :20]).all()

whole, pieces = (da.argtopk(da.where(da.isnan(x), -np.inf, x), 10, axis=0).compute() for x in (corner, cut))
print(f"another day in {(whole != pieces).any(axis=0).mean():.0%} of the cells")
folder.cleanup()
