"""The pages of docs/reference are current, and the registries are complete in them."""

from functools import cache
from pathlib import Path

import pytest

from cs_sync.cli.reference.configuration import format_value
from cs_sync.cli.reference.index import describe_page, render_index
from cs_sync.cli.reference.messages import collect_messages
from cs_sync.cli.reference.pages import render_pages
from cs_sync.cli.reference.records import describe_type

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
NAMES = sorted(path.name for path in FOLDER.iterdir())
get_pages = cache(render_pages)


@pytest.mark.parametrize("name", NAMES)
def test_each_page_is_what_the_code_says(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert text == get_pages().get(name), "run: make reference"


def test_every_page_is_written() -> None:
    assert sorted(get_pages()) == NAMES


def test_the_index_lists_every_page() -> None:
    index = (FOLDER.parent / "llms.txt").read_text("utf-8")
    assert index == render_index(FOLDER.parent), "run: make reference"


def test_a_page_is_described_by_its_first_sentence() -> None:
    page = "# Erase\n\nThis page is written from the code. See [it](x.md) gone. More.\n"
    assert describe_page(page, "erase.md") == "- [Erase](erase.md): See it gone."
    assert describe_page("# Five\n\nFive questions:\n", "five.md") == "- [Five](five.md)"
    assert describe_page("# Table\n\n| a |\n", "t.md") == "- [Table](t.md)"


def test_commands_with_their_options_are_listed() -> None:
    page = get_pages()["commands.md"]
    assert "## `cs-sync run`" in page
    assert "* `--dry-run`: Stop before writing to the CRM." in page


def test_keys_have_their_default_and_tables_of_tables_a_section() -> None:
    page = get_pages()["configuration.md"]
    assert "| `daily_cap` | `10` |" in page
    assert "## `[report.email]`" in page


def test_messages_name_what_is_filled_in() -> None:
    assert (
        "START is not closed",
        "cs-sync state months lists the months that are",
    ) in collect_messages()["ConfigError"]


def test_values_are_written_as_toml() -> None:
    assert format_value({"a": (1, True)}) == "{ a = [1, true] }"
    assert format_value(None) == ""


def test_types_are_named_for_people() -> None:
    nullable = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}
    assert describe_type(nullable) == "time"
    assert describe_type({"enum": ["day", "month"]}) == "`day`, `month`"
