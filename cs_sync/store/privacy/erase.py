"""Erasure of a person from every table."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, false, or_, select

from cs_sync.store.privacy.data_subject import (
    DataSubject,
    create_token,
    find_data_subject,
    group_by_source,
    suppress_data_subject,
)
from cs_sync.store.privacy.redact_record import RecordRedactor
from cs_sync.store.privacy.redact_text import ERASED_TEXT, TextRedactor
from cs_sync.store.privacy.suppression import SuppressionList
from cs_sync.store.privacy.table_scan import (
    find_address_rows,
    list_searched_tables,
    rewrite_rows,
    select_rows,
)
from cs_sync.store.records.fill_rates import forget_counts
from cs_sync.store.records.validate import get_validator, hash_content
from cs_sync_schemas import RECORDS, Owner, Record, get_history_table, get_table
from cs_sync_schemas.tables import (
    ACCOUNT,
    ACCOUNT_ANSWER,
    ACCOUNT_QUESTION,
    ALIAS,
    CONTACT,
    CONTACT_LINK,
    FIGURE,
    FOLLOW_UP,
    HEALTH_SCORE,
    KEPT_RESULT,
    REJECTED_RECORD,
    RUN,
    RUN_STREAM,
    SOURCE_CONTACT,
    STREAM_STATE,
    WRITE_LEDGER,
)

LINK = CONTACT_LINK
LEDGER = WRITE_LEDGER
KEPT = (FIGURE, KEPT_RESULT)
"""Kept answers: they are computed again when they are asked for."""
REJECTED, STATE = REJECTED_RECORD, STREAM_STATE


def erase_data_subject(
    connection: Connection, suppressed: SuppressionList, person: DataSubject
) -> dict[str, int]:
    """Erase a person from every table.

    Args:
        connection: A write transaction.
        suppressed: The suppression list with the person on it.
        person: The stored data of the person.

    Returns:
        Table → number of changed rows, without zeros.
    """
    erased: Counter[str] = Counter()
    for record in RECORDS:
        if record is not Owner:
            erased += _erase_record(connection, record, suppressed, person)
    erased += _erase_graph(connection, suppressed, person)
    erased += _erase_rejects(connection, suppressed, person)
    erased += _erase_derived(connection, suppressed, person)
    return {table: count for table, count in sorted(erased.items()) if count}


def erase_reappeared(
    connection: Connection,
    suppressed: SuppressionList,
    refs: Iterable[tuple[str, str]],
    now: datetime,
) -> None:
    """Erase contact records with a suppressed address under a new id.

    Args:
        connection: A write transaction.
        suppressed: The suppression list; the new ids are added.
        refs: (source, source_id) of the contact records.
        now: The time of erasure.
    """
    person = find_data_subject(connection, refs=refs)
    person.addresses.clear()  # other addresses of the record were never asked to be forgotten
    suppress_data_subject(connection, suppressed, person, now)
    erase_data_subject(connection, suppressed, person)


def _erase_record(
    connection: Connection, record: type[Record], suppressed: SuppressionList, person: DataSubject
) -> Counter[str]:
    """Erase the person from a record type, past versions too."""
    validator = get_validator(record)

    def change(row: dict[str, Any]) -> dict[str, Any]:
        changed = RecordRedactor(suppressed, row["source"]).row(record, row)
        for name in validator.filled & changed.keys():
            changed[name] = validator.filled.get(name) if changed[name] is None else changed[name]
        if "row_hash" not in row:
            return changed
        return {**changed, "row_hash": hash_content(record, changed)}

    erased = Counter[str]()
    for table in _list_versions(get_table(record)):
        rows = [
            *find_address_rows(connection, table, person.addresses),
            *_find_referring_rows(connection, table, person),
        ]
        erased[table.name] = rewrite_rows(connection, table, rows, change)
    return erased


def _list_versions(table: Table) -> list[Table]:
    history = get_history_table(table)
    return [table] if history is None else [table, history]


def _find_referring_rows(
    connection: Connection, table: Table, person: DataSubject
) -> Iterator[dict[str, Any]]:
    """Find the person's contact records and rows that refer to them."""
    for source, ids in group_by_source(person.refs).items():
        columns = [table.c[name] for name in ("contact_source_id",) if name in table.c]
        if table is SOURCE_CONTACT:
            columns = [table.c.source_id]
        elif table is ALIAS:
            columns = [table.c.source_id, table.c.survivor_source_id]
        if columns:
            tied = or_(*(column.in_(ids) for column in columns))
            query = select(table).where(table.c.source == source, tied)
            yield from (dict(row) for row in connection.execute(query).mappings())


def _erase_graph(
    connection: Connection, suppressed: SuppressionList, person: DataSubject
) -> Counter[str]:
    ids = {contact: create_token() for contact in sorted(person.contacts)}

    def contact(row: dict[str, Any]) -> dict[str, Any]:
        email = suppressed.text(row["email"]) if row["email"] else None
        nobody = dict.fromkeys(("external_key", "name", "role"))
        return {**row, **nobody, "email": email, "id": ids[row["id"]]}

    def link(row: dict[str, Any]) -> dict[str, Any]:
        stands = suppressed.contact(row["source"], row["source_id"]) or row["source_id"]
        reason = "Decided before the person was erased"
        is_now = ids.get(row["contact_id"], row["contact_id"])
        return {**row, "source_id": stands, "contact_id": is_now, "reason": reason}

    erased = Counter[str]()
    for table in _list_versions(ACCOUNT):
        accounts = select_rows(connection, table, table.c.id.in_(person.private))
        erased[table.name] = rewrite_rows(
            connection, table, accounts, lambda r: {**r, "name": None}
        )
    for table in _list_versions(CONTACT):
        contacts = select_rows(connection, table, table.c.id.in_(ids))
        erased[table.name] = rewrite_rows(connection, table, contacts, contact)
    for table in _list_versions(LINK):
        links = select_rows(
            connection,
            table,
            or_(table.c.contact_id.in_(ids), _match_contact_records(person, table)),
        )
        erased[table.name] = rewrite_rows(connection, table, links, link)
    return erased


