"""Load of customer-success managers, and proposals to move accounts."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from msgspec import Struct

from cs_sync.contracts.events import Event
from cs_sync.foresight.comparisons import Counts
from cs_sync.foresight.load import (
    UNOWNED,
    Outcomes,
    OwnedAccount,
    measure_load,
    propose_moves,
)
from cs_sync.queries.day import DayView, build_day_view
from cs_sync.queries.report_accounts import SEGMENTS
from cs_sync.queries.report_money import MoneyConverter, build_converter
from cs_sync.queries.watch_list import is_watched
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.accounts import get_mrr_before, read_mrr_spans
from cs_sync.store.queries.attributes import read_attribute_names, read_current_attributes
from cs_sync.store.queries.costs import read_latest_costs
from cs_sync.store.queries.crm_records import read_owner_names
from cs_sync.store.queries.follow_ups import read_follow_ups
from cs_sync.store.queries.health import read_live_accounts

LANGUAGES = ("language", "locale", "country")
"""Attributes that tell the language of an account, the first that any account has."""
YEAR = timedelta(days=365)


class _Traits(Struct, frozen=True):
    """What is known of all accounts: owner, segment and language by account id."""

    owners: Mapping[str, str]
    segments: Mapping[str, str]
    languages: Mapping[str, str]


def list_load(workspace: Workspace) -> list[dict[str, Any]]:
    """List accounts, money at risk and capacity per owner.

    The heaviest load first.
    """
    money, day = build_converter(workspace), build_day_view(workspace)
    accounts = _build_accounts(day, _read_traits(workspace), money)
    with workspace.store.read() as connection:
        follow_ups = [row for row in read_follow_ups(connection) if row["state"] == "open"]
        costs = read_latest_costs(connection)
    owners = {account.account: account.owner for account in accounts}
    now = workspace.clock()
    tasks = Counter(owners.get(row["account_id"]) for row in follow_ups)
    late = Counter(owners.get(row["account_id"]) for row in follow_ups if row["due_at"] < now)
    cost = money.add_up(costs) if costs else None
    return [
        {
            "owner": load.owner or None,
            "accounts": load.accounts,
            "mrr": load.mrr,
            "at_risk_accounts": load.calls,
            "at_risk": load.at_risk,
            "capacity": load.capacity,
            "load": load.load,
            "open_follow_ups": tasks[load.owner],
            "overdue": late[load.owner],
            "cost_per_account": load.cost,
            "currency": money.currency,
            "priority_basis": day.priority_basis,
        }
        for load in measure_load(accounts, workspace.config.foresight.capacity, cost)
    ]


def list_moves(workspace: Workspace) -> list[dict[str, Any]]:
    """List proposals to move accounts, most money at risk first.

    Nothing is applied.
    """
    money, traits = build_converter(workspace), _read_traits(workspace)
    day = build_day_view(workspace)
    accounts = _build_accounts(day, traits, money)
    if not any(account.owner for account in accounts):
        message = "no customer has an active owner: give accounts owners in the CRM, then sync"
        workspace.emit(Event("warning", workspace.clock(), detail={"message": message}))
    capacity = workspace.config.foresight.capacity
    moves = propose_moves(accounts, capacity, _count_outcomes(workspace, traits))
    return [
        {
            "account": move.account.account,
            "name": move.account.name,
            "from_owner": move.account.owner or None,
            "to_owner": move.to_owner,
            "mrr": move.account.mrr,
            "at_risk": move.account.at_risk,
            "currency": money.currency,
            "reason": move.reason,
            "fit": list(move.fit),
            "priority_basis": day.priority_basis,
        }
        for move in moves
    ]


def _read_traits(workspace: Workspace) -> _Traits:
    with workspace.store.read() as connection:
        names = read_attribute_names(connection)
        configured = workspace.config.report.segment
        segment = configured or next((name for name in SEGMENTS if name in names), "")
        language = next((name for name in LANGUAGES if name in names), "")
        values = read_current_attributes(connection, (segment, language))
        people = read_owner_names(connection)
        accounts = read_live_accounts(connection)
    owners = {
        account["id"]: people.get(
            (account["owner_source"] or "", account["owner_source_id"] or ""), UNOWNED
        )
        for account in accounts
    }
    segments, languages = (
        {account: own[name] for account, own in values.items() if name in own}
        for name in (segment, language)
    )
    return _Traits(owners, segments, languages)


def _build_accounts(day: DayView, traits: _Traits, money: MoneyConverter) -> list[OwnedAccount]:
    accounts = []
    for item in day.customers:
        id_ = item.account["id"]
        mrr = money.add_up(day.get_mrr(id_))
        account = OwnedAccount(
            id_,
            item.account["name"] or id_,
            traits.owners.get(id_, UNOWNED),
            mrr,
            day.assess_risk(item).apply(mrr),
            is_watched(item, day) and mrr > 0,
            traits.segments.get(id_, ""),
            traits.languages.get(id_, ""),
        )
        accounts.append(account)
    return accounts


def _count_outcomes(workspace: Workspace, traits: _Traits) -> Outcomes:
    """Count what became of last year's payers, by owner and segment.

    The accounts that paid a year ago.
    """
    now = workspace.clock()
    with workspace.store.read() as connection:
        spans = read_mrr_spans(connection, get_mrr_policy(workspace).hash)
    totals: Counter[tuple[str, str]] = Counter()
    left: Counter[tuple[str, str]] = Counter()
    for account, owner in traits.owners.items():
        own = spans.get(account, ())
        if owner and any(get_mrr_before(own, now - YEAR).values()):
            key = (owner, traits.segments.get(account, ""))
            totals[key] += 1
            left[key] += not any(get_mrr_before(own, now).values())
    return {key: Counts(n, left[key]) for key, n in totals.items()}
