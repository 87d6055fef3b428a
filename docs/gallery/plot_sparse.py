"""Train a sparse network
======================

Prune a classifier of digits to a tenth of its weights, or to two of every four, and train what is left.
"""

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import xtopk

images, digits = load_digits(return_X_y=True)
known, unknown, name, truth = map(torch.tensor, train_test_split(images / 16, digits, random_state=0))
known, unknown = known.float(), unknown.float()

# %%
# Training goes through the masked weights, so what a mask leaves out has no gradient.


def forward(weights, masks, x):
    first, second = (torch.where(mask, weight, 0) for mask, weight in zip(masks, weights, strict=True))
    return (x @ first).relu() @ second


def train(weights, masks, steps):
    weights = [weight.clone().requires_grad_() for weight in weights]
    optimizer = torch.optim.Adam(weights, lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(forward(weights, masks, known), name).backward()
        optimizer.step()
    return [weight.detach() for weight in weights]


def accuracy(weights, masks):
    return (forward(weights, masks, unknown).argmax(1) == truth).float().mean().item()


torch.manual_seed(0)
weights = [torch.randn(64, 128) / 8, torch.randn(128, 10) / 11]
full = [torch.ones_like(weight, dtype=torch.bool) for weight in weights]
weights = train(weights, full, 100)

# %%
# Keep the weights of the greatest magnitude, as many as are asked for: a matrix is flattened, masked, and put back.


def largest(weight, share):
    return xtopk.topk_mask(weight.abs().ravel(), round(share * weight.numel())).reshape(weight.shape)


pruned, retrained = {}, {}
for share in (1, 0.5, 0.25, 0.1, 0.05, 0.02):
    masks = [largest(weight, share) for weight in weights]
    pruned[share] = accuracy(weights, masks)
    retrained[share] = accuracy(train(weights, masks, 50), masks)
    print(f"{share:6.1%} kept: {pruned[share]:.1%} right, trained again {retrained[share]:.1%}")

# %%
# Two of every four along the inputs is what the sparse units of some GPUs take.


def two_of_four(weight):
    return xtopk.topk_mask(weight.abs().unflatten(0, (-1, 4)), 2, axis=1).flatten(0, 1)


masks = [two_of_four(weight) for weight in weights]
dense, sparse = accuracy(weights, full), accuracy(train(weights, masks, 50), masks)
print(f"two of four, trained again: {sparse:.1%} right, with all weights {dense:.1%}")
assert sparse > dense - 0.03
assert dense > 0.95

# %%
# Half of the weights may go, and three quarters if training goes on after that.

figure, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
axes.plot(list(pruned), list(pruned.values()), "o--", color="#D55E00", label="pruned")
axes.plot(list(retrained), list(retrained.values()), "o-", color="#0072B2", label="pruned, trained again")
axes.plot(0.5, sparse, "k*", markersize=13, label="two of four, trained again")
axes.set(xscale="log", xlabel="weights kept, %", ylabel="accuracy on new digits, %")
axes.set(xticks=list(pruned), xticklabels=[f"{100 * share:g}" for share in pruned], ylim=(0, 1.05))
axes.set(yticks=[0, 0.5, 1], yticklabels=["0", "50", "100"])
axes.minorticks_off()
axes.legend(loc="lower right")
plt.show()

# %%
# The gradient is 0 where a weight was left out, and elsewhere that of the network without a mask at the same point.

masks = [largest(weight, 0.25) for weight in weights]
masked = [torch.where(mask, weight, 0).requires_grad_() for mask, weight in zip(masks, weights, strict=True)]
gradient, everywhere = (
    torch.autograd.grad(torch.nn.functional.cross_entropy(forward(masked, which, known), name), masked)[0]
    for which in (masks, full)
)
assert torch.equal(gradient, torch.where(masks[0], everywhere, 0))

figure, axes = plt.subplots(1, 3, figsize=(5, 2), layout="constrained")
unit = masks[0].sum(0).argmax()
titles = "weights", "mask", "gradient"
for ax, title, picture in zip(axes, titles, (weights[0], masks[0], gradient), strict=True):
    square = picture[:, unit].reshape(8, 8).float()
    ax.imshow(square, cmap="PuOr", vmin=-square.abs().max(), vmax=square.abs().max())
    ax.set(title=title, xticks=[], yticks=[])
figure.supxlabel("of one hidden unit, for each pixel of a digit", fontsize=10)
plt.show()

# %%
# A mask of activations, made anew for each input, has the gradient of the values that ``topk`` takes.

hidden = (known @ weights[0]).requires_grad_()
(by_mask,) = torch.autograd.grad(torch.where(xtopk.topk_mask(hidden, 8), hidden, 0).square().sum(), hidden)
(by_values,) = torch.autograd.grad(xtopk.topk(hidden, 8).values.square().sum(), hidden)
assert torch.equal(by_mask, by_values)

# %%
# To keep what is not below the k-th magnitude looks like the same. It is not once weights tie, as they do when they are
# rounded to 8 bits: it keeps too many, and more than two in some groups of four.

rounded = (127 * weights[0] / weights[0].abs().max()).round().abs()
kth = rounded.ravel().topk(rounded.numel() // 4).values[-1]
print(f"{(rounded >= kth).sum()} kept in place of {largest(rounded, 0.25).sum()}")
assert (rounded >= kth).sum() > rounded.numel() // 4 == largest(rounded, 0.25).sum()

groups = rounded.unflatten(0, (-1, 4))
second = groups.topk(2, dim=1).values[:, 1:]
assert ((groups >= second).sum(1) > 2).any()
assert (two_of_four(rounded).unflatten(0, (-1, 4)).sum(1) == 2).all()
