"""Open identity questions and people's answers to them."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update

from cs_sync.identity import Answer, Conflict, RecordRef
from cs_sync.store.privacy.suppression import read_suppression_list
from cs_sync.store.records.history import archive_rows
from cs_sync_schemas import get_history_table
from cs_sync_schemas.tables import ACCOUNT, ACCOUNT_ANSWER, ACCOUNT_LINK, ACCOUNT_QUESTION

ANSWER, QUESTION = ACCOUNT_ANSWER, ACCOUNT_QUESTION
LINK = ACCOUNT_LINK


class StoredAnswer(Struct, frozen=True):
    """An answer with its times; without `undone_at` it counts."""

    answer: Answer
    decided_at: datetime | None
    undone_at: datetime | None = None


def read_answers(connection: Connection) -> list[Answer]:
    """Return the answers in force, oldest first."""
    return [answer.answer for answer in read_stored_answers(connection) if answer.undone_at is None]


def read_stored_answers(connection: Connection) -> list[StoredAnswer]:
    """Return all answers by number, undone answers included."""
    refs: dict[tuple[Any, ...], list[RecordRef]] = {}
    for row in read_all_answers(connection):
        key = (*(row[name] for name in ("answer", "kind", "reason", "decided_at", "undone_at")),)
        refs.setdefault(key, []).append(RecordRef(row["source"], row["source_id"]))
    return [
        StoredAnswer(Answer(number, kind, tuple(of), why), decided_at, undone_at)
        for (number, kind, why, decided_at, undone_at), of in refs.items()
    ]


def read_all_answers(connection: Connection) -> list[dict[str, Any]]:
    """Return every row of every answer, undone answers included."""
    rows = connection.execute(select(ANSWER).order_by(*ANSWER.primary_key.columns))
    return [row._asdict() for row in rows]


def insert_answers(connection: Connection, answers: Sequence[StoredAnswer]) -> None:
    """Store new answers; a forgotten person's address in a reason is replaced.

    Args:
        connection: A write transaction.
        answers: The answers, each with a free number and its time.
    """
    suppressed = read_suppression_list(connection)
    rows = [
        {
            "answer": answer.answer.number,
            "position": position,
            "kind": answer.answer.kind,
            "source": ref.source,
            "source_id": ref.source_id,
            "reason": suppressed.value(answer.answer.reason),
            "decided_at": answer.decided_at,
            "undone_at": answer.undone_at,
        }
        for answer in answers
        for position, ref in enumerate(answer.answer.refs)
    ]
    if rows:
        connection.execute(insert(ANSWER), rows)


def undo_answer(connection: Connection, number: int, now: datetime) -> bool:
    """Undo an answer and restore the record links of its accounts.

    Returns:
        False if there is no such answer in force.
    """
    open_one = and_(ANSWER.c.answer == number, ANSWER.c.undone_at.is_(None))
    rows = list(connection.execute(select(ANSWER).where(open_one)))
    if not rows:
        return False
    connection.execute(update(ANSWER).where(open_one).values(undone_at=now))
    if rows[0].kind != "test":
        named = or_(*(_match_link(RecordRef(row.source, row.source_id)) for row in rows))
        _restore_links(connection, set(connection.scalars(select(LINK.c.account_id).where(named))),
                       rows[0].decided_at, now)  # fmt: skip
    return True


def _restore_links(
    connection: Connection, accounts: Collection[str], then: datetime, now: datetime
) -> None:
    """Restore the links of records as of `then`; unmerge their accounts.

    Of these accounts' records.
    """
    past = get_history_table(LINK)
    assert past is not None  # noqa: S101 - links are remembered
    same = and_(past.c.source == LINK.c.source, past.c.source_id == LINK.c.source_id)
    moved = list(
        connection.execute(
            select(past.c.source, past.c.source_id, past.c.account_id, past.c.rule, past.c.reason,
                   past.c.decided_by)
            .join_from(past, LINK, same)
            .where(LINK.c.account_id.in_(accounts), past.c.account_id != LINK.c.account_id,
                   past.c.since <= then, past.c.known_to >= then)
            .order_by(past.c.known_to)
        )
    )  # fmt: skip
    for row in moved:
        itself = _match_link(RecordRef(row.source, row.source_id))
        archive_rows(connection, LINK, itself, now)
        values = row._asdict() | {"since": now}
        connection.execute(update(LINK).where(itself).values(values))
    touched = ACCOUNT.c.id.in_({*accounts, *(row.account_id for row in moved)})
    archive_rows(connection, ACCOUNT, touched, now)
    values = {"merged_into": None, "changed_at": now}
    connection.execute(update(ACCOUNT).where(touched).values(values))


def _match_link(ref: RecordRef) -> Any:
    return and_(LINK.c.source == ref.source, LINK.c.source_id == ref.source_id)


def save_questions(connection: Connection, open_now: Iterable[Conflict], now: datetime) -> None:
    """Replace the open questions, keeping the date of those still open."""
    key = (QUESTION.c.kind, QUESTION.c.source, QUESTION.c.source_id)
    since = {tuple(row[:3]): row[3] for row in connection.execute(select(*key, QUESTION.c.since))}
    connection.execute(delete(QUESTION))
    rows = [
        {
            "kind": conflict.kind,
            "source": conflict.ref.source,
            "source_id": conflict.ref.source_id,
            "candidates": list(conflict.candidates),
            "reason": conflict.reason,
            "remedy": conflict.remedy,
            "since": since.get((conflict.kind, *conflict.ref), now),
        }
        for conflict in open_now
    ]
    if rows:
        connection.execute(insert(QUESTION), rows)


def read_questions(connection: Connection) -> list[dict[str, Any]]:
    """Return the questions left open by the last identity resolution, accounts first."""
    rows = connection.execute(select(QUESTION).order_by(*QUESTION.primary_key.columns))
    return [row._asdict() for row in rows]


def count_questions(connection: Connection) -> dict[str, int]:
    """Count the open questions of each kind."""
    rows = connection.execute(select(QUESTION.c.kind, func.count()).group_by(QUESTION.c.kind))
    return {row.kind: int(row[1]) for row in rows}
