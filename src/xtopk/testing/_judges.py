"""One judgement a property: each looks at its own question only, and finds what differs or nothing."""

import math
from dataclasses import replace
from typing import Any

from xtopk._order import dtype_name
from xtopk.testing._arrays import Contents, index_dtype, shown, word
from xtopk.testing._oracle import rank_key, topk_indices
from xtopk.testing._trial import Finding, Trial, at, first_difference, given


def judge(trial: Trial) -> Finding | None:
    """Return what differs: the shape, or what the property of the case asks for."""
    shapes = dict.fromkeys(shape for part in trial.parts for shape in part.shapes)
    wanted = trial.case.result_shape
    if not trial.case.refused and set(shapes) != {wanted}:
        return Finding(f"shape {wanted}", f"shape {' and '.join(map(str, shapes))}")
    finding: Finding | None = trial.case.property.judge(trial)
    return finding


def chosen(trial: Trial) -> Finding | None:
    """Find a wrong element; the order, and which of equal ones it is, are left open."""
    return ranked(replace(trial, in_order=False))


def ranked(trial: Trial) -> Finding | None:
    """Find a wrong element at a place, or anywhere if no order is asked; which of equal ones it is, is left open."""
    mode, nan = trial.case.mode, trial.case.nan
    for elements, values, indices in trial.rows():
        first = topk_indices(elements, trial.case.k, mode, nan)
        best = [elements[i] for i in first]
        if values is None and not within(indices, len(elements)):
            return Finding(at(best, first), at(values, indices))
        found = [elements[int(i)] for i in indices] if values is None else values
        keys, wanted = ([rank_key(element, mode, nan) for element in part] for part in (found, best))
        if (keys if trial.in_order else sorted(keys)) != wanted:
            start = first_difference(keys, wanted)
            return Finding(at(best, first, start), at(values, indices, start))
    return None


def error(trial: Trial) -> Finding | None:
    """Find that something came instead of an error."""
    return Finding("an error", " at ".join(shown(part.elements) for part in trial.parts))


def stable(trial: Trial) -> Finding | None:
    """Find a chosen element before which an equal one should be chosen."""
    given(trial.indices, "indices")
    for elements, _, indices in trial.rows():
        if not within(indices, len(elements)):
            return Finding(f"indices from 0 to {len(elements) - 1}", shown(indices))
        chosen_of: dict[Any, list[int]] = {}
        for index in map(int, indices if trial.in_order else sorted(indices)):
            chosen_of.setdefault(rank_key(elements[index]), []).append(index)
        places: dict[Any, list[int]] = {key: [] for key in chosen_of}
        for i, element in enumerate(elements):
            places.get(rank_key(element), []).append(i)
        for key, found in chosen_of.items():
            wanted = places[key][: len(found)]
            if found != wanted:
                equal, start = f"the equal {word(elements[found[0]])}", first_difference(found, wanted)
                return Finding(f"{equal} at {shown(wanted, start)}", f"{equal} at {shown(found, start)}")
    return None


def same_as_twin(trial: Trial) -> Finding | None:
    """Find other indices than for the twin, which lacks what should have no say."""
    indices, like = (given(part, "indices").elements for part in (trial.indices, trial.twin))
    if indices == like:
        return None
    return Finding(f"as for {shown(trial.case.twin or ())}: indices {shown(like)}", f"indices {shown(indices)}")


def values_at_indices(trial: Trial) -> Finding | None:
    """Find values that are not at the indices; the sign of zero is another question."""
    return taken(trial, lambda a, b: a == b or (a != a and b != b))


def zero_kept(trial: Trial) -> Finding | None:
    """Find a zero of another sign than at its index."""
    return taken(trial, lambda a, b: a != 0 or math.copysign(1, a) == math.copysign(1, b))


def taken(trial: Trial, same: Any) -> Finding | None:
    """Find values that are not the same as what the indices take from the input."""
    given(trial.indices, "indices")
    given(trial.values, "values")
    for elements, values, indices in trial.rows():
        if not within(indices, len(elements)):
            return Finding(f"indices from 0 to {len(elements) - 1}", shown(indices))
        there = [elements[int(i)] for i in indices]
        if not all(map(same, values, there)):
            start = next(i for i, pair in enumerate(zip(values, there, strict=True)) if not same(*pair))
            return Finding(f"{shown(there, start)}, which are at {shown(indices, start)}", shown(values, start))
    return None


def distinct(trial: Trial) -> Finding | None:
    """Find an index that comes twice in a slice, or that is none."""
    given(trial.indices, "indices")
    for elements, _, indices in trial.rows():
        if not within(indices, len(elements)):
            return Finding(f"indices from 0 to {len(elements) - 1}", shown(indices))
        if len(set(indices)) < len(indices):
            return Finding("indices of which none comes twice", shown(indices))
    return None


def within(indices: Any, length: int) -> bool:
    """Return whether all indices count from the start of an axis and do not pass its end."""
    return all(0 <= i < length for i in indices)


def values_dtype(trial: Trial) -> Finding | None:
    """Find values of another dtype than the input."""
    return other_dtype(given(trial.values, "values"), trial.dtype)


def indices_dtype(trial: Trial) -> Finding | None:
    """Find indices of another dtype than the library's default for indices."""
    return other_dtype(given(trial.indices, "indices"), index_dtype(trial.xp))


def other_dtype(part: Contents, wanted: Any) -> Finding | None:
    """Find a dtype that is not the wanted one."""
    other = [dtype for dtype in part.dtypes if dtype != wanted]
    return Finding(name_of(wanted), name_of(other[0])) if other else None


def name_of(dtype: Any) -> str:
    """Return the name of a dtype."""
    return dtype_name(dtype if hasattr(dtype, "name") else getattr(dtype, "__name__", dtype))


def unchanged(trial: Trial) -> Finding | None:
    """Find that the input holds something else after the call."""
    before = trial.case.elements
    same = all((a != a and b != b) or (a == b and sign(a) == sign(b)) for a, b in zip(trial.after, before, strict=True))
    return None if same else Finding(f"x to stay {shown(before)}", f"x {shown(trial.after)} after the call")


def sign(number: Any) -> float:
    """Return the sign of a number, that of zero included."""
    return math.copysign(1, number)
