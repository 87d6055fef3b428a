"""The ranking, said once: how mode, NaN, signed zero and position decide which element comes first."""

from typing import Any, NamedTuple

FLOAT_INFINITY_BITS = {
    "float16": 0x7C00,
    "bfloat16": 0x7F80,
    "float32": 0x7F80_0000,
    "float64": 0x7FF0_0000_0000_0000,
}
"""The bit pattern of +inf for each floating-point dtype; a NaN's magnitude bits are above it."""

INTEGER_BITS = {f"{sign}int{bits}": bits for sign in ("", "u") for bits in (8, 16, 32, 64)}
FLOAT_BITS = {"float16": 16, "bfloat16": 16, "float32": 32, "float64": 64}
RANKED_DTYPES = frozenset(["bool", *INTEGER_BITS, *FLOAT_BITS])
TIME_DTYPES = ("datetime64", "timedelta64")
"""How the names of NumPy's time dtypes begin; a unit may follow."""


class Ranking(NamedTuple):
    """What decides the answer, with `mode` and `nan` reduced to two truths.

    `nan_first` is True only for the largest with ``nan="greatest"``: in every other case NaN ranks last.
    """

    largest: bool
    nan_first: bool
    sorted: bool
    stable: bool


ASCENDING = Ranking(largest=False, nan_first=False, sorted=False, stable=True)
"""The ranking of what `rank_key` returns, which has no NaN."""


def dtype_name(dtype: Any) -> str:
    """Return ``float32`` for ``numpy.dtype('float32')``, ``torch.float32`` and their like."""
    name = getattr(getattr(dtype, "type", None), "__name__", "")  # NumPy takes three microseconds to make up its own
    return name if name in RANKED_DTYPES else str(getattr(dtype, "name", dtype)).rpartition(".")[2]


def may_hold_nan(dtype: Any) -> bool:
    """Return whether a dtype has NaN (or NaT)."""
    name = dtype_name(dtype)
    return name in FLOAT_BITS or name.startswith(TIME_DTYPES)


def rank_key(xp: Any, x: Any, rank: Ranking) -> Any:
    """Return signed integers that ascend in rank order and are equal exactly where elements tie.

    The bits of a float are a sign and a magnitude, so negating the magnitude where the sign is set gives an
    integer in the order of the floats, with both zeros at 0, and comparing integers is exact where a
    library flushes subnormal floats to zero. No magnitude is the least integer, so negating is safe; for
    integers ``~`` reverses the order without overflow.

    Needs arrays with a ``view`` method that reinterprets bits.
    """
    name = dtype_name(x.dtype)
    if name == "bool":
        key = xp.astype(x, xp.int8)
        return ~key if rank.largest else key
    if name in INTEGER_BITS:
        signed = getattr(xp, f"int{INTEGER_BITS[name]}")
        key = x if name[0] == "i" else x.view(signed) ^ xp.iinfo(signed).min
        return ~key if rank.largest else key
    if name in FLOAT_BITS:
        signed = getattr(xp, f"int{FLOAT_BITS[name]}")
        greatest = xp.iinfo(signed).max
        bits = x.view(signed)
        magnitude = bits & greatest
        key = xp.where((bits < 0) != rank.largest, -magnitude, magnitude)
        return xp.where(magnitude > FLOAT_INFINITY_BITS[name], ~greatest if rank.nan_first else greatest, key)
    # Times: NaT is the least int64, and wrapping around sends it to the end where it belongs.
    bits = x.view(xp.int64)
    if not rank.largest:
        return bits - 1
    return ~bits if not rank.nan_first else -bits


def sort_key(xp: Any, x: Any, rank: Ranking) -> tuple[Any, Any]:
    """Return `rank_key` in the standard's own functions: a key, and which of equal keys rank later (or None).

    The standard cannot reinterpret bits, so NaN shares the key of an infinity and the second array tells the
    two apart.
    """
    name = dtype_name(x.dtype)
    if name == "bool":
        x = xp.astype(x, xp.uint8)
    if name not in FLOAT_BITS:
        return (xp.bitwise_invert(x) if rank.largest else x), None
    missing = xp.isnan(x)
    zero, infinity = (
        xp.zeros_like(x[..., :1]),
        xp.full_like(x[..., :1], -xp.inf if rank.nan_first else xp.inf),
    )
    number = xp.where(x == 0, zero, -x if rank.largest else x)
    return xp.where(missing, infinity, number), (xp.logical_not(missing) if rank.nan_first else missing)


def positions(xp: Any, like: Any, start: int, stop: int) -> Any:
    """Return ``arange(start, stop)`` of the library's default integers, on the device of `like`.

    Arrays being traced have no device; what is made beside them goes where they go.
    """
    return xp.arange(start, stop, device=getattr(like, "device", None))
