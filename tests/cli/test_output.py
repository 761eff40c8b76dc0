"""JSON, CSV and tables: exact, safe to open in a spreadsheet, and safe to print."""

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cs_sync.cli.output import format_csv, format_json, plain_table, print_rows
from cs_sync.cli.render.formatting import (
    format_amounts,
    format_difference,
    format_money,
    format_period,
    format_quantity,
    format_sample,
    make_text,
)
from cs_sync.i18n import ENGLISH


@pytest.mark.parametrize("start", [*"=+-@\t\r\n|＝＋－＠"])
def test_a_text_that_a_spreadsheet_would_run_is_quoted(start: str) -> None:
    written = format_csv([{"name": f"{start}cmd|' /C calc'!A0"}], ["name"])
    rows = list(csv.reader(io.StringIO(written, newline="")))
    assert rows[1][0] == f"'{start}cmd|' /C calc'!A0"


def test_numbers_stay_numbers_in_csv() -> None:
    row = {"a": -5, "b": -0.25, "c": None, "d": True, "e": date(2026, 1, 2), "f": Decimal("-1.5")}
    assert format_csv([row], list(row)).splitlines()[1] == "-5,-0.25,,true,2026-01-02,-1.5"


def test_nested_values_are_json_in_csv() -> None:
    written = format_csv([{"a": {"plan": "=1+1"}, "b": ["x", 1]}], ["a", "b"])
    (row,) = list(csv.DictReader(io.StringIO(written)))
    assert json.loads(row["a"]) == {"plan": "=1+1"}
    assert json.loads(row["b"]) == ["x", 1]


@pytest.mark.slow("runs whole commands")
@given(st.lists(st.one_of(st.text(), st.integers(), st.none()), min_size=1, max_size=5))
def test_no_csv_cell_begins_a_formula(values: list[str | int | None]) -> None:
    names = [f"c{i}" for i in range(len(values))]
    written = format_csv([dict(zip(names, values, strict=True))], names)
    _, cells = list(csv.reader(io.StringIO(written, newline="")))
    for value, cell in zip(values, cells, strict=True):
        if isinstance(value, str):
            assert not cell.startswith(tuple("=+-@＝＋－＠"))
            assert cell.removeprefix("'") == value.removeprefix("'")


def test_json_has_every_name_in_order_and_instants_with_offset() -> None:
    rows: list[dict[str, object]] = [
        {"b": datetime(2026, 1, 2, 3, tzinfo=UTC)},
        {"a": Decimal("1.5")},
    ]
    actual = format_json(rows, ["a", "b"])
    assert json.loads(actual) == [
        {"a": None, "b": "2026-01-02T03:00:00+00:00"},
        {"a": 1.5, "b": None},
    ]
    assert actual.index('"a"') < actual.index('"b"')
    assert actual.endswith("]\n")


def test_customer_text_is_never_markup_and_drives_no_terminal() -> None:
    hostile = "[bold]Evil[/bold] \x1b[31mred\x1b]0;title\x07 \u202ereversed [link=http://x]y[/link]"
    console = Console(width=200, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(plain_table([{"name": hostile}], ("name",)))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "[bold]Evil[/bold]" in shown
    assert "\x1b[31m" not in shown
    assert "\x1b]0;" not in shown
    assert "\x07" not in shown
    assert "\u202e" not in shown
    assert "[link=http://x]y[/link]" in shown


class Terminal(io.StringIO):
    """Standard output that a person looks at."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("output", ["json", "csv"])
@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_data_drives_no_terminal_either_and_is_exact_elsewhere(
    monkeypatch: pytest.MonkeyPatch, output: str, stream: type[io.StringIO]
) -> None:
    hostile = "\x9b31m red \u202ereversed"
    monkeypatch.setattr("sys.stdout", shown := stream())
    print_rows(output, [{"name": hostile}, {"name": "Żółw & Co"}], ("name",))
    written = shown.getvalue()
    assert "Żółw & Co" in written
    assert ("\x9b" in written, "\u202e" in written) == (stream is io.StringIO,) * 2
    read = json.loads(written) if output == "json" else list(csv.DictReader(io.StringIO(written)))
    assert read[0]["name"] == ("31m red reversed" if stream is Terminal else hostile)


def test_lines_and_tabs_become_spaces() -> None:
    assert make_text("a\nb\tc").plain == "a b c"


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [
        (123456, "EUR", "1,234.56 EUR"),
        (-5, "USD", "-0.05 USD"),
        (1500, "JPY", "1,500 JPY"),
        (1234567, "KWD", "1,234.567 KWD"),
        (0, "EUR", "0.00 EUR"),
        (None, "EUR", "–"),
    ],
)
def test_money_has_its_currency_and_decimals(minor: int | None, currency: str, shown: str) -> None:
    assert format_money(minor, currency, ENGLISH) == shown


def test_several_currencies_stand_beside_each_other() -> None:
    assert format_amounts({"USD": 100, "EUR": 2500}, ENGLISH) == "25.00 EUR + 1.00 USD"
    assert format_amounts({}, ENGLISH) == "–"


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.25, "ratio", "25.0%"),
        (None, "ratio", "–"),
        (1234, "count", "1,234"),
        (12.5, "count", "12.5"),
        (40.0, "score", "40.0"),
        (90, "seconds", "2 min"),
        (3.25, "days", "3.2 days"),
    ],
)
def test_values_in_their_units(value: float | None, unit: str, shown: str) -> None:
    assert format_quantity(value, unit, ENGLISH) == shown


def test_a_change_is_signed_and_of_ratios_in_points() -> None:
    assert format_difference(0.012, "ratio", ENGLISH) == "+1.2 pp"
    assert format_difference(-150, "money_minor", ENGLISH, "EUR") == "-1.50 EUR"
    assert format_difference(0, "count", ENGLISH) == "±0"
    assert format_difference(-0.0004, "ratio", ENGLISH) == "±0.0 pp"


def test_durations_as_a_person_says_them() -> None:
    assert [ENGLISH.format_duration(s) for s in (0.4, 12, 90, 7200, 172800)] == [
        "0 sec",
        "12 sec",
        "2 min",
        "2 hr",
        "2 days",
    ]


def test_the_small_print_of_a_metric() -> None:
    row = {"n": 1200, "low": 0.1, "high": 0.325, "unit": "ratio"}
    assert format_sample(row, ENGLISH).plain == "n=1,200, 10.0% – 32.5%"
    assert format_sample({"n": None, "low": None, "high": None}, ENGLISH).plain == ""


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        ("2026-10-01", "2026-11-01", "Oct 2026"),
        ("2026-12-01", "2027-01-01", "Dec 2026"),
        ("2026-01-01", "2027-01-01", "2026"),
        ("2026-04-01", "2026-07-01", "1 Apr 2026 – 30 Jun 2026"),
        ("2026-03-02", "2026-03-09", "2 Mar 2026 – 8 Mar 2026"),
        (date(2026, 3, 2), date(2026, 3, 3), "2 Mar 2026"),
    ],
)
def test_a_period_is_shown_with_its_last_day(
    start: date | str, end: date | str, message: str
) -> None:
    assert format_period(start, end, ENGLISH) == message
