"""Intervals of what is not a plain share: by hand, and against published limits."""

import math
from datetime import date

import pytest

from cs_sync.cli.render.formatting import format_quantity, format_sample, get_row_unit
from cs_sync.i18n import ENGLISH
from cs_sync.metrics.display_units import get_display_unit
from cs_sync.metrics.intervals import (
    calculate_log_interval,
    calculate_poisson_interval,
    compare_proportions,
)
from cs_sync.metrics.kpi import KpiRow
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import find_period
from cs_sync.metrics.registry import list_builtin_metrics
from cs_sync_schemas import Cost, Referral, Ticket, UsageDay
from tests.metrics.conftest import Ledger, utc

JUNE = find_period(date(2026, 6, 1), "month", "UTC")
START, MIDDLE = date(2026, 1, 1), date(2026, 6, 15)
Z = 1.959963984540054


def only_row(ledger: Ledger, metric: str, gross_margin: float | None = None) -> KpiRow:
    [row] = ledger.kpis(metric, Scope((JUNE,), gross_margin=gross_margin))
    return row


def around(value: float, variance: float) -> tuple[float, float]:
    factor = math.exp(Z * math.sqrt(variance))
    return pytest.approx(value / factor), pytest.approx(value * factor)  # type: ignore[return-value]


def accounts(ledger: Ledger, stay: int, leave: int = 0, join: int = 0, amount: int = 100) -> None:
    for n in range(stay + leave + join):
        ledger.account(f"a{n}")
        start = START if n < stay + leave else MIDDLE
        ledger.span(f"a{n}", amount, start, MIDDLE if stay <= n < stay + leave else None)


def test_every_ratio_has_an_interval() -> None:
    for metric in list_builtin_metrics():
        assert metric.unit != "ratio" or metric.spread != "none", metric.name


@pytest.mark.parametrize(
    ("events", "low", "high"), [(0, 0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39),
                                (100, 81.36, 121.63)]
)  # fmt: skip
def test_limits_of_a_count_are_the_tabled_ones(events: int, low: float, high: float) -> None:
    """Exact limits as tables of the Poisson distribution print them; Byar's are next to them."""
    actual = calculate_poisson_interval(events, events, None, 1.0)
    assert actual is not None
    assert actual[0] == pytest.approx(low, abs=0.02)
    assert actual[1] == pytest.approx(high, abs=0.04)


def test_tickets_per_account_rest_on_the_number_of_tickets(ledger: Ledger) -> None:
    """10 tickets of 5 accounts: 4.8 to 18.4 tickets, a fifth of it each."""
    accounts(ledger, 5)
    for n in range(10):
        ledger.add(
            Ticket,
            {"source_id": str(n), "account_source_id": "a0", "opened_at": utc(2026, 6, 1 + n)},
        )
    row = only_row(ledger, "tickets_per_account")
    assert (row.value, row.n, row.status) == (2, 5, "final")
    assert row.low == pytest.approx(0.957, abs=0.005)
    assert row.high == pytest.approx(3.679, abs=0.005)


def test_no_tickets_are_not_proof_of_none(ledger: Ledger) -> None:
    accounts(ledger, 10)
    row = only_row(ledger, "tickets_per_account")
    assert (row.value, row.low) == (0, 0)
    assert row.high == pytest.approx(0.367, abs=0.005)


def test_daily_churn_weighs_each_loss_by_its_day(ledger: Ledger) -> None:
    """Two of 20 leave on one day: both weigh 1/20, so the limits are those of 2 events ÷ 20."""
    accounts(ledger, 18, leave=2)
    row = only_row(ledger, "customer_churn_rate_daily")
    assert row.value == pytest.approx(0.1)
    assert row.low == pytest.approx(0.2422 / 20, abs=0.001)
    assert row.high == pytest.approx(7.2247 / 20, abs=0.002)


def test_quick_ratio(ledger: Ledger) -> None:
    """Two gain 100 each, one loses 100: 2, and 2/4 + 1/1 is the variance of its logarithm."""
    accounts(ledger, 2, leave=1, join=2)
    row = only_row(ledger, "quick_ratio")
    assert (row.value, row.n, row.status) == (2, 3, "insufficient")
    assert (row.low, row.high) == around(2, 2 / 4 + 1)


def test_lifetime_value_and_its_quotients(ledger: Ledger) -> None:
    """20 at the start of whom 2 leave, 4 join, each pays 100: only heads vary, not what they pay.
    Costs of 400 acquired 4 at 100; margin 1: 1,000 ÷ 100."""
    accounts(ledger, 18, leave=2, join=4)
    ledger.add(
        Cost,
        {
            "source_id": "c", "month": date(2026, 6, 1), "purpose": "acquisition", "amount": 400,
            "currency": "EUR",
        },
    )  # fmt: skip
    leaving, arriving = 1 / 2 - 1 / 20, 1 / 4
    ltv = only_row(ledger, "ltv", gross_margin=1)
    assert ltv.value == 1000
    assert (ltv.low, ltv.high) == around(1000, leaving)
    cac = only_row(ledger, "cac")
    assert (cac.value, cac.low, cac.high) == (100, *around(100, arriving))
    both = only_row(ledger, "ltv_cac", gross_margin=1)
    assert both.value == pytest.approx(10)
    assert (both.low, both.high) == around(10, leaving + arriving)
    assert both.status == "insufficient"  # four new customers prove little


