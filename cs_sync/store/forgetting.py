"""Erase a person from every table."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, false, or_, select

from cs_sync.store.door import content_hash, door_of
from cs_sync.store.everywhere import holding, rewrite, rows_of, searched_tables
from cs_sync.store.personal import Eraser
from cs_sync.store.persons import Person, by_source, find_person, new_token, suppress
from cs_sync.store.suppression import Suppressed
from cs_sync.store.words import GONE, Words
from cs_sync_schemas import (
    RECORDS,
    Account,
    AccountAnswer,
    AccountQuestion,
    Alias,
    Contact,
    ContactLink,
    Figure,
    FollowUp,
    HealthScore,
    Owner,
    Record,
    RejectedRecord,
    Run,
    RunStream,
    SourceContact,
    StreamState,
    WriteLedger,
    history_of,
    table_of,
)

ACCOUNT, CONTACT, LINK = table_of(Account), table_of(Contact), table_of(ContactLink)
FIGURE, LEDGER = table_of(Figure), table_of(WriteLedger)
REJECTED, STATE = table_of(RejectedRecord), table_of(StreamState)


def erase(connection: Connection, suppressed: Suppressed, person: Person) -> dict[str, int]:
    """Take the person out of every table; table → how many rows were changed."""
    erased: Counter[str] = Counter()
    for record in RECORDS:
        if record is not Owner:
            erased += _erase_record(connection, record, suppressed, person)
    erased += _erase_graph(connection, suppressed, person)
    erased += _erase_rejects(connection, suppressed, person)
    erased += _erase_derived(connection, suppressed, person)
    return {table: count for table, count in sorted(erased.items()) if count}


def forget_again(
    connection: Connection,
    suppressed: Suppressed,
    refs: Iterable[tuple[str, str]],
    now: datetime,
) -> None:
    """Forget contact records that carry a suppressed address under an id that is new to us."""
    person = find_person(connection, refs=refs)
    person.addresses.clear()  # other addresses of the record were never asked to be forgotten
    suppress(connection, suppressed, person, now)
    erase(connection, suppressed, person)


def _erase_record(
    connection: Connection, record: type[Record], suppressed: Suppressed, person: Person
) -> Counter[str]:
    """As the record is, and as it was before."""
    door = door_of(record)

    def change(row: dict[str, Any]) -> dict[str, Any]:
        changed = Eraser(suppressed, row["source"]).row(record, row)
        for name in door.filled & changed.keys():
            changed[name] = door.filled.get(name) if changed[name] is None else changed[name]
        if "row_hash" not in row:
            return changed
        return {**changed, "row_hash": content_hash(record, changed)}

    erased = Counter[str]()
    for table in _now_and_before(table_of(record)):
        rows = [*holding(connection, table, person.addresses), *_tied(connection, table, person)]
        erased[table.name] = rewrite(connection, table, rows, change)
    return erased


def _now_and_before(table: Table) -> list[Table]:
    history = history_of(table)
    return [table] if history is None else [table, history]


def _tied(connection: Connection, table: Table, person: Person) -> Iterator[dict[str, Any]]:
    """Rows that are, or refer to, one of the person's contact records."""
    for source, ids in by_source(person.refs).items():
        columns = [table.c[name] for name in ("contact_source_id",) if name in table.c]
        if table is table_of(SourceContact):
            columns = [table.c.source_id]
        elif table is table_of(Alias):
            columns = [table.c.source_id, table.c.survivor_source_id]
        if columns:
            tied = or_(*(column.in_(ids) for column in columns))
            found = select(table).where(table.c.source == source, tied)
            yield from (dict(row) for row in connection.execute(found).mappings())


def _erase_graph(connection: Connection, suppressed: Suppressed, person: Person) -> Counter[str]:
    ids = {contact: new_token() for contact in sorted(person.contacts)}

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
    for table in _now_and_before(ACCOUNT):
        accounts = rows_of(connection, table, table.c.id.in_(person.private))
        erased[table.name] = rewrite(connection, table, accounts, lambda r: {**r, "name": None})
    for table in _now_and_before(CONTACT):
        contacts = rows_of(connection, table, table.c.id.in_(ids))
        erased[table.name] = rewrite(connection, table, contacts, contact)
    for table in _now_and_before(LINK):
        links = rows_of(connection, table, or_(table.c.contact_id.in_(ids), _of(person, table)))
        erased[table.name] = rewrite(connection, table, links, link)
    return erased


