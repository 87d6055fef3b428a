"""Map the hottest days (Dask)
===========================

Find the ten hottest days of each cell of a map, in twelve years of daily temperatures,
from a file read in pieces.
"""

import tempfile
import tracemalloc

import dask
import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
import xtopk
import zarr
from matplotlib.cbook import get_sample_data

# %%
# The relief is real, Vancouver Island and the mainland across the strait. The weather
# is made up: seasons, spells of some days, 6.5 °C less for each kilometre of height. It
# is noted to a tenth of a degree, and one day in twenty is missing.

relief = get_sample_data("topobathy.npz")
height, east, north = relief["topo"], relief["longitude"] - 360, relief["latitude"]
u, v = np.meshgrid(np.linspace(-1, 1, len(east)), np.linspace(-1, 1, len(north)))
places = np.stack([np.ones_like(u), u, v, u * v, np.sin(4 * u), np.cos(4 * v)])
years, days = range(2010, 2022), 365


def weather(year):
    rng = np.random.default_rng(year)
    angle = (np.arange(days)[:, None, None] - 20) / days * 2 * np.pi
    season = np.where(height > 0, -10, -5) * np.cos(angle)
    noise = rng.normal(0, 0.9, (days + 4, 6))
    spells = sum(noise[lag : lag + days] for lag in range(5)) @ places.reshape(6, -1)
    degrees = 12 + season + spells.reshape(days, *height.shape)
    degrees -= 6.5 * height.clip(0) / 1000
    return np.where(rng.random(degrees.shape) < 0.05, np.nan, degrees.round(1))


folder = tempfile.TemporaryDirectory()
shape, chunks = (len(years) * days, *height.shape), (days, *height.shape)
file = zarr.create_array(folder.name, shape=shape, chunks=chunks, dtype="float32")
for number, year in enumerate(years):
    file[number * days : (number + 1) * days] = weather(year)
print(f"{file.nbytes / 1e6:.0f} MB in {len(years)} chunks")

# %%
# The call computes nothing. Asked for together, values and indices come from one pass
# over the chunks, and no more than some of these are in memory.

temperature = da.from_zarr(file)
hottest = xtopk.topk(temperature, 10, axis=0)
tracemalloc.start()
with dask.config.set(scheduler="threads", num_workers=2):
    degrees, day = dask.compute(hottest.values.mean(axis=0), hottest.indices[0])
peak = tracemalloc.get_traced_memory()[1]
tracemalloc.stop()
print(f"at most {peak / 1e6:.0f} MB in memory")
assert peak < file.nbytes / 1.5
assert not np.isnan(degrees).any()

# %%
# How hot. The line is the coast.


def draw(title, picture, ticks=None, **options):
    figure, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
    drawn = axes.pcolormesh(east, north, picture, rasterized=True, **options)
    axes.contour(east, north, height, levels=[0], colors="white", linewidths=0.8)
    axes.set(title=title, xlabel="longitude, °", ylabel="latitude, °", aspect=1.5)
    figure.colorbar(drawn, shrink=0.8, ticks=ticks)
    plt.show()


draw("Mean of the ten hottest days, °C", degrees, cmap="cividis")

# %%
# And when.

colors = plt.get_cmap("cividis", len(years))
options = {"cmap": colors, "vmin": years[0] - 0.5, "vmax": years[-1] + 0.5}
draw("Year of the hottest day", years[0] + day // days, years[::2], **options)

# %%
# Dask's own ``topk`` takes NaN for the greatest, so the missing days are the hottest
# everywhere.

corner = temperature[:, :20, :20]
assert np.isnan(da.topk(corner, 10, axis=0).compute()).all()

# %%
# Days tie, and of equal days the first counts, however the file is cut. Dask's
# ``argtopk`` leaves open which of them it gives. Here it is another one for other
# chunks, even without missing days.

cut = corner.rechunk((100, -1, -1))
assert (xtopk.topk(cut, 10, axis=0).indices[0].compute() == day[:20, :20]).all()

whole, pieces = (
    da.argtopk(da.where(da.isnan(x), -np.inf, x), 10, axis=0).compute()
    for x in (corner, cut)
)
other = (whole != pieces).any(axis=0)
print(f"da.argtopk has other days in {other.mean():.0%} of the cells")
folder.cleanup()
