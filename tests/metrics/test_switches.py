"""Every switch of the policy, turned: a number worked by hand before and after."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from cs_sync.metrics.fx import ExchangeRates, build_conversion
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.mrr.policy import PRESETS, MrrPolicy
from cs_sync.metrics.periods import find_period
from cs_sync_schemas import (
    Cost,
    Discount,
    Invoice,
    InvoiceLine,
    Subscription,
    SubscriptionItem,
)
from tests.metrics.conftest import Ledger, utc

Number = int | float | None


@dataclass(frozen=True)
class Turn:
    """What the books of `fill` say of `metric` with the switch as it is, and turned to `to`."""

    to: Any
    metric: str
    before: Number
    after: Number
    fill: Callable[[Ledger], None]
    month: date = date(2026, 6, 1)
    label: str = ""


def sub(ledger: Ledger, account: str = "a", **fields: Any) -> None:
    """A subscription of 10.00 a month since January, unless said otherwise."""
    name = fields.pop("name", f"s-{account}")
    item = fields.pop("item", {})
    if not fields.pop("again", False):
        ledger.account(account)
    start = fields.get("started_at", utc(2026, 1, 1))
    ledger.add(
        Subscription,
        {
            "source_id": name, "account_source_id": account, "currency": "EUR",
            "started_at": start, **fields,
        },
    )  # fmt: skip
    ledger.add(
        SubscriptionItem,
        {
            "source_id": name, "subscription_source_id": name, "unit_amount": "1000",
            "valid_from": start, **item,
        },
    )  # fmt: skip


def discount(ledger: Ledger, **fields: Any) -> None:
    given: dict[str, Any] = {
        "source_id": "d", "subscription_source_id": "s-a", "percent_off": "50",
        "starts_at": utc(2026, 6, 1), **fields,
    }  # fmt: skip
    ledger.add(Discount, given)


def bill(ledger: Ledger, **fields: Any) -> None:
    given: dict[str, Any] = {
        "source_id": "in", "account_source_id": "a", "subscription_source_id": "s-a",
        "currency": "EUR", "issued_at": utc(2026, 5, 1), **fields,
    }  # fmt: skip
    ledger.add(Invoice, given)


def weekly(ledger: Ledger) -> None:
    sub(ledger, item={"interval": "week"})


def daily(ledger: Ledger) -> None:
    sub(ledger, item={"interval": "day"})


def taxed(ledger: Ledger) -> None:
    sub(ledger, item={"unit_amount": "1230", "inclusive_tax_percent": "23"})


def seat_added(ledger: Ledger) -> None:
    """Ten seats, and an eleventh from the middle of June."""
    sub(ledger, item={"quantity": "10"})
    later = {"valid_from": utc(2026, 6, 16), "unit_amount": "1000", "quantity": "11"}
    same = {"source_id": "s-a", "subscription_source_id": "s-a"}
    ledger.add(SubscriptionItem, same | later)


def metered(ledger: Ledger) -> None:
    """30.00 in April, 60.00 in May, 90.00 in June."""
    sub(ledger)
    for month, amount in ((4, 3000), (5, 6000), (6, 9000)):
        bill(ledger, source_id=f"in{month}", status="paid", issued_at=utc(2026, month + 1, 1))
        ledger.add(
            InvoiceLine,
            {
                "source_id": f"l{month}", "invoice_source_id": f"in{month}", "currency": "EUR",
                "amount": amount, "usage_type": "metered", "period_start": utc(2026, month, 1),
                "period_end": utc(2026, month + 1, 1),
            },
        )  # fmt: skip


def forever(ledger: Ledger) -> None:
    sub(ledger)
    discount(ledger)


def repeating(ledger: Ledger) -> None:
    sub(ledger)
    discount(ledger, duration="repeating", ends_at=utc(2026, 9, 1))


def once(ledger: Ledger) -> None:
    sub(ledger)
    discount(ledger, duration="once")


def on_trial(ledger: Ledger) -> None:
    sub(ledger, status="trialing", started_at=utc(2026, 6, 20), trial_end=utc(2026, 7, 20))


def given_a_month(ledger: Ledger) -> None:
    """Paid for since January; free from 10 June to 10 July."""
    start, end = utc(2026, 6, 10), utc(2026, 7, 10)
    sub(ledger, status="trialing", trial_start=start, trial_end=end)


def one_pays_one_does_not(ledger: Ledger) -> None:
    sub(ledger)
    sub(ledger, "b", item={"unit_amount": "0"})


def down_to_nothing(ledger: Ledger) -> None:
    sub(ledger)
    discount(ledger, percent_off="100", starts_at=utc(2026, 6, 9))


def overdue(ledger: Ledger) -> None:
    sub(ledger, status="past_due")
    bill(ledger, status="open", amount_remaining=1000, due_at=utc(2026, 5, 20))


def unpaid(ledger: Ledger) -> None:
    sub(ledger, status="unpaid")
    bill(ledger, status="open", amount_remaining=1000, period_end=utc(2026, 6, 1))


def paused(ledger: Ledger) -> None:
    sub(ledger, collection_paused="void", paused_at=utc(2026, 6, 5))


def paused_as_draft(ledger: Ledger) -> None:
    sub(ledger, collection_paused="keep_as_draft", paused_at=utc(2026, 6, 5))


def leaving(ledger: Ledger) -> None:
    """Asked in June to end with July."""
    sub(ledger, canceled_at=utc(2026, 6, 10), cancel_at=utc(2026, 8, 1))


def left_what_was_paid(ledger: Ledger) -> None:
    """Ended on 10 June with a year that is paid until 2027."""
    sub(ledger, status="canceled", ended_at=utc(2026, 6, 10), item={"interval": "year"})
    bill(ledger, status="paid", issued_at=utc(2026, 1, 1), period_end=utc(2027, 1, 1))


def renewed_late(ledger: Ledger) -> None:
    """Ended on 20 May, subscribed again on 4 June: 15 days later."""
    sub(ledger, status="canceled", ended_at=utc(2026, 5, 20))
    sub(ledger, name="again", again=True, started_at=utc(2026, 6, 4))


def switched(ledger: Ledger) -> None:
    """Cancelled at nine, subscribed to more at ten, and as it was at noon."""
    sub(ledger, status="canceled", ended_at=utc(2026, 6, 10, 9))
    ends, more = utc(2026, 6, 10, 12), {"unit_amount": "3000"}
    sub(ledger, name="b", again=True, started_at=utc(2026, 6, 10, 10), ended_at=ends, item=more,
        status="canceled")  # fmt: skip
    sub(ledger, name="c", again=True, started_at=ends)


def switched_overnight(ledger: Ledger) -> None:
    """Cancelled at ten in the evening on the last of June, subscribed to more at three."""
    sub(ledger, status="canceled", ended_at=utc(2026, 6, 30, 22))
    more = {"unit_amount": "3000"}
    sub(ledger, name="b", again=True, started_at=utc(2026, 7, 1, 3), item=more)


def visitor(ledger: Ledger) -> None:
    """One stays; one joins on 5 June and leaves on the 20th."""
    sub(ledger)
    sub(ledger, "b", status="canceled", started_at=utc(2026, 6, 5), ended_at=utc(2026, 6, 20))


def one_trial_of_two_paid(ledger: Ledger) -> None:
    """Both trials end on 15 June; the card of the second is refused until July."""
    trial: dict[str, Any] = {"started_at": utc(2026, 6, 1), "trial_end": utc(2026, 6, 15)}
    sub(ledger, **trial)
    sub(ledger, "b", status="canceled", ended_at=utc(2026, 7, 6), **trial)
    bill(ledger, status="paid", issued_at=utc(2026, 6, 15), paid_at=utc(2026, 6, 15))
    refused = {"source_id": "in-b", "account_source_id": "b", "subscription_source_id": "s-b"}
    bill(ledger, **refused, status="uncollectible", issued_at=utc(2026, 6, 15))


def one_of_four_left(ledger: Ledger) -> None:
    """Four customers, one leaves and one joins."""
    for n in range(4):
        gone = {"status": "canceled", "ended_at": utc(2026, 6, 9)} if n == 0 else {}
        sub(ledger, f"a{n}", **gone)
    sub(ledger, "new", started_at=utc(2026, 6, 12))


def one_returned(ledger: Ledger) -> None:
    """20.00 at the start, 10.00 of it lost, 10.00 returned from an earlier loss."""
    sub(ledger)
    sub(ledger, "b", status="canceled", ended_at=utc(2026, 6, 9))
    sub(ledger, "c", status="canceled", ended_at=utc(2026, 3, 1))
    sub(ledger, "c", name="again", again=True, started_at=utc(2026, 6, 4))


def two_with_margin(ledger: Ledger) -> None:
    sub(ledger)
    sub(ledger, "b")
    cost = {"month": date(2026, 6, 1), "purpose": "service", "amount": 400, "currency": "EUR"}
    ledger.add(Cost, {"source_id": "c", **cost})


TURNS: dict[str, tuple[Turn, ...]] = {
    "weeks_per_year": (Turn(48, "mrr", 4333, 4000, weekly),),  # 10.00 × 52/12, × 48/12
    "days_per_year": (Turn(360, "mrr", 30417, 30000, daily),),  # 10.00 × 365/12, × 360/12
    "inclusive_tax": (Turn("kept", "mrr", 1000, 1230, taxed),),
    "proration": (
        Turn("invoiced", "mrr", 11000, 10500, seat_added),  # half of June is invoiced
        Turn("invoiced", "mrr", 11000, 11000, seat_added, date(2026, 7, 1), "later"),
        Turn("invoiced", "expansion_mrr", 0, 500, seat_added, date(2026, 7, 1), "then"),
    ),
    "usage_months": (Turn(1, "usage_mrr", 6000, 9000, metered),),
    "forever_discounts": (Turn(False, "mrr", 500, 1000, forever),),
    "repeating_discounts": (Turn(False, "mrr", 500, 1000, repeating),),
    "once_discounts": (
        Turn(True, "mrr", 1000, 500, once),
        Turn(True, "mrr", 1000, 1000, once, date(2026, 7, 1), "over"),
    ),
    "trials": (Turn("counted", "mrr", None, 1000, on_trial),),
    "unpaid_trials": (
        Turn("counted", "new_mrr", 1000, 2000, one_trial_of_two_paid),
        Turn("counted", "churned_mrr", 0, 1000, one_trial_of_two_paid, date(2026, 7, 1), "left"),
        Turn("counted", "trial_conversion_rate", 0.5, 0.5, one_trial_of_two_paid, label="rate"),
    ),
    "running_trials": (
        Turn("excluded", "mrr", 1000, 0, given_a_month),
        Turn("excluded", "mrr", 1000, 1000, given_a_month, date(2026, 5, 1), "before"),
    ),
    "free_plan": (
        Turn("customer", "customers", 1, 2, one_pays_one_does_not),
        Turn("customer", "churned_customers", 1, 0, down_to_nothing, label="down"),
        Turn("customer", "contraction_mrr", 0, 1000, down_to_nothing, label="money"),
        Turn("customer", "churned_mrr", 1000, 0, down_to_nothing, label="lost"),
    ),
    "past_due_churn_days": (
        Turn(30, "churned_mrr", 0, 1000, overdue),  # 30 days after 20 May: 19 June
        Turn(90, "churned_mrr", 0, 0, overdue, label="later"),
    ),
    "unpaid": (Turn("counted", "churned_mrr", 1000, 0, unpaid),),
    "pause": (Turn("counted", "mrr", 0, 1000, paused),),
    "draft_pause": (Turn("excluded", "mrr", 1000, 0, paused_as_draft),),
    "cancellation": (
        Turn("request", "mrr", 1000, 0, leaving),
        Turn("paid_until", "mrr", 0, 83, left_what_was_paid, label="paid"),
    ),
    "renewal_grace_days": (
        Turn(15, "reactivation_mrr", 1000, 0, renewed_late),
        Turn(14, "reactivation_mrr", 1000, 1000, renewed_late, label="too short"),
        Turn(15, "churned_customers", 1, 0, renewed_late, date(2026, 5, 1), "no loss"),
    ),
    "reactivation_within_days": (
        Turn(14, "new_mrr", 0, 1000, renewed_late),
        Turn(14, "reactivation_mrr", 1000, 0, renewed_late, label="not again"),
        Turn(15, "reactivation_mrr", 1000, 1000, renewed_late, label="in time"),
    ),
    "switch_netting": (
        Turn("none", "mrr_moved_by_cause", None, 6000, switched),  # 10 − 10 + 30 − 30 + 10 …
        Turn("hour", "mrr_moved_by_cause", None, 4000, switched, label="hour"),
    ),
    "switch_within_hours": (
        Turn(1, "churned_mrr", 0, 1000, switched_overnight),
        Turn(1, "reactivation_mrr", 0, 3000, switched_overnight, date(2026, 7, 1), "again"),
        Turn(1, "expansion_mrr", 2000, 0, switched_overnight, date(2026, 7, 1), "more"),
        Turn(5, "churned_mrr", 0, 0, switched_overnight, label="in time"),
    ),
    "came_and_left": (
        Turn("dropped", "new_mrr", 1000, 0, visitor),
        Turn("dropped", "churned_mrr", 1000, 0, visitor, label="lost"),
        Turn("dropped", "customer_churn_rate", 0, 0, visitor, label="never in a rate"),
        Turn("dropped", "gross_mrr_churn_rate", 0, 0, visitor, label="nor of money"),
    ),
    "churn_denominator": (
        Turn("start_plus_new", "customer_churn_rate", 0.25, 0.2, one_of_four_left),
    ),
    "net_churn_counts_reactivation": (
        Turn(False, "net_mrr_churn_rate", 0, 0.5, one_returned),
    ),
    "churn_rate_without_churn": (
        # Revenue 10.00 each, margin 1 − 4 ÷ 20 = 0.8: 8.00 ÷ 0.0167 = 479.04
        Turn(0.0167, "ltv", None, 47904, two_with_margin),
    ),
}  # fmt: skip


def value(ledger: Ledger, turn: Turn, policy: MrrPolicy) -> Number:
    """The metric's value; of one that is split, the sum."""
    scope = Scope((find_period(turn.month, "month", "UTC"),), policy)
    values = [row.value for row in ledger.kpis(turn.metric, scope) if row.value is not None]
    return sum(values) if values else None


