"""The public functions: what they promise and what they refuse; one line hands over to the library's own file."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Never, Unpack, overload

from xtopk import _checks
from xtopk._explain import Explanation
from xtopk._native import library_name, native_for
from xtopk._order import Ranking
from xtopk._result import AnyArray, Indices, MaskOptions, Mode, NanRule, Options, TopK, Values

if TYPE_CHECKING:
    from numpy import ndarray

    from xtopk._result import Bools, DType, Numpy, Shape


@overload
def topk(x: Never, k: int, axis: int = -1, **options: Unpack[Options]) -> Any: ...
@overload
def topk(x: "ndarray[Shape, DType]", k: int, axis: int = -1, **options: Unpack[Options]) -> "Numpy[Shape, DType]": ...
@overload
def topk(x: AnyArray, k: int, axis: int = -1, **options: Unpack[Options]) -> TopK[AnyArray, AnyArray]: ...
def topk(
    x: AnyArray,
    k: int,
    axis: int = -1,
    *,
    mode: Mode = "largest",
    sorted: bool = True,
    stable: bool = True,
    nan: NanRule = "last",
) -> TopK[AnyArray, Any]:
    """Return the `k` largest or smallest elements along an axis, and where.

    The same on every array library: numbers before NaN, then by value (zeros
    are equal), then by position, the lower index first.

    Parameters
    ----------
    x : array of any array library, at least 1-D
        Boolean, integer or real floating point. Never written to.
    k : int
        How many elements to choose, from 0 to ``x.shape[axis]``.
    axis : int, default: -1
        The axis to choose along.
    mode : {"largest", "smallest"}, default: "largest"
        Which elements to choose.
    sorted : bool, default: True
        Whether the result is in rank order; if not, in any.
    stable : bool, default: True
        Whether the lower index wins among equal elements; if not, any may.
    nan : {"last", "greatest"}, default: "last"
        Whether NaN ranks after all numbers, or as greater than all.

    Returns
    -------
    TopK
        Named tuple ``(values, indices)``, shaped as `x` with `k` along `axis`.

    Raises
    ------
    TypeError, ValueError, AxisError
        If an argument is not as above; the message says what to do.

    Examples
    --------
    >>> xtopk.topk(np.asarray([3.0, np.nan, 7.0, 7.0]), 3)
    TopK(values=array([7., 7., 3.]), indices=array([2, 3, 0]))
    """
    xp, k, axis, rank = _check(x, k, axis, mode, sorted, stable, nan)
    if k == 0 or 0 in x.shape:
        return TopK(*_nothing(xp, x, k, axis))
    return TopK(*native_for(xp).topk(xp, x, k, axis, rank))


@overload
def topk_mask(x: Never, k: int, axis: int = -1, **options: Unpack[MaskOptions]) -> Any: ...
@overload
def topk_mask(x: "ndarray[Shape, DType]", k: int, axis: int = -1, **options: Unpack[MaskOptions]) -> "Bools[Shape]": ...
@overload
def topk_mask(x: AnyArray, k: int, axis: int = -1, **options: Unpack[MaskOptions]) -> AnyArray: ...
def topk_mask(
    x: AnyArray,
    k: int,
    axis: int = -1,
    *,
    mode: Mode = "largest",
    stable: bool = True,
    nan: NanRule = "last",
) -> Any:
    """Return a boolean array, True at exactly the elements `topk` chooses.

    Parameters
    ----------
    x, k, axis, mode, stable, nan
        As for `topk`.

    Returns
    -------
    array of bool
        Of the shape of `x`, on its device.

    Raises
    ------
    TypeError, ValueError, AxisError
        As for `topk`.

    Examples
    --------
    >>> xtopk.topk_mask(np.asarray([3, 9, 7, 7]), 2)
    array([False,  True,  True, False])
    """
    xp, k, axis, rank = _check(x, k, axis, mode, True, stable, nan)
    if k == 0 or 0 in x.shape:
        return xp.zeros_like(x, dtype=xp.bool)
    native = native_for(xp)
    return native.mask(native.topk, xp, x, k, axis, rank)


def merge_topk(
    parts: Sequence[tuple[Values, Indices]],
    k: int,
    axis: int = -1,
    *,
    mode: Mode = "largest",
    sorted: bool = True,
    stable: bool = True,
    nan: NanRule = "last",
) -> TopK[Values, Indices]:
    """Return the top `k` of a long axis from the top `k` of its pieces.

    Equals `topk` of the whole when each part holds the top ``min(k, length)``
    of its piece, in any order, and its indices count from the start of the
    whole axis. The parts may come in any order.

    Parameters
    ----------
    parts : sequence of TopK or (values, indices) pairs
        What `topk` returned for each piece, its indices shifted by where the
        piece begins. All of one library, alike but for the length of `axis`.
    k : int
        How many to choose, from 0 to the number of candidates in all parts.
    axis, mode, sorted, stable, nan
        As for `topk`, the same as the parts were made with.

    Returns
    -------
    TopK
        As `topk` returns it; `indices` keep their dtype.

    Raises
    ------
    TypeError, ValueError, AxisError
        As for `topk`, and if there is no part or they do not fit together.

    Examples
    --------
    >>> left, right = np.asarray([3, 9, 7]), np.asarray([8, 1])
    >>> parts = [xtopk.topk(left, 2), xtopk.topk(right, 2)]
    >>> parts[1] = xtopk.TopK(parts[1].values, parts[1].indices + len(left))
    >>> xtopk.merge_topk(parts, 2)
    TopK(values=array([9, 8]), indices=array([1, 3]))
    """
    pairs = _checks.check_parts(parts)
    first = pairs[0][0]
    xp = _checks.check_array(first, "values")
    axis = _checks.check_axis(axis, first.ndim)
    k = _checks.check_k(k, _checks.check_parts_fit(pairs, axis), "the number of candidates in parts")
    rank = _ranking(mode, sorted, stable, nan)
    native = native_for(xp)
    values, indices = (native.concat(xp, list(arrays), axis) for arrays in zip(*pairs, strict=True))
    if values.dtype != first.dtype:  # NumPy's concat turns bytes into the machine's order
        values = xp.astype(values, first.dtype)
    if k == 0 or 0 in values.shape:
        return TopK(native.first(values, k, axis), native.first(indices, k, axis))
    return TopK(*native.merge(native.topk, xp, values, indices, k, axis, rank))


def explain(
    x: AnyArray,
    k: int,
    axis: int = -1,
    *,
    mode: Mode = "largest",
    sorted: bool = True,
    stable: bool = True,
    nan: NanRule = "last",
) -> Explanation:
    """Return which way `topk` goes with these arguments; looks at no element.

    Parameters
    ----------
    x, k, axis, mode, sorted, stable, nan
        As for `topk`. `x` may be traced or lazy.

    Returns
    -------
    Explanation
        Named tuple ``(library, algorithm, block_length, reason)``, printed as a
        sentence; `block_length` is in elements, 0 without blocks. What the
        elements are, their order, ties and NaN, may change it.

    Raises
    ------
    TypeError, ValueError, AxisError
        As for `topk`.

    Examples
    --------
    >>> plan = xtopk.explain(np.zeros(1_000_000, dtype="float32"), 10)
    >>> plan.algorithm, plan.block_length
    ('block maxima', 2529)
    """
    xp, k, axis, rank = _check(x, k, axis, mode, sorted, stable, nan)
    if k == 0 or 0 in x.shape:
        return Explanation(library_name(xp), "nothing", 0, "there is nothing to choose")
    return Explanation(library_name(xp), *native_for(xp).plan(xp, x, k, axis, rank))


def _check(x: Any, k: Any, axis: Any, mode: Any, sorted: Any, stable: Any, nan: Any) -> tuple[Any, int, int, Ranking]:
    xp = _checks.check_array(x)
    axis = _checks.check_axis(axis, x.ndim)
    k = _checks.check_k(k, _checks.check_length(x, axis), f"the length of axis {axis}")
    return xp, k, axis, _ranking(mode, sorted, stable, nan)


def _ranking(mode: Any, sorted: Any, stable: Any, nan: Any) -> Ranking:
    largest = _checks.check_word(mode, "mode", _checks.MODES) == "largest"
    greatest = _checks.check_word(nan, "nan", _checks.NAN_RULES) == "greatest"
    return Ranking(largest, largest and greatest, bool(sorted), bool(stable))


def _nothing(xp: Any, x: Any, k: int, axis: int) -> tuple[Any, Any]:
    values = native_for(xp).first(x, k, axis)
    return values, xp.zeros_like(values, dtype=xp.arange(1).dtype)
