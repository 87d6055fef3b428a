"""The specified order in plain Python, without any array library: slower and plainer than what it judges."""

from collections.abc import Sequence
from typing import Any


def rank_key(element: Any, mode: str = "largest", nan: str = "last") -> tuple[int, Any]:
    """Return what ascends in rank order and is equal where elements tie.

    Parameters
    ----------
    element : bool, int, float or None
        NaN and None are what is missing.
    mode : {"largest", "smallest"}, default: "largest"
        Which elements rank first.
    nan : {"last", "greatest"}, default: "last"
        Whether NaN ranks after every number, or as greater than every number.

    Returns
    -------
    tuple
        To be compared with other keys of the same mode and rule.

    Raises
    ------
    TypeError
        If the element is no number.

    Examples
    --------
    >>> from xtopk.testing import rank_key
    >>> sorted([1.0, float("nan"), 7.0], key=rank_key)
    [7.0, 1.0, nan]
    """
    if element is None or element != element:
        return (-1 if nan == "greatest" and mode == "largest" else 1), 0
    return 0, (-element if mode == "largest" else element)


def topk_indices(elements: Sequence[Any], k: int, mode: str = "largest", nan: str = "last") -> list[int]:
    """Return the indices of the `k` elements that rank first, by Python's own stable sort.

    Parameters
    ----------
    elements : sequence of bool, int, float or None
        One slice.
    k : int
        How many of them.
    mode, nan
        As for `rank_key`.

    Returns
    -------
    list of int
        In rank order, the lower index first among equal elements.

    Raises
    ------
    TypeError
        If an element is no number.

    Examples
    --------
    >>> from xtopk.testing import topk_indices
    >>> topk_indices([3, 9, 7, 9], 3)
    [1, 3, 2]
    """
    return sorted(range(len(elements)), key=lambda i: rank_key(elements[i], mode, nan))[:k]


def slices(flat: Sequence[Any], shape: tuple[int, ...], axis: int) -> list[Sequence[Any]]:
    """Return the slices along an axis of an array whose elements are given in the order of the last axis."""
    inner = 1
    for length in shape[axis % len(shape) + 1 :]:
        inner *= length
    block = inner * shape[axis]
    return [flat[start + i : start + block : inner] for start in range(0, len(flat), block or 1) for i in range(inner)]
