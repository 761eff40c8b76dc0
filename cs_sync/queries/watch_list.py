"""The watch list: customers with the most money at risk."""

from typing import Any

from cs_sync.health.money_at_risk import calculate_money_at_risk
from cs_sync.jobs.follow_ups import DecidedFollowUps
from cs_sync.queries.day import DayView
from cs_sync.queries.score import ScoredAccount

WATCH_LIST_LENGTH = 10


def build_watch_list(day: DayView, follow_ups: DecidedFollowUps) -> list[dict[str, Any]]:
    """Return the customers with the most money at risk.

    That is MRR × (100 − score) ÷ 100. Currencies are ranked at par: this is an order of
    attention, not a sum.
    """
    ranked = sorted(
        (item for item in day.customers if item.score.band in ("red", "yellow")),
        key=lambda item: (-_get_money_at_risk(item, day), item.account["id"]),
    )[:WATCH_LIST_LENGTH]
    actions = follow_ups.list_next_actions()
    return [
        {
            **item.row(day.day),
            "mrr": day.get_mrr(item.account["id"]),
            "next_action": actions.get(item.account["id"]),
        }
        for item in ranked
    ]


def _get_money_at_risk(scored: ScoredAccount, day: DayView) -> float:
    score = scored.score.score
    mrr = day.get_mrr(scored.account["id"])
    return calculate_money_at_risk(mrr, None if score is None else float(score))
