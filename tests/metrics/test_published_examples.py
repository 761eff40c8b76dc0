"""Worked examples that vendors and articles print, one test each; amounts in cents."""

from datetime import date, timedelta
from typing import Any

import pytest

from cs_sync.metrics.kpi import KpiRow
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.mrr.movements import calculate_account_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import find_period
from cs_sync.metrics.sql.scaling import scale_rate
from cs_sync_schemas import MrrMovement, Subscription, SurveyResponse
from tests.metrics.conftest import Ledger, utc
from tests.metrics.mrr.facts_of import at, discount, facts, item, sub

JUNE = find_period(date(2026, 6, 1), "month", "UTC")
START, MIDDLE = date(2026, 1, 1), date(2026, 6, 15)
CHARTMOGUL, STRIPE, BAREMETRICS, RECURLY = (
    MrrPolicy.preset(name) for name in ("chartmogul", "stripe", "baremetrics", "recurly")
)


def only_row(
    ledger: Ledger, metric: str, policy: MrrPolicy | None = None, **settings: Any
) -> KpiRow:
    scope = Scope((JUNE,), policy or MrrPolicy(), settings={metric: settings})
    [row] = ledger.kpis(metric, scope)
    return row


def steps(*rows: Any, policy: MrrPolicy = CHARTMOGUL) -> list[tuple[str, str, int]]:
    """Movements: day, kind, amount."""
    moves = calculate_account_mrr(facts(*rows), policy).movements
    return [(str(m.at.date()), m.kind, m.amount) for m in moves]


def mrr(*rows: Any, policy: MrrPolicy = CHARTMOGUL) -> int:
    """What the last span comes to; 0 when it is over."""
    spans = calculate_account_mrr(facts(*rows), policy).spans
    return sum(span.amount for span in spans if span.valid_to is None)


def year(amount: int, quantity: int = 1, **fields: Any) -> Any:
    return item(amount=amount, quantity=quantity, interval="year", **fields)


def test_chartmogul_five_customers_of_5_and_two_of_30_make_85(ledger: Ledger) -> None:
    """Article 203299812."""
    for n in range(7):
        ledger.account(f"a{n}")
        ledger.span(f"a{n}", 500 if n < 5 else 3000, START if n < 5 else MIDDLE)
    may = Scope((find_period(date(2026, 5, 1), "month", "UTC"),))
    assert [row.value for row in ledger.kpis("mrr", may)] == [2500]
    assert only_row(ledger, "mrr").value == 8500


def test_chartmogul_four_yearly_gold_of_500_are_166_67() -> None:
    """Article 201244842."""
    assert steps(sub(), year(50000, 4)) == [("2026-01-01", "new", 16667)]


def test_chartmogul_two_silver_of_30_are_an_expansion_and_then_a_contraction_of_60() -> None:
    """Article 201244842: cancelling them is not churn while the gold ones run."""
    silver = sub("m", started_at=at(2026, 3), ended_at=at(2026, 5, 15), status="canceled")
    monthly = item("m", 3000, 2, subscription_source_id="m", valid_from=at(2026, 3))
    assert steps(sub(), year(50000, 4), silver, monthly)[1:] == [
        ("2026-03-01", "expansion", 6000), ("2026-05-15", "contraction", 6000),
    ]  # fmt: skip


def test_chartmogul_a_yearly_end_is_churn_with_the_paid_year_and_150_come_back() -> None:
    """Article 201244842."""
    ended = sub(status="canceled", canceled_at=at(2026, 6, 11), ended_at=at(2027, 1))
    back = sub("m", started_at=at(2027, 2, 10))
    monthly = item("m", 5000, 3, subscription_source_id="m", valid_from=at(2027, 2, 10))
    assert steps(ended, year(50000, 4), back, monthly)[1:] == [
        ("2027-01-01", "churn", 16667), ("2027-02-10", "reactivation", 15000),
    ]  # fmt: skip


def test_chartmogul_two_more_yearly_seats_of_500_are_83_33_at_once() -> None:
    """Article 201244842, older copy."""
    more = year(50000, 6, valid_from=at(2026, 4))
    assert steps(sub(), year(50000, 4), more)[1:] == [("2026-04-01", "expansion", 8333)]


