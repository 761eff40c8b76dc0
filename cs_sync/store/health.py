"""Readings and evidence out of the database, and scores into it."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from cs_sync.health import (
    EVIDENCE,
    AccountEvidence,
    Reading,
    SignalScope,
    gather,
    read_row,
    signal_of,
)
from cs_sync.metrics.as_known import as_known
from cs_sync.store.records import upsert
from cs_sync_schemas import Account, HealthScore, table_of

ACCOUNT, SCORE = table_of(Account), table_of(HealthScore)


def live_accounts(connection: Connection, known_at: datetime | None = None) -> list[dict[str, Any]]:
    """The accounts that count, now or as known then: not merged into another one, and no test."""
    statement = (
        select(ACCOUNT)
        .where(ACCOUNT.c.merged_into.is_(None), ACCOUNT.c.is_test.is_(False))
        .order_by(ACCOUNT.c.id)
    )
    return [row._asdict() for row in connection.execute(_then(statement, known_at))]


def _then(statement: Select[Any], known_at: datetime | None) -> Select[Any]:
    return statement if known_at is None else as_known(statement, known_at)


def read_signals(
    connection: Connection, names: Iterable[str], scope: SignalScope
) -> dict[str, dict[str, Reading]]:
    """Account id → signal name → what it says; one statement per signal."""
    readings: dict[str, dict[str, Reading]] = {}
    for name in names:
        signal = signal_of(name)
        for row in connection.execute(_then(signal.build(scope), scope.known_at)):
            readings.setdefault(row.account_id, {})[name] = read_row(signal, row, scope)
    return readings


def read_evidence(connection: Connection, scope: SignalScope) -> dict[str, AccountEvidence]:
    """Account id → the facts that reasons name."""
    return gather(
        {
            name: connection.execute(_then(build(scope), scope.known_at)).all()
            for name, build in EVIDENCE.items()
        }
    )


def save_scores(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Keep the scores of a day (rows of `health_score`); those of the same day are replaced."""
    upsert(connection, SCORE, list(rows))


def band_since(connection: Connection, mode: str, until: date) -> dict[str, tuple[str, date]]:
    """Account id → its last stored band up to a day, and since which stored day it has that."""
    statement = (
        select(SCORE.c.account_id, SCORE.c.as_of, SCORE.c.band)
        .where(SCORE.c.mode == mode, SCORE.c.as_of <= until)
        .order_by(SCORE.c.account_id, SCORE.c.as_of)
    )
    found: dict[str, tuple[str, date]] = {}
    for account, day, band in connection.execute(statement):
        if found.get(account, ("", day))[0] != band:
            found[account] = (band, day)
    return found


def band_path(connection: Connection, account: str, mode: str, until: date) -> list[dict[str, Any]]:
    """The bands of an account in one mode up to a day, as stored: since, band, score; oldest first.

    One row for each unbroken time in a band, with the score of its last day.
    """
    statement = (
        select(SCORE.c.as_of, SCORE.c.band, SCORE.c.score)
        .where(SCORE.c.account_id == account, SCORE.c.mode == mode, SCORE.c.as_of <= until)
        .order_by(SCORE.c.as_of)
    )
    path: list[dict[str, Any]] = []
    for day, band, score in connection.execute(statement):
        if path and path[-1]["band"] == band:
            path[-1]["score"] = score
        else:
            path.append({"since": day, "band": band, "score": score})
    return path


def bands_by_day(connection: Connection, mode: str) -> dict[str, list[tuple[date, str]]]:
    """Account id → (day, band) of every stored score in one mode, oldest first."""
    statement = (
        select(SCORE.c.account_id, SCORE.c.as_of, SCORE.c.band)
        .where(SCORE.c.mode == mode)
        .order_by(SCORE.c.account_id, SCORE.c.as_of)
    )
    found: dict[str, list[tuple[date, str]]] = {}
    for account, day, band in connection.execute(statement):
        found.setdefault(account, []).append((day, band))
    return found


def stored_score(
    connection: Connection, account: str, mode: str, day: date
) -> dict[str, Any] | None:
    """A stored score with its model, if that day has one."""
    statement = select(SCORE).where(
        SCORE.c.account_id == account, SCORE.c.mode == mode, SCORE.c.as_of == day
    )
    row = connection.execute(statement).one_or_none()
    return None if row is None else row._asdict()


def band_changes(connection: Connection, mode: str, since: date) -> list[dict[str, Any]]:
    """Every change of band since a day, as stored: account, as_of, from, to, score."""
    statement = (
        select(SCORE.c.account_id, SCORE.c.as_of, SCORE.c.band, SCORE.c.score)
        .where(SCORE.c.mode == mode)
        .order_by(SCORE.c.account_id, SCORE.c.as_of)
    )
    found, last = [], ("", "")
    for account, day, band, score in connection.execute(statement):
        if last[0] == account and last[1] != band and day >= since:
            found.append(
                {"account": account, "as_of": day, "from": last[1], "to": band, "score": score}
            )
        last = (account, band)
    return sorted(found, key=lambda row: (-row["as_of"].toordinal(), row["account"]))


def band_history(connection: Connection, mode: str, since: date) -> list[tuple[date, str, int]]:
    """(day, band, number of accounts) as they were stored."""
    statement = (
        select(SCORE.c.as_of, SCORE.c.band, func.count())
        .where(SCORE.c.mode == mode, SCORE.c.as_of >= since)
        .group_by(SCORE.c.as_of, SCORE.c.band)
        .order_by(SCORE.c.as_of, SCORE.c.band)
    )
    return [(day, band, count) for day, band, count in connection.execute(statement)]


def computed_row(
    account: str, day: date, now: datetime, row: Mapping[str, Any], model: str
) -> dict[str, Any]:
    """A printed score as a row of `health_score`."""
    return {
        "account_id": account,
        "as_of": day,
        "mode": row["mode"],
        "model": model,
        "computed_at": now,
        "score": row["score"],
        "band": row["band"],
        "coverage": row["coverage"],
        "contributions": row["contributions"],
        "reasons": row["reasons"],
    }
