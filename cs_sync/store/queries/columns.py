"""Versions of records and of who is who, read into columns for signals on many days."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    Integer,
    Select,
    String,
    Table,
    exists,
    or_,
    select,
    type_coerce,
)

from cs_sync.foresight.outcomes import Departures
from cs_sync.health.columns.mrr import MrrColumns
from cs_sync.health.columns.ownership import NOBODY, OwnerBook, count_codes, find_codes, make_codes
from cs_sync.health.columns.signals import UseColumns, build_use_columns
from cs_sync.health.columns.versions import FAR, Ints, Versions, find_places, join_versions
from cs_sync.health.scope import SignalScope
from cs_sync.health.signals.mrr import SPAN
from cs_sync.health.signals.surveys import list_answer_columns
from cs_sync.health.signals.usage import get_use_table, list_use_columns, split_whose
from cs_sync.metrics.answers import ANSWER, is_scored_answer
from cs_sync.metrics.catalogue.churn import build_churn_reason
from cs_sync.metrics.ownership import LINK, PLACE
from cs_sync.metrics.sql.relations import is_counted
from cs_sync.metrics.sql.time_travel import KnownSpan, select_spans
from cs_sync.metrics.subscriptions import has_run
from cs_sync.store.queries.batches import fetch_batches
from cs_sync_schemas import get_history_table
from cs_sync_schemas.tables import (
    ACCOUNT,
    CONTACT,
    CONTACT_LINK,
    MRR_MOVEMENT,
    SUBSCRIPTION,
    TICKET,
)
from cs_sync_schemas.times import Instant, count_microseconds, read_microseconds

_ROWS_AT_ONCE = 50_000
_NO_DAY = 1 << 21
"""After every ordinal of a day."""
_NUMBERS = ("events", "naming")
_WHOSE = ("source", "account_source_id", "contact_source_id")
Lists = dict[str, Sequence[Any]]


class ColumnReader(Struct, frozen=True, dict=True):
    """Reads what is known at some times of knowledge: microseconds, ascending."""

    connection: Connection
    times: Ints

    @cached_property
    def known(self) -> KnownSpan:
        """From the first to the last of the times."""
        first, last = (read_microseconds(int(self.times[place])) for place in (0, -1))
        return KnownSpan(first, last)

    def read_versions(
        self,
        table: Table,
        columns: Mapping[str, ColumnElement[Any]],
        where: ColumnElement[bool] | None = None,
    ) -> Iterator[tuple[Lists, Versions]]:
        """Yield lists of the columns, and bare versions, part by part."""
        spans = select_spans(table, columns, self.known, where).subquery("spans")
        changes = or_(spans.c.known_from > self.known.first, spans.c.known_to <= self.known.last)
        unchanged = not self.connection.scalar(select(exists().where(changes)))
        names = [*columns] if unchanged else [*columns, "known_from", "known_to"]
        statement = select(*(_leave_raw(spans.c[name]) for name in names))
        for part in _fetch_parts(self.connection, statement):
            lists: Lists = dict(zip(names, zip(*part, strict=True), strict=True))
            if unchanged:
                yield lists, Versions({})
            else:
                spans_of = (to_microseconds(lists.pop(name)) for name in ("known_from", "known_to"))
                yield lists, Versions({}, *find_places(self.times, *spans_of))

    def read_all(
        self,
        table: Table,
        columns: Mapping[str, ColumnElement[Any]],
        where: ColumnElement[bool] | None = None,
    ) -> tuple[Lists, Versions]:
        """Return lists of the columns, and the versions still without columns."""
        parts = list(self.read_versions(table, columns, where))
        if not parts:
            return dict.fromkeys(columns, ()), Versions({})
        lists: Lists = {
            name: [value for part, _ in parts for value in part[name]] for name in columns
        }
        return lists, join_versions([versions for _, versions in parts])


def read_account_codes(connection: Connection) -> dict[str, int]:
    """Map account id → its code, of all there ever were.

    Codes are in the order of ids.
    """
    tables = (ACCOUNT, get_history_table(ACCOUNT))
    ids = {
        id_
        for table in tables
        if table is not None
        for id_ in connection.scalars(select(table.c.id))
    }
    return {id_: code for code, id_ in enumerate(sorted(ids))}


def read_counted_accounts(reader: ColumnReader, accounts: Mapping[str, int]) -> Versions:
    """Read when each account was neither merged nor a test: `account`."""
    lists, versions = reader.read_all(ACCOUNT, {"id": ACCOUNT.c.id}, is_counted())
    return versions.add({"account": find_codes(lists["id"], accounts)})


def read_owner_book(reader: ColumnReader, accounts: Mapping[str, int]) -> OwnerBook:
    """Read who is who."""
    sources, names, persons, contacts = (make_codes() for _ in range(4))
    links, link_versions = _read_table(reader, LINK, "source", "source_id", "account_id")
    people, people_versions = _read_table(reader, CONTACT_LINK, "source", "source_id", "contact_id")
    homes, home_versions = _read_table(reader, CONTACT, "id", "account_id")
    stays, stay_versions = _read_table(
        reader, PLACE, "contact_id", "source", "account_source_id",
        "day_from", "day_to", "valid_from", "valid_to",
    )  # fmt: skip
    link_columns = {
        "name": count_codes(_pair(links, "source", "source_id"), names),
        "source": count_codes(links["source"], sources),
        "account": find_codes(links["account_id"], accounts),
    }
    people_columns = {
        "person": count_codes(_pair(people, "source", "source_id"), persons),
        "source": count_codes(people["source"], sources),
        "contact": count_codes(people["contact_id"], contacts),
    }
    home_columns = {
        "contact": count_codes(homes["id"], contacts),
        "account": find_codes(homes["account_id"], accounts),
    }
    stay_columns = {
        "contact": count_codes(stays["contact_id"], contacts),
        "name": find_codes(_pair(stays, "source", "account_source_id"), names),
        **{name: _to_ordinals(stays[name]) for name in ("day_from", "day_to")},
        **{name: to_microseconds(stays[name]) for name in ("valid_from", "valid_to")},
    }
    return OwnerBook(
        accounts, contacts, sources, names, persons, read_counted_accounts(reader, accounts),
        link_versions.add(link_columns),
        people_versions.add(people_columns),
        home_versions.add(home_columns),
        stay_versions.add(stay_columns),
    )  # fmt: skip


def read_use_columns(reader: ColumnReader, book: OwnerBook, scope: SignalScope) -> UseColumns:
    """Read all use.

    Args:
        reader: The times of knowledge.
        book: Who is who at them.
        scope: Any of the days: what makes somebody active.
    """
    units, days = make_codes(), dict[Any, int]()
    columns = list_use_columns(scope)
    empty = {name: np.empty(0, np.int64) for name in ("unit", *columns)}
    parts = [Versions(empty)]
    for lists, versions in reader.read_versions(get_use_table(scope), columns):
        days |= {day: _to_ordinal(day) for day in {*lists["day"]} - days.keys()}
        part: dict[str, NDArray[Any]] = {
            "unit": count_codes(lists["whose"], units).astype(np.int32),
            "day": np.fromiter(map(days.__getitem__, lists["day"]), np.int32, len(lists["day"])),
            **{name: np.array(lists[name], np.int64) for name in columns if name in _NUMBERS},
        }
        parts.append(versions.add(part))
    whose: Lists = dict.fromkeys(_WHOSE, ())
    whose |= dict(zip(_WHOSE, zip(*map(split_whose, units), strict=True), strict=False))
    rows = join_versions(parts[1:] or parts)
    return build_use_columns(rows, _find_owners(whose, book), book)


def read_ticket_columns(reader: ColumnReader, book: OwnerBook) -> Versions:
    """Read all tickets by their opening, for `count_tickets`."""
    names = (*_WHOSE, "opened_at")
    lists, versions = reader.read_all(TICKET, {name: TICKET.c[name] for name in names})
    opened = to_microseconds(lists["opened_at"])
    columns = {**_find_owners(lists, book), "opened_at": opened}
    order = np.argsort(opened, kind="stable")
    return versions.add(columns).take(order)


def read_answer_columns(reader: ColumnReader, book: OwnerBook, kind: str) -> Versions:
    """Read the scored answers of a kind of survey, for `average_answers`."""
    where = is_scored_answer(kind)
    lists, versions = reader.read_all(ANSWER, list_answer_columns(kind), where)
    ids = _pair(lists, "source", "source_id")
    respondents = make_codes()
    count_codes(list(book.contacts), respondents)
    unknown = [
        f"{source}#{id_}" if contact is None else f"{source}:{contact}"
        for (source, id_), contact in zip(ids, lists["contact_source_id"], strict=True)
    ]
    columns = {
        **_find_owners(lists, book),
        "respondent": count_codes(unknown, respondents),
        "answered_at": to_microseconds(lists["answered_at"]),
        "value": np.array(lists["value"], np.float64),
    }
    at = columns["answered_at"].tolist()
    order = sorted(range(len(ids)), key=lambda row: ids[row][1])
    order.sort(key=lambda row: ids[row][0], reverse=True)
    order.sort(key=lambda row: at[row])
    return versions.add(columns).take(np.array(order, np.int64))


def read_subscription_columns(reader: ColumnReader, book: OwnerBook) -> Versions:
    """Read the subscriptions that ran, for `find_leaving`."""
    names = ("source", "account_source_id", "started_at", "ended_at", "canceled_at")
    lists, versions = reader.read_all(
        SUBSCRIPTION, {name: SUBSCRIPTION.c[name] for name in names}, has_run(SUBSCRIPTION)
    )
    columns = {
        "name": find_codes(_pair(lists, "source", "account_source_id"), book.names),
        **{name: to_microseconds(lists[name]) for name in names[2:]},
    }
    return versions.add(columns)


def read_mrr_columns(
    connection: Connection, policy: str, accounts: Mapping[str, int]
) -> MrrColumns:
    """Read all spans of MRR under a policy, whenever they were known."""
    names = ("account_id", "currency", "amount")
    moments = ("valid_from", "valid_to", "known_from", "known_to")
    statement = select(*(_leave_raw(SPAN.c[name]) for name in (*names, *moments)))
    rows = connection.execute(statement.where(SPAN.c.policy == policy)).all()
    lists: Lists = dict.fromkeys((*names, *moments), ())
    lists |= dict(zip(lists, zip(*rows, strict=True), strict=False))
    currencies = sorted({*lists["currency"]})
    codes = {currency: code for code, currency in enumerate(currencies)}
    columns = {
        "account": find_codes(lists["account_id"], accounts),
        "currency": find_codes(lists["currency"], codes),
        "amount": np.array(lists["amount"], np.int64),
        **{name: to_microseconds(lists[name]) for name in moments},
    }
    order = np.lexsort((-columns["currency"], columns["amount"]))
    order = order[columns["account"][order] != NOBODY]
    return MrrColumns(
        len(accounts), currencies, {name: column[order] for name, column in columns.items()}
    )


def read_departures(connection: Connection, policy: str, accounts: Mapping[str, int]) -> Departures:
    """Read all churn under a policy, whenever it was known."""
    names = ("account_id", "at", "known_from", "known_to")
    statement = (
        select(*(_leave_raw(MRR_MOVEMENT.c[name]) for name in names), build_churn_reason())
        .where(MRR_MOVEMENT.c.policy == policy, MRR_MOVEMENT.c.kind == "churn")
        .order_by(MRR_MOVEMENT.c.at, MRR_MOVEMENT.c.currency)
    )
    rows = [row for row in connection.execute(statement) if row[0] in accounts]
    account, at, since, until, reason = zip(*rows, strict=True) if rows else ((),) * 5
    return Departures(
        find_codes(account, accounts),
        to_microseconds(at),
        np.array([own == "involuntary" for own in reason], np.bool_),
        to_microseconds(since),
        to_microseconds(until),
    )


def to_microseconds(values: Sequence[Any]) -> Ints:
    """Convert instants as stored to microseconds; open ones are far off."""
    try:
        return np.array(values, np.int64)
    except TypeError:  # open ones, or datetimes
        return np.array([_count_microseconds(value) for value in values], np.int64)


def _count_microseconds(value: Any) -> int:
    if value is None:
        return FAR
    return count_microseconds(value) if isinstance(value, datetime) else int(value)


def _read_table(reader: ColumnReader, table: Table, *names: str) -> tuple[Lists, Versions]:
    return reader.read_all(table, {name: table.c[name] for name in names})


def _leave_raw(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Read days and instants as stored.

    A million objects of them take seconds.
    """
    if isinstance(column.type, Date):
        return type_coerce(column, String)
    return type_coerce(column, Integer) if isinstance(column.type, Instant) else column


