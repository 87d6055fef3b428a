"""What the public functions refuse, each with one sentence: what was wrong, what is allowed, what came.

Everything here looks at types, dtypes and shapes only, so it is the same for eager, traced and lazy arrays.
"""

import operator
import sys
from types import ModuleType
from typing import Any

from array_api_compat import array_namespace

from xtopk._advice import array_of, integer_of, is_bool, ranked_instead, type_name
from xtopk._order import INTEGER_BITS, RANKED_DTYPES, TIME_DTYPES, dtype_name

MODES = ("largest", "smallest")
NAN_RULES = ("last", "greatest")

_NAMESPACES: dict[type, ModuleType] = {}
"""The namespace of each array type seen with a dtype that is ranked, for which it depends on the type alone."""


class AxisError(ValueError, IndexError):
    """An axis that the array does not have."""


def check_array(x: Any, name: str = "x") -> ModuleType:
    """Return the namespace of `x`, or refuse what is no array that can be ranked along an axis."""
    xp = _NAMESPACES.get(type(x)) or _find_namespace(x, name)
    dtype = dtype_name(x.dtype)
    if not _is_ranked(dtype):
        other = ranked_instead(x, name, dtype)
        raise TypeError(f"{name} must have a boolean, integer or real floating-point dtype{other}; got {dtype}")
    layout = str(getattr(x, "layout", ""))  # a word of torch's, and of JAX's before 0.7
    if getattr(x, "is_nested", False) or (layout.startswith("torch.") and layout != "torch.strided"):
        raise TypeError(f"{name} must be a dense tensor, such as {name}.to_dense() makes; got a sparse or nested one")
    if x.ndim == 0:
        raise ValueError(f"{name} must have at least one axis, such as {name}[None] has; got a 0-d array")
    if hasattr(x, "_meta"):  # Dask's word for what its chunks are
        _refuse_masked(x._meta, name)
    return xp


def _is_ranked(dtype: str) -> bool:
    return dtype in RANKED_DTYPES or dtype.startswith(TIME_DTYPES)


def _find_namespace(x: Any, name: str) -> ModuleType:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(x, torch.Tensor):
        # Neither asked for nor kept: torch.compile warns of the cache inside array_namespace, and would compile
        # anew when ours is filled.
        import array_api_compat.torch as torch_namespace

        return torch_namespace  # type: ignore[no-any-return]
    is_scalar = any(cls.__name__ == "generic" for cls in type(x).__mro__)
    if hasattr(x, "dtype") and hasattr(x, "ndim") and not is_scalar:
        try:
            xp: ModuleType = array_namespace(x)
        except TypeError:
            pass
        else:
            _refuse_masked(x, name)
            if _is_ranked(dtype_name(x.dtype)):  # not float0: an ndarray, but of JAX's namespace
                _NAMESPACES[type(x)] = xp
            return xp
    raise TypeError(f"{name} must be an array, such as {array_of(x, name)}; got {type_name(x)}")


def _refuse_masked(x: Any, name: str) -> None:
    for cls in type(x).__mro__:
        if cls.__module__.partition(".")[0] == "numpy":
            if cls.__name__ == "MaskedArray":
                raise TypeError(
                    f"{name} must be an array without a mask, such as {name}.filled(value) makes; "
                    "got numpy.ma.MaskedArray, whose mask would be lost"
                )
            if cls.__name__ == "matrix":
                raise TypeError(f"{name} must be an array, such as numpy.asarray({name}) makes; got numpy.matrix")


def check_axis(axis: Any, ndim: int) -> int:
    """Return `axis` counted from the front, or refuse it."""
    index = _integer(axis, "axis")
    if not isinstance(index, int):
        raise TypeError(f"axis must be an integer{integer_of(axis, 'axis')}; got {type_name(axis)}")
    if not -ndim <= index < ndim:
        raise AxisError(f"axis must be from {-ndim} to {ndim - 1} for an array of {ndim} axes; got {index}")
    return index % ndim


def check_k(k: Any, length: Any, of_what: str) -> int:
    """Return `k` as an int, or refuse what is no integer from 0 to `length`."""
    index = _integer(k, "k")
    if not isinstance(index, int):
        raise TypeError(f"k must be an integer{integer_of(k, 'k')}; got {type_name(k)}")
    if not 0 <= index <= length:
        raise ValueError(f"k must be from 0 to {length}, {of_what}; got {index}")
    return index


