"""`llms.txt`: the documentation's pages in one list, for language models (llmstxt.org)."""

import re
from pathlib import Path

_INTRODUCTION = """\
# cs-sync

> Open-source toolkit for customer success: it reads billing, CRM, support, surveys and product
> usage into one database, computes KPIs and health scores with their reasons, and writes scores
> and follow-up tasks into the CRM. Python, a command line, SQLite or PostgreSQL.

## Documentation
"""


def render_index(docs: Path) -> str:
    """List all pages below a folder.

    Decisions have an index of their own.
    """
    pages = sorted(
        page for page in docs.rglob("*.md") if not page.relative_to(docs).match("decisions/0*")
    )
    lines = [describe_page(page.read_text("utf-8"), str(page.relative_to(docs))) for page in pages]
    return "\n".join([_INTRODUCTION, *lines, ""])


def describe_page(text: str, path: str) -> str:
    """Return a page's line: its title and first sentence."""
    title, _, rest = text.removeprefix("# ").partition("\n")
    first = re.match(r"\s*((?![#|`\d-])[^\n]+(?:\n[^\n]+)*)", rest)
    prose = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", " ".join(first[1].split())) if first else ""
    sentences = [each for each in re.split(r"(?<=\.)\s", prose) if "written from" not in each]
    about = f": {sentences[0]}" if sentences and sentences[0].endswith(".") else ""
    return f"- [{title.strip()}]({path}){about}"
