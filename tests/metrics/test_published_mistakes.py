"""Slips of public packages, articles and vendors' pages that must not be ours, one test each."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from cs_sync.health.model import HealthConfig
from cs_sync.metrics.kpi import KpiRow
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.mrr.movements import calculate_account_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import find_period, list_whole_periods
from cs_sync.metrics.sql.scaling import scale_rate
from cs_sync_schemas import Cost, SurveyResponse, Ticket
from tests.metrics.conftest import Ledger, utc
from tests.metrics.mrr.facts_of import at, discount, facts, item, line, sub

JUNE = find_period(date(2026, 6, 1), "month", "UTC")
START, MIDDLE = date(2026, 1, 1), date(2026, 6, 15)


def only_row(ledger: Ledger, metric: str, gross_margin: float | None = None) -> KpiRow:
    [row] = ledger.kpis(metric, Scope((JUNE,), gross_margin=gross_margin))
    return row


def amounts(*rows: Any, **switches: Any) -> list[int]:
    return [
        span.amount for span in calculate_account_mrr(facts(*rows), MrrPolicy(**switches)).spans
    ]


def kinds(*rows: Any) -> list[str]:
    return [move.kind for move in calculate_account_mrr(facts(*rows), MrrPolicy()).movements]


def test_stripes_glossary_divides_800_by_12_where_600_is_meant() -> None:
    """100 × 100 and 50 × 600 a year: its result of 12,500 is right, its working would be 13,333."""
    yearly = item("y", 60000, 50, interval="year")
    assert amounts(sub(), item("m", 10000, 100), yearly) == [1250000]


def test_a_day_is_not_nought_a_month() -> None:
    """Fivetran's Stripe model gives daily prices an MRR of 0."""
    assert amounts(sub(), item(amount=100, interval="day")) == [3042]


def test_tiers_are_priced_at_their_quantity() -> None:
    """The same model takes the unit amount alone: nothing, where the price has tiers."""
    tiers = {
        "mode": "graduated",
        "tiers": [{"up_to": 5, "unit_amount": 500}, {"up_to": None, "unit_amount": 400}],
    }
    assert amounts(sub(), item(amount=None, quantity=7, tiers=tiers)) == [5 * 500 + 2 * 400]


@pytest.mark.parametrize("status", ["trialing", "incomplete", "incomplete_expired"])
def test_who_does_not_pay_yet_is_not_counted(status: str) -> None:
    """The same model has no filter of the status."""
    assert amounts(sub(status=status), item()) == []


def test_unpaid_is_not_counted_for_ever() -> None:
    [move] = calculate_account_mrr(facts(sub(status="unpaid", changed_at=at(2026, 3)), item()),
    MrrPolicy()
                         ).movements[1:]  # fmt: skip
    assert (move.at, move.kind, move.cause) == (at(2026, 3), "churn", "payment")


def test_a_metered_price_is_not_one_unit_of_it() -> None:
    """The same model counts what is metered by one unit in the current month."""
    assert amounts(sub(), item(usage_type="metered"), item("b", 500)) == [500]


def test_the_second_coupon_counts_too() -> None:
    """The same model takes the largest of several: 10 % and 20 % leave 72, not 80."""
    tenth, fifth = discount("a", percent_off=10), discount("b", percent_off=20)
    assert amounts(sub(), item(amount=10000), tenth, fifth) == [7200]


def test_a_return_is_a_reactivation_though_it_is_more_than_before() -> None:
    """It asks whether MRR rose before it asks whether there was any: nobody ever returns."""
    again = sub("t", started_at=at(2026, 4))
    gone = sub(status="canceled", ended_at=at(2026, 3))
    more = item("j", 5000, subscription_source_id="t", valid_from=at(2026, 4))
    assert kinds(gone, item(), again, more) == ["new", "churn", "reactivation"]


def test_an_end_is_churn_and_no_contraction() -> None:
    """Its Recurly model asks whether MRR fell before it asks whether any is left."""
    assert kinds(sub(status="canceled", ended_at=at(2026, 3)), item()) == ["new", "churn"]


def test_another_price_is_no_churn_and_new_customer() -> None:
    """It counts by item and price, so that every switch of plan loses and wins a customer."""
    other = item(amount=3000, price="b", product="pro", valid_from=at(2026, 3))
    assert kinds(sub(), item(price="a", product="basic"), other) == ["new", "expansion"]


def test_the_past_keeps_its_own_interval() -> None:
    """It reads the past with the interval of the present plan: a year of 120 is 10, then 15."""
    yearly = item(amount=12000, interval="year", price="y")
    monthly = item(amount=1500, price="m", valid_from=at(2027, 1))
    assert amounts(sub(), yearly, monthly) == [1000, 1500]


def test_a_yearly_invoice_is_spread_and_not_the_mrr_of_its_month() -> None:
    """Its Recurly model sums charges by the month of the invoice."""
    paid = line("l", (at(2026, 1), at(2027, 1)), 12000, 1, interval="year", unit_amount=12000)
    assert amounts(sub(), item(amount=12000, interval="year", price="p"), paid) == [1000]


