"""Health signals and evidence read from the database."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import chain
from typing import Any

import orjson
from sqlalchemy import Connection, Select, not_, select, union

from cs_sync.health import (
    EVIDENCE_QUERIES,
    AccountEvidence,
    HealthConfig,
    Reading,
    SignalScope,
    collect_evidence,
    get_signal,
    read_row,
)
from cs_sync.health.coverage import (
    Coverage,
    select_any_fact,
    select_first_fact,
    select_newest_fact,
)
from cs_sync.health.relations import select_known_accounts
from cs_sync.health.signals.billing import select_leaving_accounts
from cs_sync.health.signals.billing_sweep import BILLING
from cs_sync.health.signals.fact_sweeps import SweptFacts, collect_facts
from cs_sync.health.signals.registry import get_coverage, sweep_use
from cs_sync.health.signals.usage import select_newest_use, select_use_by_owner
from cs_sync.health.signals.use_history import (
    AccountUse,
    UseHistory,
    build_use_history,
    collect_use,
    summarize_use,
)
from cs_sync.metrics.ownership import LINK
from cs_sync.metrics.sql.relations import is_counted
from cs_sync.metrics.sql.time_travel import rewrite_as_of
from cs_sync.store.queries.batches import USES_AT_ONCE, fetch_batches
from cs_sync_schemas.tables import ACCOUNT, CONTACT_LINK

LIVE = (
    ACCOUNT.c.id,
    ACCOUNT.c.name,
    ACCOUNT.c.owner_source,
    ACCOUNT.c.owner_source_id,
    ACCOUNT.c.attributes,
    ACCOUNT.c.created_at,
)
"""What is wanted of every account; owners and attributes are few, and each one object."""


def read_live_accounts(
    connection: Connection, known_at: datetime | None = None, accounts: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Return the accounts that are neither merged nor test accounts.

    They come in the order of their ids.

    Args:
        connection: A read connection.
        known_at: The knowledge time; None means now.
        accounts: Only these account ids; empty means all.
    """
    statement = select(*LIVE).where(is_counted()).order_by(ACCOUNT.c.id)
    if accounts:
        statement = statement.where(ACCOUNT.c.id.in_(accounts))
    rows = connection.execute(_apply_knowledge_time(statement, known_at))
    shared: dict[bytes, Any] = {}
    return [
        {
            "id": id_,
            "name": name,
            "owner_source": source and sys.intern(source),
            "owner_source_id": owner and sys.intern(owner),
            "attributes": shared.setdefault(orjson.dumps(attributes), attributes),
            "created_at": created_at,
        }
        for id_, name, source, owner, attributes, created_at in rows
    ]


def read_uncounted_accounts(connection: Connection) -> list[str]:
    """Return the merged accounts and the test accounts."""
    return list(connection.scalars(select(ACCOUNT.c.id).where(not_(is_counted())).order_by("id")))


def _apply_knowledge_time(statement: Select[Any], known_at: datetime | None) -> Select[Any]:
    return statement if known_at is None else rewrite_as_of(statement, known_at)


def read_signals(
    connection: Connection,
    names: Iterable[str],
    scope: SignalScope,
    *,
    rewritten: bool = True,
    use: UseHistory | None = None,
    swept: SweptFacts | None = None,
) -> dict[str, dict[str, Reading]]:
    """Read the signals.

    One statement reads each whose facts are not at hand.

    Args:
        connection: A read connection.
        names: The signals.
        scope: The moment, the accounts and the time of knowledge.
        rewritten: Read past versions; needless where no record changed since the time of
            knowledge.
        use: The days of use as known then, up to this day or a later one, to count from.
        swept: Facts of `read_swept_facts` as known then, for this day among others.

    Returns:
        Account id → signal name → reading.
    """
    readings: dict[str, dict[str, Reading]] = {}
    known_at = scope.known_at if rewritten else None
    signals = [get_signal(name) for name in names]
    of_use = [] if use is None else [signal for signal in signals if signal.sweep is not None]
    if use is not None and of_use:
        newest = _read_newest(connection, select_newest_use(scope), known_at)
        readings = sweep_use(use, newest, of_use, scope.day)
    for signal in signals:
        if signal in of_use:
            continue
        if swept is not None and signal.facts is not None:
            sweep, newest = signal.facts, {}
            if sweep.select_newest is not None:
                newest = _read_newest(connection, sweep.select_newest(scope), known_at)
            for account, measured in swept.measure_accounts(sweep, scope, newest):
                readings.setdefault(account, {})[signal.name] = Reading(*measured)
            continue
        for row in connection.execute(_build_signal_query(signal.name, scope, known_at)).all():
            readings.setdefault(row.account_id, {})[signal.name] = read_row(signal, row, scope)
    return readings


def _read_newest(
    connection: Connection, statement: Select[Any], known_at: datetime | None
) -> dict[str, Any]:
    """Map source → the time of its newest fact."""
    rows = connection.execute(_apply_knowledge_time(statement, known_at))
    return {row.source: row.observed_at for row in rows}


def read_swept_facts(
    connection: Connection,
    names: Iterable[str],
    days: Sequence[SignalScope],
    *,
    rewritten: bool = True,
) -> SweptFacts:
    """Read the facts of many days once: of signals and of billing.

    Args:
        connection: A read connection.
        names: The signals; those whose facts are not read so are passed over.
        days: Of the same accounts and time of knowledge, the oldest first.
        rewritten: As of `read_signals`.
    """
    known_at = days[-1].known_at if rewritten else None
    of_signals = (get_signal(name).facts for name in names)
    sweeps = {sweep.name: sweep for sweep in (BILLING, *of_signals) if sweep is not None}
    facts = {}
    for name, sweep in sweeps.items():
        rows = connection.execute(_apply_knowledge_time(sweep.select(days), known_at))
        facts[name] = collect_facts(sweep, rows)
    return SweptFacts(_read_sources(connection, days[-1], known_at), facts)


