"""The mean of the health scores on record, by hand."""

from datetime import date, timedelta
from typing import Any

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import find_period, list_whole_periods
from cs_sync_schemas import HealthScore
from tests.metrics.conftest import Ledger, utc

JUNE = find_period(date(2026, 6, 1), "month", "UTC")


def scored(ledger: Ledger, account: str, day: date, score: float | None, **more: Any) -> None:
    ledger.add(
        HealthScore,
        {
            "account_id": account, "as_of": day, "mode": "weighted", "model": "m",
            "computed_at": utc(day.year, day.month, day.day) + timedelta(days=1), "score": score,
            "band": "green", "coverage": 1.0, **more,
        },
    )  # fmt: skip


def test_the_last_score_of_each_account_counts(ledger: Ledger) -> None:
    """80 and 50 at the end of June, 90 before; one unknown, one of a test account."""
    for name in ("a", "b", "c"):
        ledger.account(name, attributes={"plan": "pro"} if name == "a" else {})
    ledger.account("t", is_test=True)
    scored(ledger, "a", date(2026, 6, 10), 90)
    scored(ledger, "a", date(2026, 6, 30), 80)
    scored(ledger, "b", date(2026, 6, 30), 50)
    scored(ledger, "c", date(2026, 6, 30), None, band="insufficient")
    scored(ledger, "t", date(2026, 6, 30), 1)
    scored(ledger, "a", date(2026, 7, 1), 10)
    [row] = ledger.kpis("health_score", Scope((JUNE,)))
    assert (row.value, row.numerator, row.denominator, row.n) == (65, 130, 2, 2)
    rows = ledger.kpis("health_score", Scope((JUNE,), by=("plan",)))
    assert {item.segment["plan"]: item.value for item in rows} == {"pro": 80, None: 50}


def test_it_is_what_was_on_record_then(ledger: Ledger) -> None:
    ledger.account("a")
    scored(ledger, "a", date(2026, 6, 10), 90)
    scored(ledger, "a", date(2026, 6, 30), 80)
    [row] = ledger.kpis("health_score", Scope((JUNE,), known_at=utc(2026, 6, 20)))
    assert row.value == 90
    both = list_whole_periods(date(2026, 5, 1), date(2026, 7, 1), "month", "UTC")
    assert [kpi.value for kpi in ledger.kpis("health_score", Scope(both))] == [None, 80]
