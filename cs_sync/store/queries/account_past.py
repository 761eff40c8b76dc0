"""What sources tell of the past of their accounts: owner and attributes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime
from functools import cached_property

from msgspec import Struct
from sqlalchemy import Connection, exists, select

from cs_sync.identity import RecordRef, ResolvedAccount
from cs_sync.identity.past_values import ValueChange
from cs_sync.store.queries.attributes import NO_PAST, PastValues
from cs_sync.store.upserts import split_chunks
from cs_sync_schemas.tables import ACCOUNT_CHANGE
from cs_sync_schemas.values import ATTRIBUTE_PREFIX, OWNER_FIELD

CHANGE = ACCOUNT_CHANGE
OWNER_NAME = "owner"
"""The attribute with the name of the owner."""
Told = dict[str, list[ValueChange]]
"""Attribute → its changes, oldest first."""


class PastReader(Struct, frozen=True, dict=True):
    """Reads the past of accounts of which something is new.

    `owners` has the names of owners, `since` is the time until when changes had been taken in
    (None: never), `moved` are the accounts that gained or lost a record, and `left_out` the
    attributes whose past does not count.
    """

    connection: Connection
    owners: Mapping[RecordRef, str]
    since: datetime | None
    moved: Set[str]
    left_out: Set[str]

    def read_past(self, accounts: Iterable[ResolvedAccount]) -> Mapping[str, PastValues]:
        """Map account id → attribute → histories of its records.

        Those come first that count first.
        """
        if self._news is not None and not self._news and not self.moved:
            return NO_PAST
        chosen = {account.id: account.records for account in accounts if self._has_news(account)}
        changes_of = self._read_changes(ref for records in chosen.values() for ref in records)
        past: dict[str, PastValues] = {}
        for account, records in chosen.items():
            own: dict[str, list[Sequence[ValueChange]]] = {}
            for ref in records:
                for name, changes in changes_of.get(ref, {}).items():
                    own.setdefault(name, []).append(changes)
            if own:
                past[account] = own
        return past

    @cached_property
    def _news(self) -> Set[RecordRef] | None:
        """The records with new changes; None means all."""
        if not self.connection.scalar(select(exists().where(CHANGE.c.source.is_not(None)))):
            return frozenset()
        if self.since is None:
            return None
        new = select(CHANGE.c.source, CHANGE.c.account_source_id).distinct()
        rows = self.connection.execute(new.where(CHANGE.c.changed_at >= self.since))
        return {RecordRef(*row) for row in rows}

    def _has_news(self, account: ResolvedAccount) -> bool:
        news = self._news
        return news is None or account.id in self.moved or not news.isdisjoint(account.records)

    def _read_changes(self, refs: Iterable[RecordRef]) -> Mapping[RecordRef, Told]:
        """Map record → attribute → its changes."""
        ids: dict[str, list[str]] = defaultdict(list)
        for ref in refs:
            ids[ref.source].append(ref.source_id)
        changes_of: dict[RecordRef, Told] = defaultdict(lambda: defaultdict(list))
        names = ("account_source_id", "field", "happened_at", "value")
        statement = select(*(CHANGE.c[name] for name in names)).order_by(
            CHANGE.c.happened_at, CHANGE.c.source_id
        )
        for source, own in ids.items():
            living = statement.where(CHANGE.c.source == source, CHANGE.c.deleted_at.is_(None))
            for chunk in split_chunks(own):
                chosen = living.where(CHANGE.c.account_source_id.in_(chunk))
                for account, field, at, value in self.connection.execute(chosen):
                    if field == OWNER_FIELD:
                        name = OWNER_NAME
                        value = self._name_owner(source, value)
                    else:
                        name = field.removeprefix(ATTRIBUTE_PREFIX)
                    if name != field and name not in self.left_out:
                        changes_of[RecordRef(source, account)][name].append(ValueChange(at, value))
        return changes_of

    def _name_owner(self, source: str, owner: str | None) -> str | None:
        return None if owner is None else self.owners.get(RecordRef(source, owner), owner)
