"""The elements that the calls of the suite are made on: the same ones each time."""

import math
import struct

from xtopk._order import FLOAT_BITS, INTEGER_BITS

NAN, INF = math.nan, math.inf
PAYLOAD = struct.unpack("<d", struct.pack("<Q", 0x7FFC_ABCD_EF00_0000))[0]
"""A NaN of other bits than the usual one's, in float32, too."""
FRACTION_BITS = {"float16": 10, "bfloat16": 7, "float32": 23, "float64": 52}
GREATEST_EXPONENT = {"float16": 15, "bfloat16": 127, "float32": 127, "float64": 1023}

SIX = (2.0, -5.0, 4.0, 1.0, -3.0, 6.0)
TRUTHS = (False, True, True, False, True, False)
ZEROS = (-0.0, 1.0, 0.0, -0.0, 0.0, -1.0)
ODD_NAN = (-NAN, 2.0, NAN, -PAYLOAD, 1.0, PAYLOAD)


def shuffled(n: int) -> list[int]:
    """Return the numbers below `n`, out of order."""
    return sorted(range(n), key=lambda i: i * 2_654_435_761 % 2**32)


def numbers(n: int) -> tuple[float, ...]:
    """Return distinct numbers of both signs."""
    return SIX[:n] if n <= 6 else tuple(i - n // 2 + 0.5 for i in shuffled(n))


def few(n: int, kinds: int) -> tuple[float, ...]:
    """Return numbers of which many are equal."""
    return tuple(float(1 + i % kinds) for i in shuffled(n))


def with_nan(n: int) -> tuple[float, ...]:
    """Return distinct numbers, every third of them NaN instead."""
    return tuple(NAN if i % 3 == 1 else number for i, number in enumerate(numbers(n)))


def alike(elements: tuple[float, ...]) -> tuple[float, ...]:
    """Return elements with zeros of one sign, and NaN of one sign and payload."""
    return tuple(0.0 if e == 0 else NAN if e != e else e for e in elements)


def extremes(dtype: str) -> tuple[bool | int | float, ...]:
    """Return six elements of a dtype at which something may go wrong, distinct where it has as many."""
    if dtype == "bool":
        return TRUTHS
    if dtype in FLOAT_BITS:
        step = 2.0 ** -FRACTION_BITS[dtype]
        greatest = (2 - step) * 2.0 ** GREATEST_EXPONENT[dtype]
        return 1.0, -greatest, 1 + step, greatest, -1 - step, -1.0
    half = 2 ** (INTEGER_BITS[dtype] - 1)
    if dtype[0] == "u":
        return 1, 2 * half - 1, 0, half, 2 * half - 2, half - 1
    return 5, -half, half - 1, -1, 1 - half, half - 2


def infinities(dtype: str) -> tuple[float, ...]:
    """Return both infinities, and the numbers next to them."""
    _, lowest, _, greatest, _, _ = extremes(dtype)
    return greatest, -INF, 1.0, INF, lowest, -1.0


def subnormals(dtype: str) -> tuple[float, ...]:
    """Return zero, and the numbers next to it."""
    least = 2.0 ** (1 - GREATEST_EXPONENT[dtype] - FRACTION_BITS[dtype])
    return least, -2 * least, 0.0, 3 * least, -least, 2 * least