def test_weeks_and_days_are_those_of_a_year() -> None:
    """Four weeks and thirty days, as seen in public code, are 7.7 % and 1.4 % low."""
    week, day = (amounts(sub(), item(amount=1200, interval=unit)) for unit in ("week", "day"))
    assert week == [5200]
    assert day == [36500]


def test_a_coupon_above_the_price_leaves_nothing_and_not_one() -> None:
    """Another package leaves 1 of 49 less 50."""
    assert amounts(sub(), item(amount=4900), discount(amount_off=5000)) == []


def test_a_fixed_coupon_comes_off_every_invoice_and_not_every_month() -> None:
    """120 a year less 60 on the one invoice: 5 a month."""
    assert amounts(sub(), item(amount=12000, interval="year"), discount(amount_off=6000)) == [500]


def test_a_closing_is_the_next_opening_to_the_cent(ledger: Ledger) -> None:
    """A public export holds within each month and is off by −0.08 to 0.13 between 11 of 12."""
    months = list_whole_periods(date(2026, 1, 1), date(2027, 1, 1), "month", "UTC")
    for n in range(24):
        ledger.account(f"a{n}")
        start = date(2026, 1 + n % 12, 1 + n % 28)
        ledger.span(f"a{n}", 3333 + n, start, start + timedelta(days=100 + n))
    rows = ledger.bridge(Scope(months))
    assert len(rows) == 12
    for before, after in pairwise(rows):
        assert before.closing == after.opening


def test_a_year_is_not_twelve_times_a_month() -> None:
    """Joel York's sheet multiplies: 5 % a month would be 60 % a year."""
    assert scale_rate(0.05, 365 / 12, 365) == pytest.approx(0.4596, abs=1e-4)


def test_a_lifetime_without_churn_is_no_number(ledger: Ledger) -> None:
    """ChartMogul shows 0, Stripe puts 1.67 % there; dividing would make it infinite."""
    ledger.account("a")
    ledger.span("a", 10000, START)
    assert only_row(ledger, "ltv_revenue").value is None


def test_nps_is_promoters_less_detractors(ledger: Ledger) -> None:
    """An article's prose subtracts them the other way round."""
    _answers(ledger, "nps", 10, 10, 0)
    assert only_row(ledger, "nps").value == pytest.approx(100 / 3)


def test_five_or_more_of_seven_are_the_easy_ones(ledger: Ledger) -> None:
    """SimpleSat's second example does not add up; its first, 8 of 10, is 80 %."""
    _answers(ledger, "ces", 5, 5, 5, 5, 6, 6, 7, 7, 4, 3)
    assert only_row(ledger, "ces_easy").value == 0.8


def test_2000_for_1700_is_no_loss(ledger: Ledger) -> None:
    """An article calls it one: it is 1.18, below the target of 3, and a loss only below 1."""
    for n in range(21):
        ledger.account(f"a{n}")
        ledger.span(f"a{n}", 10000, MIDDLE if n == 20 else START, MIDDLE if n == 0 else None)
    cost = {"month": date(2026, 6, 1), "purpose": "acquisition", "amount": 170000}
    ledger.add(Cost, {"source_id": "c", "currency": "EUR", **cost})
    ratio = only_row(ledger, "ltv_cac", gross_margin=1).value
    assert ratio == pytest.approx(1.18, abs=0.005)
    thin = only_row(ledger, "ltv_cac", gross_margin=0.84).value
    assert thin is not None
    assert thin < 1


def test_seconds_are_not_lost_on_the_way_to_minutes(ledger: Ledger) -> None:
    """Fivetran prints 959.46 minutes for a ticket; with its seconds it is 960.13."""
    opened = utc(2026, 6, 3, 8, 0, 40)
    ledger.add(
        Ticket,
        {
            "source_id": "941606", "opened_at": opened,
            "first_reply_at": opened + timedelta(minutes=960, seconds=8),
        },
    )  # fmt: skip
    value = only_row(ledger, "first_reply_seconds").value
    assert value is not None
    assert round(value / 60, 2) == 960.13


@pytest.mark.parametrize("weights", [(50, 40, 30, 20), (10, 30, 10, 10)])
def test_weights_that_do_not_make_100_are_refused(weights: tuple[int, ...]) -> None:
    """An older copy of PostHog's handbook prints 140 and 60 for new and established accounts."""
    names = ("usage", "billing", "support", "nps")
    inputs = {name: {"weight": weight} for name, weight in zip(names, weights, strict=True)}
    with pytest.raises(ValueError, match=f"weights must total 100, these total {sum(weights)}"):
        HealthConfig.model_validate({"inputs": inputs})


def _answers(ledger: Ledger, kind: str, *scores: int) -> None:
    low, high = (0, 10) if kind == "nps" else (1, 7)
    ledger.add(
        SurveyResponse,
        *(
            {
                "source_id": f"{kind}{n}", "kind": kind, "score": score, "scale_min": low,
                "contact_source_id": f"c{n}", "scale_max": high, "answered_at": utc(2026, 6, 3),
            }
            for n, score in enumerate(scores)
        ),
    )  # fmt: skip
