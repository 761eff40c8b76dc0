"""Resolve names of records: by account, by record id, or by source and id."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, Select, select, tuple_

from cs_sync.contracts.errors import ConfigError
from cs_sync.identity import RecordRef
from cs_sync.identity.precedence import LAST_PRECEDENCE
from cs_sync.store.queries.accounts import find_accounts
from cs_sync_schemas.tables import ACCOUNT_LINK

LINK = ACCOUNT_LINK


def resolve_records(
    connection: Connection,
    named: Sequence[str],
    precedence: Mapping[str, int],
    *,
    apart: bool = False,
) -> list[RecordRef]:
    """Resolve each name to one record, the account's first.

    Args:
        connection: A read connection.
        named: The names as typed.
        precedence: Source → its precedence; sources without one come last.
        apart: The records are to be split; a single name is split from its account's first
            record.

    Raises:
        ConfigError: A name is unknown or ambiguous, or two name the same record.
    """
    refs = [_resolve_record(connection, name, precedence) for name in named]
    if apart and len(refs) == 1:
        refs = [
            _read_first_record(
                connection,
                map_records_to_accounts(connection, refs)[refs[0]],
                precedence,
                but=refs[0],
            ),
            *refs,
        ]
    distinct = list(dict.fromkeys(refs))
    if len(distinct) < len(refs):
        raise ConfigError(
            f"{' '.join(named)} are the same record",
            "name records as source:id; cs-sync accounts lists those of each account",
        )
    return distinct


def map_records_to_accounts(
    connection: Connection, refs: Iterable[RecordRef]
) -> dict[RecordRef, str]:
    """Map record → its account id."""
    named = tuple_(LINK.c.source, LINK.c.source_id).in_([tuple(ref) for ref in refs])
    rows = connection.execute(
        select(LINK.c.source, LINK.c.source_id, LINK.c.account_id).where(named)
    )
    return {RecordRef(source, source_id): account for source, source_id, account in rows}


def _resolve_record(connection: Connection, name: str, precedence: Mapping[str, int]) -> RecordRef:
    source, _, source_id = name.partition(":")
    exact = _read_refs(
        connection,
        _select_links().where(LINK.c.source == source, LINK.c.source_id == source_id),
        precedence,
    )
    if exact:
        return exact[0]
    records = _read_refs(connection, _select_links().where(LINK.c.source_id == name), precedence)
    accounts = find_accounts(connection, name)
    if len(records) == 1 and (
        not accounts or map_records_to_accounts(connection, records)[records[0]] in accounts
    ):
        return records[0]
    if len(accounts) == 1:
        return _read_first_record(connection, accounts[0], precedence)
    if not accounts:
        raise ConfigError(f"there is no account or record {name}", "see cs-sync accounts")
    raise ConfigError(
        f"{name} may be {len(accounts)} accounts: {', '.join(accounts)}",
        "name one of them, or a record as source:id",
    )


def _read_first_record(
    connection: Connection,
    account: str,
    precedence: Mapping[str, int],
    *,
    but: RecordRef | None = None,
) -> RecordRef:
    """Return the founding record of an account, or else its first."""
    statement = _select_links().where(LINK.c.account_id == account)
    refs = [ref for ref in _read_refs(connection, statement, precedence) if ref != but]
    if not refs:
        raise ConfigError(
            f"{account} has no other record to separate it from", "see cs-sync accounts"
        )
    return refs[0]


def _select_links() -> Select[tuple[str, str, str]]:
    return select(LINK.c.source, LINK.c.source_id, LINK.c.rule)


def _read_refs(
    connection: Connection,
    statement: Select[tuple[str, str, str]],
    precedence: Mapping[str, int],
) -> list[RecordRef]:
    """Return the records: founders first, merged ids last, then by precedence."""
    order = {"own": 0, "external_key": 1, "alias": 3}
    rows = sorted(
        connection.execute(statement),
        key=lambda row: (
            order.get(row.rule, 2),
            precedence.get(row.source, LAST_PRECEDENCE),
            row.source,
            row.source_id,
        ),
    )
    return [RecordRef(row.source, row.source_id) for row in rows]
