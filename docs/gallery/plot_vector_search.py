"""Search by meaning (cosine similarity)
=====================================

Find the paragraphs of the Python reference nearest to a question, in batches, also
where some vectors are broken.
"""

from pydoc_data.topics import topics

import matplotlib.pyplot as plt
import numpy as np
import torch
import xtopk
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

# %%
# The paragraphs that ``help()`` shows, and a vector of 200 numbers for each (latent
# semantic analysis). A paragraph that has no known word gets the zero vector, and 0 / 0
# is NaN.

pairs = [(topic, text) for topic in topics for text in topics[topic].split("\n\n")]
topic, paragraphs = np.asarray(pairs).T
words = TfidfVectorizer(stop_words="english", min_df=2, sublinear_tf=True)
model = make_pipeline(words, TruncatedSVD(200, random_state=0)).fit(paragraphs)


def embed(texts):
    vectors = model.transform(texts).astype("float32")
    with np.errstate(invalid="ignore"):
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


vectors = embed(paragraphs)
broken = np.isnan(vectors).any(axis=1)
print(f"{len(vectors)} paragraphs, {broken.sum()} of them broken")
assert broken.sum() > 5

# %%
# A batch of questions is one product and one call.

questions = [
    "when are default arguments of a function evaluated",
    "what does a trailing comma in parentheses make",
    "format a number with thousands separator",
    "how does a generator yield values",
]
scores = embed(questions) @ vectors.T
similarity, nearest = xtopk.topk(scores, 5, axis=1)
for question, first in zip(questions, nearest[:, 0], strict=True):
    answer = " ".join(paragraphs[first].split())
    print(f"{question}?\n   [{topic[first]}] {answer[:85]} ...")

# %%
# Every number ranks before NaN, so no broken vector is ever an answer. Elsewhere NaN is
# the greatest number: these two idioms answer every question with broken vectors only.

assert not broken[nearest].any()
assert broken[np.argpartition(scores, -5, axis=1)[:, -5:]].all()
assert broken[torch.topk(torch.from_numpy(scores), 5).indices].all()

# %%
# All scores of each question (grey), and the five that were kept.

figure, axes = plt.subplots(figsize=(5, 4), layout="constrained")
jitter = np.random.default_rng(0).uniform(-0.25, 0.25, scores.shape)
for row, question in enumerate(questions):
    axes.text(-0.45, row - 0.33, question, fontsize=9)
    axes.plot(scores[row], row + jitter[row], ".", color="0.75", markersize=2)
    axes.plot(similarity[row], row + jitter[row, nearest[row]], "o", color="#0072B2")
axes.set(xlabel="cosine similarity", yticks=[], ylim=(3.5, -0.7))
axes.spines[["left", "top", "right"]].set_visible(False)
plt.show()

# %%
# What a reader has seen, or may not see, is left out by a mask: no score is NaN. If
# fewer than ``k`` are left, the rest of the answer is NaN, which one can see. In the
# second search, all but two paragraphs are excluded.

seen = np.isin(topic, ["function", "formatstrings"])
unseen = xtopk.topk(np.where(seen, np.nan, scores), 5, axis=1)
assert not seen[unseen.indices].any()

all_but_two = ~np.isin(np.arange(len(vectors)), nearest[0, :2])
few = xtopk.topk(np.where(all_but_two, np.nan, scores[0]), 5)
assert few.indices[:2].tolist() == nearest[0, :2].tolist()
assert np.isnan(few.values).tolist() == [False, False, True, True, True]

# %%
# Vectors in shards, say one on each machine: each shard answers for itself, counting
# from where it starts, and the answers are merged, in whatever order they arrive.


def answer(start, stop):
    values, indices = xtopk.topk(scores[:, start:stop], 5, axis=1)
    return values, indices + start


answers = [answer(1000, 2000), answer(2000, None), answer(0, 1000)]
assert np.array_equal(xtopk.merge_topk(answers, 5, axis=1).indices, nearest)