def _read_sources(
    connection: Connection, scope: SignalScope, known_at: datetime | None
) -> dict[str, frozenset[str]]:
    """Map account id → the sources that know it.

    Equal sets are one object.
    """
    known: dict[str, set[str]] = {}
    rows = connection.execute(_apply_knowledge_time(select_known_accounts(scope), known_at))
    for account, source in rows:
        known.setdefault(account, set()).add(source)
    shared: dict[frozenset[str], frozenset[str]] = {}
    return {
        account: shared.setdefault(own, own)
        for account, names in known.items()
        for own in [frozenset(names)]
    }


def read_use_history(
    connection: Connection,
    scope: SignalScope,
    *,
    rewritten: bool = True,
    uses: Iterable[tuple[str, AccountUse]] | None = None,
) -> UseHistory:
    """Read days of use up to a scope; earlier scopes share them.

    Args:
        connection: A read connection.
        scope: The last moment, the accounts and the time of knowledge.
        rewritten: As of `read_signals`.
        uses: All use of these accounts, if it is at hand.
    """
    known_at = scope.known_at if rewritten else None
    known = _read_sources(connection, scope, known_at)
    if uses is None:
        uses = _read_use(connection, _apply_knowledge_time(select_use_by_owner(scope), known_at))
    return build_use_history(uses, known, scope.day)


def read_all_use(connection: Connection, scope: SignalScope) -> Iterator[tuple[str, AccountUse]]:
    """Read all use of accounts, as it is known now.

    Args:
        connection: A read connection.
        scope: The accounts; its day does not matter.
    """
    return _read_use(connection, select_use_by_owner(replace(scope, day=date.max)))


def _read_use(connection: Connection, statement: Select[Any]) -> Iterator[tuple[str, AccountUse]]:
    batches = fetch_batches(connection, statement, USES_AT_ONCE)
    return collect_use(chain.from_iterable(batches))


def _build_signal_query(name: str, scope: SignalScope, known_at: datetime | None) -> Select[Any]:
    return _apply_knowledge_time(get_signal(name).build(scope), known_at)


def read_leaving_accounts(
    connection: Connection, scope: SignalScope, *, rewritten: bool = True
) -> set[str]:
    """Return the accounts that had given notice for all that still ran.

    Args:
        connection: A read connection.
        scope: The moment and the time of knowledge.
        rewritten: As of `read_signals`.
    """
    known_at = scope.known_at if rewritten else None
    statement = _apply_knowledge_time(select_leaving_accounts(scope), known_at)
    return set(connection.scalars(statement))


def read_evidence(
    connection: Connection, scope: SignalScope, use: UseHistory
) -> dict[str, AccountEvidence]:
    """Read the facts that reasons mention, by account id.

    Args:
        connection: A read connection.
        scope: The moment, the accounts and the time of knowledge.
        use: The days of use up to the same moment.
    """
    day = scope.day.toordinal()
    return collect_evidence(
        {
            name: connection.execute(_build_evidence_query(name, scope)).all()
            for name in EVIDENCE_QUERIES
        },
        {account: summarize_use(days, day) for account, days in use.days.items()},
    )


def _build_evidence_query(name: str, scope: SignalScope) -> Select[Any]:
    return _apply_knowledge_time(EVIDENCE_QUERIES[name](scope), scope.known_at)


def read_coverage(
    connection: Connection,
    model: HealthConfig,
    active_features: Sequence[str],
    scopes: Sequence[SignalScope],
) -> list[list[Any]]:
    """Read which sources had facts by some days, and their age.

    The facts are those of the signals. An account of a source without any activity counts as
    inactive from the source's first fact on, and its input is stale as soon as the source's newest
    one is.

    Args:
        connection: A read connection.
        model: The health model, whose inputs say from when on facts are stale.
        active_features: The features that make somebody active; empty means any use.
        scopes: The days.

    Returns:
        A row per kind of facts and source: on how many days there were any, and per day how many
        of the limits of age they exceeded.
    """
    limits: dict[Coverage, set[int]] = {}
    for part in model.list_models():
        for item in part.active().values():
            if (coverage := get_coverage(item.signal, active_features)) is not None:
                limits.setdefault(coverage, set()).update(filter(None, [item.max_age_days]))
    both = union(select(LINK.c.source), select(CONTACT_LINK.c.source))
    sources = sorted(connection.scalars(both))
    rows: list[list[Any]] = []
    for coverage, ages in sorted(limits.items(), key=lambda item: item[0].name):
        for source in sources:
            if connection.scalar(select_any_fact(coverage, source)) is None:
                continue
            first = connection.scalar(select_first_fact(coverage, source))
            if first is None:
                continue
            ends = [scope.day if coverage.by_day else scope.until for scope in scopes]
            known = sum(first <= end if coverage.by_day else first < end for end in ends)
            row: list[Any] = [coverage.name, source, known]
            for scope in scopes if ages else ():
                newest = connection.scalar(select_newest_fact(coverage, source, scope))
                day = newest if newest is None or coverage.by_day else scope.to_local_day(newest)
                row.append(None if day is None else sum((scope.day - day).days > n for n in ages))
            rows.append(row)
    return rows
