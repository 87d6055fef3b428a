"""Links of the README and the docs from page to page lead somewhere, as GitHub reads them; Sphinx checks the site's."""

import re
from pathlib import Path
from types import ModuleType

import pytest

import xtopk
import xtopk.testing
from tests.test_docs import PAGES, ROOT

LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return what GitHub makes of the headings of a page."""
    headings = re.findall(r"^#+ +(.*)$", FENCED.sub("", page.read_text()), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page: Path) -> list[str]:
    """Return the links of a page to files that are not there, or to headings that they do not have."""
    dead = []
    for link in LINK.findall(re.sub(r"`[^`\n]*`", "", FENCED.sub("", page.read_text()))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    return dead


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links(page: Path) -> None:
    assert dead_links(page) == []


def test_dead_links_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    (tmp_path / "other.md").write_text("# Its `one` heading: here\n```python\n# no heading\n```\n")
    alive = "[a](other.md) [b](other.md#its-one-heading-here) [c](#here) ![d](https://e.org/x.svg) `[e](no.md)`"
    page.write_text(f"# Here\n{alive}\n[f](no.md) [g](other.md#no-heading) [h](#there) ![i](no.svg)\n")
    assert dead_links(page) == ["no.md", "other.md#no-heading", "#there", "no.svg"]


@pytest.mark.parametrize("module", [xtopk, xtopk.testing], ids=lambda module: module.__name__)
def test_every_public_name_is_once_in_the_api_reference(module: ModuleType) -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    found = re.findall(rf"^\.\. auto\w+:: {module.__name__}\.(\w+)(?![\w.])", page, flags=re.MULTILINE)
    assert sorted(found) == sorted(set(module.__all__) - {"__version__"})
