"""Sample the next word (top-k logits)
===================================

Draw from the k likeliest words of a language model, k of them and no more, in a batch
and in one compiled graph.
"""

import re
from pydoc_data.topics import topics

import matplotlib.pyplot as plt
import torch
import xtopk

# %%
# The model counts which word follows which in the Python reference. Its logits are
# logarithms of counts, so most of them tie: at 0 the words that followed once, at -inf
# those that never did.

text = re.findall(r"[a-z]+|[.,:]", " ".join(topics.values()).lower())
vocabulary = sorted(set(text))
code = {word: number for number, word in enumerate(vocabulary)}
words = torch.tensor([code[word] for word in text])
counts = torch.zeros(len(vocabulary), len(vocabulary))
counts.index_put_((words[:-1], words[1:]), torch.tensor(1.0), accumulate=True)
logits = counts.log()
print(f"{len(text)} words, {len(vocabulary)} different")

# %%
# Top-k sampling takes the k greatest logits of each row, and draws among them. It
# compiles without a graph break.


def sample(logits, k, temperature=1.0):
    kept, words = xtopk.topk(logits, k)
    drawn = torch.multinomial((kept / temperature).softmax(-1), 1)
    return words.gather(-1, drawn)[:, 0]


def sentences(sample, starts, length=12):
    torch.manual_seed(0)
    words = [torch.tensor([code[word] for word in starts])]
    for _ in range(length):
        words.append(sample(logits[words[-1]], 20))
    return torch.stack(words, dim=1)


starts = "the", "class", "if", "a"
compiled = torch.compile(sample, backend="aot_eager", fullgraph=True)
assert torch.equal(sentences(sample, starts), sentences(compiled, starts))
for sentence in sentences(compiled, starts):
    print(" ".join(vocabulary[word] for word in sentence))

# %%
# The temperature says how much the likeliest is preferred. Lines are the probabilities,
# marks how often each word came in 20,000 draws.

after = logits[code["the"]]
kept, likeliest = xtopk.topk(after, 12)
labels = [vocabulary[word] for word in likeliest]
figure, axes = plt.subplots(figsize=(5, 4), layout="constrained")
for temperature, color, mark in (
    (0.5, "#0072B2", "o"),
    (1, "#D55E00", "s"),
    (2, "k", "^"),
):
    probability = (kept / temperature).softmax(-1)
    drawn = sample(after.expand(20_000, -1), 12, temperature)
    share = (drawn[:, None] == likeliest).float().mean(0)
    assert torch.isin(drawn, likeliest).all()
    assert (share - probability).abs().max() < 0.02
    axes.plot(probability, labels, color=color, label=temperature)
    axes.plot(share, labels, mark, color=color)
axes.set(xlabel="probability", title="The word after “the”", xlim=(0, None))
axes.invert_yaxis()
axes.legend(title="temperature")
plt.show()

# %%
# Where the whole row is needed, say to filter it further, a mask keeps k of it.
# Comparing with the k-th logit, as is often written, keeps every word that ties with
# it. Of the words that 20 or more have followed:

seen = logits[(counts > 0).sum(-1) >= 20]
by_mask = xtopk.topk_mask(seen, 20).sum(-1)
by_comparing = (seen >= torch.topk(seen, 20).values[:, -1:]).sum(-1)
too_many = (by_comparing > 20).sum()
print(f"{too_many} of {len(seen)} rows keep too many, up to {by_comparing.max()}")
assert (by_mask == 20).all()
assert too_many > len(seen) / 2
