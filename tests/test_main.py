"""``python -m xtopk``: the report tells who disagrees, a file's top k is printed, refusals word for word."""

import platform
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

import xtopk
from tests.libraries import rows
from xtopk import _report, _worked
from xtopk.__main__ import main
from xtopk._native import NATIVES, Native

Patch = pytest.MonkeyPatch
Capture = pytest.CaptureFixture[str]

NATIVES_BEFORE = dict(NATIVES)
TABLE = np.asarray([[1, 4, 5, 7, 8], [9, 1, 2, 8, 4], [8, 5, 1, 3, 6], [3, 2, 4, 6, 5]])


def report_on(monkeypatch: Patch, capsys: Capture, name: str) -> tuple[int, str]:
    monkeypatch.setattr(_report, "LIBRARIES", (name,))
    code = main([])
    return code, capsys.readouterr().out


def test_every_library_here_agrees(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "xtopk"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    examples = done.stdout.partition("worked examples")[2].splitlines()
    for library in rows(disguised=False):
        line = next(line for line in examples if line.split()[:1] == [library.native or library.requires])
        assert line.count("agrees") == (3 if library.transforms else 2)


def test_a_wrong_index_is_reported(monkeypatch: Patch, capsys: Capture) -> None:
    def last_k(xp: Any, x: Any, k: int, axis: int, rank: Any) -> tuple[Any, Any]:
        values, indices = NATIVES_BEFORE["numpy"].topk(xp, x, k, axis, rank)
        return values, xp.flip(indices, axis=axis)

    monkeypatch.setitem(NATIVES, "numpy", Native(last_k))
    code, out = report_on(monkeypatch, capsys, "numpy")
    assert code == 1
    assert re.fullmatch(r"2 problems, in \d+\.\d s", out.splitlines()[-3])
    assert [line for line in out.splitlines()[-5:] if line and "problems" not in line] == [
        "numpy    cpu     DISAGREES    DISAGREES          -",
        "numpy on cpu, 4 x 5 table: must be [[8, 7, 5], [9, 8, 4], [8, 6, 5], [6, 5, 4]] at "
        "[[4, 3, 2], [0, 3, 4], [0, 4, 1], [3, 4, 2]]; got [[8, 7, 5], [9, 8, 4], [8, 6, 5], [6, 5, 4]] at "
        "[[2, 3, 4], [4, 3, 0], [1, 4, 0], [2, 4, 3]]",
        "numpy on cpu, 64 x 16 x 24 x 24: 221184 of 258048 elements are not those of the full sort",
    ]


def test_a_wrong_shape_and_an_error_are_reported(monkeypatch: Patch, capsys: Capture) -> None:
    def four_axes_short(xp: Any, x: Any, k: int, axis: int, rank: Any) -> tuple[Any, Any]:
        if x.ndim == 2:
            raise RuntimeError("out of order\nand more")
        return NATIVES_BEFORE["numpy"].topk(xp, x, k - 1, axis, rank)

    monkeypatch.setitem(NATIVES, "numpy", Native(four_axes_short))
    code, out = report_on(monkeypatch, capsys, "numpy")
    assert code == 1
    assert [line for line in out.splitlines()[-5:] if line and "problems" not in line] == [
        "numpy    cpu     FAILS        DISAGREES          -",
        "numpy on cpu, 4 x 5 table: RuntimeError: out of order",
        "numpy on cpu, 64 x 16 x 24 x 24: shape must be (64, 7, 24, 24); got (64, 6, 24, 24) and (64, 6, 24, 24)",
    ]


def test_a_wrong_gradient_is_reported(monkeypatch: Patch, capsys: Capture) -> None:
    monkeypatch.setitem(_worked.GRADIENTS, "numpy", lambda loss, *arrays: arrays)
    code, out = report_on(monkeypatch, capsys, "numpy")
    assert code == 1
    assert out.splitlines()[-1] == (
        "numpy on cpu, gradient: gradient of w by values must be "
        "[[0, 0, 0], [2.4, 3, 3.6], [3.6, 4.5, 5.4]]; got [[1.0, 1.0, 1.0], [2.0, 2.0, 2.0], [3.0, 3.0, 3.0]]"
    )


@pytest.mark.parametrize("error", ["ImportError", "SystemExit"])
def test_a_broken_library_is_reported(error: str, tmp_path: Path, monkeypatch: Patch, capsys: Capture) -> None:
    (tmp_path / "broken_library.py").write_text(f"raise {error}('libfoo.so.1: no such file')")
    monkeypatch.syspath_prepend(tmp_path)
    code, out = report_on(monkeypatch, capsys, "broken_library")
    assert code == 1
    assert "broken_library  broken" in out
    assert out.endswith(f"broken_library is installed but broken: {error}: libfoo.so.1: no such file\n")


def test_no_library_and_no_device_are_no_errors(monkeypatch: Patch, capsys: Capture) -> None:
    code, out = report_on(monkeypatch, capsys, "no_such_library")
    assert (code, "no_such_library  not here\n" in out) == (0, True)
    monkeypatch.setitem(_report.DEVICES, "numpy", lambda xp: {})
    code, out = report_on(monkeypatch, capsys, "numpy")
    assert (code, "no device" in out, "agrees" in out) == (0, True, False)


def test_what_a_bug_report_needs(monkeypatch: Patch, capsys: Capture) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/people/someone"))
    monkeypatch.setattr(xtopk, "__file__", "/people/someone/lib/xtopk/__init__.py")
    code, out = report_on(monkeypatch, capsys, "numpy")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == f"xtopk             {xtopk.__version__}, in ~/lib/xtopk"
    assert lines[1] == f"array-api-compat  {version('array-api-compat')}"
    assert lines[2].startswith(
        f"Python            {platform.python_version()}, {platform.python_implementation()} with"
    )
    assert re.fullmatch(rf"system            {re.escape(platform.platform())}, \d+ of \d+ CPUs", lines[3])
    assert f"numpy    {np.__version__}" in out
    assert re.fullmatch(r"no problems, in \d+\.\d s", lines[-1])


def test_the_home_of_a_namesake_is_kept(monkeypatch: Patch) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/people/some"))
    monkeypatch.setattr(xtopk, "__file__", "/people/someone/xtopk/__init__.py")
    assert _report.surroundings()[0] == ("xtopk", f"{xtopk.__version__}, in /people/someone/xtopk")


def test_free_threaded_python_is_named(monkeypatch: Patch) -> None:
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    monkeypatch.setattr(_report, "get_config_var", lambda name: 1 if name == "Py_GIL_DISABLED" else None)
    assert _report.surroundings()[2][1].endswith(" without the GIL, free-threaded build")


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_for_terminals(monkeypatch: Patch, capsys: Capture, terminal: bool) -> None:
    monkeypatch.setattr(_report, "LIBRARIES", ("numpy",))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    main([])
    out, err = capsys.readouterr()
    shown = ["importing numpy", "", *(f"checking numpy on cpu: {title}" for title in _worked.CHECKS), ""]
    assert err == ("".join(f"\r\x1b[K{what}" for what in shown) if terminal else "")
    assert "\x1b" not in out


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_version_and_help(capsys: Capture, monkeypatch: Patch, option: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as stop:
        main([option])
    assert stop.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    if option == "--version":
        assert lines == [f"xtopk {xtopk.__version__}"]
    assert len(lines) < 50
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("name", _report.LIBRARIES)
def test_every_path_has_words(name: str) -> None:
    assert len(_report.path_taken(name)) > 20


def test_without_numpy(monkeypatch: Patch, capsys: Capture) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert main([]) == 2
    assert capsys.readouterr().err == (
        "xtopk: this command needs NumPy, such as `python -m pip install numpy` installs "
        "(import of numpy halted; None in sys.modules)\n"
    )


@pytest.fixture
def here(tmp_path: Path, monkeypatch: Patch) -> Path:
    """Make an empty folder the current one, so that messages name files as a user would."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_npy_of_one_axis(here: Path, capsys: Capture) -> None:
    np.save("scores.npy", np.asarray([0.5, np.nan, 12.25, 0.5]))
    assert main(["scores.npy", "-k", "4"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "scores.npy: float64, shape (4,); the 4 largest along axis 0",
        "rank  index  value",
        "   1      2  12.25",
        "   2      0    0.5",
        "   3      3    0.5",
        "   4      1    nan",
    ]
    assert main(["scores.npy", "-k", "1", "--nan", "greatest"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "   1      1    nan"


def test_npy_of_two_axes(here: Path, capsys: Capture) -> None:
    np.save("scores.npy", TABLE)
    assert main(["scores.npy", "-k", "2", "--axis", "0", "--mode", "smallest"]) == 0
    values, indices = xtopk.topk(TABLE, 2, axis=0, mode="smallest")
    assert capsys.readouterr().out == (
        f"scores.npy: {TABLE.dtype}, shape (4, 5); the 2 smallest along axis 0\nvalues\n{values}\nindices\n{indices}\n"
    )


def test_npy_is_memory_mapped(here: Path, monkeypatch: Patch) -> None:
    np.save("scores.npy", TABLE)
    spy = Mock(wraps=xtopk.topk)
    monkeypatch.setattr("xtopk.__main__.topk", spy)
    assert main(["scores.npy", "-k", "1"]) == 0
    assert isinstance(spy.call_args.args[0].base, np.memmap)


def test_npz(here: Path, capsys: Capture) -> None:
    np.savez("one.npz", scores=TABLE[0])
    np.savez("two.npz", scores=TABLE[0], other=TABLE[1])
    assert main(["one.npz", "-k", "1"]) == 0
    assert main(["two.npz", "-k", "1", "--member", "other"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert (out[2].split(), out[5].split()) == (["1", "4", "8"], ["1", "0", "9"])


@pytest.mark.parametrize(
    ("text", "dtype", "best"),
    [
        ("score\n1.5\n\n2.5\n", "float64", ["1", "1", "2.5"]),
        ("1,3,2", "int64", ["1", "1", "3"]),
        ("\ufeff7\n9007199254740993\n9007199254740992\n", "int64", ["1", "1", "9007199254740993"]),
        ("18446744073709551614\n18446744073709551615\n", "uint64", ["1", "1", "18446744073709551615"]),
        ("1,,3", "float64", ["1", "2", "3.0"]),
    ],
)
def test_csv(here: Path, capsys: Capture, text: str, dtype: str, best: list[str]) -> None:
    (here / "scores.csv").write_text(text, encoding="utf-8")
    assert main(["scores.csv", "-k", "1"]) == 0
    first, _, line = capsys.readouterr().out.splitlines()
    assert first.startswith(f"scores.csv: {dtype}, shape ")
    assert line.split() == best


def test_csv_of_two_axes(here: Path, capsys: Capture) -> None:
    (here / "scores.csv").write_text("a,b\n1,2\n3,1\n")
    assert main(["scores.csv", "-k", "1", "--axis", "0"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["values", "[[3 2]]", "indices", "[[1 0]]"]


def write_odd_files() -> None:
    np.save("scores.npy", TABLE)
    np.save("objects.npy", np.asarray([1, "a"], dtype=object), allow_pickle=True)
    np.save("complex.npy", np.asarray([1j]))
    np.save("zero.npy", np.asarray(1.0))
    np.savez("two.npz", a=TABLE, b=TABLE)
    np.savez("objects.npz", np.asarray([1, "a"], dtype=object))
    np.savez_compressed("damaged.npz", np.arange(1000))
    damaged = bytearray(Path("damaged.npz").read_bytes())
    damaged[60:600] = bytes(540)
    Path("damaged.npz").write_bytes(damaged)
    Path("text.npy").write_text("hello")
    Path("empty.npz").write_bytes(b"")
    Path("words.csv").write_text("1,2\n3,x\n")
    Path("ragged.csv").write_text("1,2\n3\n")
    Path("header.csv").write_text("a,b\n")
    Path("scores.txt").write_text("1")
    Path("folder.csv").mkdir()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("missing.npy -k 1", "file must exist; got missing.npy"),
        ("missing.npz -k 1", "file must exist; got missing.npz"),
        ("missing.csv -k 1", "file must exist; got missing.csv"),
        ("scores.txt -k 1", "file must end in .npy, .npz or .csv; got scores.txt"),
        ("folder.csv -k 1", "folder.csv cannot be read as .csv: Is a directory"),
        ("scores.npy", "-k must say how many elements to choose from the file; got none"),
        ("-k 1", "-k chooses from a file; got no file"),
        ("scores.npy -k 6", "k must be from 0 to 5, the length of axis 1; got 6"),
        ("scores.npy -k -1", "k must be from 0 to 5, the length of axis 1; got -1"),
        ("scores.npy -k 1 --axis 2", "axis must be from -2 to 1 for an array of 2 axes; got 2"),
        ("scores.npy -k 1 --member a", "--member names an array of a .npz file; got scores.npy"),
        (
            "complex.npy -k 1",
            "x must have a boolean, integer or real floating-point dtype, such as abs(x) has; got complex128",
        ),
        ("zero.npy -k 1", "x must have at least one axis, such as x[None] has; got a 0-d array"),
        (
            "objects.npy -k 1",
            "objects.npy cannot be read as .npy: Array can't be memory-mapped: Python objects in dtype.",
        ),
        ("two.npz -k 1", "--member must name one of the arrays in two.npz: a, b; got none"),
        ("two.npz -k 1 --member c", "--member must name one of the arrays in two.npz: a, b; got c"),
        (
            "objects.npz -k 1",
            "objects.npz cannot be read as .npz: Object arrays cannot be loaded when allow_pickle=False",
        ),
        ("empty.npz -k 1", "empty.npz cannot be read as .npz: File is not a zip file"),
        ("header.csv -k 1", "header.csv must hold at least one row of numbers; got none"),
    ],
)
def test_refusals(here: Path, capsys: Capture, arguments: str, message: str) -> None:
    write_odd_files()
    assert main(arguments.split()) == 2
    assert capsys.readouterr() == ("", f"xtopk: {message}\n")


@pytest.mark.parametrize("name", ["text.npy", "damaged.npz", "words.csv", "ragged.csv"])
def test_refusals_in_the_words_of_numpy_or_zlib(here: Path, capsys: Capture, name: str) -> None:
    write_odd_files()
    assert main([name, "-k", "1"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"xtopk: {name} cannot be read as {Path(name).suffix}: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["x.npy", "-k", "two"], "argument -k: invalid int value: 'two'"),
        (["x.npy", "-k", "1", "--mode", "biggest"], "argument --mode: invalid choice: 'biggest'"),
        (["x.npy", "-k", "1", "--nan", "first"], "argument --nan: invalid choice: 'first'"),
    ],
)
def test_arguments_refused_by_the_parser(capsys: Capture, arguments: list[str], words: str) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert words in capsys.readouterr().err
