"""What a wheel and an sdist must hold, and nothing else: ``python .ci/packages.py XTOPK.whl XTOPK.tar.gz``."""

import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parents[1]
SOURCES = {
    "",
    ".cff",
    ".css",
    ".csv",
    ".cu",
    ".cuh",
    ".h",
    ".ini",
    ".json",
    ".md",
    ".py",
    ".svg",
    ".toml",
    ".txt",
    ".typed",
    ".yaml",
    ".yml",
}
"""How the names of sources end; a compiled file, a picture or an archive in an sdist is stray."""
LARGEST = 1 << 20
NEEDED = ("src/xtopk/py.typed", "tests/test_topk.py", "LICENSE", "README.md", "CHANGELOG.md", "noxfile.py", "PKG-INFO")
INFO = {"METADATA", "RECORD", "WHEEL", "licenses/LICENSE"}


def wrong_in_wheel(wheel: Path) -> set[str]:
    """Return the names that are in the wheel or in src, not in both."""
    names = {name for name in ZipFile(wheel).namelist() if not name.endswith("/")}
    print(f"{wheel.name}:", *sorted(names), sep="\n  ")
    info = "-".join(wheel.name.split("-")[:2]) + ".dist-info"
    source = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src" / "xtopk").rglob("*.*")}
    source = {name for name in source if "__pycache__" not in name}
    return names ^ (source | {f"{info}/{name}" for name in INFO})


def wrong_in_sdist(sdist: Path) -> set[str]:
    """Return the names that are no sources, and those that are needed and missing."""
    with tarfile.open(sdist) as archive:
        sizes = {member.name.partition("/")[2]: member.size for member in archive if member.isfile()}
    print(f"{sdist.name}:", *sorted(sizes), sep="\n  ")
    stray = {name for name, size in sizes.items() if Path(name).suffix not in SOURCES or size > LARGEST}
    return stray | (set(NEEDED) - set(sizes))


if __name__ == "__main__":
    wrong = wrong_in_wheel(Path(sys.argv[1])) | wrong_in_sdist(Path(sys.argv[2]))
    sys.exit(f"stray or missing: {sorted(wrong)}" if wrong else 0)