def _match_contact_records(person: DataSubject, table: Table) -> ColumnElement[bool]:
    """Build the condition for rows of the person's contact records."""
    return or_(
        false(),
        *(
            and_(table.c.source == source, table.c.source_id.in_(ids))
            for source, ids in group_by_source(person.refs).items()
        ),
    )


def _erase_rejects(
    connection: Connection, suppressed: SuppressionList, person: DataSubject
) -> Counter[str]:
    """Drop the received data of rejects about the person."""
    sources = {source for source, _ in person.refs}
    rows = [
        row
        for row in select_rows(connection, REJECTED)
        if suppressed.mentions([row["raw"], row["reason"], row["source_id"]])
        or (row["source"] in sources and _mentions_person(suppressed, row))
    ]

    def change(row: dict[str, Any]) -> dict[str, Any]:
        stands = suppressed.contact(row["source"], row["source_id"])
        source_id = stands or suppressed.value(row["source_id"])
        return {**row, "raw": None, "reason": _ERASED_REASON, "source_id": source_id}

    return Counter(rejected_record=rewrite_rows(connection, REJECTED, rows, change))


_ERASED_REASON = "erased: it was about somebody who asked to be forgotten"


def _mentions_person(suppressed: SuppressionList, row: Mapping[str, Any]) -> bool:
    return RecordRedactor(suppressed, row["source"]).mentions_person(row["source_id"], row["raw"])


def _erase_derived(
    connection: Connection, suppressed: SuppressionList, person: DataSubject
) -> Counter[str]:
    """Erase the person from derived data.

    Addresses are erased anywhere, names and quotations at the person's accounts.
    """
    words, erased = TextRedactor(person.names, person.texts), Counter[str]()
    done = {t for record in RECORDS for t in _list_versions(get_table(record))}
    done |= {REJECTED, *KEPT}
    for table in [t for t in list_searched_tables() if t not in done]:
        rows = list(find_address_rows(connection, table, person.addresses))
        if "account_id" in table.c and table in _QUOTING_COLUMNS:
            rows += select_rows(connection, table, table.c.account_id.in_(person.accounts))
        elif table in _QUOTING_COLUMNS:
            rows += select_rows(connection, table)

        def change(row: dict[str, Any], table: Table = table) -> dict[str, Any]:
            changed = {name: suppressed.value(value) for name, value in row.items()}
            if table is STATE:  # a redacted resume token is useless
                return {n: v if v == row[n] else None for n, v in changed.items()}
            about = row.get("account_id") is None or row["account_id"] in person.accounts
            if table in _QUOTING_COLUMNS and about:
                changed = _redact_texts(changed, words, person)
            if table is FOLLOW_UP:
                changed = _drop_contact(changed, person)
            return _drop_quoting_fields(row, changed) if table is LEDGER else changed

        erased[table.name] += rewrite_rows(connection, table, rows, change)
    for table in KEPT:
        erased[table.name] += connection.execute(delete(table)).rowcount
    forget_counts(connection)
    return erased


_QUOTING_COLUMNS: Mapping[Table, tuple[str, ...]] = {
    FOLLOW_UP: ("title", "body", "evidence", "reason", "why", "advice", "task"),
    HEALTH_SCORE: ("reasons", "contributions"),
    LEDGER: ("fields", "intent", "reason"),
    RUN: ("error",),
    RUN_STREAM: ("error",),
    ACCOUNT_ANSWER: ("reason",),
    ACCOUNT_QUESTION: ("reason", "remedy"),
}
"""Tables whose texts may name a person or repeat what they wrote, with these columns."""


def _redact_texts(row: dict[str, Any], words: TextRedactor, person: DataSubject) -> dict[str, Any]:
    columns = {name for names in _QUOTING_COLUMNS.values() for name in names} & row.keys()
    redacted = {name: words.redact_value(row[name]) for name in columns}
    evidence = row.get("evidence") or ()
    owned = [(f.get("source"), f.get("source_id")) in person.origins for f in evidence]
    if any(owned):
        redacted["body"] = redacted["why"] = "The person behind this asked to be forgotten."
        redacted["evidence"] = [
            {**fact, "text": ERASED_TEXT} if is_own and "text" in fact else fact
            for fact, is_own in zip(redacted["evidence"], owned, strict=True)
        ]
    return {**row, **redacted}


def _drop_contact(row: dict[str, Any], person: DataSubject) -> dict[str, Any]:
    """Return the follow-up without the person as the one to speak to."""
    task = row["task"]
    if task and task.get("contact_id") in person.contacts:
        task = {**task, "contact_id": None}
    contact = None if row["contact_id"] in person.contacts else row["contact_id"]
    return {**row, "task": task, "contact_id": contact}


def _drop_quoting_fields(row: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
    """Return the ledger row without the fields that quoted the person.

    Their value in the CRM is unknown from then on: the next push writes them again, and does not
    take them for a colleague's edit.
    """
    if row["object"] != "account":
        return changed
    for name in ("fields", "intent"):
        if row[name]:
            changed[name] = {n: v for n, v in changed[name].items() if v == row[name][n]}
    return changed