def test_chartmogul_churn_10_contraction_10_expansion_10_of_100(ledger: Ledger) -> None:
    """Articles 203359341 and 4414075567250: gross 20 %, net 10 %."""
    for name, before, after in (("gone", 10, 0), ("less", 30, 20), ("more", 60, 70)):
        ledger.account(name)
        ledger.span(name, before, START, MIDDLE)
        if after:
            ledger.span(name, after, MIDDLE)
    assert only_row(ledger, "gross_mrr_churn_rate").value == 0.2
    assert only_row(ledger, "net_mrr_churn_rate").value == pytest.approx(0.1)


def test_chartmogul_from_100_to_120_of_which_10_are_new_is_minus_10_percent(
    ledger: Ledger,
) -> None:
    """Articles 203359341 and 4414075567250."""
    for name, before, after in (("old", 100, 110), ("new", 0, 10)):
        ledger.account(name)
        if before:
            ledger.span(name, before, START, MIDDLE)
        ledger.span(name, after, MIDDLE)
    assert only_row(ledger, "net_mrr_churn_rate").value == pytest.approx(-0.1)


def test_chartmogul_from_100_to_95_is_5_percent_gross(ledger: Ledger) -> None:
    """Article 203359341."""
    ledger.account("a")
    ledger.span("a", 100, START, MIDDLE)
    ledger.span("a", 95, MIDDLE)
    assert only_row(ledger, "gross_mrr_churn_rate").value == 0.05


def test_chartmogul_twelve_churned_of_100_but_one_returned_and_one_had_just_joined(
    ledger: Ledger,
) -> None:
    """Article 207340419: 10 %."""
    for n in range(101):
        ledger.account(f"a{n}")
        ledger.span(f"a{n}", 100, START if n < 100 else date(2026, 6, 2),
                    MIDDLE if n < 11 or n == 100 else None)  # fmt: skip
    ledger.span("a0", 100, date(2026, 6, 20))
    assert only_row(ledger, "customer_churn_rate", None).value == 0.1


def test_chartmogul_100_a_month_at_5_percent_churn_are_worth_2000(ledger: Ledger) -> None:
    """Article 203359061."""
    for n in range(20):
        ledger.account(f"a{n}")
        ledger.span(f"a{n}", 10000, START, MIDDLE if n == 0 else None)
    assert only_row(ledger, "ltv_revenue").value == 200000


def test_chartmogul_ten_trials_and_five_who_paid_are_50_percent(ledger: Ledger) -> None:
    """Article 115000865205."""
    for n in range(10):
        ledger.account(f"a{n}")
        begun = utc(2026, 6, 1)
        trial = {
            "source_id": f"a{n}", "account_source_id": f"a{n}", "started_at": begun,
            "trial_start": begun, "trial_end": begun + timedelta(days=14), "currency": "EUR",
        }  # fmt: skip
        ledger.add(Subscription, trial)
        if n < 5:
            ledger.span(f"a{n}", 1000, MIDDLE)
            ledger.add(
                MrrMovement,
                {
                    "account_id": f"a{n}", "policy": MrrPolicy().hash, "currency": "EUR",
                    "at": utc(2026, 6, 15), "kind": "new", "amount": 1000, "cause": "start",
                },
            )  # fmt: skip
    for form in ("", "_to_date", "_ended", "_same_window"):
        assert only_row(ledger, f"trial_conversion_rate{form}").value == 0.5, form


def test_stripe_1200_a_year_are_100_a_month() -> None:
    """support.stripe.com/questions/billing-analytics."""
    assert mrr(sub(), year(120000), policy=STRIPE) == 10000


def test_stripe_a_forever_coupon_of_half_halves_it_and_others_leave_it() -> None:
    """support.stripe.com/questions/billing-analytics, the older rule."""
    half: dict[str, Any] = {"percent_off": 50}
    for duration, left in (("forever", 5000), ("repeating", 10000), ("once", 10000)):
        coupon = discount(duration=duration, **half)
        assert mrr(sub(), year(120000), coupon, policy=STRIPE) == left, duration


