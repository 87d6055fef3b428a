"""Search NumPy's documentation by words (BM25)
============================================

NumPy 2.0 dropped ``np.lookfor``; this ranks its docstrings by BM25, and the list stays the same when others are added.
"""

import inspect
import re

import matplotlib.pyplot as plt
import numpy as np

import xtopk

# %%
# The documents are the docstrings of what NumPy has under a public name, in alphabetical order.

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
# BM25 gives each word of each document a weight; the score of a document is the sum over the words of the query.

vocabulary, column = np.unique(np.concatenate(words), return_inverse=True)
counts = np.zeros((len(names), len(vocabulary)), dtype="float32")
np.add.at(counts, (np.repeat(np.arange(len(names)), lengths), column), 1)

having = (counts > 0).sum(axis=0)
rarity = np.log(1 + (len(names) - having + 0.5) / (having + 0.5))
weights = rarity * counts * 2.5 / (counts + 1.5 * (0.25 + 0.75 * lengths[:, None] / lengths.mean()))


def weights_of(query):
    return weights[:, np.isin(vocabulary, query.split())]


def search(query, k):
    return xtopk.topk(weights_of(query).sum(axis=1), k)


query = "string starts with prefix"
scores, ranked = search(query, 10)
for name, score in zip(names[ranked], scores, strict=True):
    print(f"{score:5.2f}  {name}")
assert names[ranked[0]] == "numpy.char.startswith"

# %%
# Which word brought a document here, and which documents tie: ``numpy.char`` and ``numpy.strings`` share functions, so
# they share scores to the last bit.

figure, axes = plt.subplots(figsize=(5, 4.2), layout="constrained")
left = np.zeros(len(ranked))
terms = vocabulary[np.isin(vocabulary, query.split())]
for term, part, color in zip(terms, weights_of(query)[ranked].T, ["C0", "#E69F00", "#999999", "#009E73"], strict=True):
    axes.barh(np.arange(len(ranked)), part, left=left, label=term, color=color)
    left += part
axes.set(yticks=np.arange(len(ranked)), yticklabels=[name.removeprefix("numpy.") for name in names[ranked]])
axes.set(xlabel="BM25 score", title=f"“{query}”")
axes.invert_yaxis()
axes.legend(title="word")
plt.show()

# %%
# Ties are everywhere in text, and xtopk ranks them in the order of the documents, here alphabetically. So a list of ten
# begins with the list of five, and stays the same when a document is added that has none of the words.


def by_argpartition(scores, k):
    kept = np.argpartition(scores, -k)[-k:]
    return kept[np.argsort(scores[kept])[::-1]]


def changed(top10):
    scores = [weights_of(word).sum(axis=1) for word in common]
    return sum(top10(s).tolist() != top10(np.append(s, 0)).tolist() for s in scores)


common = vocabulary[having >= 10]
by_xtopk = changed(lambda scores: xtopk.topk(scores, 10).indices)
by_numpy = changed(lambda scores: by_argpartition(scores, 10))
print(f"Another top 10 after adding a document: xtopk {by_xtopk}, np.argpartition {by_numpy} of {len(common)} words")
assert by_xtopk == 0 < by_numpy

# %%
# Nor does it matter how the documents are cut into shards: each gives its own ten, and the merge is the ten of all.

scores = weights_of("moving window").sum(axis=1)
starts = range(0, len(scores), 250)
tops = [xtopk.topk(scores[start : start + 250], 10) for start in starts]
parts = [(top.values, top.indices + start) for top, start in zip(tops, starts, strict=True)]
merged = xtopk.merge_topk(parts, 10)
assert (names[merged.indices] == names[xtopk.topk(scores, 10).indices]).all()
