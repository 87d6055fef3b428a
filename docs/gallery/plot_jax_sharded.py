"""Denoise an image on eight devices (JAX)
=======================================

Replace each pixel by the mean of the most similar places in the image, which are spread over eight devices.
"""

import re

import jax
import matplotlib.pyplot as plt
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from matplotlib.patches import Rectangle
from skimage.data import brick

import xtopk

# %%
# Eight devices: here the processor poses as so many, which JAX has to know before its first array. With eight GPUs this
# line is not needed, and nothing else changes.

jax.config.update("jax_num_cpu_devices", 8)
mesh = jax.make_mesh((8,), ("devices",), axis_types=(jax.sharding.AxisType.Auto,))
along_devices = NamedSharding(mesh, PartitionSpec("devices"))

# %%
# A photograph of bricks with noise, and the 7 by 7 pixels around each of its pixels. Each device has those of 15 lines.

clean = brick()[:126, :126] / 255
noisy = clean + np.random.default_rng(0).normal(0, 0.12, clean.shape)
windows = np.lib.stride_tricks.sliding_window_view(noisy, (7, 7)).reshape(120 * 120, 49).astype("float32")
places = jax.device_put(windows, along_devices)
centres = windows[:, 24]

# %%
# The distance from some places to all, and the 24 nearest of each. A row of distances is spread over the devices.


@jax.jit
def distances(some, places):
    return (some**2).sum(1)[:, None] + (places**2).sum(1) - 2 * some @ places.T


def nearest_by_xtopk(some, places):
    return xtopk.topk(distances(some, places), 24, mode="smallest").indices


def nearest_by_lax(some, places):
    return jax.lax.top_k(-distances(some, places), 24)[1]


batches = np.split(windows, 16)
search = jax.jit(nearest_by_xtopk)
nearest = np.concatenate([search(some, places) for some in batches])

# %%
# It is the answer that one device gives, here NumPy with the same distances.

rows = np.asarray(distances(batches[0], places))
assert np.array_equal(nearest[:900], xtopk.topk(rows, 24, mode="smallest").indices)

# %%
# The program says what is moved between devices: 24 candidates of each by xtopk, a value and an index. With
# ``jax.lax.top_k`` the whole rows are brought together.


def moved(function):
    program = jax.jit(function).lower(batches[0], places).compile().as_text()
    shapes = re.findall(r"= \w+\[(\d+),(\d+)\]\S* all-gather\(", program)
    return sum(int(rows) * int(length) for rows, length in shapes)


print(f"elements moved for each place: xtopk {moved(nearest_by_xtopk) // 900}, lax {moved(nearest_by_lax) // 900}")
assert 0 < moved(nearest_by_xtopk) <= 900 * 8 * 24 * 2
assert moved(nearest_by_lax) >= 900 * len(windows)

# %%
# One place (white) and those nearest to it. The lines part the devices; wherever a place lies, it is found.

figure, axes = plt.subplots(figsize=(5, 5), layout="constrained")
axes.imshow(noisy, cmap="gray")
axes.hlines(np.arange(15, 120, 15) + 2.5, -0.5, 125.5, color="#56B4E9", linewidth=1)
chosen = 62 * 120 + 31
for index in nearest[chosen][::-1]:
    row, column = divmod(int(index), 120)
    color = "white" if index == chosen else "#E69F00"
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 7, 7, fill=False, color=color, linewidth=1.5))
axes.set(xticks=[], yticks=[15 * device + 10 for device in range(8)], yticklabels=[f"device {d}" for d in range(8)])
plt.show()

# %%
# Each pixel becomes the mean of the centres of its nearest places.

denoised = centres[nearest].mean(axis=1).reshape(120, 120)
inside = np.s_[3:-3, 3:-3]
before, after = (np.sqrt(np.mean((picture - clean[inside]) ** 2)) for picture in (noisy[inside], denoised))
print(f"error {before:.3f} before, {after:.3f} after")
assert after < before / 2

figure, axes = plt.subplots(1, 2, figsize=(5, 2.8), layout="constrained")
for ax, title, picture in zip(axes, ("noisy", "denoised"), (noisy[inside], denoised), strict=True):
    ax.imshow(picture, cmap="gray", vmin=0, vmax=clean.max())
    ax.set(title=title, xticks=[], yticks=[])
plt.show()
