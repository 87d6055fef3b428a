"""Worked examples: whether a library on a device agrees with a plain full sort, and with gradients by hand."""

from collections.abc import Callable
from typing import Any, NamedTuple

import xtopk

Make = Callable[[Any], Any]
"""Makes an array of one library on one device from a NumPy array."""


class DisagreementError(Exception):
    """One sentence about an answer that is not the full sort's."""


class Place(NamedTuple):
    """A library on a device."""

    name: str
    xp: Any
    device: str
    make: Make


def as_numpy(array: Any) -> Any:
    """Return a copy of an array in NumPy."""
    import numpy as np

    for move in ("get", "cpu"):  # CuPy's and torch's words for copying to the CPU
        if hasattr(array, move):
            array = getattr(array, move)()
    return np.asarray(array)


def check_table(place: Place) -> bool:
    """Check the 4 x 5 table against Python's own sort."""
    import numpy as np

    rows = [[1, 4, 5, 7, 8], [9, 1, 2, 8, 4], [8, 5, 1, 3, 6], [3, 2, 4, 6, 5]]
    values, indices = map(as_numpy, xtopk.topk(place.make(np.asarray(rows)), 3, axis=1))
    order = [sorted(range(5), key=lambda i: (-row[i], i))[:3] for row in rows]
    chosen = [[row[i] for i in first] for row, first in zip(rows, order, strict=True)]
    if (values.tolist(), indices.tolist()) != (chosen, order):
        raise DisagreementError(f"must be {chosen} at {order}; got {values.tolist()} at {indices.tolist()}")
    return True


def check_four_axes(place: Place) -> bool:
    """Check a 64 x 16 x 24 x 24 array against a full sort, in the precision that the library keeps."""
    import numpy as np

    x = place.make(np.random.default_rng(0).random((64, 16, 24, 24)))
    values, indices = map(as_numpy, xtopk.topk(x, 7, axis=1))
    data = as_numpy(x)
    order = np.argsort(-data, axis=1, kind="stable")[:, :7]
    if values.shape != order.shape or indices.shape != order.shape:
        raise DisagreementError(f"shape must be {order.shape}; got {values.shape} and {indices.shape}")
    wrong = np.count_nonzero((indices != order) | (values != np.take_along_axis(data, order, axis=1)))
    if wrong:
        raise DisagreementError(f"{wrong} of {order.size} elements are not those of the full sort")
    return True


def check_gradient(place: Place) -> bool:
    """Check the gradients of taking the top two values, by `topk`, by the 0/1 matrix and by the mask."""
    import numpy as np

    gradients = GRADIENTS.get(place.name)
    if gradients is None:
        return False
    w = place.make(np.asarray([[1, 1, 1], [2, 2, 2], [3, 3, 3]], dtype="float32"))
    x = place.make(np.asarray([0.4, 0.5, 0.6], dtype="float32"))
    identity = place.make(np.eye(3, dtype="float32"))
    losses = {
        "values": lambda w, x: (xtopk.topk(w @ x, 2).values ** 2).sum(),
        "0/1 matrix": lambda w, x: ((identity[xtopk.topk(w @ x, 2).indices] @ (w @ x)) ** 2).sum(),
        "mask": lambda w, x: (place.xp.where(xtopk.topk_mask(w @ x, 2), w @ x, 0.0) ** 2).sum(),
    }
    expected: dict[str, Any] = {"w": [[0, 0, 0], [2.4, 3, 3.6], [3.6, 4.5, 5.4]], "x": [39, 39, 39]}
    for way, loss in losses.items():
        for name, found in zip("wx", map(as_numpy, gradients(loss, w, x)), strict=True):
            if found.shape != np.shape(expected[name]) or not np.allclose(found, expected[name], rtol=1e-5):
                raise DisagreementError(f"gradient of {name} by {way} must be {expected[name]}; got {found.tolist()}")
    return True


def torch_gradients(loss: Callable[..., Any], *arrays: Any) -> Any:
    """Return the gradient of `loss` for each array."""
    leaves = [array.detach().requires_grad_() for array in arrays]
    loss(*leaves).backward()
    return [leaf.grad for leaf in leaves]


def jax_gradients(loss: Callable[..., Any], *arrays: Any) -> Any:
    """Return the gradient of `loss` for each array."""
    import jax

    return jax.grad(loss, argnums=tuple(range(len(arrays))))(*arrays)


GRADIENTS = {"torch": torch_gradients, "jax.numpy": jax_gradients}
"""What differentiates, in the libraries that do."""

CHECKS = {"4 x 5 table": check_table, "64 x 16 x 24 x 24": check_four_axes, "gradient": check_gradient}