@pytest.mark.parametrize(
    ("switch", "turn"),
    [
        pytest.param(switch, turn, id=f"{switch} {turn.label}".strip())
        for switch, turns in TURNS.items()
        for turn in turns
    ],
)
def test_a_switch_changes_what_it_says(ledger: Ledger, switch: str, turn: Turn) -> None:
    turn.fill(ledger)
    accounts = ["a", "b", "c", "new", *(f"a{n}" for n in range(4))]
    for policy, expected in (
        (MrrPolicy(), turn.before),
        (MrrPolicy(**{switch: turn.to}), turn.after),
    ):
        ledger.compute(accounts, policy)
        assert value(ledger, turn, policy) == expected, policy


def test_every_switch_is_turned() -> None:
    elsewhere = {"name", "zone", "fx_rate"}
    assert set(TURNS) == set(MrrPolicy.model_fields) - elsewhere


def test_rates_of_exchange_are_of_the_day_that_the_policy_names() -> None:
    """1.10 from 1 May, 1.20 from 31 May, 1.30 from 15 June, 1.40 from 20 June."""
    days = {"2026-05-01": 110, "2026-05-31": 120, "2026-06-01": 125, "2026-06-15": 130,
            "2026-06-20": 140}  # fmt: skip
    quotes = [
        (date.fromisoformat(day), "USD", "EUR", Fraction(cents, 100)) for day, cents in days.items()
    ]
    week, june = (find_period(date(2026, 6, 16), grain, "UTC") for grain in ("week", "month"))

    def closing(day_of: Any) -> list[Fraction]:
        actual = build_conversion(
            ExchangeRates(quotes), "EUR", [week, june], {"USD": utc(2026, 1, 1)}, openings=True,
            day_of=day_of,
        )  # fmt: skip
        return list(actual.closing["USD"])

    assert closing("period_end") == [Fraction(14, 10), Fraction(14, 10)]
    assert closing("month_end") == [Fraction(12, 10), Fraction(14, 10)]
    assert closing("month_start") == [Fraction(125, 100), Fraction(125, 100)]