def _of(person: Person, table: Table) -> ColumnElement[bool]:
    """Rows of the person's contact records."""
    return or_(
        false(),
        *(
            and_(table.c.source == source, table.c.source_id.in_(ids))
            for source, ids in by_source(person.refs).items()
        ),
    )


def _erase_rejects(connection: Connection, suppressed: Suppressed, person: Person) -> Counter[str]:
    """What was received is dropped where it tells of the person; the source still has it."""
    sources = {source for source, _ in person.refs}
    rows = [
        row
        for row in rows_of(connection, REJECTED)
        if suppressed.mentions([row["raw"], row["reason"], row["source_id"]])
        or (row["source"] in sources and _tells(suppressed, row))
    ]

    def change(row: dict[str, Any]) -> dict[str, Any]:
        stands = suppressed.contact(row["source"], row["source_id"])
        kept = stands or suppressed.value(row["source_id"])
        return {**row, "raw": None, "reason": _ERASED, "source_id": kept}

    return Counter(rejected_record=rewrite(connection, REJECTED, rows, change))


_ERASED = "erased: it was about somebody who asked to be forgotten"


def _tells(suppressed: Suppressed, row: Mapping[str, Any]) -> bool:
    return Eraser(suppressed, row["source"]).tells_of(row["source_id"], row["raw"])


def _erase_derived(connection: Connection, suppressed: Suppressed, person: Person) -> Counter[str]:
    """What was computed or remembered: addresses anywhere, names and words at their accounts."""
    words, erased = Words(person.names, person.texts), Counter[str]()
    done = {t for record in RECORDS for t in _now_and_before(table_of(record))}
    done |= {REJECTED, FIGURE}
    for table in [t for t in searched_tables() if t not in done]:
        rows = list(holding(connection, table, person.addresses))
        if "account_id" in table.c and table in _QUOTING:
            rows += rows_of(connection, table, table.c.account_id.in_(person.accounts))
        elif table in _QUOTING:
            rows += rows_of(connection, table)

        def change(row: dict[str, Any], table: Table = table) -> dict[str, Any]:
            changed = {name: suppressed.value(value) for name, value in row.items()}
            if table is STATE:  # a redacted resume token is useless
                return {n: v if v == row[n] else None for n, v in changed.items()}
            about = row.get("account_id") is None or row["account_id"] in person.accounts
            if table in _QUOTING and about:
                changed = _without_words(changed, words, person)
            return _unsure_where_changed(row, changed) if table is LEDGER else changed

        erased[table.name] += rewrite(connection, table, rows, change)
    # Kept answers to questions: they are computed again when they are asked for.
    erased[FIGURE.name] += connection.execute(delete(FIGURE)).rowcount
    return erased


_QUOTING: Mapping[Table, tuple[str, ...]] = {
    table_of(FollowUp): ("title", "body", "evidence", "reason"),
    table_of(HealthScore): ("reasons", "contributions"),
    LEDGER: ("fields", "intent", "reason"),
    table_of(Run): ("error",),
    table_of(RunStream): ("error",),
    table_of(AccountAnswer): ("reason",),
    table_of(AccountQuestion): ("reason", "remedy"),
}
"""Tables whose texts may name a person or repeat what they wrote, with these columns."""


def _without_words(row: dict[str, Any], words: Words, person: Person) -> dict[str, Any]:
    columns = {name for names in _QUOTING.values() for name in names} & row.keys()
    told = {name: words.out_of(row[name]) for name in columns}
    evidence = row.get("evidence") or ()
    theirs = [(f.get("source"), f.get("source_id")) in person.origins for f in evidence]
    if any(theirs):
        told["body"] = "The person behind this asked to be forgotten."
        told["evidence"] = [
            {**fact, "text": GONE} if mine and "text" in fact else fact
            for fact, mine in zip(told["evidence"], theirs, strict=True)
        ]
    return {**row, **told}


def _unsure_where_changed(row: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
    """The ledger row without the fields that quoted the person.

    What the CRM shows of them is not what we know any more: it is written again by the next push,
    and not taken for a colleague's edit.
    """
    if row["object"] != "account":
        return changed
    for name in ("fields", "intent"):
        if row[name]:
            changed[name] = {n: v for n, v in changed[name].items() if v == row[name][n]}
    return changed