def test_what_accounts_pay_varies_as_a_mean_does(ledger: Ledger) -> None:
    """50 and 150, mean 100, s² = 5,000: 5,000 ÷ 2 ÷ 100² is its relative variance."""
    for name, amount in (("a", 50), ("b", 150)):
        ledger.account(name)
        ledger.span(name, amount, START)
    cost = {"month": date(2026, 6, 1), "purpose": "retention", "amount": 40, "currency": "EUR"}
    ledger.add(Cost, {"source_id": "c", **cost})
    row = only_row(ledger, "ltv_crc", gross_margin=1)
    assert row.value == pytest.approx(5)
    assert (row.low, row.high) == around(5, 0.25)


def test_a_lift_is_a_part_over_its_whole(ledger: Ledger) -> None:
    """Of 10 on `pro` 4 recommend us, of all 20 five: 0.4 ÷ 0.25 = 1.6. Variance of the logarithm:
    1/4 − 1/10 + 1/5 − 1/20 − 2 × 0.6 ÷ 5 = 0.06."""
    for n in range(20):
        ledger.account(f"a{n}", attributes={"plan": "pro" if n < 10 else "basic"})
        ledger.span(f"a{n}", 100, START)
    for n in (0, 1, 2, 3, 10):
        ledger.add(
            Referral,
            {
                "source_id": str(n), "account_source_id": f"a{n}",
                "referred_at": utc(2026, 5, 1),
            },
        )  # fmt: skip
    rows = {
        r.segment["plan"]: r for r in ledger.kpis("advocate_lift", Scope((JUNE,), by=("plan",)))
    }
    assert rows["pro"].value == pytest.approx(1.6)
    assert (rows["pro"].low, rows["pro"].high) == around(1.6, 0.06)
    whole = only_row(ledger, "advocate_lift")
    assert (whole.value, whole.low, whole.high) == pytest.approx((1, 1, 1))


def test_growth_of_use_varies_from_person_to_person(ledger: Ledger) -> None:
    """Two people, 10 → 20 and 10 → 10 events: 30 ÷ 20 − 1 = 0.5. Residuals of (more − 0.5 × past)
    are 5 and −5: √(50 × 2 ÷ 1) ÷ 20 = 0.5."""
    for person, late in (("p", 20), ("q", 10)):
        for day, events in ((date(2026, 5, 10), 10), (date(2026, 6, 20), late)):
            ledger.add(
                UsageDay,
                {
                    "source_id": f"{person}{day}", "contact_source_id": person, "day": day,
                    "events": events,
                },
            )  # fmt: skip
    row = only_row(ledger, "usage_growth")
    assert (row.value, row.n) == (0.5, 2)
    assert row.low == pytest.approx(0.5 - Z * 0.5)
    assert row.high == pytest.approx(0.5 + Z * 0.5)


def test_what_is_not_known_has_no_interval() -> None:
    assert calculate_log_interval(2.0, None) is None
    assert calculate_log_interval(0.0, 0.5) is None
    assert calculate_poisson_interval(0.1, -1, None, 1.0) is None


def test_multiples_are_said_as_multiples() -> None:
    row = {"metric": "ltv_cac", "unit": "ratio", "n": 9, "low": 1.5, "high": 6.0}
    assert format_quantity(3.0, get_row_unit(row), ENGLISH) == "3.0×"
    assert format_sample(row, ENGLISH).plain == "n=9, 1.5× – 6.0×"
    assert format_quantity(1.7, get_display_unit("tickets_per_account", "ratio"), ENGLISH) == "1.7"
    assert format_quantity(0.25, get_display_unit("csat", "ratio"), ENGLISH) == "25.0%"


def test_accounts_that_are_all_alike_do_not_prove_that_nothing_varies(ledger: Ledger) -> None:
    """None of six lost anything: up to 39 % may (Wilson), and of growth nothing can be said."""
    accounts(ledger, 6)
    lost = only_row(ledger, "gross_mrr_churn_rate")
    assert (lost.value, lost.low) == (0, 0)
    assert lost.high == pytest.approx(0.3903, abs=1e-4)
    grown = only_row(ledger, "expansion_rate")
    assert (grown.value, grown.low, grown.high) == (0, None, None)


def test_the_published_interval_of_a_difference() -> None:
    """Newcombe 1998, example (a), method 10: 56 of 70 less 48 of 80 is 0.2 (0.0524 to 0.3339)."""
    actual = compare_proportions((56, 70), (48, 80))
    assert actual == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    assert compare_proportions((1, 2), (0, 0)) is None
