"""Search NumPy's documentation by words (BM25)
============================================

NumPy 2.0 dropped ``np.lookfor``; this ranks its docstrings by BM25, and the list stays
the same when others are added.
"""

import inspect
import re

import matplotlib.pyplot as plt
import numpy as np
import xtopk

# %%
# The documents are the docstrings of what NumPy has under a public name, in
# alphabetical order.

modules = np, np.char, np.fft, np.linalg, np.ma, np.polynomial, np.random, np.strings
found = {
    f"{module.__name__}.{name}": inspect.getdoc(getattr(module, name)) or ""
    for module in modules
    for name in dir(module)
    if name[0] != "_" and callable(getattr(module, name))
}
names = np.asarray(sorted(found))
words = [re.findall("[a-z]{2,}", found[name].lower()) for name in names]
lengths = np.asarray([len(document) for document in words])

# %%
# BM25 gives each word of each document a weight. The score of a document is the sum
# over the words of the query.

vocabulary, column = np.unique(np.concatenate(words), return_inverse=True)
counts = np.zeros((len(names), len(vocabulary)), dtype="float32")
np.add.at(counts, (np.repeat(np.arange(len(names)), lengths), column), 1)

having = (counts > 0).sum(axis=0)
rarity = np.log(1 + (len(names) - having + 0.5) / (having + 0.5))
penalty = 1.5 * (0.25 + 0.75 * lengths[:, None] / lengths.mean())
weights = rarity * 2.5 * counts / (counts + penalty)


def scores(query):
    return weights[:, np.isin(vocabulary, query.split())].sum(axis=1)


query = "string starts with prefix"
score, ranked = xtopk.topk(scores(query), 10)
for name, points in zip(names[ranked], score, strict=True):
    print(f"{points:5.2f}  {name}")
assert names[ranked[0]] == "numpy.char.startswith"

# %%
# Which word brought a document here, and which documents tie: ``numpy.char`` and
# ``numpy.strings`` share functions, so they share scores to the last bit.

figure, axes = plt.subplots(figsize=(5, 4.2), layout="constrained")
labels = [name.removeprefix("numpy.") for name in names[ranked]]
left = np.zeros(len(ranked))
colors = "#999999", "#E69F00", "#009E73", "#0072B2"
for word, color in zip(query.split(), colors, strict=True):
    part = scores(word)[ranked]
    axes.barh(labels, part, left=left, label=word, color=color)
    left += part
axes.set(xlabel="BM25 score", title=f"“{query}”")
axes.invert_yaxis()
axes.legend(title="word")
plt.show()

# %%
# Ties are everywhere in text, and xtopk ranks them in the order of the documents, here
# alphabetically. So a list of ten stays the same when a document is added at the end
# that has none of the words. What ``np.argpartition`` keeps of equal documents may
# change with anything.


def by_argpartition(scores, k):
    kept = np.argpartition(scores, -k)[-k:]
    return kept[np.argsort(scores[kept])[::-1]]


def by_xtopk(scores, k):
    return xtopk.topk(scores, k).indices


common = vocabulary[having >= 10]
changed = dict.fromkeys((by_xtopk, by_argpartition), 0)
for before in map(scores, common):
    after = np.append(before, 0)
    for rank in changed:
        changed[rank] += rank(before, 10).tolist() != rank(after, 10).tolist()
for rank, number in changed.items():
    print(f"{rank.__name__}: another top ten for {number} of {len(common)} words")
assert changed[by_xtopk] == 0 < changed[by_argpartition]

# %%
# Nor does it matter how the documents are cut into shards: each gives its own ten, and
# the merge is the ten of all.

whole = scores("moving window")
parts = []
for start in range(0, len(whole), 250):
    top = xtopk.topk(whole[start : start + 250], 10)
    parts.append((top.values, top.indices + start))
assert np.array_equal(xtopk.merge_topk(parts, 10).indices, by_xtopk(whole, 10))