def test_stripe_two_subscriptions_cancelled_one_after_the_other() -> None:
    """support.stripe.com, calculating churn rate: contraction, then churn; again after a return."""
    first = sub("a", status="canceled", ended_at=at(2026, 2))
    second = sub("b", status="canceled", ended_at=at(2026, 3))
    again = sub("c", status="canceled", started_at=at(2026, 5), ended_at=at(2026, 6))
    items = [
        item(s, subscription_source_id=s, valid_from=start)
        for s, start in (("a", at(2026, 1)), ("b", at(2026, 1)), ("c", at(2026, 5)))
    ]
    assert [kind for _, kind, _ in steps(first, second, again, *items, policy=STRIPE)] == [
        "new", "contraction", "churn", "reactivation", "churn",
    ]  # fmt: skip


def test_stripe_puts_1_67_percent_where_nobody_left(ledger: Ledger) -> None:
    """support.stripe.com, calculating subscriber lifetime value."""
    ledger.account("a")
    ledger.span("a", 10000, START, policy=STRIPE)
    assert only_row(ledger, "ltv_revenue", STRIPE).value == round(10000 / 0.0167)


def test_baremetrics_its_five_examples() -> None:
    """Article 5380330: ten at $10, a year of $120, half off for life, all off, 30 days late."""
    assert mrr(sub(), item(quantity=10), policy=BAREMETRICS) == 10000
    assert mrr(sub(), year(12000), policy=BAREMETRICS) == 1000
    half, free = discount(percent_off=50), discount(percent_off=100, starts_at=at(2026, 3))
    assert mrr(sub(), item(), half, policy=BAREMETRICS) == 500
    assert steps(sub(), item(), free, policy=BAREMETRICS)[1:] == [("2026-03-01", "churn", 1000)]


def test_baremetrics_net_retention_and_quick_ratio(ledger: Ledger) -> None:
    """Its changelog: 100 − (churned − expansion) ÷ start; gains ÷ losses. 100 at the start, 10
    lost, 30 gained by expansion, 20 new: 120 %, and 50 ÷ 10."""
    for name, before, after in (("gone", 10, 0), ("more", 90, 120), ("new", 0, 20)):
        ledger.account(name)
        if before:
            ledger.span(name, before, START, MIDDLE)
        if after:
            ledger.span(name, after, MIDDLE)
    assert only_row(ledger, "nrr", None, retention_months=1).value == pytest.approx(1.2)
    assert only_row(ledger, "quick_ratio").value == 5


def test_recurly_a_seat_of_10_from_the_middle_of_june_is_5_for_15_days() -> None:
    """support.recurly.com 360029630811: about 0.33 a day."""
    more = item(quantity=2, valid_from=at(2026, 6, 16))
    spans = calculate_account_mrr(facts(sub(), item(), more), RECURLY).spans
    amounts = [(span.valid_from, span.amount) for span in spans]
    assert amounts == [(at(2026, 1), 1000), (at(2026, 6, 16), 1500), (at(2026, 7), 2000)]
    assert round(500 / 15) == 33


def test_chargebee_plan_100_and_addon_100_less_50_are_150() -> None:
    """Chargebee docs, MRR."""
    off = discount(amount_off=5000)
    assert mrr(sub(), item("a", 10000), item("b", 10000), off) == 15000


def test_chargebee_five_of_100_cancelled_are_500(ledger: Ledger) -> None:
    """Chargebee support, cancellation MRR."""
    for n in range(5):
        ledger.account(f"a{n}")
        ledger.span(f"a{n}", 10000, START, MIDDLE)
    assert only_row(ledger, "churned_mrr").value == 50000


