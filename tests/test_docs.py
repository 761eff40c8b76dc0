"""Pages are wrapped, name files and modules that exist, and every decision is in the index."""

import importlib
import re
from functools import cache
from pathlib import Path

import pytest

from cs_sync.markdown import wrap_markdown

ROOT = Path(__file__).parents[1]
FOLDERS = ("cs_sync", "plugins", "schemas", "examples", "docs", "tests", "benchmarks")
SKIPPED = {".venv", "node_modules", "build", "dist", "__pycache__"}
FILES = [
    path
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*")
    if not SKIPPED.intersection(path.parts) and not path.name.startswith(".")
]
PAGES = sorted([*ROOT.glob("*.md"), *(path for path in FILES if path.suffix == ".md")])
WRAPPED = [page for page in PAGES if page.name != "CHANGELOG.md"]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
ROOMS = {path.name for path in (ROOT / "cs_sync").iterdir() if path.is_dir()}
PLACES = "\n".join(f"/{path.relative_to(ROOT)}/" for path in FILES)
WRITTEN_FOR_USERS = {"cs_sync.toml", "cs_sync_report.html", "tests/test_conformance.py"}
"""The configuration file, the report, and a file of the template."""


def by_path(page: Path) -> str:
    return str(page.relative_to(ROOT))


@cache
def read_page(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", WRAPPED, ids=by_path)
def test_every_page_is_wrapped_at_100(page: Path) -> None:
    """Tables, code and one link or code span may be longer."""
    fenced = False
    for line in read_page(page).splitlines():
        fenced ^= line.lstrip().startswith("```")
        if fenced or line.lstrip().startswith("|") or len(line) <= 100:
            continue
        one_piece = re.sub(r"\[(?:`[^`]+`|[^\]])*\]\([^)]*\)|`[^`]+`", "x", line)
        assert " " not in re.sub(r"^\s*([-*]|\d+\.) ", "", one_piece), line


def test_wrapping_keeps_lists_links_and_code_in_one_piece() -> None:
    long = "word " * 15 + "`one code span` " + "- 2. [a link of words](page.md) " + "word " * 15
    text = f"# {long}\n\n- {long.strip()}\n\n| {long} |\n\n```\n{long}\n```\n"
    wrapped = wrap_markdown(text)
    assert wrapped.split() == text.split()
    assert wrap_markdown(wrapped) == wrapped
    assert [line for line in wrapped.splitlines() if line.startswith("- ")] == [
        "- " + " ".join(["word"] * 15) + " `one code span` - 2."
    ]
    assert "\n  [a link of words](page.md) word" in wrapped


@cache
def names_in(path: Path) -> list[str]:
    return [name.rstrip("/") for name in re.findall(r"`([\w./-]+)`", read_page(path))]


@pytest.mark.parametrize("folder", ["", *FOLDERS])
def test_every_named_path_exists(folder: str) -> None:
    """Paths in backticks, below the repository, a distribution or the package."""
    missing = []
    for path in sources_of(folder):
        for name in names_in(path):
            first = name.split("/")[0]
            is_path = "/" in name and (first in FOLDERS or first in ROOMS)
            if not is_path or name in WRITTEN_FOR_USERS or "NAME" in name:
                continue
            if f"/{name}/" not in PLACES and f"/{name}.py/" not in PLACES:
                missing.append(f"{by_path(path)}: {name}")
    assert missing == []


@pytest.mark.parametrize("folder", ["", *FOLDERS])
def test_every_named_module_exists(folder: str) -> None:
    """Dotted names in backticks; those of the OpenTelemetry page are attributes of spans."""
    missing = [
        f"{by_path(path)}: {name}"
        for path in sources_of(folder)
        if "otel" not in path.parts
        for name in names_in(path)
        if re.fullmatch(r"cs_sync\w*(\.\w+)+", name)
        if name not in WRITTEN_FOR_USERS and not can_import(name)
    ]
    assert missing == []


def sources_of(folder: str) -> list[Path]:
    """The pages and modules of a folder; without one, the pages at the top."""
    if not folder:
        return [page for page in PAGES if page.parent == ROOT and page.name != "CHANGELOG.md"]
    inside = [path for path in FILES if path.is_relative_to(ROOT / folder)]
    return [path for path in inside if path.suffix in (".md", ".py") and path.is_file()]


def can_import(name: str) -> bool:
    """Whether a dotted name is a module, or an attribute of one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            value: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            if not hasattr(value, part):
                return False
            value = getattr(value, part)
        return True
    return False


def test_every_decision_has_a_number_of_its_own() -> None:
    numbers = [path.name[:4] for path in DECISIONS]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.stem[:4])
def test_every_decision_is_short_and_in_the_index(decision: Path) -> None:
    lines = read_page(decision).splitlines()
    index = read_page(decision.parent / "README.md")
    assert len(lines) < 40
    assert index.count(f"[{lines[0].removeprefix('# ')}]({decision.name})") == 1


REPLACED = {
    "had to be written": "No changes",
    "Before you read on": "Alerts",
    "must wait for another day": "deferred (daily limit)",
    "go to nobody": "unassigned",
    "good is": "target",
    "not proven by the source": "estimated",
    "without a look at": "unreachable; used last state",
    "the 28 before": "previous 28 days",
    "does not use yet": "drive adoption",
    "before it leaves": "before cancellation",
    "pays less since": "downgraded on",
    "fewer units": "fewer seats",
    "knows this account": "no usage data",
    "wait for us": "awaiting our reply",
    "won or lost": "gained or lost",
    "solved at first contact": "first-contact resolution",
    "against the whole": "vs overall",
    "take back that": "reopen",
    "which acme": "random seed",
    "kind of the files": "output format",
    "has peace": "cool-down period",
    "each week louder": "escalates weekly",
    "nought": "zero",
    "made up for once": "catch-up run",
    "touched by nobody": "no activity",
    "buried": "soft-deleted",
    "take a door": "get a client",
}
"""Phrase that nobody in the field would write → what they write."""
FOR_PEOPLE = [
    path
    for path in FILES
    if path.suffix in (".md", ".py", ".toml", ".j2", ".js", ".ts", ".tsx", ".service", ".timer")
    and not {"tests", "decisions", "benchmarks", "schemas"}.intersection(path.parts)
]


@cache
def read_words(path: Path) -> str:
    """Return the lower-case words of a page on one line."""
    return re.sub(r"[\s#\"]+", " ", read_page(path)).lower()


@pytest.mark.parametrize("phrase", REPLACED)
def test_the_output_speaks_the_fields_english(phrase: str) -> None:
    """In messages, help, pages and docstrings alike; a wrapped line counts as one."""
    words = phrase.lower()
    pattern = re.compile(rf"\b{re.escape(words)}\b")
    actual = [
        f"{by_path(path)}: say {REPLACED[phrase]!r}"
        for path in FOR_PEOPLE
        if words in read_words(path) and pattern.search(read_words(path))
    ]
    assert actual == []
