"""Health scores of the accounts of a month end, from signals read as columns."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from sqlalchemy import Connection

from cs_sync.foresight.inputs import SCORE
from cs_sync.health import HealthConfig, Reading, ScoreBook
from cs_sync.health.columns.ownership import NOBODY
from cs_sync.health.columns.signals import SignalColumn
from cs_sync.health.columns.versions import Floats, Ints
from cs_sync.queries.day import BANDS
from cs_sync.queries.health_model import read_health_model
from cs_sync.queries.model_choice import select_model
from cs_sync.queries.month_columns import Moment
from cs_sync.queries.observations import has_changed
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.health import read_live_accounts, read_signals

_BAND_CODES = {band: code for code, band in enumerate(BANDS)}
_NONE: Mapping[str, Reading] = {}


class ScoredMonth(Struct, frozen=True):
    """Scores, codes of bands, and the values of the health model's signals."""

    values: Mapping[str, Floats]
    band: Ints


def score_month(
    workspace: Workspace,
    connection: Connection,
    moment: Moment,
    accounts: Sequence[str],
    signals: Mapping[str, SignalColumn],
) -> ScoredMonth:
    """Score accounts by today's model at a month end.

    Args:
        workspace: The workspace.
        connection: A read connection.
        moment: The month end.
        accounts: Their ids.
        signals: Signals read as columns, of these accounts; others are read by a statement each.
    """
    scope, config = moment.scope, read_health_model(workspace, moment.known_at)
    names = config.list_signals()
    others = [name for name in names if name not in signals]
    changed = has_changed(connection, scope)
    readings = read_signals(connection, others, scope, rewritten=changed)
    models = _select_models(connection, config, moment)
    known = [name for name in names if name in signals]
    columns = [list(_list_readings(signals[name])) for name in known]
    book, size = ScoreBook(), len(accounts)
    scores, bands = np.full(size, np.nan), np.empty(size, np.int64)
    values = {name: np.full(size, np.nan) for name in others}
    for place, account in enumerate(accounts):
        own = {name: column[place] for name, column in zip(known, columns, strict=True)}
        for name, reading in readings.get(account, _NONE).items():
            own[name] = reading
            values[name][place] = np.nan if reading.value is None else reading.value
        score = book.score(own, models.get(account, config), scope)
        scores[place] = np.nan if score.score is None else float(score.score)
        bands[place] = _BAND_CODES[score.band]
    values |= {name: signals[name].values for name in known}
    return ScoredMonth({SCORE: scores, **{name: values[name] for name in names}}, bands)


def read_other_signals(
    connection: Connection, names: Sequence[str], moment: Moment, accounts: Sequence[str]
) -> dict[str, Floats]:
    """Read signals of accounts at a month end, by a statement each."""
    if not names:
        return {}
    scope = moment.scope
    readings = read_signals(connection, names, scope, rewritten=has_changed(connection, scope))
    columns = {}
    for name in names:
        own = (readings.get(account, _NONE).get(name) for account in accounts)
        values = [
            np.nan if reading is None or reading.value is None else reading.value for reading in own
        ]
        columns[name] = np.array(values, np.float64)
    return columns


def _select_models(
    connection: Connection, config: HealthConfig, moment: Moment
) -> dict[str, HealthConfig]:
    """Map account → its model, where there are several."""
    if not config.profiles:
        return {}
    live = read_live_accounts(connection, moment.known_at)
    return {account["id"]: select_model(account, config, moment.scope) for account in live}


def _list_readings(column: SignalColumn) -> Iterator[Reading]:
    """Yield the reading of each account."""
    dates: dict[int, Any] = {NOBODY: None}
    for value, observed in zip(column.values.tolist(), column.observed.tolist(), strict=True):
        if observed not in dates:
            dates[observed] = column.read_moment(observed)
        yield Reading(None if value != value else value, dates[observed])