def test_chargebee_fifteen_voluntary_of_10_are_150_beside_ten_involuntary(ledger: Ledger) -> None:
    """Chargebee support, cancellation MRR: ten for want of payment are counted apart."""
    for n in range(25):
        ledger.account(f"a{n}")
        ledger.span(f"a{n}", 1000, START, MIDDLE)
        ledger.add(
            MrrMovement,
            {
                "account_id": f"a{n}", "policy": MrrPolicy().hash, "currency": "EUR",
                "at": utc(2026, 6, 15), "kind": "churn", "amount": 1000,
                "cause": "end" if n < 15 else "payment",
                "reason": "too_expensive" if n < 15 else None,
            },
        )  # fmt: skip
    rows = ledger.kpis("churned_mrr_by_reason", Scope((JUNE,)))
    assert {r.segment["reason"]: r.value for r in rows} == {
        "voluntary": 15000, "involuntary": 10000,
    }  # fmt: skip


def test_chargebee_plan_100_and_three_addons_of_100_less_10_percent_are_360() -> None:
    """Chargebee, flexible MRR."""
    off = discount(percent_off=10)
    assert mrr(sub(), item("a", 10000), item("b", 10000, 3), off) == 36000


def test_drift_100_more_on_1000_are_an_expansion_of_10_percent(ledger: Ledger) -> None:
    ledger.account("a")
    ledger.span("a", 100000, START, MIDDLE)
    ledger.span("a", 110000, MIDDLE)
    assert only_row(ledger, "expansion_rate").value == 0.1


@pytest.mark.parametrize(("customers", "share"), [(14, 0.0714), (15, 0.0667)])
def test_drift_one_customer_of_2000_is_7_percent_of_heads_and_25_of_money(
    ledger: Ledger, customers: int, share: float
) -> None:
    """$8,000 at the end of May, of 14 or of 15 customers."""
    others = 600000 // (customers - 1)
    for n in range(customers):
        ledger.account(f"a{n}")
        rest = 600000 - others * (customers - 2)
        amount = 200000 if n == 0 else rest if n == 1 else others
        ledger.span(f"a{n}", amount, START, MIDDLE if n == 0 else None)
    assert only_row(ledger, "customer_churn_rate").value == pytest.approx(share, abs=1e-4)
    assert only_row(ledger, "gross_mrr_churn_rate").value == 0.25


def test_drift_200_answers_make_an_nps_of_40(ledger: Ledger) -> None:
    scores = [9, 10] * 50 + [7, 8] * 40 + [0, 6] * 10
    ledger.add(
        SurveyResponse,
        *(
            {
                "source_id": str(n), "kind": "nps", "score": score, "contact_source_id": str(n),
                "scale_min": 0, "scale_max": 10, "answered_at": utc(2026, 6, 3),
            }
            for n, score in enumerate(scores)
        ),
    )  # fmt: skip
    assert only_row(ledger, "nps").value == 40


def test_fight_churn_rates_are_scaled_by_powers() -> None:
    """C. Gold, listing 2.5: 1 − (1 − c)^(365 ÷ days)."""
    assert scale_rate(0.2, 90, 365) == pytest.approx(1 - 0.8 ** (365 / 90))
    assert scale_rate(0.2, 90, 365 / 12) == pytest.approx(1 - 0.8 ** (365 / 12 / 90))


def test_decagon_100_answers_that_sum_to_540_are_5_4_and_simplesat_8_of_10_are_80_percent(
    ledger: Ledger,
) -> None:
    scores = [5] * 60 + [6] * 40
    ledger.add(SurveyResponse, *(_effort(n, score) for n, score in enumerate(scores)))
    assert only_row(ledger, "ces").value == pytest.approx(5.4)
    july = find_period(date(2026, 12, 1), "month", "UTC")
    later = [7, 7, 7, 6, 6, 6, 5, 5, 4, 2]
    ledger.add(
        SurveyResponse,
        *(_effort(200 + n, s, answered_at=utc(2026, 12, 3)) for n, s in enumerate(later)),
    )
    [easy] = ledger.kpis("ces_easy", Scope((july,)))
    assert easy.value == 0.8


def _effort(n: int, score: int, **fields: Any) -> dict[str, Any]:
    return {
        "source_id": str(n), "kind": "ces", "score": score, "contact_source_id": str(n),
        "scale_min": 1, "scale_max": 7, "answered_at": utc(2026, 6, 3), **fields,
    }  # fmt: skip
