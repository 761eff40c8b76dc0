"""Input of the account playbooks: the current state of every customer."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from cs_sync.follow_ups import AccountView, RenewalFact, compute_popularity
from cs_sync.follow_ups.mrr_news import KnownMovement, SourceReads, filter_real_movements
from cs_sync.follow_ups.watched_now import WatchedInstant
from cs_sync.health import build_day_scope
from cs_sync.queries.day import DayView
from cs_sync.queries.score import ScoredAccount
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.crm_records import read_remote_accounts
from cs_sync.store.queries.follow_ups import read_first_syncs
from cs_sync.store.queries.mrr_movements import read_movements, read_sync_times
from cs_sync.store.queries.people import read_last_contacts
from cs_sync.store.queries.renewals import read_renewals
from cs_sync.store.queries.source_links import read_links_by_account
from cs_sync.store.queries.stored_scores import read_current_bands, read_first_scores
from cs_sync_schemas.money import to_major_units

LOOK_BACK = timedelta(days=120)
"""How far back playbooks may look for movements."""


USAGE_SIGNALS = ("active_days_28", "days_since_use")
"""Signals that are only known of accounts that a source of usage knows."""


class _StoredFacts(Struct, frozen=True):
    """What is read of all accounts at once, by account id."""

    movements: Mapping[str, Sequence[KnownMovement]]
    looks: SourceReads
    subjects: Mapping[str, str]
    bands: Mapping[str, tuple[str, date]]
    first_scores: Mapping[str, date]
    last_contacts: Mapping[str, datetime]
    renewals: Mapping[str, tuple[RenewalFact, ...]]
    links: Mapping[str, Mapping[str, str]]
    first_syncs: Mapping[str, datetime]
    """Source → its first sync."""


class AccountViews(Mapping[str, AccountView]):
    """The playbooks' view of the customers of a day, by account id.

    Each is made when it is wanted: those of all accounts at once would hold all their facts.
    """

    def __init__(
        self, workspace: Workspace, day: DayView, stored: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        """Read what is shared by all customers, and of all at once.

        Args:
            workspace: The workspace.
            day: The scored accounts and their MRR.
            stored: The stored follow-ups; the active ones may continue.
        """
        self._workspace, self._day = workspace, day
        self._facts = _read_stored_facts(workspace)
        self._customers = {item.account["id"]: item for item in day.customers}
        self._occasions = _group_open_occasions(stored)
        self._now, self._zone = workspace.clock(), workspace.config.workspace.timezone
        heads = [item.head for item in day.scored]
        self.usage_until = max(filter(None, (head.last_use for head in heads)), default=None)
        self._shared = {
            "zone": str(self._zone),
            "words": workspace.words,
            "titles": workspace.titles,
            "popular": compute_popularity(head.used_features for head in heads),
            "usage_until": self.usage_until,
            "typical_mrr": _compute_typical_mrr(day),
            "connected": _extend_connection(self._facts.first_syncs, stored),
        }

    def __getitem__(self, account: str) -> AccountView:
        item = self._customers[account]
        own = {
            "now": WatchedInstant.watch_now(self._now),
            "people": self._day.people.get(account, ()),
            "never_used_since": _get_never_used_since(self._workspace, item),
            **self._select_small_facts(item),
        }
        return _build_view(item, {**self._shared, **own})

    def list_shared_parts(self) -> list[Any]:
        """List what all views have in common, for a digest.

        But the hour, and the last day of use: they move on.
        """
        language, is_used = self._workspace.words.language, self.usage_until is not None
        return [self._day.day, {**self._shared, "words": language, "usage_until": is_used}]

    def compute_digest(self, account: str) -> str:
        """Digest what a view is made of.

        But what all have in common.
        """
        item, people = self._customers[account], self._day.people
        digest = hashlib.blake2b(self._day.results.get_written(account), digest_size=12)
        digest.update(people.get_written(account) if account in people else b"")
        small = [item.account, self._select_small_facts(item)]
        digest.update(msgspec.json.encode(small, enc_hook=dict))
        return digest.hexdigest()

    def calculate_money_at_risk(self, accounts: Iterable[str]) -> dict[str, float]:
        """Calculate the money at risk of these accounts, if they are customers."""
        items = {account: self._customers[account] for account in accounts if account in self}
        return {account: self._day.calculate_money_at_risk(item) for account, item in items.items()}

    def _select_small_facts(self, item: ScoredAccount) -> dict[str, Any]:
        """Select the fields of a view that stand outside of the result."""
        account = item.account["id"]
        return {
            "mrr": self._day.get_mrr(account),
            "churn_probability": self._day.forecast.get_churn_probability(account),
            "occasions": self._occasions.get(account, {}),
            **_select_stored_facts(item, self._facts, self._day.day, self._zone),
        }

    def __contains__(self, account: object) -> bool:
        return account in self._customers

    def __iter__(self) -> Iterator[str]:
        return iter(self._customers)

    def __len__(self) -> int:
        return len(self._customers)


def _read_stored_facts(workspace: Workspace) -> _StoredFacts:
    zone, mode = str(workspace.config.workspace.timezone), workspace.config.health.mode
    policy, since = get_mrr_policy(workspace).hash, workspace.clock() - LOOK_BACK
    scope = build_day_scope(workspace.today, zone)
    with workspace.store.read() as connection:
        return _StoredFacts(
            movements=read_movements(connection, policy, since),
            looks=read_sync_times(connection, policy, zone, since),
            subjects=read_crm_subjects(workspace, connection),
            bands=read_current_bands(connection, mode, workspace.today),
            first_scores=read_first_scores(connection, mode),
            last_contacts=read_last_contacts(connection),
            renewals=read_renewals(connection, scope),
            links=read_links_by_account(connection),
            first_syncs=read_first_syncs(connection),
        )


def _select_stored_facts(
    item: ScoredAccount, facts: _StoredFacts, today: date, zone: ZoneInfo
) -> dict[str, Any]:
    """Select an account's fields of its view from the stored facts."""
    name = item.account["id"]
    band, band_from = facts.bands.get(name, ("", today))
    same_band = band == item.band
    return {
        "subject": facts.subjects.get(name, ""),
        "movements": tuple(filter_real_movements(facts.movements.get(name, ()), facts.looks)),
        "band_since": band_from if same_band else today,
        "band_turned": not same_band or band_from != facts.first_scores.get(name),
        "last_contact": _get_local_day(facts.last_contacts.get(name), zone),
        "renewals": facts.renewals.get(name, ()),
        "links": facts.links.get(name, {}),
    }


