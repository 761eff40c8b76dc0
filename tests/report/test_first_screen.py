"""The five questions of the first screen, and what stands behind them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from cs_sync.report import (
    AgendaItem,
    HistoryPoint,
    MonthPart,
    MonthSoFar,
    TaskLine,
    classify_risk,
)
from cs_sync.report.charts import build_agenda_chart
from cs_sync.report.first_screen import (
    answer_agenda,
    answer_risk,
    answer_trend,
    list_calls,
    list_month_changes,
    list_month_rows,
)
from cs_sync.report.formats import Formats
from cs_sync.report.risk import sum_risk
from tests.report.conftest import MONTHS, TODAY, account, point, report


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
    calls = list_calls(data)
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
    (panel,) = build_agenda_chart(agenda.items, TODAY, formats).panels
    assert len(panel.marks) == 2 * 13
    weeks = {(mark.colour, mark.place): mark.value for mark in panel.marks if mark.value}
    assert weeks == {
        ("var(--risk-leaving)", 0): 0.4,
        ("var(--accent)", 0): 3.0,
        ("var(--accent)", 1): 5.0,
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


def test_the_month_names_the_accounts_that_changed_most() -> None:
    """Each against its MRR at the end of last month; an equal MRR is no change."""
    none = HistoryPoint()

    def changed(name: str, before: int, now: int, first: date = date(2025, 1, 9)) -> Any:
        was = [*[point(5)] * 11, point(before) if before else none]
        return account(name, point(now) if now else none, past=was, first_paid=first)

    month = MonthPart(date(2026, 11, 1), date(2026, 11, 21))
    accounts = [
        changed("same", 100, 100), changed("more", 100, 160), changed("less", 100, 20),
        changed("gone", 90, 0), changed("back", 0, 30), changed("young", 0, 70, TODAY),
        changed("tiny", 100, 101),
    ]  # fmt: skip
    actual = list_month_changes(report(*accounts, month=MonthSoFar(month, month, month)))
    assert [(item.account, item.name, item.amount) for item in actual] == [
        ("gone", "churn", -90), ("less", "contraction", -80), ("young", "new", 70),
        ("more", "expansion", 60), ("back", "reactivation", 30),
    ]  # fmt: skip
    assert list_month_changes(report(*accounts)) == [], "no month, no changes"
