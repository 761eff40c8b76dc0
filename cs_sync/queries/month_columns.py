"""What the observations of all month ends rest on, read by one statement per table."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from msgspec import Struct
from sqlalchemy import Connection

from cs_sync.foresight.observations import History, Window
from cs_sync.foresight.outcomes import Departures
from cs_sync.health import SignalScope
from cs_sync.health.columns.mrr import MrrColumns
from cs_sync.health.columns.ownership import OwnerBook, Owners
from cs_sync.health.columns.signals import (
    SignalColumn,
    UseColumns,
    average_answers,
    count_tickets,
    measure_use,
)
from cs_sync.health.columns.versions import NOW, Ints, Versions
from cs_sync.health.signals.mrr import MRR_DAYS
from cs_sync.health.signals.surveys import MEAN_DAYS
from cs_sync.queries.observations import ObservationRequest, build_scope
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.columns import (
    ColumnReader,
    read_account_codes,
    read_answer_columns,
    read_counted_accounts,
    read_departures,
    read_mrr_columns,
    read_owner_book,
    read_subscription_columns,
    read_ticket_columns,
    read_use_columns,
)
from cs_sync_schemas.times import count_microseconds

_ANSWERS = {"nps": "nps", "csat_90": "csat"}
"""Signal → the kind of survey that it averages."""


class Moment(Struct, frozen=True):
    """A month end: its window and scope, and when its facts count as known."""

    window: Window
    scope: SignalScope
    known_at: datetime
    place: int
    """The place of that time among all of them."""
    signals_place: int
    """The same for signals: with hindsight there is one time only."""

    @property
    def known(self) -> int:
        """When its facts count as known, in microseconds."""
        return count_microseconds(self.known_at)


class MonthColumns(Struct, frozen=True):
    """All that was read, as known at all times of knowledge."""

    ids: Sequence[str]
    """The accounts, by their code."""
    counted: Versions
    mrr: MrrColumns
    departures: Departures
    book: OwnerBook
    """From here on what signals rest on."""
    subscriptions: Versions
    use: UseColumns
    tickets: Versions
    answers: Mapping[str, Versions]
    """Signal → the answers that it averages."""

    def measure_signals(self, owners: Owners, moment: Moment) -> dict[str, SignalColumn]:
        """Measure all signals that are read as columns: name → column."""
        scope, place = moment.scope, moment.signals_place
        known = NOW if scope.known_at is None else moment.known
        since, until = (count_microseconds(at) for at in (scope.since(MRR_DAYS), scope.until))
        return {
            **dict(measure_use(self.use, owners, place, scope)),
            "tickets_30": count_tickets(self.tickets, owners, place, scope),
            "mrr_change_90": self.mrr.measure_change(since, until, known, owners.is_counted[:-1]),
            **{
                name: average_answers(answers, owners, place, scope, MEAN_DAYS[_ANSWERS[name]])
                for name, answers in self.answers.items()
            },
        }


def list_moments(
    workspace: Workspace,
    history: History,
    windows: Sequence[Window],
    request: ObservationRequest,
) -> tuple[list[Moment], Ints, Ints]:
    """List the month ends, and the times of knowledge.

    Those of accounts and those of signals, in microseconds, ascending.
    """
    known = [history.find_knowledge_time(window.until) for window in windows]
    times = np.unique([count_microseconds(at) for at in known])
    places = [int(np.searchsorted(times, count_microseconds(at))) for at in known]
    moments = [
        Moment(
            window,
            build_scope(workspace, window.cutoff, at, request),
            at,
            place,
            0 if request.hindsight else place,
        )
        for window, at, place in zip(windows, known, places, strict=True)
    ]
    return moments, times, np.array([NOW]) if request.hindsight else times


def read_month_columns(
    connection: Connection, scope: SignalScope, times: Ints, signal_times: Ints
) -> MonthColumns:
    """Read all that the observations of month ends rest on.

    Args:
        connection: A read connection.
        scope: That of any month end.
        times: The times of knowledge of accounts.
        signal_times: Those of signals.
    """
    accounts = read_account_codes(connection)
    reader = ColumnReader(connection, signal_times)
    book = read_owner_book(reader, accounts)
    return MonthColumns(
        list(accounts),
        read_counted_accounts(ColumnReader(connection, times), accounts),
        read_mrr_columns(connection, scope.policy, accounts),
        read_departures(connection, scope.policy, accounts),
        book,
        read_subscription_columns(reader, book),
        read_use_columns(reader, book, scope),
        read_ticket_columns(reader, book),
        {name: read_answer_columns(reader, book, kind) for name, kind in _ANSWERS.items()},
    )
