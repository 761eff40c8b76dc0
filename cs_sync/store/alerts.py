"""The states of alerts: what is wrong, since when, and who does not know it yet."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, select

from cs_sync.alerts.states import AlertState
from cs_sync.store.upserts import upsert_rows
from cs_sync_schemas.tables import ALERT


def read_alerts(connection: Connection) -> list[AlertState]:
    """Return the states of alerts, sorted by cause."""
    rows = connection.execute(select(ALERT).order_by(ALERT.c.cause)).mappings()
    return [
        AlertState(**{**row, "knowing": tuple(row["knowing"]), "waiting": tuple(row["waiting"])})
        for row in rows
    ]


def save_alerts(connection: Connection, states: Iterable[AlertState]) -> None:
    """Store the states of alerts; those that are settled go."""
    states = list(states)
    settled = [state.cause for state in states if state.is_settled]
    connection.execute(delete(ALERT).where(ALERT.c.cause.in_(settled)))
    upsert_rows(
        connection,
        ALERT,
        [
            {
                "cause": state.cause,
                "since": state.since,
                "text": state.text,
                "is_over": state.is_over,
                "knowing": list(state.knowing),
                "waiting": list(state.waiting),
            }
            for state in states
            if not state.is_settled
        ],
    )
