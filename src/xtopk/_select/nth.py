"""Where the elements of a row that equal a value stand: the first of them, or those of given numbers.

The front of a row is looked at first, and more of it where that held too few.
"""

from collections.abc import Callable
from operator import eq
from typing import Any

from xtopk._order import positions

LONG_ROW = 1 << 18
BATCH = 1 << 20
"""A longer row is looked at by itself, so many elements after one another; of shorter ones, so many together."""

WORDS_FROM, WHOLE_UP_TO = 1 << 17, 1 << 13
"""So many elements of a mask are looked for what is True by eight, and no more of rows that had too few are looked at
altogether; so few of rows at first."""

MIN_PREFIX = 64
PREFIX_PER_CHOICE = 2
LENGTHENED, WHOLE = 8, 4
"""How many elements are looked at first, at least and for each place left; of one row, how many times more next; and
rows of up to how many times more are looked at whole."""


def first_of_equals(xp: Any, rows: Any, indices: Any, values: Any) -> Any:
    """Return the indices of the top k of rows of a matrix, in the places of what equals the last the first that do.

    None of these is behind the last of those that were chosen, and no more of the rows is compared. Where the last is
    NaN, nothing equals it.
    """
    last = values[:, -1:]
    places = values == last
    length = int((indices * places).amax()) + 1
    found, _ = _nth_in(xp, eq, rows[:, :length], last, places.cumsum(-1))
    return xp.where(places, found, indices)


def first_of_value(xp: Any, rows: Any, value: Any, k: int, length: int = 0) -> Any:
    """Return the first `k` positions of a value in each row, None if one has fewer; `length` as for `nth_and_count`."""
    n = rows.shape[-1]
    lines, value, nth = rows.reshape(-1, n), value.reshape(-1, 1), positions(xp, rows, 1, k + 1)
    if n < LONG_ROW:
        found, count = nth_and_count(xp, lines, value, nth.expand(lines.shape[0], k), length)
        return None if int(count.amin()) < k else found.view(*rows.shape[:-1], k)
    indices = xp.empty((lines.shape[0], k), dtype=xp.int64, device=rows.device)
    for row, v, chosen in zip(lines, value, indices, strict=True):
        first = first_of_value_in_row(xp, row, v, k)
        if first.shape[0] < k:
            return None
        chosen.copy_(first)
    return indices.view(*rows.shape[:-1], k)


def first_of_value_in_row(xp: Any, row: Any, value: Any, count: int) -> Any:
    """Return the first `count` positions of a value in a row, all of them if it has fewer."""
    found, start, step = [row.new_zeros(0, dtype=xp.int64)], 0, PREFIX_PER_CHOICE * count
    while count > 0 and start < row.shape[0]:
        ties = equals_or_nan(row[start : start + step], value)
        if ties.any():
            found.append(ties.nonzero()[:count, 0] + start)
            count -= found[-1].shape[0]
        start, step = start + step, min(LENGTHENED * step, LONG_ROW)
    return xp.concat(found)


def nth_of(xp: Any, rows: Any, value: Any, nth: Any) -> Any:
    """Return where the elements that equal the value stand, those of these numbers, counted from 1."""
    return nth_and_count(xp, rows, value, nth)[0]


def nth_and_count(xp: Any, rows: Any, value: Any, nth: Any, length: int = 0) -> tuple[Any, Any]:
    """Return what `nth_of` does, anything where there are too few, and how many were counted: all, or enough.

    `length` is how many of a row are looked at first.
    """
    n = rows.shape[-1]
    if not length:
        length = max(MIN_PREFIX, PREFIX_PER_CHOICE * nth.shape[-1])
        length = n if n <= WHOLE * length else length
    if rows.numel() <= WHOLE_UP_TO or length > n:
        length = n
    found, count = _nth_in(xp, equals_or_nan, rows[:, :length], value, nth)
    while length < n:
        short = (count < nth[:, -1]).nonzero().squeeze(-1)
        if not short.numel():
            break
        have, wanted = int(count[short].sum()), int(nth[short, -1].sum())
        length *= 1 + 5 * wanted // (4 * max(1, have))
        length = length if 2 * length < n and short.numel() * n > WORDS_FROM else n
        if 2 * short.numel() >= rows.shape[0]:
            found, count = _nth_in(xp, equals_or_nan, rows[:, :length], value, nth)
        else:
            found[short], count[short] = _nth_in(xp, equals_or_nan, rows[:, :length][short], value[short], nth[short])
    return found, count


def _nth_in(xp: Any, equal: Callable[[Any, Any], Any], rows: Any, value: Any, nth: Any) -> tuple[Any, Any]:
    """Return where the elements equal to the value stand, those of these numbers, and how many there are."""
    lines, n = rows.shape
    if lines > (step := max(1, BATCH // n)):
        parts = zip(*(a.split(step) for a in (rows, value, nth)), strict=True)
        found, counts = zip(*(_nth_in(xp, equal, *part) for part in parts), strict=True)
        return xp.concat(found), xp.concat(counts)
    hits = where_true(xp, equal(rows, value).reshape(-1))
    line = xp.arange(0, (lines + 1) * n, n, device=rows.device)
    start = xp.searchsorted(hits, line)
    if not hits.shape[0]:
        return xp.zeros_like(nth, dtype=xp.int64), start.diff()
    place = (start[:-1, None] + nth).sub_(1).clamp_(0, hits.shape[0] - 1)
    return hits.take(place).sub_(line[:-1, None]), start.diff()


def where_true(xp: Any, mask: Any) -> Any:
    """Return where a mask is True, by words of eight where that is seldom: nonzero takes a nanosecond an element."""
    if mask.shape[0] < WORDS_FROM:
        return mask.nonzero().squeeze(-1)
    bytes_ = mask[: mask.shape[0] // 8 * 8].view(-1, 8)
    words = bytes_.view(xp.int64).nonzero().select(-1, 0)
    if 16 * words.shape[0] > mask.shape[0]:
        return mask.nonzero().squeeze(-1)
    word, byte = bytes_.index_select(0, words).nonzero().unbind(-1)
    found = byte.add(words.take(word), alpha=8)
    cut = bytes_.numel()
    return found if cut == mask.shape[0] else xp.concat([found, mask[cut:].nonzero().squeeze(-1) + cut])


def equals_or_nan(part: Any, last: Any) -> Any:
    """Return which elements equal the last of their row, NaN being equal to NaN."""
    ties = part == last
    if part.is_floating_point() and last.isnan().any():
        ties |= part.isnan() & last.isnan()
    return ties
