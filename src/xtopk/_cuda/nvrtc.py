"""NVIDIA's compiler for CUDA C++ at run time, through NVIDIA's own bindings, where these are installed."""

from functools import cache
from typing import Any

from xtopk._cuda.kernels import Kernel


@cache
def versions() -> tuple[int, int]:
    """Return the CUDA versions of the compiler and of the driver, such as 13000; zeros where one is not here."""
    try:
        from cuda.bindings import driver, nvrtc

        failed, major, minor = nvrtc.nvrtcVersion()
        also_failed, of_driver = driver.cuDriverGetVersion()
    except (ImportError, RuntimeError):  # as where the bindings or NVRTC itself is not installed
        return 0, 0
    return (0, 0) if failed or also_failed else (1000 * major + 10 * minor, of_driver)


def compiled(kernel: Kernel, target: str, source: str = "") -> bytes:
    """Return machine code for a target such as ``sm_90``, or PTX for ``compute_90``; the source may be another."""
    from cuda.bindings import nvrtc

    text = (source or kernel.source).encode()
    options = [o.encode() for o in (f"-arch={target}", "-std=c++17", "-default-device", *kernel.macros)]
    program = result(nvrtc.nvrtcCreateProgram(text, kernel.file.encode(), 0, [], []))
    (error,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
    if error:
        log = b" " * result(nvrtc.nvrtcGetProgramLogSize(program))
        nvrtc.nvrtcGetProgramLog(program, log)
        raise RuntimeError(f"{kernel.file} does not compile for {target} with {kernel.macros}: {log.decode()}")
    kind = "CUBIN" if target.startswith("sm") else "PTX"
    code: bytes = b" " * result(getattr(nvrtc, f"nvrtcGet{kind}Size")(program))
    result(getattr(nvrtc, f"nvrtcGet{kind}")(program, code))
    result(nvrtc.nvrtcDestroyProgram(program))
    return code


def result(returned: tuple[Any, ...]) -> Any:
    """Return what a function of the bindings found, or raise the error that it returned."""
    error, *found = returned
    if error:
        raise RuntimeError(f"CUDA: {error.name}")
    return found[0] if found else None
