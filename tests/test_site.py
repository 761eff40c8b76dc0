"""The navigation of the documentation site has every page."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
SITE: dict[str, Any] = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))


def list_pages(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    entries = nav.values() if isinstance(nav, dict) else nav
    return [page for entry in entries for page in list_pages(entry)]


def test_every_page_is_in_the_navigation() -> None:
    docs = ROOT / "docs"
    pages = {str(path.relative_to(docs)) for path in docs.rglob("*.md")}
    pages = {page for page in pages if not page.startswith("decisions/0")}
    assert pages <= set(list_pages(SITE["nav"]))


def test_every_connector_has_a_page() -> None:
    connectors = {f"connectors/{path.name}.md" for path in (ROOT / "plugins").iterdir()}
    assert connectors <= set(list_pages(SITE["nav"]))
