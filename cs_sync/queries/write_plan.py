"""Write plans per destination, from scores, follow-ups and the ledger."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from cs_sync.contracts.destination import Destination
from cs_sync.contracts.errors import ConfigError, VendorError
from cs_sync.contracts.events import Event
from cs_sync.foresight.outlook import describe_chance
from cs_sync.i18n import Translator
from cs_sync.i18n.counts import count_noun
from cs_sync.jobs.follow_ups import DecidedFollowUps, decide_follow_ups
from cs_sync.jobs.open_follow_ups import find_open_duplicates
from cs_sync.queries.day import DayView, build_day_view
from cs_sync.queries.destination_context import build_op_contexts
from cs_sync.queries.report_accounts import list_month_ends
from cs_sync.queries.score import ScoredAccount
from cs_sync.report.links import sanitize_link
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.crm_records import (
    read_active_owners,
    read_owners_by_email,
    read_remote_accounts,
)
from cs_sync.store.queries.people import read_remote_contacts
from cs_sync.store.queries.source_links import read_links_by_account
from cs_sync.store.queries.stored_scores import read_month_end_scores
from cs_sync.write_back.desired_state import (
    DestinationIndex,
    build_account_records,
    build_follow_up_records,
    follow_account_records,
)
from cs_sync.write_back.drift import RemoteState, follow_merges
from cs_sync.write_back.fields import AccountFields
from cs_sync.write_back.plan import DesiredRecord, PlanItem, make_plan, reopen_refused
from cs_sync.write_back.receipts import LedgerEntries
from cs_sync.write_back.tasks import get_task_key
from cs_sync.write_back.writer import read_ledger_entries, read_remote_state
from cs_sync_schemas.money import to_major_units


class DesiredState(Struct, frozen=True):
    """The desired state of a destination, and its ledger."""

    destination: str
    records: list[DesiredRecord]
    ledger: LedgerEntries
    accounts: int
    """How many accounts could be touched at all."""
    messages: Sequence[str] = ()


class WritePlan(Struct, frozen=True):
    """The plan for one destination, with the number of accounts it was made from."""

    items: list[PlanItem]
    destination: str
    accounts: int


def preview_push(workspace: Workspace) -> list[dict[str, Any]]:
    """Preview a push without writing anything.

    Deferred and unassigned follow-ups are emitted as warnings.

    Returns:
        One row per record to create, update, leave or refuse.

    Raises:
        ConfigError: No destination is configured.
    """
    opened = open_destinations(workspace)
    day = build_day_view(workspace)
    decided = decide_follow_ups(workspace, day, opened)
    for message in decided.messages:
        _emit_warning(workspace, message)
    return preview_plans(workspace, opened, day, decided)


def open_destinations(workspace: Workspace) -> list[tuple[str, Destination]]:
    """Return the configured destinations by name.

    Raises:
        ConfigError: No destination is configured.
    """
    opened = workspace.destinations()
    if not opened:
        raise ConfigError(
            "[write_back] names no destination", 'add destination = "hubspot" (or another one)'
        )
    return opened


def preview_plans(
    workspace: Workspace,
    opened: Sequence[tuple[str, Destination]],
    day: DayView,
    follow_ups: DecidedFollowUps,
) -> list[dict[str, Any]]:
    """Build the plans of all destinations without storing or writing anything.

    An unreachable destination is planned from the ledger alone, with a warning.

    Args:
        workspace: The workspace.
        opened: The destinations by name.
        day: The scored accounts and their MRR.
        follow_ups: Today's follow-ups.

    Returns:
        One row per record to create, update, leave or refuse.
    """
    rows: list[dict[str, Any]] = []
    zone = workspace.config.workspace.timezone
    for name, destination in opened:
        try:
            follow_ups.apply(find_open_duplicates(workspace, name, destination, follow_ups))
        except VendorError:  # what the look below says of it is enough
            continue
    for name, destination in opened:
        desired = build_desired_state(workspace, name, day, follow_ups)
        for message in desired.messages:
            _emit_warning(workspace, message)
        try:
            remote = read_remote_state(destination, desired.records, desired.ledger)
        except VendorError as error:
            _emit_warning(workspace, f"{name} unreachable; used last state: {error}")
            remote = RemoteState()
        rows += format_plan_rows(build_write_plan(workspace, desired, remote), zone)
    return rows


def build_desired_state(
    workspace: Workspace,
    destination: str,
    day: DayView,
    follow_ups: DecidedFollowUps,
) -> DesiredState:
    """Build the desired state of one destination from scores and follow-ups."""
    now, prefix = workspace.clock(), workspace.config.write_back.owned_prefix
    rows = follow_ups.rows
    with workspace.store.read() as connection:
        crm = _read_index(workspace, connection, destination, day, follow_ups)
        ledger = follow_account_records(read_ledger_entries(connection, destination), crm)
        links = read_links_by_account(connection)
        mode, ends = workspace.config.health.mode, list_month_ends(day.day)
        history = read_month_end_scores(connection, mode, ends)
    shown = [s for s in day.scored if s.is_customer or ("account", s.account["id"]) in ledger]
    actions = follow_ups.list_next_actions()
    words = workspace.words
    titles = workspace.titles
    portraits = (
        (
            id_ := s.account["id"],
            replace(
                _build_account_fields(s, day, actions, now, words),
                history=history.get(id_, {}),
                links=name_source_links(links.get(id_, {}), destination, titles),
            ),
        )
        for s in shown
    )
    records = [
        *build_account_records(portraits, crm, prefix),
        *build_follow_up_records(rows, crm, ledger),
    ]
    new = [row for row in rows if ("follow_up", get_task_key(row)) not in ledger]
    return DesiredState(
        destination,
        records,
        ledger,
        len(shown),
        _describe_unknown_assignees(new, crm),
    )


def _read_index(
    workspace: Workspace,
    connection: Connection,
    destination: str,
    day: DayView,
    follow_ups: DecidedFollowUps,
) -> DestinationIndex:
    """Read whose record is whose in a destination."""
    made: Any = workspace.plugins.find_destination(workspace.config.connectors.types[destination])
    by_account = made.addresses == "accounts"
    return DestinationIndex(
        destination,
        read_remote_accounts(connection, destination),
        frozenset(read_active_owners(connection, destination)),
        read_owners_by_email(connection, destination),
        made.addresses,
        {item.account["id"]: item.account["name"] or "" for item in day.scored},
        build_op_contexts(connection, day.scored, follow_ups.rows) if by_account else {},
        read_remote_contacts(connection, destination),
    )


def build_write_plan(
    workspace: Workspace, desired: DesiredState, remote: RemoteState, *, retry: bool = False
) -> WritePlan:
    """Build the plan of one destination.

    Args:
        workspace: The workspace.
        desired: The desired state.
        remote: The current state of the destination's records.
        retry: Try permanently refused writes again.
    """
    ledger = reopen_refused(desired.ledger) if retry else desired.ledger
    items = make_plan(
        follow_merges(desired.records, remote), ledger, workspace.config.write_back.owned_prefix
    )
    return WritePlan(items, desired.destination, desired.accounts)


def format_plan_rows(prepared: WritePlan, zone: ZoneInfo) -> list[dict[str, Any]]:
    """Format a plan as rows for printing, times in the reporting zone."""

    def localize(value: Any) -> Any:
        return value.astimezone(zone) if isinstance(value, datetime) else value

    return [
        {
            "destination": prepared.destination,
            "object": item.object,
            "account": item.account,
            "key": item.key,
            "action": item.action,
            "changes": {field: [*map(localize, pair)] for field, pair in item.changes.items()},
            "reason": item.reason,
            "name": item.record.name or None,
        }
        for item in prepared.items
    ]


def _describe_unknown_assignees(
    new: Iterable[Mapping[str, Any]], crm: DestinationIndex
) -> list[str]:
    """Return a warning per assignee without an active owner at the destination."""
    who = Counter(row["assignee"] for row in new if row["state"] == "open" and row["assignee"])
    if crm.addresses == "accounts":
        return []
    return [
        f"{count_noun(number, 'follow-up')} for {email} will be unassigned in {crm.name}, which "
        f"has no active owner with that address\n  → add them there, or correct the address"
        for email, number in sorted(who.items())
        if email not in crm.emails
    ]


def _emit_warning(workspace: Workspace, message: str) -> None:
    workspace.emit(Event("warning", workspace.clock(), detail={"message": message}))


def name_source_links(
    links: Mapping[str, str], destination: str, titles: Mapping[str, str]
) -> dict[str, str]:
    """Return the links to an account's records outside the destination.

    Args:
        links: Source → URL.
        destination: The destination, to whose record nothing needs to lead.
        titles: Source → its name.

    Returns:
        Name of the source → URL, a web address without line breaks.
    """
    return {
        titles.get(source, source): link
        for source, url in links.items()
        if source != destination and (link := sanitize_link(url)) and len(link.splitlines()) == 1
    }


def _build_account_fields(
    scored: ScoredAccount,
    day: DayView,
    actions: Mapping[str, str],
    now: datetime,
    words: Translator,
) -> AccountFields:
    account, score = scored.account["id"], scored.score
    points = None if score.score is None else float(score.score)
    mrr, outlook, risk = day.get_mrr(account), day.forecast.row(account), day.assess_risk(scored)
    priorities = [float(to_major_units(risk.apply(amount), code)) for code, amount in mrr.items()]
    has_priority = len(priorities) == 1
    return AccountFields(
        score=points,
        band=score.band,
        coverage=float(score.coverage),
        reasons=[reason.text for reason in scored.reasons],
        change_30d=None if scored.change_30d is None else float(scored.change_30d),
        mrr={code: float(to_major_units(amount, code)) for code, amount in mrr.items()},
        next_action=actions.get(account, ""),
        updated_at=now,
        churn_probability=outlook["churn_probability"],
        churn_outlook=describe_chance(outlook, words),
        priority=priorities[0] if has_priority else None,
        priority_basis=risk.basis if has_priority else None,
    )