def _get_local_day(at: datetime | None, zone: ZoneInfo) -> date | None:
    return None if at is None else at.astimezone(zone).date()


def _compute_typical_mrr(day: DayView) -> float | None:
    """Compute the median MRR of customers, currencies at par."""
    amounts = [
        float(sum(to_major_units(amount, code) for code, amount in mrr.items()))
        for item in day.customers
        if any((mrr := day.get_mrr(item.account["id"])).values())
    ]
    return median(amounts) if amounts else None


def _extend_connection(
    connected: Mapping[str, datetime], stored: Sequence[Mapping[str, Any]]
) -> dict[str, datetime]:
    """Move the connection back to the earliest event with a follow-up.

    After a lost database these are events before the first sync that tasks in the CRM show.
    """
    known = min((row["happened_at"] for row in stored if row["happened_at"]), default=None)
    return {source: min(at, known or at) for source, at in connected.items()}


def read_crm_subjects(workspace: Workspace, connection: Connection) -> dict[str, str]:
    """Return account id → its CRM record for follow-ups.

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
    """Return the oldest subscription's start for an account without any use."""
    evidence = scored.evidence
    if evidence.usage:
        return None
    begun = [item.started_at for item in evidence.subscriptions if item.started_at]
    measured = any(item.signal in USAGE_SIGNALS for item in scored.score.contributions)
    if not measured or not begun:
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
        score=None if scored.points is None else float(scored.points),
        band=scored.band,
        is_leaving=scored.head.is_leaving,
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
        invoices=evidence.invoices,
        **fields,
    )
