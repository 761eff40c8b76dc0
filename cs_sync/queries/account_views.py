"""Input of the account playbooks: the current state of every customer."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection

from cs_sync.follow_ups import AccountView, compute_popularity
from cs_sync.follow_ups.mrr_news import filter_real_movements
from cs_sync.queries.day import DayView
from cs_sync.queries.score import ScoredAccount
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.crm_records import read_remote_accounts
from cs_sync.store.queries.health import read_current_bands
from cs_sync.store.queries.mrr_movements import read_movements, read_sync_times

LOOK_BACK = timedelta(days=120)
"""How far back playbooks may look for movements."""


USAGE_SIGNALS = ("active_days_28", "days_since_use")
"""Signals that are only known of accounts that a source of usage knows."""


def build_account_views(
    workspace: Workspace, day: DayView, stored: Sequence[Mapping[str, Any]] = ()
) -> list[AccountView]:
    """Build the playbooks' view of the customers of a day.

    Args:
        workspace: The workspace.
        day: The scored accounts and their MRR.
        stored: The stored follow-ups; the active ones may continue.
    """
    now, policy = workspace.clock(), get_mrr_policy(workspace).hash
    zone, since = str(workspace.config.workspace.timezone), now - LOOK_BACK
    with workspace.store.read() as connection:
        movements = read_movements(connection, policy, since)
        looks = read_sync_times(connection, policy, zone, since)
        subjects = read_crm_subjects(workspace, connection)
        bands = read_current_bands(connection, workspace.config.health.mode, workspace.today)
    popular = compute_popularity(item.evidence.features for item in day.scored)
    used = [item.evidence.usage.last_day for item in day.scored if item.evidence.usage]
    shared = {
        "now": now,
        "zone": zone,
        "words": workspace.words,
        "popular": popular,
        "usage_until": max(used, default=None),
    }
    views, occasions = [], _group_open_occasions(stored)
    for item in day.scored:
        name = item.account["id"]
        band, band_from = bands.get(name, ("", workspace.today))
        if item.is_customer:
            own = {
                "subject": subjects.get(name, ""),
                "mrr": day.get_mrr(name),
                "movements": tuple(filter_real_movements(movements.get(name, ()), looks)),
                "band_since": band_from if band == item.score.band else workspace.today,
                "occasions": occasions.get(name, {}),
                "never_used_since": _get_never_used_since(workspace, item),
            }
            views.append(_build_view(item, {**shared, **own}))
    return views


def read_crm_subjects(workspace: Workspace, connection: Connection) -> dict[str, str]:
    """Return account id → its only record in the CRM that gets the follow-ups.

    Our own account id depends on the record read first; the CRM's id does not. Keys based
    on it are the same after a loss of the database.
    """
    subjects: dict[str, str] = {}
    for destination in workspace.config.write_back.destinations:
        for account, records in read_remote_accounts(connection, destination).items():
            if len(records) == 1:
                subjects.setdefault(account, f"{destination}:{records[0][0]}")
    return subjects


def _group_open_occasions(
    stored: Sequence[Mapping[str, Any]],
) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return account id → playbook → occasions of its active follow-ups."""
    occasions: dict[str, dict[str, tuple[str, ...]]] = {}
    for row in stored:
        if row["state"] in ("open", "waiting"):
            of_account = occasions.setdefault(row["account_id"], {})
            of_account[row["playbook"]] = (*of_account.get(row["playbook"], ()), row["occasion"])
    return occasions


def _get_never_used_since(workspace: Workspace, scored: ScoredAccount) -> date | None:
    """Return the oldest subscription's start for an account with usage data but no use."""
    evidence = scored.evidence
    begun = [item.started_at for item in evidence.subscriptions if item.started_at]
    measured = any(item.signal in USAGE_SIGNALS for item in scored.score.contributions)
    if evidence.usage or not measured or not begun:
        return None
    return min(begun).astimezone(workspace.config.workspace.timezone).date()


def _build_view(scored: ScoredAccount, fields: Mapping[str, Any]) -> AccountView:
    account, evidence = scored.account, scored.evidence
    return AccountView(
        id=account["id"],
        name=account["name"],
        owner_source=account["owner_source"],
        owner_source_id=account["owner_source_id"],
        created_at=account["created_at"],
        score=None if scored.score.score is None else float(scored.score.score),
        band=scored.score.band,
        reasons=tuple(reason.text for reason in scored.reasons),
        seats=max(
            (subscription.seats for subscription in evidence.subscriptions if subscription.seats),
            default=None,
        ),
        answers=evidence.answers,
        ratings=evidence.ratings,
        tickets=evidence.tickets,
        usage=evidence.usage,
        features=evidence.features,
        steps=evidence.steps,
        referrals=evidence.referrals,
        subscriptions=evidence.subscriptions,
        **fields,
    )
