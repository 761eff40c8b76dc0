"""What would be written to each destination, from the scores, the follow-ups and the ledger."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from cs_sync.contracts.destination import Destination
from cs_sync.contracts.errors import ConfigError, VendorError
from cs_sync.contracts.events import Event
from cs_sync.health.wording import counted
from cs_sync.jobs.about import About, about
from cs_sync.jobs.follow_ups import FollowUps, consider
from cs_sync.jobs.score import Scored, score_all
from cs_sync.jobs.take_over import find_repeated
from cs_sync.jobs.workspace import Workspace
from cs_sync.store.crm import active_owners, owners_by_email, remote_accounts
from cs_sync.store.lookup import mrr_at
from cs_sync.write_back.fields import Portrait
from cs_sync.write_back.looking import Looked, followed
from cs_sync.write_back.plan import Item, Wish, make_plan, retried
from cs_sync.write_back.push import look, read_entries
from cs_sync.write_back.receipts import Entries
from cs_sync.write_back.wishes import Crm, account_wishes, follow_up_wishes
from cs_sync_schemas.money import CURRENCY_EXPONENT


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a destination should show, and what the ledger knows of it."""

    destination: str
    wishes: list[Wish]
    ledger: Entries
    accounts: int
    """How many accounts could be touched at all."""
    about: Mapping[str, About] = field(default_factory=dict)
    said: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan with what it was made from."""

    items: list[Item]
    destination: str
    accounts: int


def plan(workspace: Workspace) -> list[dict[str, Any]]:
    """One row per thing that a push would create, update, leave or refuse.

    What holds follow-ups back is warned of as events.
    """
    opened = destinations(workspace)
    scored = score_all(workspace, workspace.today)
    found = consider(workspace, scored)
    for told in found.said:
        _warn(workspace, told)
    return foreseen(workspace, opened, scored, found)


def destinations(workspace: Workspace) -> list[tuple[str, Destination]]:
    """Where scores and follow-ups go to, by name; raises ConfigError when that is nowhere."""
    opened = workspace.destinations()
    if not opened:
        raise ConfigError(
            "[write_back] names no destination", 'add destination = "hubspot" (or another one)'
        )
    return opened


def foreseen(
    workspace: Workspace,
    opened: Sequence[tuple[str, Destination]],
    scored: Sequence[Scored],
    follow_ups: FollowUps,
) -> list[dict[str, Any]]:
    """The plans for all destinations as they are printed; nothing is stored or written.

    One that cannot be looked at is planned for by the ledger alone, with a warning.
    """
    rows: list[dict[str, Any]] = []
    for name, destination in opened:
        try:
            follow_ups.rename(find_repeated(workspace, name, destination, follow_ups))
        except VendorError:  # what the look below says of it is enough
            continue
    for name, destination in opened:
        wants = wanted(workspace, name, scored, follow_ups)
        for told in wants.said:
            _warn(workspace, told)
        try:
            looked = look(destination, wants.wishes, wants.ledger)
        except VendorError as error:
            _warn(workspace, f"planned without a look at {name}: {error}")
            looked = Looked()
        rows += plan_rows(planned(workspace, wants, looked))
    return rows


def wanted(
    workspace: Workspace, destination: str, scored: Sequence[Scored], follow_ups: FollowUps
) -> Wanted:
    """What these scores and follow-ups call for at one destination."""
    now, prefix = workspace.clock(), workspace.config.write_back.owned_prefix
    types = workspace.config.connectors.types
    with workspace.store.read() as connection:
        crm = Crm(
            destination,
            remote_accounts(connection, destination),
            frozenset(active_owners(connection, destination)),
            owners_by_email(connection, destination),
            workspace.plugins.destinations[types[destination]].addresses,
            {one.account["id"]: one.account["name"] or "" for one in scored},
        )
        mrr = mrr_at(connection, now)
        ledger = read_entries(connection, destination)
        rows = follow_ups.rows
        known = about(connection, scored, rows) if crm.addresses == "accounts" else {}
    shown = [s for s in scored if s.is_customer or ("account", s.account["id"]) in ledger]
    actions = _next_actions(follow_ups.live())
    portraits = {
        s.account["id"]: _portrait(s, mrr.get(s.account["id"], {}), actions, now) for s in shown
    }
    wishes = [
        *account_wishes(portraits, crm, prefix),
        *follow_up_wishes(rows, crm, ledger),
    ]
    new = [row for row in rows if ("follow_up", row["key"]) not in ledger]
    return Wanted(destination, wishes, ledger, len(portraits), known, _strangers(new, crm))


def planned(
    workspace: Workspace, wants: Wanted, looked: Looked, *, retry: bool = False
) -> Prepared:
    """The plan; with `retry`, what was refused for good is tried again."""
    ledger = retried(wants.ledger) if retry else wants.ledger
    items = make_plan(
        followed(wants.wishes, looked), ledger, workspace.config.write_back.owned_prefix
    )
    told = [_told(item, wants.about.get(item.key)) for item in items]
    return Prepared(told, wants.destination, wants.accounts)


def plan_rows(prepared: Prepared) -> list[dict[str, Any]]:
    """A plan as it is printed."""
    return [
        {
            "destination": prepared.destination,
            "object": item.object,
            "account": item.account,
            "key": item.key,
            "action": item.action,
            "changes": {field: list(pair) for field, pair in item.changes.items()},
            "reason": item.reason,
        }
        for item in prepared.items
    ]


def _strangers(new: Iterable[Mapping[str, Any]], crm: Crm) -> list[str]:
    """Who is to get follow-ups and is no owner there."""
    who = Counter(row["assignee"] for row in new if row["state"] == "open" and row["assignee"])
    if crm.addresses == "accounts":
        return []
    return [
        f"{counted(number, 'follow-up')} for {email} will be nobody's in {crm.name}, which has no"
        f" active owner with that address\n  → add them there, or correct the address"
        for email, number in sorted(who.items())
        if email not in crm.emails
    ]


def _told(item: Item, known: About | None) -> Item:
    """The item whose operation says whom it is about."""
    if item.op is None or known is None:
        return item
    return replace(item, op=replace(item.op, about=known))


def _warn(workspace: Workspace, told: str) -> None:
    workspace.emit(Event("warning", workspace.clock(), detail={"message": told}))


def _next_actions(live: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Account → title of its most urgent open follow-up."""
    first: dict[str, Mapping[str, Any]] = {}
    for row in live:
        if row["state"] == "open":
            best = first.setdefault(row["account_id"], row)
            if (row["due_at"], row["key"]) < (best["due_at"], best["key"]):
                first[row["account_id"]] = row
    return {account: row["title"] for account, row in first.items()}


def _portrait(
    scored: Scored, mrr: Mapping[str, int], actions: Mapping[str, str], now: datetime
) -> Portrait:
    score = scored.score
    return Portrait(
        score=None if score.score is None else float(score.score),
        band=score.band,
        coverage=float(score.coverage),
        reasons=[reason.text for reason in scored.reasons],
        change_30d=None if scored.change_30d is None else float(scored.change_30d),
        mrr={code: amount / 10 ** CURRENCY_EXPONENT[code] for code, amount in mrr.items()},
        next_action=actions.get(scored.account["id"], ""),
        updated_at=now,
    )
