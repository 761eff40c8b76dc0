"""Formats, tiles and bridges: worked by hand."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cs_sync.report import formats
from cs_sync.report.charts import build_mrr_chart
from cs_sync.report.movements import select_movements, sum_bridge_rows
from cs_sync.report.tiles import Tile, group_tiles

Rows = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("minor", "currency", "exact", "text"),
    [
        (123_456_789, "EUR", False, "EUR 1,234,568"),
        (123_456_789, "EUR", True, "EUR 1,234,567.89"),
        (1_234_567_890, "EUR", False, "EUR 12.35 M"),
        (1_234_567_890, "EUR", True, "EUR 12,345,678.90"),
        (99_999, "EUR", False, "EUR 999.99"),
        (-150, "USD", False, "USD −1.50"),
        (1500, "JPY", True, "JPY 1,500"),
        (1_234, "KWD", True, "KWD 1.234"),
        (0, "EUR", False, "EUR 0.00"),
        (None, "EUR", False, "–"),
        (1234, None, False, "12.34"),
    ],
)
def test_money(minor: int | None, currency: str | None, exact: bool, text: str) -> None:
    assert formats.money(minor, currency, exact=exact).replace("\u00a0", " ") == text


def test_purse() -> None:
    assert formats.purse({"USD": 100, "EUR": 250_000}) == "EUR\u00a02,500 + USD\u00a01.00"
    assert formats.purse({}) == "–"


@pytest.mark.parametrize(
    ("value", "unit", "currency", "text"),
    [
        (0.25, "ratio", None, "25.0 %"),
        (-0.004, "ratio", None, "−0.4 %"),
        (2_388.4, "count", None, "2,388"),
        (58, "count", None, "58"),
        (24.25, "score", None, "24.2"),
        (3.0, "days", None, "3 days"),
        (14_100, "seconds", None, "3 h 55 min"),
        (59.6, "seconds", None, "1 min"),
        (0, "seconds", None, "0 s"),
        (90_061, "seconds", None, "1 d 1 h"),
        (250_000, "money_minor", "EUR", "EUR 2,500"),
        (None, "ratio", None, "–"),
    ],
)
def test_quantity(value: float | None, unit: str, currency: str | None, text: str) -> None:
    shown_text = formats.format_quantity(value, unit, currency)
    assert shown_text.replace("\u00a0", " ").replace("\u202f", " ") == text


@pytest.mark.parametrize(
    ("now", "before", "unit", "text"),
    [
        (0.27, 0.21, "ratio", "+6.0 pp"),
        (0.2535, 0.2533, "ratio", "±0.0 pp"),
        (110, 100, "money_minor", "+10.0 %"),
        (90, 100, "money_minor", "−10.0 %"),
        (500, 0, "money_minor", "+EUR 5.00"),
        (24.0, 31.5, "score", "−7.5"),
        (5, 5, "count", "±0"),
        (None, 5, "count", ""),
        (5, None, "count", ""),
    ],
)
def test_change(now: float | None, before: float | None, unit: str, text: str) -> None:
    changed = formats.format_change(now, before, unit, "EUR")
    assert changed.replace("\u00a0", " ").replace("\u202f", " ") == text


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        ("2026-10-01", "2026-11-01", "Oct 2026"),
        ("2025-12-01", "2026-01-01", "Dec 2025"),
        ("2026-07-01", "2026-10-01", "Jul 2026 to Sep 2026"),
        ("2025-01-01", "2026-01-01", "2025"),
        ("2025-07-01", "2026-07-01", "Jul 2025 to Jun 2026"),
        ("2026-11-02", "2026-11-09", "2 Nov 2026 to 8 Nov 2026"),
        (date(2026, 11, 3), date(2026, 11, 4), "3 Nov 2026"),
    ],
)
def test_periods(start: Any, end: Any, text: str) -> None:
    assert formats.format_period(start, end).replace("\u00a0", " ") == text


def test_moments_are_in_the_reporting_zone() -> None:
    at = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    assert formats.format_moment(at, ZoneInfo("Europe/Warsaw")) == "21\u00a0Nov\u00a02026 00:30"
    assert formats.format_moment(None, ZoneInfo("UTC")) == "never"


@pytest.mark.parametrize(
    ("value", "text"), [(4.6, "+5"), (-12.6, "−13"), (0.3, "±0"), (-0.4, "±0"), (None, "–")]
)
def test_points(value: float | None, text: str) -> None:
    assert formats.points(value) == text


def only(rows: list[dict[str, Any]]) -> Tile:
    (((_, (tile,)),)) = group_tiles(rows)
    return tile


def test_the_newest_period_is_compared_with_the_one_before(kpi: Rows) -> None:
    tile = only([kpi("nrr", 10, 1.05), kpi("nrr", 8, 0.5), kpi("nrr", 9, 1.02)])
    assert (tile.value, tile.period, tile.versus) == ("105.0\u202f%", "Oct 2026", "Sep 2026")
    assert (tile.change, tile.feeling) == ("+3.0\u202fpp", "good")


def test_a_gap_is_not_compared_over(kpi: Rows) -> None:
    tile = only([kpi("nrr", 10, 1.05), kpi("nrr", 8, 0.5)])
    assert (tile.change, tile.versus, tile.feeling) == ("", "", "neutral")


@pytest.mark.parametrize(
    ("metric", "feeling"),
    [("nrr", "good"), ("customer_churn_rate", "bad"), ("ces", "neutral"), ("defects", "neutral")],
)
def test_more_is_not_always_better(kpi: Rows, metric: str, feeling: str) -> None:
    assert only([kpi(metric, 9, 0.1), kpi(metric, 10, 0.2)]).feeling == feeling


def test_currencies_are_apart_and_segments_are_left_out(kpi: Rows) -> None:
    money = {"unit": "money_minor"}
    rows = [
        kpi("mrr", 10, 100, currency="USD", **money),
        kpi("mrr", 10, 200, currency="EUR", **money),
        kpi("mrr", 10, 1, currency="EUR", segment={"plan": "pro"}, **money),
        kpi("mrr", 10, None, **money),
    ]
    ((heading, tiles),) = group_tiles(rows)
    assert heading == "Revenue"
    assert [tile.label for tile in tiles] == ["MRR in EUR", "MRR in USD"]


@pytest.mark.parametrize(
    ("fields", "value", "warning", "stale"),
    [
        ({"status": "final"}, 1.0, "", False),
        ({"status": "provisional"}, 1.0, "May still change", False),
        ({"status": "insufficient"}, 1.0, "Too few to judge", False),
        ({"status": "insufficient"}, None, "Not enough data yet", False),
        ({"status": "stale"}, 1.0, "Stale", True),
        ({"stale_since": "2026-11-17T02:00:00+01:00"}, 1.0, "Stale since 17 Nov 2026", True),
    ],
)
def test_how_sure_a_figure_is(
    kpi: Rows, fields: dict[str, str], value: float | None, warning: str, stale: bool
) -> None:
    tile = only([kpi("nrr", 10, value, **fields)])
    assert (tile.warning.replace("\u00a0", " "), tile.stale) == (warning, stale)


def test_unknown_metrics_come_last_under_their_titles(kpi: Rows) -> None:
    names = ("saas_profit", "ltv_cac", "seats_per_team", "nps")
    groups = group_tiles([kpi(name, 10, 1.0) for name in names])
    assert [heading for heading, _ in groups] == ["Voice of the customer", "More figures"]
    assert [tile.label for tile in groups[1][1]] == ["LTV to CAC", "SaaS profit", "Seats per team"]


def test_multiples_are_not_percentages(kpi: Rows) -> None:
    tile = only([kpi("ltv_cac", 9, 2.8), kpi("ltv_cac", 10, 3.14, low=2.0, high=4.5)])
    assert (tile.value, tile.change) == ("3.1×", "+0.3×")
    assert tile.interval == "95\u202f% interval: 2.0× to 4.5×"


def test_accounts_add_up_to_the_bridge(step: Rows) -> None:
    rows = [
        step(10, 100, 130, account="a", expansion=30),
        step(10, 50, 0, account="b", churn=50),
        step(9, 0, 150, account="a", new=150),
        step(10, 7, 7, currency="USD"),
    ]
    found = sum_bridge_rows(rows)
    assert list(found) == ["EUR", "USD"]
    september, october = found["EUR"]
    assert (september.label, october.label) == ("Sep 2026", "Oct 2026")
    assert (october.opening, october.closing) == (150, 130)
    assert october.opening + sum(october.moves.values()) == october.closing
    assert (october.moves["expansion"], october.moves["churn"]) == (30, -50)


def test_rare_movements_are_shown_when_they_happen(step: Rows) -> None:
    (quiet,) = sum_bridge_rows([step(10, 1, 1)]).values()
    (moved,) = sum_bridge_rows([step(10, 1, 3, fx=2)]).values()
    assert select_movements(quiet) == ["new", "reactivation", "expansion", "contraction", "churn"]
    assert select_movements(moved)[-1] == "fx"


def test_the_chart_has_whole_currency_units_and_signed_bars(step: Rows) -> None:
    (steps,) = sum_bridge_rows([step(10, 10_000, 9_000, new=500, churn=1_500)]).values()
    level, moves = build_mrr_chart(steps, "EUR", 900)["vconcat"]
    assert level["data"]["values"] == [{"time": "2026-10-01", "mrr": 90.0}]
    amounts = {row["kind"]: row["amount"] for row in moves["data"]["values"]}
    assert (amounts["New"], amounts["Churn"]) == (5.0, -15.0)


@pytest.mark.parametrize(("width", "most"), [(900, 11), (330, 3)])
def test_the_time_axis_has_only_as_many_labels_as_fit(step: Rows, width: int, most: int) -> None:
    rows = [
        {**step(1, 0, 0), "period_start": f"{2024 + m // 12}-{m % 12 + 1:02}-01",
         "period_end": f"{2024 + (m + 1) // 12}-{(m + 1) % 12 + 1:02}-01"}
        for m in range(36)
    ]  # fmt: skip
    (steps,) = sum_bridge_rows(rows).values()
    axis = build_mrr_chart(steps, "EUR", width)["vconcat"][1]["layer"][0]["encoding"]["x"]["axis"]
    assert axis["values"][-1] == "2026-12-01"
    assert 2 <= len(axis["values"]) <= most + 1
