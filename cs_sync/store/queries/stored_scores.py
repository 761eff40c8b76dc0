"""Health scores and their bands as they were stored, day by day."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select

from cs_sync.store.upserts import split_rows, upsert_rows
from cs_sync_schemas.tables import ACCOUNT, HEALTH_SCORE, SCORE_BAND

SCORE, BAND = HEALTH_SCORE, SCORE_BAND


def save_scores(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Store scores of one day and mode.

    They replace those of the same day.

    Args:
        connection: A write transaction.
        rows: Rows of `health_score`.
    """
    for chunk in split_rows(rows):
        upsert_rows(connection, SCORE, chunk)
        _save_bands(connection, chunk)


def _save_bands(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store the bands that differ from the last one before the day.

    A band that was stored earlier the same day and no longer differs is deleted.
    """
    mode, day = rows[0]["mode"], rows[0]["as_of"]
    bands = {row["account_id"]: row["band"] for row in rows}
    before, known = dict[str, str](), dict[str, str]()
    those = BAND.c.account_id.in_(bands)
    for account, since, band in _read_bands(connection, mode, day, those):
        (known if since == day else before)[account] = band
    turned = {account: band for account, band in bands.items() if before.get(account) != band}
    new = [
        {"account_id": account, "mode": mode, "since": day, "band": band}
        for account, band in turned.items()
        if known.get(account) != band
    ]
    upsert_rows(connection, BAND, new)
    if same := known.keys() - turned.keys():
        of_today = (BAND.c.mode == mode, BAND.c.since == day)
        connection.execute(delete(BAND).where(BAND.c.account_id.in_(same), *of_today))


def read_stored_days(connection: Connection, mode: str, day: date) -> dict[str, datetime]:
    """Map account id → the time of its stored score.

    The score is of a day.
    """
    statement = select(SCORE.c.account_id, SCORE.c.computed_at)
    statement = statement.where(SCORE.c.mode == mode, SCORE.c.as_of == day)
    return {row[0]: row[1] for row in connection.execute(statement)}


def read_current_bands(
    connection: Connection, mode: str, until: date
) -> dict[str, tuple[str, date]]:
    """Map account id → its last stored band, and since when."""
    return {account: (band, since) for account, since, band in _read_bands(connection, mode, until)}


def read_first_scores(connection: Connection, mode: str) -> dict[str, date]:
    """Map account id → the day of its first stored score."""
    statement = (
        select(BAND.c.account_id, func.min(BAND.c.since))
        .where(BAND.c.mode == mode)
        .group_by(BAND.c.account_id)
    )
    return {row[0]: row[1] for row in connection.execute(statement)}


def _read_bands(
    connection: Connection, mode: str, until: date, *which: ColumnElement[bool]
) -> Iterator[tuple[str, date, str]]:
    """Read accounts' bands, each since when, the oldest of an account first."""
    statement = (
        select(BAND.c.account_id, BAND.c.since, BAND.c.band)
        .where(BAND.c.mode == mode, BAND.c.since <= until, *which)
        .order_by(BAND.c.account_id, BAND.c.since)
    )
    for row in connection.execute(statement):
        yield row.account_id, row.since, row.band


def read_band_periods(
    connection: Connection, account: str, mode: str, until: date
) -> list[dict[str, Any]]:
    """Return an account's stored band periods, oldest first.

    Returns:
        One row per unbroken time in a band: since, band, score of its last day.
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


def read_daily_bands(connection: Connection, mode: str) -> dict[str, list[tuple[date, str]]]:
    """Map account id → its stored (day, band) pairs, oldest first."""
    statement = (
        select(SCORE.c.account_id, SCORE.c.as_of, SCORE.c.band)
        .where(SCORE.c.mode == mode)
        .order_by(SCORE.c.account_id, SCORE.c.as_of)
    )
    bands: dict[str, list[tuple[date, str]]] = {}
    for account, day, band in connection.execute(statement):
        bands.setdefault(account, []).append((day, band))
    return bands


def read_stored_score(
    connection: Connection, account: str, mode: str, day: date
) -> dict[str, Any] | None:
    """Return the stored score of a day with its model, or None."""
    statement = select(SCORE).where(
        SCORE.c.account_id == account, SCORE.c.mode == mode, SCORE.c.as_of == day
    )
    row = connection.execute(statement).one_or_none()
    return None if row is None else row._asdict()


def read_band_changes(connection: Connection, mode: str, since: date) -> list[dict[str, Any]]:
    """Return the stored band changes from a day on, newest first.

    Returns:
        Rows of account, as_of, from, to, score.
    """
    key = (BAND.c.account_id, BAND.c.since, BAND.c.mode)
    turned = and_(SCORE.c.account_id == key[0], SCORE.c.as_of == key[1], SCORE.c.mode == key[2])
    statement = (
        select(*key[:2], BAND.c.band, SCORE.c.score)
        .outerjoin(SCORE, turned)
        .where(BAND.c.mode == mode)
        .order_by(*key[:2])
    )
    changes, last = [], ("", "")
    for account, day, band, score in connection.execute(statement):
        if last[0] == account and day >= since:
            changes.append(
                {"account": account, "as_of": day, "from": last[1], "to": band, "score": score}
            )
        last = (account, band)
    return sorted(changes, key=lambda row: (-row["as_of"].toordinal(), row["account"]))


def read_month_end_scores(
    connection: Connection, mode: str, ends: Iterable[date]
) -> dict[str, dict[str, float]]:
    """Map account id → month (2026-10) → its last stored score.

    A month's scores are those of its last day with any, if that lies in its last week.

    Args:
        connection: A read connection.
        mode: The mode of the health score.
        ends: The last days of the months, oldest first.
    """
    week = [end - timedelta(days=ago) for end in ends for ago in range(7)]
    live = SCORE.c.account_id.in_(select(ACCOUNT.c.id))
    stored = select(SCORE.c.as_of).distinct().order_by(SCORE.c.as_of)
    stored = stored.where(live, SCORE.c.mode == mode, SCORE.c.as_of.in_(week))
    last = {(day.year, day.month): day for day in connection.scalars(stored)}
    statement = (
        select(SCORE.c.account_id, SCORE.c.as_of, SCORE.c.score)
        .where(live, SCORE.c.mode == mode, SCORE.c.as_of.in_(last.values()))
        .where(SCORE.c.score.is_not(None))
        .order_by(SCORE.c.account_id, SCORE.c.as_of)
    )
    months = {day: f"{day:%Y-%m}" for day in last.values()}
    scores: dict[str, dict[str, float]] = {}
    for account, day, score in connection.execute(statement):
        scores.setdefault(account, {})[months[day]] = score
    return scores


def build_stored_score(
    account: str, day: date, now: datetime, row: Mapping[str, Any], model: str
) -> dict[str, Any]:
    """Convert a printed score to a row of `health_score`."""
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
