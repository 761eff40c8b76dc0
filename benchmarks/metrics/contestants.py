"""The same numbers in two ways: closing MRR, movements and customer churn of every month."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select

from benchmarks.metrics.books import PERIODS, SYNCED, TOUCHED, touch
from cs_sync.jobs.derive import BATCH_SIZE
from cs_sync.jobs.mrr_exclusions import compute_mrr
from cs_sync.metrics.bridge import select_bridge
from cs_sync.metrics.figure_keys import build_figure_key, normalise_rows
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.registry import MetricRegistry, list_builtin_metrics
from cs_sync.metrics.sql.mrr_stocks import list_turns
from cs_sync.metrics.sql.stock_groups import STOCK_GROUP
from cs_sync.store.engine import Store, open_store
from cs_sync.store.fast.kept_figures import (
    Figure,
    Rows,
    read_figures,
    read_settled_versions,
    save_figures,
)
from cs_sync.store.fast.shared_tables import share_stocks
from cs_sync.store.queries.mrr import save_mrr
from cs_sync.store.queries.stale_accounts import read_stale_accounts
from cs_sync.sync.gc_tuning import RUN_OBJECTS, raise_gc_threshold

KINDS = ("opening", "new", "reactivation", "expansion", "contraction", "churn", "closing")
Numbers = list[dict[str, float]]
Step = tuple[str, Callable[[], object], Callable[[], Numbers]]
"""Its name, what happens before it, and the work itself."""
LATER = TOUCHED + timedelta(days=1)


def cs_sync(path: Path) -> list[Step]:
    """Spans of the accounts that changed, stored; the rest is SQL in the database, kept while its
    tables stay as they are."""
    store, scope = open_store(f"sqlite:///{path}"), Scope(PERIODS, MrrPolicy())

    def first() -> Numbers:
        _derive(store, scope.policy, None, SYNCED)
        return _asked(store, scope, SYNCED)

    def again() -> Numbers:
        _derive(store, scope.policy, TOUCHED, TOUCHED)
        return _asked(store, scope, TOUCHED)

    def idle() -> Numbers:
        _derive(store, scope.policy, LATER, LATER)
        return _asked(store, scope, TOUCHED)

    return [
        ("first", _nothing, first),
        ("1 % touched", lambda: touch(store, 100), again),
        ("nothing touched", _nothing, idle),
    ]


@raise_gc_threshold(RUN_OBJECTS)
def _derive(store: Store, policy: MrrPolicy, since: datetime | None, now: datetime) -> None:
    with store.read() as connection:
        accounts = read_stale_accounts(connection, since)
    for start in range(0, len(accounts), BATCH_SIZE):
        some = accounts[start : start + BATCH_SIZE]
        with store.read() as connection:
            mrr, _ = compute_mrr(connection, some, policy)
        with store.write() as connection:
            save_mrr(connection, mrr, policy.hash, now)


def _asked(store: Store, scope: Scope, upto: datetime) -> Numbers:
    """The bridge and customer churn of the scope's months, kept while nothing changed."""
    churn = MetricRegistry(list_builtin_metrics()).select(["customer_churn_rate"])[0]
    shared = replace(scope, shared_turns=list_turns(scope))
    asked = {"bridge": select_bridge(shared), churn.name: churn.build_statement(shared)}
    keys = {name: build_figure_key(name, scope) for name in asked}
    with store.read() as connection:
        kept = read_figures(connection, keys.values()).rows
        if len(kept) < len(keys):
            kept = _computed(store, connection, scope, asked, keys, upto)
    bridged, rates = (kept[key] for key in keys.values())
    lost = {row["period"]: (row["numerator"], row["denominator"]) for row in rates}
    return [
        {kind: row[kind] for kind in KINDS}
        | {"lost": lost[row["period"]][0], "start": lost[row["period"]][1]}
        for row in bridged
    ]


def _computed(
    store: Store,
    connection: Connection,
    scope: Scope,
    asked: dict[str, Select[Any]],
    keys: dict[str, str],
    upto: datetime,
) -> dict[str, Rows]:
    tables = frozenset(("mrr_span", "account"))
    versions = read_settled_versions(connection, tables, upto)
    with share_stocks(connection, scope, list_turns(scope), {str(STOCK_GROUP.name)}):
        rows = {
            keys[name]: normalise_rows(row._asdict() for row in connection.execute(statement))
            for name, statement in asked.items()
        }
    figures = [Figure(keys[n], n, scope.policy.hash, tables, rows[keys[n]]) for n in asked]
    save_figures(store, figures, versions, upto)
    return rows


def pandas(path: Path) -> list[Step]:
    """Everything into frames, every month joined with the one before it, each time anew."""
    store = open_store(f"sqlite:///{path}")

    return [
        ("first", _nothing, lambda: _framed(path)),
        ("1 % touched", lambda: touch(store, 100), lambda: _framed(path)),
        ("nothing touched", _nothing, lambda: _framed(path)),
    ]


def _nothing() -> None:
    """What happens before a step for which nothing has to happen."""


def _framed(path: Path) -> Numbers:
    import sqlite3

    import pandas as pd

    connection = sqlite3.connect(path)
    items = pd.read_sql(
        "SELECT i.subscription_source_id AS account, i.valid_from, i.unit_amount, i.quantity, "
        "s.ended_at FROM subscription_item i JOIN subscription s "
        "ON s.source_id = i.subscription_source_id ORDER BY account, i.valid_from",
        connection,
    )
    connection.close()
    items["amount"] = items.unit_amount.astype("int64") * items.quantity.astype("int64")
    items["since"] = pd.to_datetime(items.valid_from, unit="us", utc=True)
    ends = pd.to_datetime(items.ended_at, unit="us", utc=True)
    following = items.groupby("account").since.shift(-1)
    items["until"] = following.where(ends.isna() | (following < ends), ends)
    first = items.groupby("account").since.min()
    moments = [PERIODS[0].starts_at, *(period.ends_at for period in PERIODS)]
    states = [_state(items, pd.Timestamp(moment)) for moment in moments]
    pairs = zip(moments, states, states[1:], strict=False)
    return [_moved(prev, cur, first < pd.Timestamp(opens)) for opens, prev, cur in pairs]


def _state(items: Any, moment: Any) -> Any:
    holds = (items.since < moment) & (items.until.isna() | (items.until >= moment))
    return items[holds].groupby("account").amount.sum()


def _moved(prev: Any, cur: Any, seen: Any) -> dict[str, float]:
    prev, cur = prev.align(cur, fill_value=0)
    seen = seen.reindex(prev.index, fill_value=False)
    began, ended, delta = (prev == 0) & (cur > 0), (prev > 0) & (cur == 0), cur - prev
    lasted = (prev > 0) & (cur > 0)
    sums = {
        "opening": prev.sum(), "new": cur[began & ~seen].sum(),
        "reactivation": cur[began & seen].sum(), "expansion": delta[lasted & (delta > 0)].sum(),
        "contraction": -delta[lasted & (delta < 0)].sum(), "churn": prev[ended].sum(),
        "closing": cur.sum(), "lost": ended.sum(), "start": (prev > 0).sum(),
    }  # fmt: skip
    return {name: int(value) for name, value in sums.items()}


CONTESTANTS: dict[str, Callable[[Path], list[Step]]] = {"cs-sync": cs_sync, "pandas": pandas}