def test_a_day_begins_in_the_policys_zone(ledger: Ledger) -> None:
    """Cancelled at eleven in the evening in Warsaw, subscribed again at one: two days there."""
    sub(ledger, status="canceled", ended_at=utc(2026, 6, 9, 21))
    sub(ledger, name="again", again=True, started_at=utc(2026, 6, 9, 23))
    turn = Turn("UTC", "mrr_moved_by_cause", None, None, weekly)
    for zone, moved in (("UTC", None), ("Europe/Warsaw", 2000)):
        policy = MrrPolicy(zone=zone, switch_within_hours=0)
        ledger.compute(["a"], policy)
        assert value(ledger, turn, policy) == moved


def test_presets_set_what_their_makers_say() -> None:
    """Stripe: no repeating coupons, past due counts after a trial, too, no time on trial does,
    cancelled when asked, new ones in the denominator, 1.67 % for a lifetime without churn.
    ChartMogul: once coupons, unpaid counts, switches within the hour, who pays nothing is active.
    ProfitWell: all coupons, on hold is nothing, who comes and goes in a month is dropped.
    Baremetrics: delinquent for 30 days, net churn without reactivation. Recurly: failed charges
    count, pauses do not, only what is
    prorated, back after a month."""
    assert PRESETS == {
        "default": {},
        "stripe": {
            "repeating_discounts": False, "unpaid_trials": "counted",
            "running_trials": "excluded", "cancellation": "request",
            "switch_netting": "none", "churn_denominator": "start_plus_new",
            "churn_rate_without_churn": 0.0167,
        },
        "chartmogul": {
            "once_discounts": True, "unpaid": "counted", "switch_netting": "hour",
            "free_plan": "customer",
        },
        "profitwell": {
            "once_discounts": True, "draft_pause": "excluded", "came_and_left": "dropped",
        },
        "baremetrics": {
            "past_due_churn_days": 30, "unpaid": "counted",
            "net_churn_counts_reactivation": False,
        },
        "recurly": {
            "unpaid_trials": "counted", "unpaid": "counted", "draft_pause": "excluded",
            "proration": "invoiced", "renewal_grace_days": 30,
        },
    }  # fmt: skip
