"""Find the brightest peaks of an image
====================================

Mark the brightest stars and galaxies of the Hubble Deep Field, and the brightest pixels
of each of its colours.
"""

import matplotlib.pyplot as plt
import numpy as np
import xtopk
from scipy.ndimage import gaussian_filter, maximum_filter
from skimage.data import hubble_deep_field
from skimage.feature import peak_local_max

image = hubble_deep_field()[:600, :600]
light = gaussian_filter(image.mean(axis=2), 1)

# %%
# A pixel is a peak if none within 7 pixels is brighter. All others become NaN, which
# ranks last.

peaks = np.where(light == maximum_filter(light, 15), light, np.nan)
brightness, position = xtopk.topk(peaks.ravel(), 40)
row, column = np.unravel_index(position, peaks.shape)

# %%
# scikit-image finds the same ones.

theirs = peak_local_max(light, min_distance=7, num_peaks=40, exclude_border=False)
assert {*zip(row, column, strict=True)} == {*map(tuple, theirs)}

# %%
# The peaks on the map; the five brightest have their rank.

figure, axes = plt.subplots(figsize=(5, 5), layout="constrained")
axes.imshow(image)
axes.plot(column, row, "o", markersize=12, markerfacecolor="none", color="#F0E442")
for rank in range(5):
    axes.text(column[rank] - 32, row[rank], rank + 1, color="#F0E442", size=12)
axes.set(xlabel="pixel", ylabel="pixel", title="The 40 brightest peaks")
plt.show()

# %%
# The thousand brightest pixels of each colour. A mask has exactly that many.

pixels = image.reshape(-1, 3)
mask = xtopk.topk_mask(pixels, 1000, axis=0)
assert (mask.sum(axis=0) == 1000).all()

# %%
# Red galaxies, blue galaxies, and those whose pixels are among the brightest of all
# three colours.

red, green, blue = np.moveaxis(mask.reshape(image.shape), 2, 0)
figure, axes = plt.subplots(figsize=(5, 5), layout="constrained")
for kept, color, label in (
    (red & ~blue, "#D55E00", "red, not blue"),
    (blue & ~red, "#0072B2", "blue, not red"),
    (red & green & blue, "black", "all three"),
):
    y, x = np.nonzero(kept)
    axes.scatter(x, y, s=5, color=color, label=label, linewidths=0)
axes.set(xlabel="pixel", ylabel="pixel", aspect="equal", xlim=(0, 600), ylim=(600, 0))
axes.set_title("The 1000 brightest pixels of each colour")
axes.legend(markerscale=4)
plt.show()

# %%
# Pixels are bytes, and many are equal. Comparing with the thousandth value keeps more
# than a thousand.

thousandth = np.sort(pixels, axis=0)[-1000]
print("kept by comparing:", (pixels >= thousandth).sum(axis=0))
assert ((pixels >= thousandth).sum(axis=0) > 1000).all()

# %%
# Negating, to have the brightest first, makes 255 into 1 and leaves 0: it finds the
# darkest.

reds = pixels[:, 0]
assert reds[np.argsort(-reds)[:1000]].max() == 0
