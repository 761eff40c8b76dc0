"""The pages of docs/reference are current, and the registries are complete in them."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from cs_sync.cli.reference.configuration import format_value
from cs_sync.cli.reference.index import describe_page, render_index
from cs_sync.cli.reference.message_texts import SourceFile
from cs_sync.cli.reference.messages import PACKAGES, Site, list_sites, write_pairs
from cs_sync.cli.reference.pages import PAGES, render_page
from cs_sync.cli.reference.records import describe_type, render_records

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
SLOW = pytest.mark.slow("parses the host and every plugin")
get_page = cache(render_page)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[SLOW] * (name == "messages.md")) for name in sorted(PAGES)],
)
def test_each_page_is_what_the_code_says(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == get_page(name), "run: make reference"


def test_no_page_is_left_over() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)


def test_the_index_lists_every_page() -> None:
    index = (FOLDER.parent / "llms.txt").read_text("utf-8")
    assert index == render_index(FOLDER.parent), "run: make reference"


def test_a_page_is_described_by_its_first_sentence() -> None:
    page = "# Erase\n\nThis page is written from the code. See [it](x.md) gone. More.\n"
    assert describe_page(page, "erase.md") == "- [Erase](erase.md): See it gone."
    assert describe_page("# Five\n\nFive questions:\n", "five.md") == "- [Five](five.md)"
    assert describe_page("# Table\n\n| a |\n", "t.md") == "- [Table](t.md)"


def test_commands_with_their_options_are_listed() -> None:
    page = get_page("commands.md")
    assert "## `cs-sync run`" in page
    assert "* `--dry-run`: Stop before writing to the CRM." in page


def test_keys_have_their_default_and_tables_of_tables_a_section() -> None:
    page = get_page("configuration.md")
    assert "| `daily_cap` | `10` |" in page
    assert "## `[report.email]`" in page


PASSED_ON = re.compile(r"str\(error\)|\w+\.message|f'\{[\w.]+\}: \{error\.message\}'")
"""Another error's words, which are listed where they are made."""
OF_OTHERS = {
    "cells.py: repr(cell)",  # the spreadsheet's own error
    "mapped_cells.py: f'{error}; {spec.note}' if spec.note else str(error)",
    "problems.py: message",  # pydantic's own words
    "problems.py: message or remedy",  # of a ValueError
    "problems.py: texts[0]",
    "secrets.py: messages",
    "profile_error.py: f\"{where}: {first['msg'].removeprefix('Value error, ')}\"",
    "cells.py: _format_error(error, cell)",  # pydantic's own words
}


@SLOW
def test_no_message_is_missing_in_the_reference() -> None:
    """Every error, mistake, finding and warning of host and plugins has words that are listed."""
    without_words = {
        str(site)
        for package in PACKAGES
        for site in list_sites(package)
        if not any(True for _ in write_pairs(site))
    }
    assert {
        name for name in without_words if not PASSED_ON.fullmatch(name.partition(": ")[2])
    } == OF_OTHERS


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("raise E('a day', 'write it')", {"a day": {"write it"}}),
        ("raise E(f'{path.name} is {state}')", {"NAME is STATE": set()}),
        (
            "raise E('no ' + kind, f'known: {commas.join(names) or 1}')",
            {"no …": {"known: NAMES"}},
        ),
        (
            "what = 'old' if age else 'new'\nraise E(f'is {what}', FIX)",
            {"is old": {"mend it"}, "is new": {"mend it"}},
        ),
        (
            "if a:\n    what, remedy = 'one', 'do 1'\n    raise E(what, remedy)\n"
            "what, remedy = 'two', 'do 2'\nraise E(what, remedy)",
            {"one": {"do 1"}, "two": {"do 2"}},
        ),
        ("raise E(describe(1), 'look')", {"it is NUMBER": {"look"}}),
        ("raise E('{one} is lost'.format(one=singular))", {"SINGULAR is lost": set()}),
        ("raise E(error.message, error.remedy)", {}),
    ],
)
def test_texts_are_followed_to_their_words(
    code: str, expected: dict[str, set[str]], tmp_path: Path
) -> None:
    indented = code.replace("\n", "\n    ")
    path = tmp_path / "made.py"
    path.write_text(
        "FIX = 'mend it'\ndef describe(number):\n    return f'it is {number}'\n"
        f"def run(a, age, kind, names, path, state, singular, error):\n    {indented}\n"
    )
    source = SourceFile(path, tmp_path)
    made = [
        Site(source, "ConfigError", call.args[0], call.args[1] if len(call.args) > 1 else None)
        for call in ast.walk(source.tree)
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "E"
    ]
    assert dict(pair for site in made for pair in write_pairs(site)) == expected


@SLOW
@pytest.mark.parametrize(
    "line",
    [
        "| START is not closed | cs-sync state months lists the months that are |",
        "| CALL: STATUS REASON_PHRASE… | Put a valid key into [connectors.SOURCE]. |",
        "| WORDS cannot be run: STRERROR | try it by hand; [alerts] command is split into words",
        "| PATH has no column names in line 1 | give it a header line |",
        "| unknown section | did you mean CLOSE?<br>remove it<br>valid names: LISTED |",
        '| must be above zero | write it like "26h" |',
        "| HubSpot refused the access token: WHY | make a new key",
    ],
)
def test_messages_of_every_kind_are_listed(line: str) -> None:
    assert f"\n{line}" in get_page("messages.md")


def test_values_are_written_as_toml() -> None:
    assert format_value({"a": (1, True)}) == "{ a = [1, true] }"
    assert format_value(None) == ""


def test_types_are_named_for_people() -> None:
    nullable = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}
    assert describe_type(nullable) == "time"
    assert describe_type({"enum": ["day", "month"]}) == "`day`, `month`"


def test_a_record_says_what_a_field_is_that_a_row_leaves_out() -> None:
    page = render_records()
    assert "| `amount_paid` | whole number, else `0` |" in page
    assert "| `is_active` | yes or no, else `yes` |" in page
    assert "| `started_at` | time, required |" in page
    assert "| `trial_start` | time |" in page
