"""Formats, tiles, bridges and the answers of the first screen: worked by hand."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cs_sync.i18n import get_translator
from cs_sync.report import (
    AgendaItem,
    HistoryPoint,
    MonthPart,
    MonthSoFar,
    ReportData,
    ReportedAccount,
    TaskLine,
    classify_risk,
)
from cs_sync.report.charts import build_agenda_chart, build_mrr_chart
from cs_sync.report.drawing import draw_line
from cs_sync.report.first_screen import (
    answer_agenda,
    answer_risk,
    answer_trend,
    list_calls,
    list_month_rows,
)
from cs_sync.report.formats import Formats
from cs_sync.report.groups import build_cohorts, group_accounts
from cs_sync.report.movements import select_movements, sum_bridge_rows
from cs_sync.report.payload import build_anchors, build_payload, encode_payload, extract_text
from cs_sync.report.risk import calculate_attention, sort_by_attention, sum_risk
from cs_sync.report.tiles import Tile, build_tiles
from tests.report.conftest import AT, MONTHS, TODAY, account, point

Rows = Callable[..., dict[str, Any]]


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ")


@pytest.mark.parametrize(
    ("minor", "currency", "exact", "text"),
    [
        (123_456_789, "EUR", False, "1,234,568 EUR"),
        (123_456_789, "EUR", True, "1,234,567.89 EUR"),
        (1_234_567_890, "EUR", False, "12.35M EUR"),
        (1_234_567_890, "EUR", True, "12,345,678.90 EUR"),
        (99_999, "EUR", False, "999.99 EUR"),
        (-150, "USD", False, "−1.50 USD"),
        (1500, "JPY", True, "1,500 JPY"),
        (1_234, "KWD", True, "1.234 KWD"),
        (0, "EUR", False, "0 EUR"),
        (None, "EUR", False, "–"),
        (1234, None, False, "12.34 EUR"),
    ],
)
def test_money(
    formats: Formats, minor: int | None, currency: str | None, exact: bool, text: str
) -> None:
    assert plain(formats.format_money(minor, currency, exact=exact)) == text


def test_purse(formats: Formats) -> None:
    assert plain(formats.purse({"USD": 100, "EUR": 250_000})) == "2,500 EUR + 1.00 USD"
    assert formats.purse({}) == "–"


@pytest.mark.parametrize(
    ("value", "unit", "currency", "text"),
    [
        (0.25, "ratio", None, "25.0%"),
        (-0.004, "ratio", None, "−0.4%"),
        (2_388.4, "count", None, "2,388"),
        (58, "count", None, "58"),
        (24.25, "score", None, "24.2"),
        (3.0, "days", None, "3 days"),
        (1.0, "days", None, "1 day"),
        (14_100, "seconds", None, "3 hr 55 min"),
        (59.6, "seconds", None, "1 min"),
        (0, "seconds", None, "0 sec"),
        (90_061, "seconds", None, "1 day 1 hr"),
        (250_000, "money_minor", "EUR", "2,500 EUR"),
        (3.14, "times", None, "3.1×"),
        (None, "ratio", None, "–"),
    ],
)
def test_quantity(
    formats: Formats, value: float | None, unit: str, currency: str | None, text: str
) -> None:
    assert plain(formats.quantity(value, unit, currency)) == text


@pytest.mark.parametrize(
    ("now", "before", "unit", "text"),
    [
        (0.27, 0.21, "ratio", "+6.0 pp"),
        (0.2535, 0.2533, "ratio", "±0.0 pp"),
        (110, 100, "money_minor", "+10.0%"),
        (90, 100, "money_minor", "−10.0%"),
        (500, 0, "money_minor", "+5.00 EUR"),
        (24.0, 31.5, "score", "−7.5"),
        (5, 5, "count", "±0"),
        (None, 5, "count", ""),
        (5, None, "count", ""),
    ],
)
def test_change(
    formats: Formats, now: float | None, before: float | None, unit: str, text: str
) -> None:
    assert plain(formats.change(now, before, unit, "EUR")) == text


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        ("2026-10-01", "2026-11-01", "Oct 2026"),
        ("2025-12-01", "2026-01-01", "Dec 2025"),
        ("2026-07-01", "2026-10-01", "Jul 2026 – Sep 2026"),
        ("2025-01-01", "2026-01-01", "2025"),
        ("2026-11-02", "2026-11-09", "2 Nov 2026 – 8 Nov 2026"),
        (date(2026, 11, 3), date(2026, 11, 4), "3 Nov 2026"),
    ],
)
def test_periods(formats: Formats, start: Any, end: Any, text: str) -> None:
    assert plain(formats.period(start, end)) == text


def test_moments_are_in_the_reporting_zone(formats: Formats) -> None:
    at = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    assert plain(formats.format_moment(at)) == "21 Nov 2026 00:30"
    assert formats.format_moment(None) == "never"


def test_other_languages_write_dates_and_numbers_their_way() -> None:
    polish = Formats(get_translator("pl"), ZoneInfo("Europe/Warsaw"), "EUR")
    assert plain(polish.format_money(123_456_789)) == "1 234 568 EUR"
    assert plain(polish.day(TODAY)) == "20 lis 2026"
    chinese = Formats(get_translator("zh-Hans"), ZoneInfo("UTC"), "EUR")
    assert chinese.period("2026-10-01", "2026-11-01") == "2026年10月"
    assert chinese.format_money(1_234_567_890).startswith("1234.57万")


@pytest.mark.parametrize(
    ("value", "text"), [(4.6, "+5"), (-12.6, "−13"), (0.3, "±0"), (-0.4, "±0"), (None, "–")]
)
def test_points(formats: Formats, value: float | None, text: str) -> None:
    assert formats.signed(value) == text


def test_amounts_of_a_table_have_signs_and_no_code(formats: Formats) -> None:
    assert [formats.format_signed_units(n) for n in (123_456, -50_000, 0)] == [
        "+1,235",
        "−500",
        "–",
    ]


# ------------------------------------------------------------------------------ tiles


def only(rows: list[dict[str, Any]], formats: Formats) -> Tile:
    (tile,) = [tile for group in build_tiles(rows, formats).values() for tile in group]
    return tile


def test_the_newest_period_is_compared_with_the_one_before(kpi: Rows, formats: Formats) -> None:
    tile = only([kpi("nrr", 10, 1.05), kpi("nrr", 8, 0.5), kpi("nrr", 9, 1.02)], formats)
    assert tuple(map(plain, (tile.value, tile.period, tile.versus))) == (
        "105.0%", "Oct 2026", "Sep 2026",
    )  # fmt: skip
    assert (tile.change, tile.feeling) == ("+3.0 pp", "good")
    assert tile.line.count(",") == 3


def test_a_gap_is_not_compared_over(kpi: Rows, formats: Formats) -> None:
    tile = only([kpi("nrr", 10, 1.05), kpi("nrr", 8, 0.5)], formats)
    assert (tile.change, tile.versus, tile.feeling) == ("", "", "neutral")


@pytest.mark.parametrize(
    ("metric", "feeling"),
    [("nrr", "good"), ("customer_churn_rate", "bad"), ("ces", "neutral"), ("defects", "neutral")],
)
def test_more_is_not_always_better(kpi: Rows, formats: Formats, metric: str, feeling: str) -> None:
    assert only([kpi(metric, 9, 0.1), kpi(metric, 10, 0.2)], formats).feeling == feeling


def test_currencies_are_apart_and_segments_are_left_out(kpi: Rows, formats: Formats) -> None:
    money = {"unit": "money_minor"}
    rows = [
        kpi("mrr", 10, 100, currency="USD", **money),
        kpi("mrr", 10, 200, currency="EUR", **money),
        kpi("mrr", 10, 1, currency="EUR", segment={"plan": "pro"}, **money),
        kpi("mrr", 10, None, **money),
    ]
    tiles = build_tiles(rows, formats)["revenue"]
    assert [tile.label for tile in tiles] == [
        "Monthly recurring revenue (EUR)",
        "Monthly recurring revenue (USD)",
    ]


@pytest.mark.parametrize(
    ("fields", "value", "warning", "stale"),
    [
        ({"status": "final"}, 1.0, "", False),
        ({"status": "provisional"}, 1.0, "Provisional", False),
        ({"status": "insufficient"}, 1.0, "Sample too small", False),
        ({"status": "insufficient"}, None, "Not enough data yet", False),
        ({"status": "stale"}, 1.0, "Out of date", True),
        ({"stale_since": "2026-11-17T02:00:00+01:00"}, 1.0, "Out of date since 17 Nov 2026", True),
    ],
)
def test_how_sure_a_figure_is(
    kpi: Rows,
    formats: Formats,
    fields: dict[str, str],
    value: float | None,
    warning: str,
    stale: bool,
) -> None:
    tile = only([kpi("nrr", 10, value, **fields)], formats)
    assert (plain(tile.warning), tile.stale) == (warning, stale)


def test_other_metrics_are_apart_under_their_titles(kpi: Rows, formats: Formats) -> None:
    names = ("saas_profit", "ltv_cac", "seats_per_team", "nps")
    tiles = build_tiles([kpi(name, 10, 1.0) for name in names], formats)
    assert [tile.label for tile in tiles["voice"]] == ["Net Promoter Score"]
    assert [t.label for t in tiles["others"]] == ["LTV to CAC", "SaaS profit", "Seats per team"]


def test_multiples_are_not_percentages(kpi: Rows, formats: Formats) -> None:
    rows = [kpi("ltv_cac", 9, 2.8), kpi("ltv_cac", 10, 3.14, low=2.0, high=4.5)]
    tile = only(rows, formats)
    assert (tile.value, tile.change) == ("3.1×", "+0.3×")
    assert tile.interval == "95% interval: 2.0× to 4.5×"


def test_a_line_needs_two_points_and_skips_what_is_unknown() -> None:
    assert draw_line([1.0]) == draw_line([None, 2.0]) == ""
    assert 'points="0.0,22.0 100.0,2.0"' in draw_line([10, None, 30])


# ----------------------------------------------------------------------------- bridges


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
    assert (september.start.month, october.start.month) == (9, 10)
    assert (october.opening, october.closing) == (150, 130)
    assert october.opening + sum(october.moves.values()) == october.closing
    assert (october.moves["expansion"], october.moves["churn"]) == (30, -50)


def test_rare_movements_are_shown_when_they_happen(step: Rows) -> None:
    (quiet,) = sum_bridge_rows([step(10, 1, 1)]).values()
    (moved,) = sum_bridge_rows([step(10, 1, 3, fx=2)]).values()
    assert select_movements(quiet) == ["new", "reactivation", "expansion", "contraction", "churn"]
    assert select_movements(moved)[-1] == "fx"


def test_the_chart_has_whole_units_signed_bars_and_tips(step: Rows, formats: Formats) -> None:
    (steps,) = sum_bridge_rows([step(10, 10_000, 9_000, new=500, churn=1_500)]).values()
    level, moves = build_mrr_chart(steps, "EUR", formats, 900)["vconcat"]
    (value,) = level["data"]["values"]
    assert (value["time"], value["mrr"]) == ("2026-10-01", 90.0)
    amounts = {row["kind"]: (row["amount"], plain(row["tip"])) for row in moves["data"]["values"]}
    assert amounts == {
        "new": (5.0, "New, Oct 2026: 5.00 EUR"),
        "churn": (-15.0, "Churn, Oct 2026: −15.00 EUR"),
    }


@pytest.mark.parametrize(("width", "most"), [(900, 11), (330, 3)])
def test_the_time_axis_has_only_as_many_labels_as_fit(
    step: Rows, formats: Formats, width: int, most: int
) -> None:
    rows = [
        {**step(1, 0, 0), "period_start": f"{2024 + m // 12}-{m % 12 + 1:02}-01",
         "period_end": f"{2024 + (m + 1) // 12}-{(m + 1) % 12 + 1:02}-01"}
        for m in range(36)
    ]  # fmt: skip
    (steps,) = sum_bridge_rows(rows).values()
    chart = build_mrr_chart(steps, "EUR", formats, width)["vconcat"][1]
    axis = chart["layer"][0]["encoding"]["x"]["axis"]
    assert axis["values"][-1] == "2026-12-01"
    assert 2 <= len(axis["values"]) <= most + 1


# ------------------------------------------------------------------------ first screen


@pytest.mark.parametrize(
    ("band", "leaving", "unpaid", "kind"),
    [
        ("red", True, True, "leaving"),
        ("green", True, False, "leaving"),
        ("green", False, True, "unpaid"),
        ("red", False, True, "unpaid"),
        ("red", False, False, "red"),
        ("yellow", False, False, None),
        ("insufficient", False, False, None),
    ],
)
def test_an_account_is_at_risk_for_one_reason(
    band: str, leaving: bool, unpaid: bool, kind: str | None
) -> None:
    assert classify_risk(band, leaving=leaving, unpaid=unpaid) == kind


def report(*accounts: ReportedAccount, **fields: Any) -> ReportData:
    return ReportData("Acme", AT, TODAY, months=MONTHS, accounts=accounts, **fields)


def test_money_at_risk_now_before_and_by_currency() -> None:
    """1,000 EUR leave, 200 and 300 USD (at 0.50: 250) are red of 1,000 + 250 + 2,000 EUR."""
    data = report(
        account("a", point(100_000, 80, "green", "leaving"), before=point(90_000)),
        account(
            "b", point(25_000, 20, "red", "red"), mrr={"USD": 50_000},
            before=point(25_000, 20, "red", "red"),
        ),
        account("c", point(200_000)),
    )  # fmt: skip
    risk = answer_risk(data)
    assert (risk.now.total, risk.now.mrr, risk.before.total) == (125_000, 325_000, 25_000)
    assert risk.now.share == pytest.approx(125 / 325)
    assert risk.now.accounts == {"leaving": 1, "unpaid": 0, "red": 1}
    assert risk.by_currency == {"EUR": (100_000, 300_000), "USD": (50_000, 50_000)}
    assert sum_risk(()).share is None


@pytest.mark.parametrize(
    ("score", "risk", "verdict"),
    [
        (90, None, "same"),
        (95, None, "better"),
        (70, None, "worse"),
        (95, "unpaid", "mixed"),
        (90, "unpaid", "worse"),
    ],
)
def test_whether_it_gets_better(score: float, risk: Any, verdict: str) -> None:
    trend = answer_trend(
        report(
            account("a", point(1_000, score, "green", risk), before=point(1_000)),
            account("b", point(1_000)),
        )
    )
    assert trend.verdict == verdict
    assert len(trend.days) == len(trend.sums) == len(trend.scores) == 13
    assert trend.score == (score + 90) / 2


def test_months_before_the_first_mrr_are_left_out_of_the_trend() -> None:
    young = account("a", point(1_000), past=[HistoryPoint()] * 10 + [point(500)] * 2)
    trend = answer_trend(report(young))
    assert trend.days == [*MONTHS[-2:], TODAY]
    assert [total.mrr for total in trend.sums] == [500, 500, 1_000]
    assert answer_trend(report()).verdict == "unknown"


def task(title: str, day: int, priority: str = "medium", of: str = "a") -> TaskLine:
    return TaskLine(of, title, datetime(2026, 11, day, 9, tzinfo=UTC), priority)


def test_whom_to_call_today_in_order() -> None:
    """Due first; of those at risk first, then by priority, then by MRR. Later ones by day."""
    data = report(
        account("a", point(500), tasks=[task("small", 20), task("next week", 27)]),
        account("b", point(900), tasks=[task("large", 19, of="b"), task("tomorrow", 21, of="b")]),
        account("c", point(10, 5, "red", "red"), tasks=[task("at risk", 20, "low", "c")]),
        account("d", point(1), tasks=[task("high", 18, "high", "d")]),
    )
    calls = list_calls(data, AT.replace(day=20, hour=10))
    assert [(call.task.title, call.state) for call in calls] == [
        ("at risk", "today"),
        ("high", "overdue"),
        ("large", "overdue"),
        ("small", "today"),
        ("tomorrow", "later"),
        ("next week", "later"),
    ]


def test_what_the_next_90_days_bring(formats: Formats) -> None:
    def item(day: int, kind: Any, of: str, worth: int) -> AgendaItem:
        return AgendaItem(TODAY + timedelta(days=day), kind, of, worth, "EUR", worth)

    data = report(
        agenda=[
            item(-9, "unpaid", "a", 10), item(-2, "unpaid", "b", 70), item(8, "renewal", "c", 500),
            item(3, "leaving", "a", 40), item(1, "renewal", "c", 300), item(91, "leaving", "d", 9),
        ]
    )  # fmt: skip
    agenda = answer_agenda(data)
    assert agenda.sums == {"leaving": (1, 40), "renewal": (1, 800), "unpaid": (2, 80)}
    kinds = [(entry.kind, entry.worth) for entry in agenda.items]
    assert kinds == [
        ("leaving", 40), ("unpaid", 70), ("unpaid", 10), ("renewal", 300), ("renewal", 500),
    ]  # fmt: skip
    values = build_agenda_chart(agenda.items, TODAY, formats)["data"]["values"]
    assert len(values) == 2 * 13
    weeks = {(v["kind"], v["time"]): v["amount"] for v in values if v["amount"]}
    assert weeks == {
        ("leaving", "2026-11-20"): 0.4,
        ("renewal", "2026-11-20"): 3.0,
        ("renewal", "2026-11-27"): 5.0,
    }


def test_this_month_beside_the_last_ends_with_the_sum() -> None:
    now = MonthPart(date(2026, 11, 1), date(2026, 11, 21), {"new": 50, "churn": -80})
    last = MonthPart(date(2026, 10, 1), date(2026, 10, 21), {"new": 20, "expansion": 5})
    whole = MonthPart(date(2026, 10, 1), date(2026, 11, 1), {"new": 30, "churn": -10})
    rows = {row.name: (row.now, row.same_days, row.whole) for row in list_month_rows(
        MonthSoFar(now, last, whole)
    )}  # fmt: skip
    assert rows["churn"] == (-80, 0, -10)
    assert list(rows)[-1] == "net"
    assert rows["net"] == (-30, 25, 20)


# ---------------------------------------------------------------------------- accounts


def test_what_matters_comes_first() -> None:
    """Leaving: all of 500. Red: 1,000 × 0.8. Not at risk: 9,000 × 0.1, and unknown counts 0."""
    leaving = account("leaving", point(500, 90, "green", "leaving"))
    red = account("red", point(1_000, 20, "red", "red"))
    large, unknown = account("large", point(9_000)), account("grey", point(99_000, None))
    assert [calculate_attention(one) for one in (leaving, red, large, unknown)] == [
        500, 800, 900, 0,
    ]  # fmt: skip
    assert [one.id for one in sort_by_attention([large, unknown, leaving, red])] == [
        "red", "leaving", "large", "grey",
    ]  # fmt: skip


def test_groups_add_up_with_churn_of_a_year() -> None:
    """Team: of two customers a year ago one left; 400 of 1,000 MRR of then is still paid."""
    accounts = [
        account("a", point(400, 80), plan="team", past=[point(600)] + [point(500)] * 11),
        account(
            "b", HistoryPoint(), plan="team", is_customer=False, past=[point(400)] * 12,
        ),
        account("c", point(50, 40, "red", "red"), past=[HistoryPoint()] * 12),
    ]  # fmt: skip
    team, none = group_accounts(accounts, lambda one: one.plan)
    assert (team.name, team.accounts, team.mrr, team.at_risk) == ("team", 1, 400, 0)
    assert (team.then, team.churn_rate, team.retained) == (2, 0.5, 0.4)
    assert (none.name, none.mrr, none.at_risk, none.churn_rate) == ("", 50, 50, None)
    many = [account(str(n), point(n + 1), plan=f"p{n:02}") for n in range(20)]
    rows = group_accounts(many, lambda one: one.plan)
    assert len(rows) == 12
    assert rows[-1].name is None
    assert sum(row.mrr for row in rows) == sum(n + 1 for n in range(20))


def test_cohorts_keep_accounts_and_mrr() -> None:
    """Two began in September: one left in October, the other grew by half."""
    nothing = [HistoryPoint()] * 10
    accounts = [
        account("a", point(150), first_paid=date(2026, 9, 9),
                past=[*nothing, point(100), point(150)]),
        account("b", HistoryPoint(), first_paid=date(2026, 9, 2),
                past=[*nothing, point(100), HistoryPoint()]),
        account("old", point(100), first_paid=date(2020, 1, 1)),
    ]  # fmt: skip
    (cohort,) = build_cohorts(report(*accounts))
    assert (cohort.month, cohort.accounts, cohort.mrr) == (date(2026, 9, 1), 2, 200)
    assert list(cohort.kept_accounts[:4]) == [1.0, 0.5, 0.5, None]
    assert list(cohort.kept_mrr[:4]) == [1.0, 0.75, 0.75, None]


def test_deep_links_are_plain_and_apart() -> None:
    names = ("acct_0263", "acct-0263", "31000", "Żabka sp. z o.o.", "—")
    anchors = build_anchors([account(name, point(1)) for name in names])
    assert list(anchors.values()) == [
        "acct-0263", "acct-0263-2", "a-31000", "abka-sp-z-o-o", "account",
    ]  # fmt: skip


def test_the_data_is_embedded_whole_and_the_same_each_time(formats: Formats) -> None:
    data = report(account("a", point(100), owner="Zoë", past=[HistoryPoint()] * 6 + [point(9)] * 6))
    encoded = encode_payload(build_payload(data, data.accounts, {"a": "a"}, formats))
    assert encoded == encode_payload(build_payload(data, data.accounts, {"a": "a"}, formats))
    text = extract_text(f'<p>&lt;b&gt;</p><script id="payload">{encoded}</script>')
    assert "<b>" in text
    assert '"owner":["Zoë"]' in text
    assert '"paths":{"......2222222":1}' in text
    assert extract_text("no data") == "no data\n"


def test_bands_that_changed_are_counted_once_per_account(formats: Formats) -> None:
    same = replace(account("a", point(1)), past=[point(1)] * 12)
    data = report(same, replace(same, id="b"), account("c", point(1, 10, "red")))
    payload = build_payload(data, data.accounts, build_anchors(data.accounts), formats)
    assert payload["paths"] == {"2" * 13: 2, "0" * 13: 1}
