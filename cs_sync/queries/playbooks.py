"""Outcomes of the playbooks: follow-ups, people's actions and accounts' recovery."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cs_sync.follow_ups.outcomes import (
    AccountAfterwards,
    PastFollowUp,
    classify_outcome,
    has_recovered,
    summarize_playbooks,
)
from cs_sync.foresight.holdouts import HoldoutAnswer
from cs_sync.queries.holdouts import CustomerBook, judge_playbook_holdout
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.playbooks import get_playbooks
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.accounts import Span, read_mrr_spans
from cs_sync.store.queries.follow_ups import read_follow_ups
from cs_sync.store.queries.stored_scores import read_daily_bands

HOLDOUT_FIELDS = (
    *("holdout_eligible", "holdout_needed", "holdout_answer_on", "churn_rate"),
    *("held_out_churn_rate", "churn_effect", "churn_effect_low", "churn_effect_high"),
    "holdout_verdict",
)
"""Accounts since the holdout began, how many it needs, by when, and its effect on churn."""


def list_playbook_outcomes(
    workspace: Workspace, holdout: float | None = None
) -> list[dict[str, Any]]:
    """List the outcomes of every playbook, in the order of the registry.

    Args:
        workspace: The workspace.
        holdout: Show what a holdout of this share would need, where a playbook has none.
    """
    with workspace.store.read() as connection:
        rows = read_follow_ups(connection)
        bands = read_daily_bands(connection, workspace.config.health.mode)
        spans = read_mrr_spans(connection, get_mrr_policy(workspace).hash)
    past = [
        _build_past_follow_up(
            workspace, row, bands.get(row["account_id"], []), spans.get(row["account_id"], [])
        )
        for row in rows
    ]
    settings, playbooks = workspace.config.playbooks, get_playbooks(workspace)
    book, listed = CustomerBook(workspace, spans), []
    for outcome in summarize_playbooks(past, list(playbooks)):
        name = outcome["playbook"]
        chosen, answer = settings.get(name), None
        if chosen and playbooks[name].scope == "account":
            supposed = chosen.model_copy(update={"holdout": chosen.holdout or holdout or 0.0})
            own = [row for row in rows if row["playbook"] == name]
            answer = judge_playbook_holdout(workspace, supposed, own, book)
        enabled = bool(chosen and chosen.enabled)
        listed.append({**outcome, **_format_holdout(answer), "enabled": enabled})
    return listed


def _format_holdout(answer: HoldoutAnswer | None) -> dict[str, Any]:
    """Format what a holdout says of churn; without one all is None."""
    if answer is None:
        return dict.fromkeys(HOLDOUT_FIELDS)
    effect = answer.effect or (None, None, None)
    values = (
        *(answer.eligible, answer.needed, answer.answer_on),
        *(answer.treated.rate, answer.held_out.rate, *effect, answer.verdict),
    )
    return dict(zip(HOLDOUT_FIELDS, values, strict=True))


def _build_past_follow_up(
    workspace: Workspace, row: Mapping[str, Any], bands: list[Any], spans: list[Span]
) -> PastFollowUp:
    rules, now = workspace.config.follow_ups, workspace.clock()
    begun: datetime = row["created_at"]
    over = begun + rules.recovered_within
    zone = workspace.config.workspace.timezone
    first, last = begun.astimezone(zone).date(), over.astimezone(zone).date()
    later = [(day, band) for day, band in bands if first < day <= last]
    after = AccountAfterwards(later, _select_mrr_at(spans, over))
    return PastFollowUp(
        row["playbook"],
        classify_outcome(row, now, rules.ignored_after),
        has_recovered(row, after) if over <= now else None,
    )


def _select_mrr_at(spans: list[Span], at: datetime) -> dict[str, int]:
    return {
        span.currency: span.amount
        for span in spans
        if span.valid_from <= at and (span.valid_to is None or span.valid_to > at)
    }
