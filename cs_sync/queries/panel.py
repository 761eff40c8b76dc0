"""Observations of all month ends as columns: what `read_month_end` says of each."""

from collections.abc import Iterator, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from sqlalchemy import Connection

from cs_sync.foresight.inputs import SCORE
from cs_sync.foresight.observations import DAYS_PER_MONTH, TENURE, History, Window
from cs_sync.foresight.outcomes import UNKNOWN, HorizonMrr, classify_outcomes
from cs_sync.foresight.panel import Month, Panel, join_months
from cs_sync.health.columns.ownership import NOBODY, Owners
from cs_sync.health.columns.signals import find_leaving
from cs_sync.health.columns.versions import FAR
from cs_sync.queries.day import BANDS
from cs_sync.queries.month_columns import Moment, MonthColumns, list_moments, read_month_columns
from cs_sync.queries.month_scores import read_other_signals, score_month
from cs_sync.queries.observations import (
    ObservationRequest,
    list_month_ends,
    read_history,
)
from cs_sync.runtime.workspace import Workspace
from cs_sync_schemas.times import count_microseconds

_DAY = 86_400_000_000
"""Microseconds."""


def read_panel(
    workspace: Workspace, request: ObservationRequest, windows: Sequence[Window] = ()
) -> Panel:
    """Read the observations of month ends, by account.

    Everything is read as known at the month end, or at the first read of all sources where
    that came later; the outcome as known at the end of the horizon. So what arrives later
    changes nothing.

    Args:
        workspace: The workspace, its MRR up to date.
        request: What to read.
        windows: The month ends, oldest first; by default all that are complete.

    Raises:
        ConfigError: No MRR is known, or no horizon is complete.
    """
    history = read_history(workspace)
    windows = windows or list_month_ends(workspace, history, request)
    moments, times, signal_times = list_moments(workspace, history, windows, request)
    with workspace.store.read() as connection:
        columns = read_month_columns(connection, moments[-1].scope, times, signal_times)
        book = _PanelBook(workspace, connection, columns, history, request)
        months = list(book.build_months(moments))
    return join_months(months, columns.ids, columns.mrr.currencies, BANDS)


class _PanelBook(Struct, frozen=True):
    """What the months are built from."""

    workspace: Workspace
    connection: Connection
    columns: MonthColumns
    history: History
    request: ObservationRequest

    def build_months(self, moments: Sequence[Moment]) -> Iterator[Month]:
        """Yield the observations of each month end."""
        last, owners = NOBODY, None
        for moment in moments:
            if owners is None or moment.signals_place != last:
                last = moment.signals_place
                owners = self.columns.book.find_owners(last)
            yield self._build_month(moment, owners)

    def _build_month(self, moment: Moment, owners: Owners) -> Month:
        columns, scope = self.columns, moment.scope
        until = count_microseconds(scope.until)
        mrr, currency = columns.mrr.find_paid(until, moment.known)
        first = columns.mrr.find_first(moment.known)
        outcome = self._classify_outcomes(moment)
        counted = np.zeros(len(columns.ids), np.bool_)
        counted[columns.counted["account"][columns.counted.select_known(moment.place)]] = True
        leaving = find_leaving(columns.subscriptions, owners, moment.signals_place, scope)
        judged = counted & ~leaving & (currency != NOBODY) & (first != FAR) & (outcome != UNKNOWN)
        account = np.flatnonzero(judged)
        signals = columns.measure_signals(owners, moment)
        ids = [columns.ids[code] for code in account.tolist()]
        others = [name for name in self.request.signals if name not in signals]
        read = read_other_signals(self.connection, others, moment, ids)
        values = {SCORE: np.full(len(account), np.nan)}
        for name in self.request.signals:
            values[name] = read[name] if name in read else signals[name].values[account]
        band = np.full(len(account), UNKNOWN)
        if self.request.scored:
            own = {name: column.take(account) for name, column in signals.items()}
            scored = score_month(self.workspace, self.connection, moment, ids, own)
            values, band = {**values, **scored.values}, scored.band
        values[TENURE] = (until - first[account]) / _DAY / DAYS_PER_MONTH
        return Month(
            moment.window.cutoff, account, outcome[account], mrr[account], currency[account],
            band, values,
        )  # fmt: skip

    def _classify_outcomes(self, moment: Moment) -> NDArray[np.int8]:
        """Classify what became of each account, as known at the horizon."""
        window, columns = moment.window, self.columns
        until, opens_at, closes_at, known_at = (
            count_microseconds(at)
            for at in (
                window.until,
                window.opens_at,
                window.closes_at,
                self.history.find_knowledge_time(window.closes_at),
            )
        )
        first = columns.departures.find_first(len(columns.ids), (until, closes_at), known_at)
        mrr = HorizonMrr(*(columns.mrr.sum_amounts(at, known_at) for at in (opens_at, closes_at)))
        return classify_outcomes(columns.departures, first, opens_at, mrr)
