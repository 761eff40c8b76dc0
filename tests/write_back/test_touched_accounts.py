"""Which accounts count as changed by a push, against `max_change`."""

from typing import Any

import pytest

from cs_sync.contracts.destination import Op
from cs_sync.write_back.plan import DesiredRecord, LedgerEntry, list_touched_accounts, make_plan

KNOWN: dict[str, Any] = {"cs_health_score": 70.0, "cs_priority": 30.0, "cs_updated_at": "monday"}
OUTLOOK = {
    "cs_churn_probability": 0.25, "cs_churn_outlook": "1 in 4 leaves", "cs_priority": 25.0,
    "cs_priority_basis": "churn_probability", "cs_updated_at": "tuesday",
}  # fmt: skip


def touched(fields: dict[str, Any], known: dict[str, Any] | None) -> bool:
    record = DesiredRecord(Op("account", "a", fields, "7"), "a")
    entry = LedgerEntry("account", "a", "acked", "7", known or {})
    ledger = {} if known is None else {("account", "a"): entry}
    plan = make_plan([record], ledger, "cs_")  # type: ignore[arg-type]
    return list_touched_accounts(plan, "cs_") == {"a"}


@pytest.mark.parametrize(
    ("fields", "known", "counts"),
    [
        (KNOWN, None, True),
        ({**KNOWN, **OUTLOOK}, KNOWN, False),
        ({**KNOWN, **OUTLOOK, "cs_health_score": 50.0}, KNOWN, True),
        ({**KNOWN, **OUTLOOK, "cs_churn_probability": 0.5}, {**KNOWN, **OUTLOOK}, True),
        ({**KNOWN, "cs_churn_outlook": "", "cs_updated_at": "x"}, {**KNOWN, **OUTLOOK}, False),
        (KNOWN, KNOWN, False),
        ({**KNOWN, "cs_health_history": "2026-10: 70"}, {**KNOWN, "cs_health_history": "x"}, False),
        ({**KNOWN, "cs_links": "Stripe: https://b"}, {**KNOWN, "cs_links": "x"}, True),
    ],
    ids=[
        "first write",
        "new fields",
        "a moved score",
        "a moved chance",
        "withdrawn",
        "the same",
        "a new month",
        "another link",
    ],
)
def test_an_account_counts_when_what_is_known_of_it_changes(
    fields: dict[str, Any], known: dict[str, Any] | None, counts: bool
) -> None:
    assert touched(fields, known) is counts


def test_a_follow_up_counts_with_its_account() -> None:
    record = DesiredRecord(Op("follow_up", "k", {"title": "Call"}), "a")
    assert list_touched_accounts(make_plan([record], {}, "cs_"), "cs_") == {"a"}
