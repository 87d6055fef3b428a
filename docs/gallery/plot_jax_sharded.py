"""Denoise an image on eight devices (JAX)
=======================================

Replace each pixel by the mean of the most similar places in the image, which are spread
over eight devices.
"""

import re

import jax
import matplotlib.pyplot as plt
import numpy as np
import xtopk
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from skimage.data import brick

# %%
# Eight devices: here the processor poses as so many, which JAX has to know before its
# first array. Where there are eight, the line is not needed.

jax.config.update("jax_num_cpu_devices", 8)
mesh = jax.make_mesh((8,), ("devices",), axis_types=(AxisType.Auto,))
spread = NamedSharding(mesh, PartitionSpec("devices"))

# %%
# A photograph of bricks with noise, and the 7 by 7 pixels around each pixel. Each
# device has those of 15 lines.

clean = brick()[:126, :126] / 255
noisy = clean + np.random.default_rng(0).normal(0, 0.12, clean.shape)
windows = np.lib.stride_tricks.sliding_window_view(noisy, (7, 7))
windows = windows.reshape(120 * 120, 49).astype("float32")
places = jax.device_put(windows, spread)

# %%
# The distances from some places to all, and the 24 nearest of each. A row of distances
# is spread over the devices.


def distances(some, places):
    return (some**2).sum(1)[:, None] + (places**2).sum(1) - 2 * some @ places.T


def by_xtopk(some, places):
    return xtopk.topk(distances(some, places), 24, mode="smallest").indices


batches = np.split(windows, 16)
search = jax.jit(by_xtopk)
nearest = np.concatenate([search(some, places) for some in batches])

# %%
# It is the answer that one device gives, here NumPy with the same distances.

rows = np.asarray(jax.jit(distances)(batches[0], places))
assert np.array_equal(nearest[:900], xtopk.topk(rows, 24, mode="smallest").indices)

# %%
# The program says what is moved between devices: 24 candidates of each by xtopk, a
# value and an index. With ``jax.lax.top_k`` the whole rows are brought together.


def by_lax(some, places):
    return jax.lax.top_k(-distances(some, places), 24)[1]


def moved(function):
    program = jax.jit(function).lower(batches[0], places).compile().as_text()
    gathered = re.findall(r"\[900,(\d+)\]\S* all-gather\(", program)
    return sum(map(int, gathered))


print(f"elements moved for a place: xtopk {moved(by_xtopk)}, lax {moved(by_lax)}")
assert 0 < moved(by_xtopk) <= 8 * 24 * 2
assert moved(by_lax) >= len(windows)

# %%
# One place (white) and those nearest to it. The lines part the devices; wherever a
# place lies, it is found.

figure, axes = plt.subplots(figsize=(5, 5), layout="constrained")
axes.imshow(noisy, cmap="gray")
axes.hlines(np.arange(15, 120, 15) + 2.5, -0.5, 125.5, color="#56B4E9", linewidth=1)
row, column = np.divmod(nearest[62 * 120 + 31], 120)
square = {"marker": "s", "s": 190, "facecolors": "none", "linewidths": 1.5}
axes.scatter(column + 3, row + 3, edgecolors="#E69F00", **square)
axes.scatter(31 + 3, 62 + 3, edgecolors="white", **square)
axes.set_xticks([])
axes.set_yticks(np.arange(10, 126, 15), [f"device {number}" for number in range(8)])
plt.show()

# %%
# Each pixel becomes the mean of the centres of its nearest places.

centres = windows[:, 24]
denoised = centres[nearest].mean(axis=1)
original = clean[3:-3, 3:-3].ravel()
before, after = (np.std(picture - original) for picture in (centres, denoised))
print(f"error {before:.3f} before, {after:.3f} after")
assert after < before / 2

figure, axes = plt.subplots(1, 2, figsize=(5, 2.8), layout="constrained")
pictures = {"noisy": centres, "denoised": denoised}
for ax, (title, picture) in zip(axes, pictures.items(), strict=True):
    ax.imshow(picture.reshape(120, 120), cmap="gray", vmin=0, vmax=clean.max())
    ax.set(title=title, xticks=[], yticks=[])
plt.show()
