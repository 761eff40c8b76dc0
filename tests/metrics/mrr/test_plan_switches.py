"""Plans changed by cancelling and creating: no churn within the span, churn beyond it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_sync.metrics.mrr.movements import calculate_account_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy
from tests.metrics.mrr.facts_of import at, facts, item, sub

EDGE = at(2026, 1, 31, 22)


def switch(end: datetime, start: datetime, **fields: Any) -> list[Any]:
    """10.00 until `end`, as Stripe tells it, and 30.00 from `start` on."""
    return [
        sub("s", status="canceled", ended_at=end, canceled_at=end),
        sub("t", started_at=start, **fields),
        item("i", valid_to=end),
        item("j", "3000", subscription_source_id="t", valid_from=start),
    ]


def steps(rows: list[Any], **switches: Any) -> list[tuple[datetime, str, int, str]]:
    actual = calculate_account_mrr(facts(*rows), MrrPolicy(**switches)).movements
    return [(m.at, m.kind, m.amount, m.cause) for m in actual]


NEW = (at(2026, 1), "new", 1000, "start")


def test_over_a_months_edge_it_is_one_step_where_the_new_plan_begins() -> None:
    rows = switch(EDGE, at(2026, 2, 1, 3))
    assert steps(rows) == [NEW, (at(2026, 2, 1, 3), "expansion", 2000, "plan")]


def test_the_new_plan_may_be_created_first() -> None:
    """Never 40.00, not for an hour."""
    rows = switch(at(2026, 2, 1, 3), EDGE)
    assert steps(rows) == [NEW, (EDGE, "expansion", 2000, "plan")]


def test_the_same_plan_again_is_no_step_at_all() -> None:
    again = item("j", "1000", subscription_source_id="t", valid_from=at(2026, 2, 1, 3))
    assert steps([*switch(EDGE, at(2026, 2, 1, 3))[:3], again]) == [NEW]


def test_beside_another_subscription_nothing_contracts() -> None:
    other = [sub("o"), item("k", "500", subscription_source_id="o")]
    actual = steps([*switch(EDGE, at(2026, 2, 1, 3)), *other])
    assert [kind for _, kind, _, _ in actual] == ["new", "expansion"]


def test_beyond_the_span_it_is_churn_and_return() -> None:
    rows = switch(EDGE, at(2026, 2, 2, 3))
    assert [kind for _, kind, _, _ in steps(rows)] == ["new", "churn", "reactivation"]
    assert [kind for _, kind, _, _ in steps(rows, switch_within_hours=48)] == ["new", "expansion"]


@pytest.mark.parametrize("netting", ["hour", "none"])
def test_the_span_follows_the_netting_of_the_policy(netting: str) -> None:
    rows = switch(EDGE, at(2026, 2, 1, 3))
    actual = steps(rows, switch_netting=netting)
    assert [kind for _, kind, _, _ in actual] == ["new", "churn", "reactivation"]
    joined = steps(rows, switch_netting=netting, switch_within_hours=24)
    assert [kind for _, kind, _, _ in joined] == ["new", "expansion"]


def test_a_trial_of_another_plan_is_no_switch() -> None:
    trial: dict[str, Any] = {"trial_start": at(2026, 2, 1, 3), "trial_end": at(2026, 2, 15, 3)}
    actual = steps(switch(EDGE, at(2026, 2, 1, 3), **trial))
    assert [kind for _, kind, _, _ in actual] == ["new", "churn", "reactivation"]


def test_another_currency_follows_without_a_gap() -> None:
    actual = calculate_account_mrr(
        facts(*switch(EDGE, at(2026, 2, 1, 3), currency="USD")), MrrPolicy()
    )
    edges = {span.currency: (span.valid_from, span.valid_to) for span in actual.spans}
    assert edges == {"EUR": (at(2026, 1), at(2026, 2, 1, 3)), "USD": (at(2026, 2, 1, 3), None)}


@given(st.integers(-24 * 60, 24 * 60), st.sampled_from(["UTC", "Europe/Warsaw", "Asia/Tokyo"]))
def test_within_a_day_nobody_leaves_and_nothing_counts_twice(minutes: int, zone: str) -> None:
    rows = switch(EDGE, EDGE + timedelta(minutes=minutes))
    spans = calculate_account_mrr(facts(*rows), MrrPolicy(zone=zone)).spans
    assert [span.amount for span in spans] == [1000, 3000]
    assert spans[0].valid_to == spans[1].valid_from
