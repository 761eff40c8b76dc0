"""What the playbooks about accounts are shown: every customer as it stands."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection

from cs_sync.follow_ups import AccountView, popularity
from cs_sync.follow_ups.movements import real_movements
from cs_sync.jobs.derive import policy_of
from cs_sync.jobs.score import Scored
from cs_sync.jobs.workspace import Workspace
from cs_sync.store.crm import remote_accounts
from cs_sync.store.health import band_since
from cs_sync.store.lookup import mrr_at
from cs_sync.store.movements import read_looks, read_movements

LOOK_BACK = timedelta(days=120)
"""How far back playbooks may look for movements."""


USAGE = ("active_days_28", "days_since_use")
"""Signals that are only known of accounts that a source of usage knows."""


def account_views(
    workspace: Workspace, scored: Sequence[Scored], stored: Sequence[Mapping[str, Any]] = ()
) -> list[AccountView]:
    """The customers among these accounts, as they stand now.

    `stored` are the follow-ups on record, of which those that are open can go on.
    """
    now, policy = workspace.clock(), policy_of(workspace).hash
    zone, since = str(workspace.config.workspace.timezone), now - LOOK_BACK
    with workspace.store.read() as connection:
        mrr = mrr_at(connection, now, policy=policy)
        movements = read_movements(connection, policy, since)
        looks = read_looks(connection, policy, zone, since)
        subjects = crm_subjects(workspace, connection)
        bands = band_since(connection, workspace.config.health.mode, workspace.today)
    popular = popularity(one.evidence.features for one in scored)
    used = [one.evidence.usage.last_day for one in scored if one.evidence.usage]
    shared = {
        "now": now,
        "zone": zone,
        "words": workspace.words,
        "popular": popular,
        "usage_until": max(used, default=None),
    }
    views, occasions = [], _open_occasions(stored)
    for one in scored:
        name = one.account["id"]
        band, band_from = bands.get(name, ("", workspace.today))
        if one.is_customer:
            own = {
                "subject": subjects.get(name, ""),
                "mrr": mrr.get(name, {}),
                "movements": tuple(real_movements(movements.get(name, ()), looks)),
                "band_since": band_from if band == one.score.band else workspace.today,
                "occasions": occasions.get(name, {}),
                "never_used_since": _never_used_since(workspace, one),
            }
            views.append(_view(one, {**shared, **own}))
    return views


def crm_subjects(workspace: Workspace, connection: Connection) -> dict[str, str]:
    """Return account id → its one record in the CRM that follow-ups are written to.

    Our own id of an account rests on which record we saw first; the CRM's does not, so keys that
    rest on it are the same again after the database was lost.
    """
    subjects: dict[str, str] = {}
    for destination in workspace.config.write_back.destinations:
        for account, records in remote_accounts(connection, destination).items():
            if len(records) == 1:
                subjects.setdefault(account, f"{destination}:{records[0][0]}")
    return subjects


def _open_occasions(
    stored: Sequence[Mapping[str, Any]],
) -> dict[str, dict[str, tuple[str, ...]]]:
    """Account → playbook → occasions."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for row in stored:
        if row["state"] in ("open", "waiting"):
            of_account = found.setdefault(row["account_id"], {})
            of_account[row["playbook"]] = (*of_account.get(row["playbook"], ()), row["occasion"])
    return found


def _never_used_since(workspace: Workspace, scored: Scored) -> date | None:
    """The first day of the account's oldest subscription, where it could be used and never was."""
    evidence = scored.evidence
    begun = [one.started_at for one in evidence.subscriptions if one.started_at]
    known = any(one.signal in USAGE for one in scored.score.contributions)
    if evidence.usage or not known or not begun:
        return None
    return min(begun).astimezone(workspace.config.workspace.timezone).date()


def _view(scored: Scored, given: Mapping[str, Any]) -> AccountView:
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
        seats=max((one.seats for one in evidence.subscriptions if one.seats), default=None),
        answers=evidence.answers,
        ratings=evidence.ratings,
        tickets=evidence.tickets,
        usage=evidence.usage,
        features=evidence.features,
        steps=evidence.steps,
        referrals=evidence.referrals,
        subscriptions=evidence.subscriptions,
        **given,
    )
