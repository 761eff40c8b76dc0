"""Tiles, bridges, groups and cohorts: worked by hand."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from cs_sync.report import AgendaItem, HistoryPoint
from cs_sync.report.charts import build_mrr_chart
from cs_sync.report.drawing import draw_line, render_svg
from cs_sync.report.formats import Formats
from cs_sync.report.groups import build_cohort_rows, group_accounts
from cs_sync.report.movements import select_movements, sum_bridge_rows
from cs_sync.report.payload import build_anchors, build_payload, encode_payload, extract_text
from cs_sync.report.risk import calculate_attention, rank_mrr, sort_by_attention, sum_owed
from cs_sync.report.tiles import Tile, build_tiles
from tests.report.conftest import TODAY, account, plain, point, report

Rows = Callable[..., dict[str, Any]]


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
    actual = sum_bridge_rows(rows)
    assert list(actual) == ["EUR", "USD"]
    september, october = actual["EUR"]
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
    chart = build_mrr_chart(steps, "EUR", formats, 900)
    level, moves = chart.panels
    assert [tuple(label) for label in chart.labels] == [("Oct", "2026")]
    assert [(mark.place, mark.value) for mark in level.marks] == [(0, 90.0)]
    amounts = {mark.colour: (mark.value, plain(mark.tip)) for mark in moves.marks}
    assert amounts == {
        "var(--new)": (5.0, "New, Oct 2026: 5.00 EUR"),
        "var(--churn)": (-15.0, "Churn, Oct 2026: −15.00 EUR"),
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
    svg = render_svg(build_mrr_chart(steps, "EUR", formats, width), "MRR", "wide")
    months = re.findall(r">([A-Z][a-z]{2})<", svg)
    assert months[-1] == "Dec"
    assert 2 <= len(months) <= most + 1


# ------------------------------------------------------------------------ first screen


# ---------------------------------------------------------------------------- accounts


def test_what_matters_comes_first() -> None:
    """Leaving: all of 500. Red: 1,000 × 0.8. Not at risk: 9,000 × 0.1, and unknown counts 0."""
    leaving = account("leaving", point(500, 90, "green", "leaving"))
    red = account("red", point(1_000, 20, "red", "red"))
    large, unknown = account("large", point(9_000)), account("grey", point(99_000, None))
    assert [calculate_attention(item) for item in (leaving, red, large, unknown)] == [
        500, 800, 900, 0,
    ]  # fmt: skip
    assert [item.id for item in sort_by_attention([large, unknown, leaving, red], {})] == [
        "red", "leaving", "large", "grey",
    ]  # fmt: skip


def test_a_paused_account_counts_with_what_it_owes() -> None:
    """It pays no MRR and owes 700 + 50 of 80 in all; the red one has 800 at risk."""
    paused = account("paused", point(0, 60, "yellow", "unpaid"))
    red = account("red", point(1_000, 20, "red", "red"))
    unpaid = [AgendaItem(TODAY, "unpaid", "paused", n, "EUR", n) for n in (700, 50)]
    others = [
        AgendaItem(TODAY, "unpaid", "paused", 9, "KWD", None),
        AgendaItem(TODAY, "renewal", "paused", 80, "EUR", 80),
    ]
    owed = sum_owed([*unpaid, *others])
    assert owed == {"paused": 750}
    assert calculate_attention(paused, 750) == 750
    assert [item.id for item in sort_by_attention([paused, red], owed)] == ["red", "paused"]
    assert sort_by_attention([paused, red], {"paused": 801})[0] is paused


def test_mrr_without_an_exchange_rate_ranks_at_par() -> None:
    """2,175 USD without a rate is not nothing: it comes before 741 EUR, but is in no sum."""
    foreign = account("usd", point(0, 60, "yellow", "unpaid"), mrr={"USD": 217_500})
    own = account("eur", point(74_100, 60, "yellow", "unpaid"))
    assert (rank_mrr(foreign), rank_mrr(own)) == (217_500, 74_100)
    assert rank_mrr(account("jpy", point(0), mrr={"JPY": 500})) == 50_000
    assert sort_by_attention([own, foreign], {"usd": 9}) == [foreign, own]


def test_groups_add_up_with_churn_of_a_year() -> None:
    """Team: of two customers a year ago one left; 400 of 1,000 MRR of then is still paid."""
    accounts = [
        account("a", point(400, 80), plan="team", past=[point(600)] + [point(500)] * 11),
        account(
            "b", HistoryPoint(), plan="team", is_customer=False, past=[point(400)] * 12,
        ),
        account("c", point(50, 40, "red", "red"), past=[HistoryPoint()] * 12),
    ]  # fmt: skip
    team, none = group_accounts(accounts, lambda first: first.plan)
    assert (team.name, team.accounts, team.mrr, team.at_risk) == ("team", 1, 400, 0)
    assert (team.then, team.churn_rate, team.retained) == (2, 0.5, 0.4)
    assert (none.name, none.mrr, none.at_risk, none.churn_rate) == ("", 50, 50, None)
    many = [account(str(n), point(n + 1), plan=f"p{n:02}") for n in range(20)]
    rows = group_accounts(many, lambda first: first.plan)
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
    (cohort,) = build_cohort_rows(report(*accounts))
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
