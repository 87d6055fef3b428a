"""What a refusal says besides the rule: what came, by the name a user knows, and what to give instead."""

from typing import Any

from xtopk._order import dtype_name

CONVERTED = {"object": "float", "str": "float", "bytes": "float", "float": "float", "int": "int", "uint": "int"}
"""What numbers in dtypes whose names begin like that are made by `astype`."""


def type_name(value: object) -> str:
    """Return the name by which a user knows the type of `value`: ``list``, ``pandas.Series``, ``None``."""
    if value is None:
        return "None"
    cls = type(value)
    top = cls.__module__.partition(".")[0]
    return cls.__qualname__ if top in ("builtins", "__main__") else f"{top}.{cls.__qualname__}"


def array_of(x: Any, name: str) -> str:
    """Return how `x` gives an array."""
    for method in ("toarray", "todense"):  # of SciPy's and JAX's sparse arrays, which numpy.asarray does not make dense
        if hasattr(x, method):
            return f"{name}.{method}() makes"
    if hasattr(x, "dims") and hasattr(x, "data"):  # an xarray.DataArray, whose array may be lazy and stays so
        return f"{name}.data is"
    return f"numpy.asarray({name}) makes"


def ranked_instead(x: Any, name: str, dtype: str) -> str:
    """Return what to rank instead of an array of a dtype without an order, or nothing."""
    fields = getattr(x.dtype, "names", None)
    if fields and fields != ("float0",):  # which is how JAX writes that there is no gradient
        return f", such as {name}[{fields[0]!r}] has"
    if dtype.startswith("complex"):
        return f", such as abs({name}) has"
    if dtype.startswith("float8") and hasattr(x, "float"):
        return f", such as {name}.float() has"
    for start, number in CONVERTED.items():
        if dtype.lower().startswith(start) and hasattr(x, "astype"):
            return f", such as {name}.astype({number}) has"
    return ""


def integer_of(value: Any, name: str) -> str:
    """Return what to give instead of what is no integer, or nothing."""
    if name == "axis" and (value is None or isinstance(value, tuple | list)):
        return ", such as -1 after x.reshape(-1)"
    is_digits = isinstance(value, str) and value.isdigit()
    is_number = hasattr(value, "__int__") and getattr(value, "ndim", 0) == 0 and not is_bool(value)
    return f", such as int({name}) makes" if is_digits or is_number else ""


def is_bool(value: Any) -> bool:
    """Return whether a value is a bool, or an array or scalar of them."""
    return isinstance(value, bool) or dtype_name(getattr(value, "dtype", "")).startswith("bool")
