"""Which array libraries are here, which path each takes, and whether each agrees with a plain full sort."""

import platform
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import xtopk
from xtopk._native import GENERIC, NATIVES

Make = Callable[[Any], Any]
"""Makes an array of one library on one device from a NumPy array."""

LIBRARIES = (*NATIVES, "array_api_strict")


TYPICAL = (((1000,), 5), ((1_000_000,), 100), ((4096, 1024), 10))
"""Shapes and k whose paths are shown."""


class DisagreementError(Exception):
    """One sentence about an answer that is not the full sort's."""


class Place(NamedTuple):
    """A library on a device."""

    name: str
    xp: Any
    device: str
    make: Make


def report() -> int:
    """Print the report; return 1 if a library is broken or disagrees, else 0."""
    places, lines, problems = [], [("library", "version", "devices", "path")], []
    for name in LIBRARIES:
        if find_spec(name.partition(".")[0]) is None:
            lines.append((name, "not here", "", ""))
            continue
        try:
            xp = import_module(name)
            version = import_module(name.partition(".")[0]).__version__
            makers = DEVICES.get(name, any_devices)(xp)
        except Exception as error:
            lines.append((name, "broken", "", ""))
            problems.append(f"{name} is installed but broken: {one_line(error)}")
            continue
        lines.append((name, version, ", ".join(makers) or "no device", path_taken(name)))
        places += [Place(name, xp, device, make) for device, make in makers.items()]
    print(f"xtopk {xtopk.__version__}, Python {platform.python_version()}\n\n{table(lines)}\n")
    paths = [("library", "device", *(f"{' x '.join(map(str, shape))}, k={k}" for shape, k in TYPICAL))]
    paths += [(place.name, place.device, *(path_of(place, *typical) for typical in TYPICAL)) for place in places]
    print(f"paths of float32 arrays\n{table(paths)}\n")

    checks = [("library", "device", *CHECKS)]
    for place in places:
        cells = []
        for title, check in CHECKS.items():
            try:
                cells.append("agrees" if check(place) else "-")
            except Exception as error:
                cells.append("DISAGREES" if isinstance(error, DisagreementError) else "FAILS")
                problems.append(f"{place.name} on {place.device}, {title}: {one_line(error)}")
        checks.append((place.name, place.device, *cells))
    print("\n".join([f"worked examples, against a full sort\n{table(checks)}", *problems]))
    return 1 if problems else 0


def path_of(place: Place, shape: tuple[int, ...], k: int) -> str:
    """Return a few words for the path of an array of a shape."""
    import numpy as np

    try:
        plan = xtopk.explain(place.make(np.zeros(shape, dtype=np.float32)), k)
    except Exception as error:
        return f"FAILS: {one_line(error)}"
    return f"{plan.algorithm}{f', blocks of {plan.block_length}' * (plan.block_length > 0)}"


def path_taken(name: str) -> str:
    """Return the way a library's answer is found, as its native file's first line says it."""
    doc = sys.modules[NATIVES.get(name, GENERIC).topk.__module__].__doc__ or ""
    return doc.partition("\n")[0].partition(": ")[2].replace("``", "").rstrip(".")


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Return rows of cells as aligned lines."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def one_line(error: Exception) -> str:
    """Return the first line of an error's message, after its type where that says more."""
    line = str(error).partition("\n")[0]
    return line if isinstance(error, DisagreementError) else f"{type(error).__name__}: {line}"


def any_devices(xp: Any) -> dict[str, Make]:
    """Return how to make arrays on the library's only or default device."""
    return {"cpu": xp.asarray}


def torch_devices(torch: Any) -> dict[str, Make]:
    """Return how to make tensors on the CPU and each GPU."""
    names = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    return {name: partial(torch.asarray, device=name) for name in names}


def jax_devices(jnp: Any) -> dict[str, Make]:
    """Return how to make arrays on each device of JAX's default platform."""
    import jax

    return {str(device): partial(jnp.asarray, device=device) for device in jax.devices()}


def cupy_devices(cupy: Any) -> dict[str, Make]:
    """Return how to make arrays on the current GPU, if there is one."""
    return {f"cuda:{cupy.cuda.runtime.getDevice()}": cupy.asarray} if cupy.cuda.is_available() else {}


DEVICES = {"torch": torch_devices, "jax.numpy": jax_devices, "cupy": cupy_devices}
"""What finds a library's devices, where it may have another than the CPU."""


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
