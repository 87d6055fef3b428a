"""Files about the project that must agree with one another, and with what is released."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import xtopk

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OPTIONAL: dict[str, list[str]] = PROJECT["optional-dependencies"]


def bound(requirement: str) -> tuple[str, str]:
    """Return the name and the lowest version of a requirement that has no other bound."""
    name, _, version = re.sub(r"\[\w+\]", "", requirement).partition(">=")
    assert re.fullmatch(r"[\d.]+", version), requirement
    return name, version


def test_the_table_of_lowest_versions() -> None:
    table = (ROOT / "README.md").read_text().partition("## Requirements")[2]
    rows = re.findall(r"^\| `?([\w-]+)`?[^|]*\| ([\d.]+) \| ?`?(\w*)`? ?\|$", table, flags=re.MULTILINE)
    bounds = [("Python", PROJECT["requires-python"].removeprefix(">="), "")]
    bounds += [(*bound(need), "always") for need in PROJECT["dependencies"]]
    bounds += [(*bound(need), extra) for extra, needs in OPTIONAL.items() for need in needs]
    assert rows == bounds


def test_the_lowest_torch_is_the_one_that_is_tested() -> None:
    (torch,) = OPTIONAL["torch"]
    assert f'TORCH = "{torch.replace(">=", "==")}"' in (ROOT / "noxfile.py").read_text()


@pytest.mark.parametrize(
    ("file", "pattern"),
    [("CITATION.cff", r"^version: (\S+)$"), ("recipe/recipe.yaml", r'^  version: "(\S+)"$')],
)
def test_one_version(file: str, pattern: str) -> None:
    assert re.findall(pattern, (ROOT / file).read_text(), flags=re.MULTILINE) == [xtopk.__version__]


def test_the_changelog_has_the_version() -> None:
    assert re.search(rf"^## \[{xtopk.__version__}\]|^To be {xtopk.__version__}\.$", changelog(), flags=re.MULTILINE)
    assert re.search(r"^## \[Unreleased\]$", changelog(), flags=re.MULTILINE)


def changelog() -> str:
    return (ROOT / "CHANGELOG.md").read_text()


def test_the_recipe_needs_what_the_package_needs() -> None:
    recipe = (ROOT / "recipe/recipe.yaml").read_text()
    assert f'python_min: "{PROJECT["requires-python"].removeprefix(">=")}"' in recipe
    run = recipe.partition("  run:\n")[2].partition("\n\n")[0]
    needs = [need.replace(">=", " >=") for need in PROJECT["dependencies"]]
    assert re.findall(r"- (.*)", run) == ["python >=${{ python_min }}", *needs]


def test_ci_and_the_readme_run_the_same_command() -> None:
    workflow, script = (ROOT / ".github/workflows/ci.yml").read_text(), (ROOT / ".ci/run").read_text()
    assert re.findall(r"^ +- run: (.*)$", workflow, flags=re.MULTILINE) == [".ci/run"]
    command = script.rstrip().splitlines()[-1]
    assert command == "python -m pip install nox && python -m nox"
    assert f"```console\n{command}\n```" in (ROOT / "README.md").read_text()
    assert (ROOT / ".ci/run").stat().st_mode & 0o111


def test_ci_runs_on_the_pythons_that_are_named() -> None:
    named = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)]
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    assert re.findall(r'"(3\.\d+)"', workflow) == named
    assert PROJECT["requires-python"] == f">={named[0]}"


def test_set_up_is_two_commands_on_the_readmes_first_screen() -> None:
    screen = "\n".join((ROOT / "README.md").read_text().splitlines()[:30])
    assert re.findall(r"```console\n(.*?)\n```", screen, flags=re.DOTALL) == [
        'python -m pip install ".[numpy]" && python -m xtopk',
        "python -m pip install nox && python -m nox",
    ]


def test_contributing_is_four_commands() -> None:
    (block, *_) = re.findall(r"```console\n(.*?)\n```", (ROOT / "CONTRIBUTING.md").read_text(), flags=re.DOTALL)
    assert len(block.splitlines()) == 4


def test_a_bug_report_asks_for_what_the_command_prints() -> None:
    forms = ROOT / ".github/ISSUE_TEMPLATE"
    assert "`python -m xtopk`" in (forms / "bug.yml").read_text()
    assert "`python -m benchmarks`" in (forms / "speed.yml").read_text()


def test_no_address_is_made_up() -> None:
    """The project has no public home yet: no address in it can be its own."""
    for file in (
        "pyproject.toml",
        "CITATION.cff",
        "recipe/recipe.yaml",
        "SECURITY.md",
        *map(str, ROOT.glob(".github/**/*.*")),
    ):
        found = re.findall(r"[\w.]+@[\w-]+\.\w+|https?://[^\s)]*xtopk[^\s)]*", (ROOT / file).read_text())
        assert [url for url in found if not url.startswith("https://pypi.org/packages/source/x/xtopk/")] == []