def _integer(value: Any, name: str) -> int | None:
    if type(value) is int:
        return value
    if is_bool(value):
        return None
    try:
        return operator.index(value)
    except (TypeError, RuntimeError) as error:  # a RuntimeError is how torch says that its vmap traces it
        by_torch = isinstance(error, RuntimeError)
        if by_torch or "Tracer" in type(value).__name__:
            where = "vmap, such as in_dims=None" if by_torch else f"jit, such as static_argnames={name!r}"
            raise TypeError(f"{name} must be a static integer under {where} makes; got a traced value") from error
        return None


def check_word(value: Any, name: str, allowed: tuple[str, str]) -> str:
    """Return `value`, or refuse it when it is not one of two words."""
    if isinstance(value, str) and value in allowed:
        return value
    raise ValueError(f"{name} must be {allowed[0]!r} or {allowed[1]!r}; got {value!r}")


def check_length(x: Any, axis: int, name: str = "x") -> int:
    """Return the length of an axis, or refuse one that is not known yet."""
    length = x.shape[axis]
    if length is None or length != length:  # NaN is Dask's word for unknown
        raise ValueError(
            f"{name} must have a known length along axis {axis}, "
            f"such as {name}.compute_chunk_sizes() finds; got an unknown one"
        )
    return length  # type: ignore[no-any-return]


def check_parts(parts: Any) -> list[tuple[Any, Any]]:
    """Return the (values, indices) pairs as a list, or refuse what is no sequence of them."""
    if isinstance(parts, tuple) and len(parts) == 2 and all(hasattr(part, "dtype") for part in parts):
        raise TypeError("parts must be a sequence of (values, indices) pairs, such as [parts] is; got one pair")
    if hasattr(parts, "dtype") or not hasattr(parts, "__iter__"):
        raise TypeError(f"parts must be a sequence of (values, indices) pairs; got {type_name(parts)}")
    pairs = list(parts)
    if not pairs:
        raise ValueError("parts must hold at least one (values, indices) pair; got none")
    for part in pairs:
        if not isinstance(part, tuple | list) or len(part) != 2:
            raise TypeError(f"each of parts must be a (values, indices) pair; got {type_name(part)}")
    return [(values, indices) for values, indices in pairs]


def check_parts_fit(pairs: list[tuple[Any, Any]], axis: int) -> int:
    """Return how many candidates the pairs hold along `axis`, or refuse pairs that do not fit together."""
    first = pairs[0][0]
    xp = check_array(first, "values")
    total = 0
    for values, indices in pairs:
        if check_array(values, "values") is not xp or check_array(indices, "indices") is not xp:
            raise TypeError(
                "parts must hold arrays of one library; "
                f"got {type_name(first)}, {type_name(values)} and {type_name(indices)}"
            )
        if values.dtype != first.dtype:
            raise TypeError(
                f"parts must hold values of one dtype; got {dtype_name(first.dtype)} and {dtype_name(values.dtype)}"
            )
        if indices.dtype != pairs[0][1].dtype:
            raise TypeError(
                "parts must hold indices of one dtype; "
                f"got {dtype_name(pairs[0][1].dtype)} and {dtype_name(indices.dtype)}"
            )
        if dtype_name(indices.dtype) not in INTEGER_BITS:
            raise TypeError(f"indices must have an integer dtype; got {dtype_name(indices.dtype)}")
        shape, other, of_indices = (_known(a.shape) for a in (values, first, indices))
        if axis < len(shape):
            check_length(values, axis, "values")
        if len(shape) == len(other):
            other[axis] = shape[axis]
        if shape != of_indices or shape != other:
            raise ValueError(
                f"parts must have one shape but for the length of axis {axis}; "
                f"got {tuple(first.shape)}, and values {tuple(values.shape)} with indices {tuple(indices.shape)}"
            )
        total += shape[axis]
    return total


def _known(shape: Any) -> list[Any]:
    """Return the lengths with None for unknown ones, which Dask writes as NaN, unequal to itself."""
    return [length if length == length else None for length in shape]
