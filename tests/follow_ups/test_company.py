"""Company-wide findings: one follow-up for one person, however many accounts there are."""

from collections.abc import Mapping
from typing import Any

from cs_sync.follow_ups import (
    COMPANY,
    PLAYBOOKS,
    CompanyView,
    FollowUpDraft,
    Question,
    plan_follow_ups,
)
from tests.follow_ups.views import NOW, view


def row(metric: str, value: float | None, **fields: Any) -> dict[str, Any]:
    return {
        "metric": metric, "period_start": "2025-10-01", "period_end": "2025-11-01", "segment": {},
        "currency": None, "value": value, "unit": "ratio", "numerator": 7, "denominator": 100,
        "n": 100, "low": None, "high": None, "policy": "default", "status": "final",
        "stale_since": None, **fields,
    }  # fmt: skip


def list_drafts(
    name: str, kpis: Mapping[Question, tuple[Mapping[str, Any], ...]], **settings: Any
) -> list[FollowUpDraft]:
    """What one company-wide playbook makes of KPIs, beside accounts that do not concern it."""
    playbook = PLAYBOOKS[name]
    chosen = type(playbook.defaults).model_validate(
        {**playbook.defaults.model_dump(), "assignee": "Head@Example.com", **settings}
    )
    company = CompanyView(NOW, kpis, "Europe/Warsaw")
    accounts = [view(), view(id="beta")]
    return plan_follow_ups(accounts, {name: playbook}, {name: chosen}, company).drafts


def churn(value: float | None, per: str = "month", **fields: Any) -> dict[Question, Any]:
    return {Question("customer_churn_rate", per): (row("customer_churn_rate", value, **fields),)}


def test_churn_above_its_target_asks_for_exit_surveys_once() -> None:
    (draft,) = list_drafts("exit_surveys", churn(0.07))
    assert draft.title == "Ask leaving customers why: 7.0% churn in a month"
    assert draft.body.startswith("7 of 100 customers left in the month from 2025-10-01; the target")
    assert (draft.account_id, draft.assignee) == (COMPANY, "head@example.com")
    assert draft.occasion == "month from 2025-10-01"


def test_churn_at_its_target_or_unknown_or_of_another_period_asks_for_nothing() -> None:
    assert list_drafts("exit_surveys", churn(0.05)) == []
    assert list_drafts("exit_surveys", churn(None, status="insufficient")) == []
    assert list_drafts("exit_surveys", churn(0.5, status="stale")) == []
    quarterly = {"rate": 0.1, "per": "quarter"}
    assert list_drafts("exit_surveys", churn(0.07), target=quarterly) == []
    assert len(list_drafts("exit_surveys", churn(0.11, "quarter"), target=quarterly)) == 1


def test_two_to_one_is_too_dear() -> None:
    question = Question("ltv_crc", "quarter")
    (draft,) = list_drafts("cost_work", {question: (row("ltv_crc", 2.0, currency="EUR"),)})
    assert draft.title == "Lower the cost of retention: LTV:CRC 2:1"
    assert list_drafts("cost_work", {question: (row("ltv_crc", 3.0, currency="EUR"),)}) == []


def test_a_segment_that_converts_far_better_is_worth_a_shift() -> None:
    """Of all trials 15 % pay, of the agencies' 25 %: 1.67 times as many."""
    name = "trial_conversion_rate"
    agencies = {"segment": {"industry": "agency"}, "numerator": 100, "denominator": 400}

    def answers(low: float) -> dict[Question, Any]:
        return {
            Question(name, "quarter"): (row(name, 0.15),),
            Question(name, "quarter", "industry"): (
                row(name, 0.14, low=0.1, segment={"industry": "bank"}),
                row(name, 0.25, low=low, **agencies),
            ),
        }

    (draft,) = list_drafts("segment_shift", answers(low=0.21))
    assert draft.title == "Prioritise agency: 25% trial-to-paid conversion"
    assert draft.occasion == "industry agency, quarter from 2025-10-01"
    assert list_drafts("segment_shift", answers(low=0.12)) == []


def test_each_asks_only_for_what_it_needs() -> None:
    asked = {n: list(p.asks(p.defaults)) for n, p in PLAYBOOKS.items() if p.scope == "company"}
    assert asked == {
        "exit_surveys": [Question("customer_churn_rate", "month")],
        "cost_work": [Question("ltv_crc", "quarter")],
        "segment_shift": [
            Question("trial_conversion_rate", "quarter"),
            Question("trial_conversion_rate", "quarter", "industry"),
        ],
    }
