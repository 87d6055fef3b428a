"""Classify digits by their nearest neighbours
===========================================

Name a handwritten digit by a vote of the five most like it: one function, one answer,
on NumPy and on torch.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
import xtopk
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

images, digits = load_digits(return_X_y=True)
known, unknown, name, truth = train_test_split(
    images, digits, test_size=0.5, random_state=0
)

# %%
# Distances, the nearest, their vote. Nothing in it belongs to one library.


def distances(unknown, known):
    squares = (unknown**2).sum(1)[:, None] + (known**2).sum(1)
    return squares - 2 * unknown @ known.T


def classify(known, name, unknown, names, k=5):
    nearest = xtopk.topk(distances(unknown, known), k, mode="smallest").indices
    votes = (name[nearest][:, :, None] == names).sum(1)
    return votes.argmax(1), nearest


arrays = known, name, unknown, np.arange(10)
said, nearest = classify(*arrays)
torch_said, torch_nearest = classify(*map(torch.from_numpy, arrays))
assert np.array_equal(said, torch_said)
assert np.array_equal(nearest, torch_nearest)

# %%
# It is as good as scikit-learn's.

peer = KNeighborsClassifier(5).fit(known, name).score(unknown, truth)
own = (said == truth).mean()
print(f"right: {own:.2%}, scikit-learn {peer:.2%}")
assert abs(own - peer) < 0.005
assert own > 0.95

# %%
# Left, a digit to be named; beside it the five nearest, those that voted for something
# else framed. The upper rows went well, the lower ones did not.

rows = [*np.flatnonzero(said == truth)[:2], *np.flatnonzero(said != truth)[:3]]
figure, axes = plt.subplots(len(rows), 6, figsize=(5, 5.2), layout="constrained")
for row, (first, *rest) in zip(rows, axes, strict=True):
    first.imshow(unknown[row].reshape(8, 8), cmap="Blues")
    first.set_ylabel(f"is {truth[row]}, said {said[row]}")
    for ax, index in zip(rest, nearest[row], strict=True):
        ax.imshow(known[index].reshape(8, 8), cmap="Greys")
        ax.set_title(name[index], fontsize=10)
        if name[index] != truth[row]:
            ax.spines[:].set(color="#D55E00", linewidth=3)
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
plt.show()

# %%
# Pixels are integers from 0 to 16, so distances tie. Where the fifth and the sixth
# neighbour are equally far, xtopk lets the lower index vote. ``torch.topk`` and
# ``np.argpartition`` do not say which one they take, and take different ones.

distance = distances(unknown, known)
six = xtopk.topk(distance, 6, mode="smallest").values
tied = six[:, 4] == six[:, 5]
by_torch = torch.from_numpy(distance).topk(5, largest=False).indices.numpy()
by_numpy = np.argpartition(distance, 5)[:, :5]
print(f"{tied.sum()} of {len(unknown)} digits have a tie for the fifth neighbour")
for library, theirs in (("torch.topk", by_torch), ("np.argpartition", by_numpy)):
    other = (np.sort(theirs) != np.sort(nearest)).any(axis=1)
    print(f"{library} has other neighbours for {other.sum()} digits")
    assert not other[~tied].any()
