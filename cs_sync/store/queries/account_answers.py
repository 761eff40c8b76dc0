"""Open identity questions and people's answers to them."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update

from cs_sync.identity import Answer, Conflict, RecordRef
from cs_sync.store.records.history import archive_rows
from cs_sync_schemas import (
    Account,
    AccountAnswer,
    AccountLink,
    AccountQuestion,
    get_history_table,
    get_table,
)

ANSWER, QUESTION = get_table(AccountAnswer), get_table(AccountQuestion)
ACCOUNT, LINK = get_table(Account), get_table(AccountLink)


def read_answers(connection: Connection) -> list[Answer]:
    """Return the answers in force, oldest first."""
    statement = (
        select(ANSWER).where(ANSWER.c.undone_at.is_(None)).order_by(*ANSWER.primary_key.columns)
    )
    refs: dict[tuple[int, Any, str | None], list[RecordRef]] = {}
    for row in connection.execute(statement):
        key = (row.answer, row.kind, row.reason)
        refs.setdefault(key, []).append(RecordRef(row.source, row.source_id))
    return [Answer(number, kind, tuple(of), why) for (number, kind, why), of in refs.items()]


def read_all_answers(connection: Connection) -> list[dict[str, Any]]:
    """Return every row of every answer, undone answers included."""
    rows = connection.execute(select(ANSWER).order_by(*ANSWER.primary_key.columns))
    return [row._asdict() for row in rows]


def save_answer(
    connection: Connection, kind: str, refs: Sequence[RecordRef], reason: str | None, now: datetime
) -> int:
    """Store an answer about accounts.

    Args:
        connection: A write transaction.
        kind: link, split or test.
        refs: The records concerned, in the order named.
        reason: The person's reason, if given.
        now: The time of the answer.

    Returns:
        The number of the answer; it counts up.
    """
    number = int(connection.scalar(select(func.max(ANSWER.c.answer))) or 0) + 1
    rows = [
        {
            "answer": number,
            "position": position,
            "kind": kind,
            "source": ref.source,
            "source_id": ref.source_id,
            "reason": reason,
            "decided_at": now,
            "undone_at": None,
        }
        for position, ref in enumerate(refs)
    ]
    connection.execute(insert(ANSWER), rows)
    return number


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
    """Restore the links of these accounts' records as of `then`; unmerge their accounts."""
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
