"""Train a sparse network
======================

Prune a classifier of digits to a quarter of its weights, or to two of every four, and
train what is left.
"""

import matplotlib.pyplot as plt
import torch
import xtopk
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.nn.functional import cross_entropy

images, digits = load_digits(return_X_y=True)
split = train_test_split(images.astype("float32") / 16, digits, random_state=0)
known, unknown, name, truth = map(torch.from_numpy, split)

# %%
# Training goes through the masked weights, so what a mask leaves out has no gradient.


def forward(weights, masks, x):
    hidden = (x @ (weights[0] * masks[0])).relu()
    return hidden @ (weights[1] * masks[1])


def train(weights, masks, steps):
    weights = [weight.clone().requires_grad_() for weight in weights]
    optimizer = torch.optim.Adam(weights, lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        cross_entropy(forward(weights, masks, known), name).backward()
        optimizer.step()
    return [weight.detach() for weight in weights]


def accuracy(weights, masks):
    said = forward(weights, masks, unknown).argmax(1)
    return (said == truth).float().mean().item()


torch.set_num_threads(1)  # the network is too small for more
torch.manual_seed(0)
weights = [torch.randn(64, 128) / 8, torch.randn(128, 10) / 11]
everything = [torch.ones_like(weight, dtype=torch.bool) for weight in weights]
weights = train(weights, everything, 100)

# %%
# Keep the weights of the greatest magnitude, as many as are asked for. A matrix is
# flattened, masked, and put back.


def largest(weight, share):
    kept = round(share * weight.numel())
    return xtopk.topk_mask(weight.abs().ravel(), kept).reshape(weight.shape)


shares = 1, 0.5, 0.25, 0.1, 0.05, 0.02
pruned, retrained = [], []
for share in shares:
    masks = [largest(weight, share) for weight in weights]
    pruned.append(accuracy(weights, masks))
    retrained.append(accuracy(train(weights, masks, 50), masks))

# %%
# Two of every four along the inputs is what the sparse units of some GPUs take.


def two_of_four(weight):
    groups = weight.abs().unflatten(0, (-1, 4))
    return xtopk.topk_mask(groups, 2, axis=1).flatten(0, 1)


masks = [two_of_four(weight) for weight in weights]
half = accuracy(train(weights, masks, 50), masks)
print(f"right: {pruned[0]:.1%} with all weights, {half:.1%} with two of four")
assert half > pruned[0] - 0.03
assert pruned[1] > pruned[0] - 0.03
assert retrained[2] > pruned[0] - 0.03
assert pruned[2] < retrained[2] - 0.1

# %%
# Half of the weights may go, and three quarters if training goes on after that.

figure, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
axes.plot(shares, pruned, "o--", color="#D55E00", label="pruned")
axes.plot(shares, retrained, "o-", color="#0072B2", label="pruned, trained again")
axes.plot(0.5, half, "k*", markersize=13, label="two of four, trained again")
axes.set(xscale="log", xlabel="weights kept", ylabel="accuracy on new digits")
axes.set_xticks(shares, [f"{share:.0%}" for share in shares], minor=False)
axes.set_yticks([0, 0.5, 1], ["0%", "50%", "100%"])
axes.minorticks_off()
axes.legend(loc="lower right")
plt.show()

# %%
# The gradient is 0 where a weight was left out, and elsewhere that of the network
# without a mask at the same point.


def gradient(weights, masks):
    loss = cross_entropy(forward(weights, masks, known), name)
    return torch.autograd.grad(loss, weights)[0]


masks = [largest(weight, 0.25) for weight in weights]
point = [weight.clone().requires_grad_() for weight in map(torch.mul, weights, masks)]
masked = gradient(point, masks)
assert torch.equal(masked, gradient(point, everything) * masks[0])

# %%
# Of one hidden unit, for each pixel of a digit:

unit = masks[0].sum(0).argmax()
pictures = {"weights": weights[0], "mask": masks[0].float(), "gradient": masked}
figure, axes = plt.subplots(1, 3, figsize=(5, 1.9), layout="constrained")
for ax, (title, picture) in zip(axes, pictures.items(), strict=True):
    square = picture[:, unit].reshape(8, 8)
    limit = square.abs().max()
    ax.imshow(square, cmap="PuOr", vmin=-limit, vmax=limit)
    ax.set(title=title, xticks=[], yticks=[])
plt.show()

# %%
# A mask of activations, made anew for each input, has the gradient of the values that
# ``topk`` takes.

hidden = (known @ weights[0]).requires_grad_()
kept = torch.where(xtopk.topk_mask(hidden, 8), hidden, 0)
values = xtopk.topk(hidden, 8).values
by_mask, by_values = (
    torch.autograd.grad(chosen.square().sum(), hidden)[0] for chosen in (kept, values)
)
assert torch.equal(by_mask, by_values)

# %%
# To keep what is not below the k-th magnitude looks like the same. It is not once
# weights tie, as they do when they are rounded to 8 bits: it keeps too many, and more
# than two in some groups of four.

rounded = (127 * weights[0] / weights[0].abs().max()).round().abs()
k = rounded.numel() // 4
compared = rounded >= rounded.ravel().topk(k).values[-1]
masked = largest(rounded, 0.25)
print(f"kept: {masked.sum()} by the mask, {compared.sum()} by comparing")
assert masked.sum() == k < compared.sum()

groups = rounded.unflatten(0, (-1, 4))
second = groups.topk(2, dim=1).values[:, 1:]
assert ((groups >= second).sum(1) > 2).any()
assert (two_of_four(rounded).unflatten(0, (-1, 4)).sum(1) == 2).all()
