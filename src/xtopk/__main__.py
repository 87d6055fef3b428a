"""``python -m xtopk``: what is here and whether it agrees, or the top k of a file."""

import argparse
import sys
from pathlib import Path
from typing import Any

from xtopk import __version__, topk
from xtopk._checks import MODES, NAN_RULES

FORMATS = (".npy", ".npz", ".csv")
EXACT = ("int64", "uint64")
"""What a table of text is read as before float64, which would round integers above 2**53."""


class FileError(Exception):
    """One sentence about a file that cannot be read."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0, or 1 when a library disagrees, or 2 when the request cannot be met."""
    options = parser().parse_args(arguments)
    try:
        import numpy  # noqa: F401
    except ImportError as error:
        return refuse(f"this command needs NumPy, such as `python -m pip install numpy` installs ({error})")
    if options.file is None and options.k is not None:
        return refuse("-k chooses from a file; got no file")
    if options.file is None:
        from xtopk._report import report

        return report()
    if options.k is None:
        return refuse("-k must say how many elements to choose from the file; got none")
    try:
        x = load(options.file, options.member)
        values, indices = topk(x, options.k, options.axis, mode=options.mode, nan=options.nan)
    except (FileError, TypeError, ValueError) as error:
        return refuse(str(error))
    axis = options.axis % x.ndim
    print(f"{options.file}: {x.dtype}, shape {x.shape}; the {options.k} {options.mode} along axis {axis}")
    print(ranked_lines(values, indices) if x.ndim == 1 else f"values\n{values}\nindices\n{indices}")
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m xtopk",
        description="Say which array libraries are here, which path each takes and whether it agrees with a full sort: "
        "what to send with a bug report. Or print the top k of a file.",
        epilog="For example: python -m xtopk scores.npy -k 5 --axis 0 --mode smallest. "
        "The exit code is 1 if a library is broken or disagrees, 2 if the request cannot be met, else 0.",
    )
    parser.add_argument("--version", action="version", version=f"xtopk {__version__}")
    parser.add_argument("file", nargs="?", type=Path, help="a .npy, .npz or .csv file; without it, the libraries")
    parser.add_argument("-k", type=int, help="how many elements to choose")
    parser.add_argument("--axis", type=int, default=-1, help="the axis to choose along (default: the last)")
    parser.add_argument("--mode", choices=MODES, default=MODES[0], help="which elements (default: %(default)s)")
    parser.add_argument("--nan", choices=NAN_RULES, default=NAN_RULES[0], help="where NaN ranks (default: %(default)s)")
    parser.add_argument("--member", metavar="NAME", help="which array of a .npz file")
    return parser


def refuse(message: str) -> int:
    """Print what was wrong; return the exit code for it."""
    print(f"xtopk: {message}", file=sys.stderr)
    return 2


def load(path: Path, member: str | None) -> Any:
    """Return the array in a file, memory-mapped where the format allows."""
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise FileError(f"file must end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}; got {path}")
    if member is not None and kind != ".npz":
        raise FileError(f"--member names an array of a .npz file; got {path}")
    try:
        if kind == ".npy":
            return load_npy(path)
        return load_npz(path, member) if kind == ".npz" else load_csv(path)
    except FileError:
        raise
    except FileNotFoundError as error:
        raise FileError(f"file must exist; got {path}") from error
    except Exception as error:  # whatever a damaged file makes zlib, zipfile or NumPy raise
        reason = getattr(error, "strerror", None) or str(error)
        raise FileError(f"{path} cannot be read as {kind}: {reason}") from error


def load_npy(path: Path) -> Any:
    """Return the memory-mapped array of a .npy file."""
    import numpy as np

    return np.asarray(np.lib.format.open_memmap(path, mode="r"))


def load_npz(path: Path, member: str | None) -> Any:
    """Return one array of a .npz file, the only one if none is named."""
    from zipfile import ZipFile

    import numpy as np

    with ZipFile(path):  # numpy.load would take any other file for a pickle
        pass
    with np.load(path, allow_pickle=False) as archive:
        names = archive.files
        if member is None and len(names) == 1:
            member = names[0]
        if member not in names:
            got = "none" if member is None else member
            raise FileError(f"--member must name one of the arrays in {path}: {', '.join(names)}; got {got}")
        return archive[member]


def load_csv(path: Path) -> Any:
    """Return the numbers of a comma-separated file, less its header if any; an empty cell is NaN."""
    import numpy as np

    lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    header = int(bool(lines) and not any(map(is_number, lines[0].split(","))))
    if len(lines) == header:
        raise FileError(f"{path} must hold at least one row of numbers; got none")
    for dtype in EXACT:
        try:
            return np.loadtxt(lines, dtype, delimiter=",", ndmin=1, skiprows=header)
        except ValueError:
            continue
    return np.loadtxt(lines, "float64", delimiter=",", ndmin=1, skiprows=header, converters=number_or_nan)


def number_or_nan(cell: str) -> float:
    """Return the number in a cell, NaN if it is empty."""
    return float(cell or "nan")


def is_number(cell: str) -> bool:
    """Return whether a cell holds a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def ranked_lines(values: Any, indices: Any) -> str:
    """Return an aligned table of rank, index and value."""
    rows = [("rank", "index", "value")]
    rows += [(str(i), str(index), str(value)) for i, (index, value) in enumerate(zip(indices, values, strict=True), 1)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


if __name__ == "__main__":
    sys.exit(main())
