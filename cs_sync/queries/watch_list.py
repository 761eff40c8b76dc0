"""The watch list: customers with the most money at risk."""

from typing import Any

from cs_sync.jobs.follow_ups import DecidedFollowUps
from cs_sync.queries.day import DayView
from cs_sync.queries.score import ScoredAccount

WATCH_LIST_LENGTH = 10
"""How long it is at least; who has an unpaid invoice or cancelled is never cut off."""


LEAST_LOSS = 3
"""Points that a reason costs to be named: less than that is no reason to call."""


def build_watch_list(day: DayView, follow_ups: DecidedFollowUps) -> list[dict[str, Any]]:
    """Return the customers with most money at risk or an urgent call.

    Money at risk is MRR × P(churn), without an accepted model MRR × (100 − score) ÷ 100; the whole
    MRR of who has cancelled all of it, and what is owed by who pays no MRR now, as a paused
    customer. Whatever the score, an unpaid invoice and a scheduled cancellation put a customer on
    the list; red and yellow ones, and those likely to leave, fill it up. Currencies are ranked at
    par: this is an order of attention, not a sum.
    """
    ranked = sorted(
        (item for item in day.customers if is_watched(item, day)),
        key=lambda item: (-day.calculate_money_at_risk(item), item.account["id"]),
    )
    others = [item for item in ranked if not item.head.is_urgent]
    room = max(WATCH_LIST_LENGTH - (len(ranked) - len(others)), 0)
    dropped = {item.account["id"] for item in others[room:]}
    actions = follow_ups.list_next_actions()
    return [
        {
            **item.row(day.day),
            **day.forecast.row(item.account["id"]),
            "priority_basis": day.assess_risk(item).basis,
            "reasons": _list_causes(item),
            "mrr": day.get_mrr(item.account["id"]),
            "next_action": actions.get(item.account["id"]),
        }
        for item in ranked
        if item.account["id"] not in dropped
    ]


def is_watched(scored: ScoredAccount, day: DayView) -> bool:
    """Return whether to look at an account.

    It is red, yellow, urgent or likely to leave.
    """
    is_worrying = scored.head.is_urgent or scored.band in ("red", "yellow")
    return is_worrying or day.forecast.is_likely_to_leave(scored.account["id"])


def _list_causes(scored: ScoredAccount) -> list[str]:
    """Return the causes for listing it: urgent ones, then lost points."""
    costly = (r.text for r in scored.reasons if r.loss is not None and r.loss >= LEAST_LOSS)
    return list(dict.fromkeys([*scored.urgent, *costly]))
