"""What the playbooks led to: how many follow-ups, what people did, what became of the accounts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cs_sync.follow_ups.outcomes import Afterwards, Past, outcome_of, recovered, summarised
from cs_sync.jobs.derive import policy_of
from cs_sync.jobs.follow_ups import playbooks as known_playbooks
from cs_sync.jobs.workspace import Workspace
from cs_sync.store.follow_ups import read_follow_ups
from cs_sync.store.health import bands_by_day
from cs_sync.store.lookup import Span, mrr_spans


def playbooks(workspace: Workspace) -> list[dict[str, Any]]:
    """One row per playbook, in the order in which they are listed."""
    with workspace.store.read() as connection:
        rows = read_follow_ups(connection)
        bands = bands_by_day(connection, workspace.config.health.mode)
        spans = mrr_spans(connection, policy_of(workspace).hash)
    past = [
        _past(workspace, row, bands.get(row["account_id"], []), spans.get(row["account_id"], []))
        for row in rows
    ]
    settings = workspace.config.playbooks
    found = summarised(past, list(known_playbooks(workspace)))
    return [
        {**row, "enabled": name in settings and settings[name].enabled}
        for row in found
        for name in [row["playbook"]]
    ]


def _past(
    workspace: Workspace, row: Mapping[str, Any], bands: list[Any], spans: list[Span]
) -> Past:
    rules, now = workspace.config.follow_ups, workspace.clock()
    begun: datetime = row["created_at"]
    over = begun + rules.recovered_within
    zone = workspace.config.workspace.timezone
    first, last = begun.astimezone(zone).date(), over.astimezone(zone).date()
    later = [(day, band) for day, band in bands if first < day <= last]
    after = Afterwards(later, _mrr(spans, over))
    return Past(
        row["playbook"],
        outcome_of(row, now, rules.ignored_after),
        recovered(row, after) if over <= now else None,
    )


def _mrr(spans: list[Span], at: datetime) -> dict[str, int]:
    return {
        span.currency: span.amount
        for span in spans
        if span.valid_from <= at and (span.valid_to is None or span.valid_to > at)
    }
