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
from cs_sync.jobs.follow_ups import get_playbooks as known_playbooks
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.accounts import Span, read_mrr_spans
from cs_sync.store.queries.follow_ups import read_follow_ups
from cs_sync.store.queries.health import read_daily_bands


def list_playbook_outcomes(workspace: Workspace) -> list[dict[str, Any]]:
    """List the outcomes of every playbook, in the order of the registry."""
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
    settings = workspace.config.playbooks
    outcomes = summarize_playbooks(past, list(known_playbooks(workspace)))
    return [
        {**row, "enabled": name in settings and settings[name].enabled}
        for row in outcomes
        for name in [row["playbook"]]
    ]


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
