"""Which way rows go in NumPy: by how many there are, how long they are, k, and how they lie in memory."""

from xtopk._select.best_blocks import block_length
from xtopk._select.packed import BITS_PACKED

BLOCK_ELEMENTS = 1 << 17
"""How many elements are selected from at a time, so that what is derived from them stays in the cache."""

SORTED_SHARES = {1: 6, 2: 6, 4: 3, 8: 5}
"""Where k is more than such a share of the row, by bytes an element, a bound narrows little, and sorting is faster."""

RADIX_SORTED = 513
"""From this length NumPy sorts integers of up to 16 bits faster than packed ones."""

PACKED_ROW = {1: 512, 2: 512, 4: 256, 8: 256}
PACKED_BYTES, PACKED_SHORT, PACKED_SHARE = 1 << 14, 128, 32
"""Rows up to so short, by bytes an element, or several of so few bytes together, are sorted whole: NumPy does that in a
few vector instructions, where narrowing the search takes a dozen calls. Of 32 bits or 64 more than twice as many bytes
in rows longer than the third only for such a share or more: of a lesser one that is as fast at best, and slower with
vectors of 256 bits."""

CUT_FROM = SAMPLED_FROM = 1 << 12
SAMPLED_SHARE = 512
"""One row so long, or longer, is cut into blocks, or sampled for a k of a greater share of it, which is for blocks no
more than PICKED_SHARE."""

SAMPLED_ROWS_FROM, SAMPLED_ROWS_SHARE = 1 << 14, 16
"""So are more rows, one after another, for a k of so great a share."""

COUNTED, COUNTED_APART, COUNTED_ROWS = 12, 24, 512
"""64-bit rows up to so short, or up to the second if they lie side by side in memory or leave no room for keys with
positions, and at least so many, are ranked by comparing every two elements."""

MARKED_SHORT, MARKED_SHARE = 256, 16
BRACKETED_FROM, BRACKETED_SHARE = 1 << 14, 64
"""Marks are set by the k-th value of a row, not by indices, if it is so short or k so great a share. Of rows of the
second length each is bracketed by itself, also for a smaller share."""

PAIRED, SORTED_ROWS = 16, 128
"""Rows up to so short are marked by comparing every two elements, or the k-th is found by sorting them."""


def path_of(count: int, n: int, k: int, itemsize: int, *, apart: bool, samples: bool = True, keys: bool = True) -> str:
    """Return which algorithm suits so many rows of `n` elements of so many bytes, which may lie apart in memory.

    None that samples them if `samples` is false, or, for short rows, sorts keys if `keys` is.
    """
    packs = 8 * itemsize <= BITS_PACKED
    if not packs and n <= (COUNTED if keys and not apart else COUNTED_APART) and count >= COUNTED_ROWS:
        return "pairs"
    if keys and count > 1 and _are_short(count, n, k, itemsize):
        return "sort"
    is_sampled = samples and SAMPLED_FROM <= n < SAMPLED_SHARE * k
    if count > 1:
        is_sampled = samples and not apart and SAMPLED_ROWS_FROM <= n <= SAMPLED_ROWS_SHARE * k
    if n < SORTED_SHARES[itemsize] * k and not (is_sampled and itemsize == 4):
        return "sort" if packs else "partition"
    is_cut = not apart and ((count == 1 and n >= CUT_FROM) or count * n > BLOCK_ELEMENTS)
    if is_cut and block_length(n, k):
        return "blocks"
    return "sample" if is_sampled else "columns"


def _are_short(count: int, n: int, k: int, itemsize: int) -> bool:
    """Return whether so many rows of `n` elements are so short, or altogether so few, that they are sorted."""
    is_any_k = itemsize <= 2 or n <= PACKED_SHORT or itemsize * count * n <= 2 * PACKED_BYTES
    return itemsize * count * n <= PACKED_BYTES or (n <= PACKED_ROW[itemsize] and (is_any_k or n <= PACKED_SHARE * k))


def is_marked(count: int, n: int, k: int, itemsize: int) -> bool:
    """Return whether the top k of so many rows of `n` are marked by their k-th values.

    NumPy partitions bytes no faster than it sorts them.
    """
    if n <= PAIRED:
        return k > 1
    if itemsize == 1:
        return count == 1 and n >= BRACKETED_FROM and n < BRACKETED_SHARE * k
    return k > 1 and (n <= MARKED_SHORT or n < (MARKED_SHARE if n < BRACKETED_FROM else BRACKETED_SHARE) * k)


def is_unordered(count: int, n: int, k: int, itemsize: int) -> bool:
    """Return whether rows of `n` are marked to find indices that need not be in order."""
    return n > COUNTED_APART and not _are_short(count, n, k, itemsize) and is_marked(count, n, k, itemsize)
