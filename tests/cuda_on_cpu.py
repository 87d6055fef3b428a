"""Runs CUDA C++ kernels on the CPU, to test them where there is no GPU: see cuda_on_cpu.h for how."""

import ctypes
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np

Argument = np.ndarray | np.generic | int | None
Triple = tuple[int, int, int]

UNAVAILABLE = "" if sys.platform == "linux" and which("g++") else "kernels run on the CPU only on Linux with g++"

_SHIM = Path(__file__).with_suffix(".h")
_OPTIONS = ("-std=c++17", "-Og", "-shared", "-fPIC", "-w", "-fno-strict-aliasing", "-U_FORTIFY_SOURCE")
_SANITIZE = ("-fsanitize=undefined", "-fno-sanitize=null,nonnull-attribute,return,vptr", "-fno-sanitize-recover")
_KERNEL = re.compile(r'extern\s*"C"\s*__global__\s+(?=[^{;]*?\bvoid\s[^{;]*?\b(\w+)\s*\((?:[^()]|\(\))*\)\s*\{)')
_DYNAMIC = re.compile(r"extern\s+__shared__\s+(?:__align__\s*\(\s*\d+\s*\)\s*)?([\w\s]+?)\s*(\w+)\s*\[\s*\]\s*;")
_TYPES = {
    "P": ctypes.c_void_p,
    "?": ctypes.c_bool,
    "b": ctypes.c_int8,
    "B": ctypes.c_uint8,
    "h": ctypes.c_int16,
    "H": ctypes.c_uint16,
    "i": ctypes.c_int32,
    "I": ctypes.c_uint32,
    "q": ctypes.c_int64,
    "Q": ctypes.c_uint64,
    "f": ctypes.c_float,
    "d": ctypes.c_double,
}


class KernelError(RuntimeError):
    """What a kernel, or the source of kernels, did wrong."""


class Module:
    """The kernels of one compiled source."""

    def __init__(self, library: Path) -> None:
        self._library = ctypes.PyDLL(str(library))  # which keeps the GIL: there is one set of fibers

    def launch(
        self, name: str, grid: Triple, block: Triple, args: Sequence[Argument], shared: int = 0, seed: int = 0
    ) -> None:
        """Run the kernel, its threads in an order that the seed shuffles."""
        signature = self._function(f"signature_of_{name}")().decode()
        if len(args) != len(signature):
            raise TypeError(f"{name} takes {len(signature)} arguments, not {len(args)}")
        slots = [_slot(name, at, code, arg) for at, (code, arg) in enumerate(zip(signature, args, strict=True))]
        pointers = (ctypes.c_void_p * len(slots))(*map(ctypes.addressof, slots))
        shape = (ctypes.c_uint * 8)(*grid, *block, shared, seed)
        if problem := self._function(f"launch_{name}")(pointers, shape):
            raise KernelError(f"{name}: {problem.decode()}")

    def _function(self, name: str) -> Any:
        function = self._library[name]
        function.restype = ctypes.c_char_p
        return function


@cache
def compiled(source: str, macros: tuple[tuple[str, str], ...] = (), sanitize: bool = True) -> Module:
    """Compile the kernels, `extern "C" __global__ void name(...)`, with each macro defined; both are cached."""
    options = _OPTIONS + _SANITIZE * sanitize
    key = sha256(repr((source, macros, options, _SHIM.read_text())).encode()).hexdigest()[:32]
    directory = Path(tempfile.gettempdir()) / f"cuda_on_cpu-{os.getuid()}"
    library = directory / f"{key}.so"
    if not library.exists():
        directory.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory) as fresh:
            _build(source, macros, options, Path(fresh) / "kernels.so").replace(library)
    return Module(library)


def _build(source: str, macros: tuple[tuple[str, str], ...], options: tuple[str, ...], library: Path) -> Path:
    defines = [f"-D{name}={value}" for name, value in (("__CUDA_ARCH__", "900"), *macros)]
    plain = _gxx([*options, *defines, "-E"], f'#line 1 "kernels.cu"\n{source}')
    names = _KERNEL.findall(plain)
    plain = _DYNAMIC.sub(r"\1* const \2 = reinterpret_cast<\1*>(cuda_on_cpu::dynamic);", _KERNEL.sub("", plain))
    exports = "\n".join(f"CUDA_ON_CPU_EXPORT({name})" for name in names)
    whole = f'#include "{_SHIM}"\nnamespace kernels {{ namespace {{\n{plain}\n}} }}\n{exports}\n'
    _gxx([*options, "-o", str(library)], whole)
    return library


def _gxx(options: list[str], source: str) -> str:
    done = subprocess.run(["g++", *options, "-x", "c++", "-"], input=source, capture_output=True, text=True)
    if done.returncode:
        raise KernelError(done.stderr)
    return done.stdout


def _slot(name: str, at: int, code: str, arg: Argument) -> Any:
    """Hold one argument as the kernel takes it."""
    if code == "P" and isinstance(arg, np.ndarray):
        return ctypes.c_void_p(arg.ctypes.data)
    if code == "P" and arg is None:
        return ctypes.c_void_p(None)
    if code in "iq" and type(arg) is int and abs(arg) < 2 ** (31 if code == "i" else 63):
        return _TYPES[code](arg)
    if code != "P" and isinstance(arg, np.generic) and arg.dtype == np.dtype(code):
        return _TYPES[code](arg.item())
    wanted = "an array or None" if code == "P" else "an int of 32 bits" if code == "i" else f"a {np.dtype(code)}"
    raise TypeError(f"argument {at} of {name} must be {wanted}, not {arg!r}")