def _to_ordinal(day: date | str | None) -> int:
    if day is None:
        return _NO_DAY
    return (date.fromisoformat(day) if isinstance(day, str) else day).toordinal()


def _to_ordinals(days: Iterable[Any]) -> Ints:
    return np.array([_to_ordinal(day) for day in days], np.int64)


def _pair(lists: Lists, *names: str) -> list[tuple[Any, ...]]:
    return list(zip(*(lists[name] for name in names), strict=True))


def _find_owners(lists: Lists, book: OwnerBook) -> dict[str, Ints]:
    """Find name, person and source of each source, account and contact."""
    return {
        "name": find_codes(_pair(lists, "source", "account_source_id"), book.names),
        "person": find_codes(_pair(lists, "source", "contact_source_id"), book.persons),
        "source": find_codes(lists["source"], book.sources),
    }


def _fetch_parts(connection: Connection, statement: Select[Any]) -> Iterator[Sequence[Any]]:
    """Yield rows part by part.

    Those of SQLite are the driver's own, which takes half the time.
    """
    if connection.dialect.name != "sqlite":
        yield from fetch_batches(connection, statement, _ROWS_AT_ONCE)
        return
    result = connection.execute(statement)
    cursor: Any = result.cursor
    while part := cursor.fetchmany(_ROWS_AT_ONCE):
        yield part
    result.close()
