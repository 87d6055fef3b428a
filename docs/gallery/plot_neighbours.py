"""Classify digits by their nearest neighbours
===========================================

Name a handwritten digit by a vote of the five most like it: one function, one answer, on NumPy and on torch.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

import xtopk

images, digits = load_digits(return_X_y=True)
known, unknown, name, truth = train_test_split(images, digits, test_size=0.5, random_state=0)

# %%
# Distances, the nearest, their vote. Nothing in it belongs to one library.


def distances(unknown, known):
    return (unknown**2).sum(1)[:, None] + (known**2).sum(1) - 2 * unknown @ known.T


def classify(known, name, unknown, names, k=5):
    nearest = xtopk.topk(distances(unknown, known), k, mode="smallest").indices
    votes = (name[nearest][:, :, None] == names).sum(1)
    return votes.argmax(1), nearest


said, nearest = classify(known, name, unknown, np.arange(10))
on_torch = classify(*map(torch.from_numpy, (known, name, unknown, np.arange(10))))
assert np.array_equal(said, on_torch[0])
assert np.array_equal(nearest, on_torch[1])

# %%
# It is as good as scikit-learn's.

peer = KNeighborsClassifier(5).fit(known, name).score(unknown, truth)
own = (said == truth).mean()
print(f"right: {own:.2%}, scikit-learn {peer:.2%}")
assert abs(own - peer) < 0.005
assert own > 0.95

# %%
# Pixels are integers from 0 to 16, so distances tie. Where the fifth and the sixth neighbour are equally far, which one
# votes is left to chance, or to the lower index. ``torch.topk`` and ``np.argpartition`` do not say, and here they
# differ.

distance = distances(unknown, known)
sixth = xtopk.topk(distance, 6, mode="smallest").values
print(f"{(sixth[:, 4] == sixth[:, 5]).sum()} of {len(unknown)} digits have a tie for the fifth neighbour")
for library, theirs in {
    "torch.topk": torch.topk(torch.from_numpy(distance), 5, largest=False).indices.numpy(),
    "np.argpartition": np.argpartition(distance, 5)[:, :5],
}.items():
    print(f"{(np.sort(theirs) != np.sort(nearest)).any(axis=1).sum()} other choices by {library}")
    assert np.array_equal(np.sort(np.take_along_axis(distance, theirs, axis=1)), sixth[:, :5])

# %%
# Left, a digit to be named; beside it the five nearest, those that voted for something else framed. The upper rows went
# well, the lower ones not.

rows = [*np.flatnonzero(said == truth)[:2], *np.flatnonzero(said != truth)[:3]]
figure, axes = plt.subplots(len(rows), 6, figsize=(5, 5.2), layout="constrained")
for row, (first, *rest) in zip(rows, axes, strict=True):
    first.imshow(unknown[row].reshape(8, 8), cmap="Blues")
    first.set_ylabel(f"is {truth[row]}, said {said[row]}", color="black" if said[row] == truth[row] else "#D55E00")
    for ax, index in zip(rest, nearest[row], strict=True):
        ax.imshow(known[index].reshape(8, 8), cmap="Greys")
        ax.set_title(name[index], fontsize=10)
        if name[index] != truth[row]:
            ax.spines[:].set(color="#D55E00", linewidth=3)
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
plt.show()
