"""Ranks by pairs: compare every two elements of a short row, all rows at a time.

An element's rank is the number of elements that come before it. With the rows side by side in memory each of the
n (n - 1) / 2 comparisons is one vectorised pass over as many numbers as there are rows, and a tie goes to the lower
index by comparing strictly one way and not strictly the other.
"""

from typing import Any

from xtopk._order import positions


def ranks_by_pairs(xp: Any, columns: Any, *, largest: bool) -> Any:
    """Return how many elements of its row come before each, of the shape (n, count) of rows that are transposed.

    They hold no NaN, fewer than 128 elements in a row, and their memory is contiguous.
    """
    n = columns.shape[0]
    rank = xp.empty_like(columns, dtype=xp.int8)
    rank[...] = positions(xp, columns, 0, n)[:, None]
    for distance in range(1, n):
        later, earlier = columns[distance:], columns[:-distance]
        overtakes = (later > earlier if largest else later < earlier).view(xp.int8)
        rank[:-distance] += overtakes
        rank[distance:] -= overtakes
    return rank


def indices_by_pairs(xp: Any, columns: Any, indices: Any, *, largest: bool) -> None:
    """Write the indices of the largest or least of each row, in order, into an array of shape (count, k)."""
    rank = ranks_by_pairs(xp, columns, largest=largest)
    position = xp.empty_like(rank[:, :1])
    position[...] = positions(xp, columns, 0, rank.shape[0])[:, None]
    for place in range(indices.shape[1]):
        here = (rank == place).view(xp.int8)
        here *= position
        indices[:, place] = here.sum(0, dtype=xp.int8)
