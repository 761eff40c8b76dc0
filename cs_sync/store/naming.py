"""Which records a person means: by account, by record id, or by both source and id."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, Select, select, tuple_

from cs_sync.contracts.errors import ConfigError
from cs_sync.identity import Ref
from cs_sync.identity.evidence import source_rank
from cs_sync.store.lookup import find_account
from cs_sync_schemas import AccountLink, table_of

LINK = table_of(AccountLink)


def records_named(
    connection: Connection, named: Sequence[str], *, apart: bool = False
) -> list[Ref]:
    """One record for each name: that record, or the first of that account. Raises ConfigError.

    `apart`: they are to be parted, so one name alone is parted from the first of its account.
    """
    refs = [_record(connection, name) for name in named]
    if apart and len(refs) == 1:
        refs = [_first(connection, accounts_of(connection, refs)[refs[0]], refs[0]), *refs]
    distinct = list(dict.fromkeys(refs))
    if len(distinct) < len(refs):
        raise ConfigError(
            f"{' '.join(named)} are the same record",
            "name records as source:id; cs-sync accounts lists those of each account",
        )
    return distinct


def accounts_of(connection: Connection, refs: Iterable[Ref]) -> dict[Ref, str]:
    """Record → its account."""
    named = tuple_(LINK.c.source, LINK.c.source_id).in_([tuple(ref) for ref in refs])
    rows = connection.execute(
        select(LINK.c.source, LINK.c.source_id, LINK.c.account_id).where(named)
    )
    return {Ref(source, source_id): account for source, source_id, account in rows}


def _record(connection: Connection, name: str) -> Ref:
    source, _, source_id = name.partition(":")
    exact = _refs(
        connection, _linked().where(LINK.c.source == source, LINK.c.source_id == source_id)
    )
    if exact:
        return exact[0]
    records = _refs(connection, _linked().where(LINK.c.source_id == name))
    accounts = find_account(connection, name)
    if len(records) == 1 and (
        not accounts or accounts_of(connection, records)[records[0]] in accounts
    ):
        return records[0]
    if len(accounts) == 1:
        return _first(connection, accounts[0])
    if not accounts:
        raise ConfigError(f"there is no account or record {name}", "see cs-sync accounts")
    raise ConfigError(
        f"{name} may be {len(accounts)} accounts: {', '.join(accounts)}",
        "name one of them, or a record as source:id",
    )


def _first(connection: Connection, account: str, but: Ref | None = None) -> Ref:
    """The record that founded an account, or comes first in it."""
    statement = _linked().where(LINK.c.account_id == account)
    refs = [ref for ref in _refs(connection, statement) if ref != but]
    if not refs:
        raise ConfigError(f"{account} has no other record to part it from", "see cs-sync accounts")
    return refs[0]


def _linked() -> Select[tuple[str, str, str]]:
    return select(LINK.c.source, LINK.c.source_id, LINK.c.rule)


def _refs(connection: Connection, statement: Select[tuple[str, str, str]]) -> list[Ref]:
    """Founders first, merged-away ids last, then in the order of sources."""
    order = {"own": 0, "external_key": 1, "alias": 3}
    rows = sorted(
        connection.execute(statement),
        key=lambda row: (order.get(row.rule, 2), source_rank(row.source), row.source_id),
    )
    return [Ref(row.source, row.source_id) for row in rows]
