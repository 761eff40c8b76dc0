"""The same statements give the same numbers on every database, and compile for more."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import cache
from itertools import pairwise
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import (
    BigInteger,
    Double,
    Engine,
    Select,
    String,
    create_engine,
    delete,
    func,
    insert,
    literal,
    select,
    text,
)

from cs_sync.export.export import export_tables
from cs_sync.metrics.bridge import select_bridge
from cs_sync.metrics.fx import ExchangeRates, build_conversion
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import list_whole_periods
from cs_sync.metrics.registry import list_builtin_metrics
from cs_sync.metrics.shared_use import SHARED, list_edges
from cs_sync.metrics.sql.dialects import bind_instant, seconds_between
from cs_sync.metrics.sql.mrr_stocks import STOCK, list_turns
from cs_sync.metrics.sql.stock_groups import STOCK_GROUP
from cs_sync.metrics.sql.time_travel import list_tables
from cs_sync.store.engine import Store
from cs_sync.store.engines.manifest import read_manifest
from cs_sync.store.engines.open import open_export
from cs_sync.store.fast.kept_figures import DAY_TABLES
from cs_sync.store.fast.shared_tables import share_parts, share_stocks, share_use
from cs_sync_schemas import (
    Cost,
    FeatureDay,
    FunnelDay,
    HealthScore,
    Invoice,
    InvoiceLine,
    MrrMovement,
    OnboardingStep,
    QualityDay,
    Referral,
    Subscription,
    SubscriptionItem,
    SurveyResponse,
    Ticket,
    UsageDay,
    get_table,
)
from cs_sync_schemas.tables import METADATA
from tests.metrics.conftest import Ledger

pytestmark = pytest.mark.slow("computes every metric on each database")

PERIODS = list_whole_periods(date(2026, 3, 1), date(2026, 7, 1), "month", "Europe/Warsaw")
RATES = ExchangeRates(
    (date(2025, month, 15), "EUR", "USD", Fraction(10_000 + 137 * month, 10_000))
    for month in range(1, 13)
)
SINCE = {"EUR": datetime(2025, 1, 1, tzinfo=UTC), "USD": datetime(2025, 1, 16, tzinfo=UTC)}
ANEW = MrrPolicy(reactivation_within_days=30, churn_rate_without_churn=0.02)
SCOPES = {
    "whole": Scope(PERIODS),
    "by two attributes": Scope(PERIODS, by=("plan", "size")),
    "in one currency": Scope(
        PERIODS, conversion=build_conversion(RATES, "EUR", PERIODS, SINCE, openings=True)
    ),
    "closed, by team": Scope(
        PERIODS,
        by=("team",),
        closed={
            date(2026, month, 1): datetime(2026, month, 3, tzinfo=UTC) for month in range(2, 7)
        },
    ),
    "as known in May": Scope(PERIODS, known_at=datetime(2026, 5, 5, tzinfo=UTC)),
    "active by features": Scope(PERIODS, by=("plan",), active_features=("f", "g")),
    "under another policy": Scope(PERIODS, ANEW, known_at=datetime(2026, 6, 5, tzinfo=UTC)),
    "all at once": Scope(
        PERIODS[:3],
        by=("plan",),
        conversion=build_conversion(RATES, "EUR", PERIODS[:3], SINCE, openings=True),
        closed={date(2026, 4, 1): datetime(2026, 4, 3, tzinfo=UTC)},
        known_at=datetime(2026, 5, 5, 9, 30, 15, 250_001, tzinfo=UTC),
    ),
}
ENGINES = {"duckdb": "duckdb", "clickhouse": "chdb", "spark": "pysail"}
"""Engines over an export, and what each one imports."""
Run = Callable[[Any], list[Mapping[str, Any]]]
Expected = Callable[[str], dict[str, list[dict[str, Any]]]]


def _statements(name: str, shared: Scope | None = None) -> dict[str, Select[Any]]:
    """The bridge, and every metric; of the scopes between every third one, in turn."""
    scope = shared or SCOPES[name]
    metrics = list_builtin_metrics()
    if name not in ("whole", "all at once"):
        metrics = metrics[list(SCOPES).index(name) % 3 :: 3]
    actual: dict[str, Select[Any]] = {
        metric.name: metric.build_statement(scope) for metric in metrics
    }
    return actual | {
        "bridge": select_bridge(scope),
        "bridge by account": select_bridge(scope, by_account=True),
    }


@pytest.fixture(scope="module")
def world() -> Iterator[Ledger]:
    """Thirty accounts with a bit of everything."""
    ledger, random = Ledger(), Random(7)
    for n in range(30):
        _account(ledger, random, f"a{n}")
    for n in range(60):
        ledger.add(
            Cost,
            {
                "source_id": f"{n}", "month": date(2026, 1 + n % 12, 1), "currency": "EUR",
                "purpose": ["acquisition", "retention", "service"][n % 3], "amount": n * 1111,
            },
        )  # fmt: skip
    for n in range(40):
        day = {"source_id": f"{n}", "day": _moment(random).date()}
        ledger.add(
            QualityDay,
            {
                **day, "defects": random.choice([None, n]), "downtime_seconds": n * 7,
                "response_seconds": random.choice([None, 0.25, 1.5]),
                "requests": random.choice([None, n]),
            },
        )  # fmt: skip
        counts = {"visitors": 100 + n, "leads": n, "conversions": n // 3}
        ledger.add(FunnelDay, {**day, **counts, "goal": random.choice([None, "trial", "demo"])})
    yield ledger
    ledger.engine.dispose()


def _moment(random: Random) -> datetime:
    return datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=random.randrange(24 * 600))


def _account(ledger: Ledger, random: Random, name: str) -> None:
    plan = random.choice([{"plan": "pro"}, {"plan": "basic"}, {}])
    attributes = plan | {"size": random.choice([5, 50])}
    ledger.account(
        name, attributes=attributes, created_at=_moment(random), is_test=random.random() < 0.1
    )
    if "plan" in plan:
        ledger.attribute(name, "team", plan["plan"], None, date(2026, 4, 9))
        ledger.attribute(name, "team", "new", date(2026, 4, 9))
    start, currency = _moment(random).date(), random.choice(["EUR", "USD"])
    for _ in range(random.randrange(4)):
        end = start + timedelta(days=random.randrange(1, 300))
        open_ended = random.random() < 0.3
        amount, learnt = random.randrange(1, 10**7), _moment(random)
        why = random.choice([None, "switched_service", "payment_failed", "odd"])
        for policy in (MrrPolicy(), ANEW):
            ledger.span(
                name, amount, start, None if open_ended else end, currency, policy,
                known_from=learnt,
            )  # fmt: skip
            ledger.add(
                MrrMovement,
                {
                    "account_id": name, "policy": policy.hash, "currency": currency,
                    "at": datetime.combine(end, datetime.min.time(), UTC), "kind": "churn",
                    "amount": 5, "cause": "end", "reason": why,
                },
            )  # fmt: skip
        ended = datetime.combine(end, datetime.min.time(), UTC)
        ledger.add(
            Subscription,
            {
                "source_id": f"{name}-{start}", "account_source_id": name, "currency": currency,
                "started_at": ended - timedelta(days=400), "ended_at": ended,
                "canceled_at": ended - timedelta(days=random.randrange(90)),
            },
        )  # fmt: skip
        if open_ended:
            break
        start = end + timedelta(days=random.choice([0, 40]))
    _people(ledger, random, name)


def _people(ledger: Ledger, random: Random, name: str) -> None:
    ledger.person(f"{name}-p", f"{name}-c0", name)
    for n in range(12):
        key = f"{name}-{n}"
        who = {
            "source_id": key, "account_source_id": random.choice([name, None]),
            "contact_source_id": random.choice([None, f"{name}-c{n % 3}"]),
        }  # fmt: skip
        at = _moment(random)
        spent = {"sessions": random.choice([None, 0, n]), "seconds": random.choice([None, 0, 600])}
        ledger.add(UsageDay, {**who, "day": at.date(), "events": random.randrange(3), **spent})
        bill = {"source_id": key, "account_source_id": name, "currency": "EUR", "issued_at": at}
        ledger.add(Invoice, {**bill, "status": "paid", "amount_paid": n * 100})
        line = {"source_id": key, "invoice_source_id": key, "currency": "EUR", "amount": n * 10}
        ledger.add(InvoiceLine, {**line, "usage_type": "metered", "period_end": at})
        feature = {**who, "account_source_id": name, "feature": "fgh"[n % 3], "seconds": n * 70}
        ledger.add(FeatureDay, {**feature, "day": at.date(), "events": (n * 5) % 9})
        kind, top = random.choice([("nps", 10), ("csat", 5), ("ces", 7)])
        ledger.add(
            SurveyResponse,
            {
                **who, "kind": kind, "score": random.randint(0 if kind == "nps" else 1, top),
                "scale_min": 0 if kind == "nps" else 1, "scale_max": top, "answered_at": at,
            },
        )  # fmt: skip
        solved = random.choice([None, at + timedelta(hours=random.randrange(900))])
        ledger.add(
            Ticket,
            {
                **who, "opened_at": at, "solved_at": solved, "topic": random.choice(["a", None]),
                "status": "solved" if solved else "open", "agent_replies": random.randrange(3),
                "first_reply_at": random.choice([None, at + timedelta(seconds=n * 777)]),
            },
        )  # fmt: skip
    for _ in range(4):
        at = _moment(random)
        ledger.add(
            HealthScore,
            {
                "account_id": name, "as_of": at.date(), "mode": "weighted", "model": "m",
                "computed_at": at, "score": random.choice([None, 40.5, 80.0]), "band": "green",
                "coverage": 1.0,
            },
        )  # fmt: skip
    owner = {"account_source_id": name, "source_id": name}
    ledger.add(Referral, {**owner, "referred_at": _moment(random)})
    trial = _moment(random)
    ledger.add(
        Subscription,
        {
            **owner, "started_at": trial, "trial_start": trial, "currency": "EUR",
            "trial_end": trial + timedelta(days=14),
        },
    )  # fmt: skip
    item = {"subscription_source_id": name, "source_id": name, "quantity": "4", "valid_from": trial}
    ledger.add(SubscriptionItem, {**item, "unit_amount": "100"})
    for step in "xyz":
        due = _moment(random)
        done = random.choice([None, due + timedelta(days=random.randrange(-20, 20))])
        ledger.add(
            OnboardingStep,
            {**owner, "source_id": f"{name}{step}", "step": step, "due_at": due, "done_at": done},
        )


@pytest.fixture(scope="module")
def on_sqlite(world: Ledger) -> Run:
    def run(statement: Any) -> list[Mapping[str, Any]]:
        with world.engine.connect() as connection:
            return [dict(row) for row in connection.execute(statement).mappings()]

    return run


@pytest.fixture(scope="module")
def server(world: Ledger, postgres: str) -> Iterator[Engine]:
    """A PostgreSQL with the same rows."""
    schema = f"metrics_{uuid4().hex}"
    engine = create_engine(
        postgres, connect_args={"options": f"-c search_path={schema} -c jit=off"}
    )
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
        METADATA.create_all(connection)
        for table, rows in _contents(world):
            connection.execute(insert(table), rows)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def on_postgresql(server: Engine) -> Run:
    def run(statement: Any) -> list[Mapping[str, Any]]:
        with server.connect() as connection:
            return [dict(row) for row in connection.execute(statement).mappings()]

    return run


@pytest.fixture(scope="module", params=ENGINES)
def on_engine(
    world: Ledger, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Run]:
    """An engine reads an export of the same rows."""
    pytest.importorskip(ENGINES[request.param], reason=f"the extra {request.param} is optional")
    folder = tmp_path_factory.mktemp("export")
    export_tables(Store(world.engine), folder, "parquet", SINCE["EUR"])
    store = open_export(request.param, folder, read_manifest(folder))

    def run(statement: Any) -> list[Mapping[str, Any]]:
        with store.read() as connection:
            return [dict(row) for row in connection.execute(statement).mappings()]

    yield run
    store.close()


def _contents(world: Ledger) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
    with world.engine.connect() as connection:
        for table in METADATA.sorted_tables:
            rows = [dict(row) for row in connection.execute(select(table)).mappings()]
            if rows:
                yield table, rows


def _comparable(rows: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows in an order of their own, numbers as numbers; squares only to twelve digits."""
    plain = [{key: _plain(value) for key, value in row.items()} for row in rows]
    return sorted(plain, key=lambda row: [str(row[key]) for key in sorted(row)])


def _plain(value: Any) -> Any:
    if isinstance(value, str) or value is None:
        return value
    exact = Fraction(value)
    return int(exact) if exact.denominator == 1 and exact < 10**12 else float(f"{float(exact):.9g}")


@pytest.fixture(scope="module")
def expected(on_sqlite: Run) -> Expected:
    """What SQLite says, asked once."""

    @cache
    def ask(scope: str) -> dict[str, list[dict[str, Any]]]:
        return {name: _comparable(on_sqlite(s)) for name, s in _statements(scope).items()}

    return ask


@pytest.mark.parametrize("scope", SCOPES)
def test_postgresql_agrees(expected: Expected, on_postgresql: Run, scope: str) -> None:
    _check_equal(on_postgresql, scope, expected)


@pytest.mark.parametrize("scope", ["whole", "by two attributes", "in one currency"])
def test_shared_tables_agree(expected: Expected, world: Ledger, server: Engine, scope: str) -> None:
    turns = list_turns(SCOPES[scope])
    edges = () if SCOPES[scope].by else list_edges(SCOPES[scope], (7, 28))
    shared = replace(SCOPES[scope], shared_turns=turns, shared_edges=edges, shared_parts=True)
    statements = _statements(scope, shared)
    tables = {str(table.name) for table in (STOCK, STOCK_GROUP, *SHARED)}
    read = [table for statement in statements.values() for table in list_tables(statement)]
    for engine in (world.engine, server):
        with (
            engine.connect() as connection,
            share_stocks(connection, shared, turns, tables),
            share_use(connection, shared, tables),
            share_parts(connection, read),
        ):
            for name, statement in statements.items():
                rows: list[Mapping[str, Any]] = []
                rows += [dict(row) for row in connection.execute(statement).mappings()]
                assert _comparable(rows) == expected(scope)[name], (name, engine.name)


def test_groups_are_shared_without_stocks(
    expected: Expected, world: Ledger, server: Engine
) -> None:
    turns = list_turns(SCOPES["whole"])
    statement = select_bridge(replace(SCOPES["whole"], shared_turns=turns))
    for engine in (world.engine, server):
        with (
            engine.connect() as connection,
            share_stocks(connection, SCOPES["whole"], turns, {str(STOCK_GROUP.name)}),
        ):
            rows: list[Mapping[str, Any]] = []
            rows += [dict(row) for row in connection.execute(statement).mappings()]
            assert _comparable(rows) == expected("whole")["bridge"], engine.name


@pytest.mark.parametrize("scope", SCOPES)
def test_engines_agree(expected: Expected, on_engine: Run, scope: str) -> None:
    _check_equal(on_engine, scope, expected)


def test_engines_keep_every_digit_and_letter(on_engine: Run) -> None:
    """Whole numbers that no double holds, and text that each engine quotes in its own way."""
    large, hostile = 3 * (2**53 + 1), "a'b\\'; DROP TABLE account; -- \\n`\"%(x)s :y"
    values = {
        "divided": literal(large, BigInteger) // literal(3, BigInteger),
        "below zero": func.abs(literal(-5, BigInteger)) - literal(7, BigInteger),
        "share": literal(1.0, Double) / literal(3.0, Double),
        "text": literal(hostile, String),
        "nothing": literal(None, String),
    }
    (row,) = on_engine(select(*(value.label(name) for name, value in values.items())))
    assert row == {
        "divided": 2**53 + 1, "below zero": -2, "share": 1 / 3, "text": hostile, "nothing": None,
    }  # fmt: skip


def test_engines_cut_instants_to_whole_seconds(on_engine: Run) -> None:
    """So a second begins at 0, however little of it has passed, also before 1970."""
    instants = [
        datetime(1969, 12, 31, 23, 59, 58, 500_000, UTC), datetime(1970, 1, 1, 0, 0, 0, 1, UTC),
        datetime(2026, 5, 5, 9, 59, 59, 999_999, UTC), datetime(2026, 5, 5, 10, 0, 1, 0, UTC),
    ]  # fmt: skip
    pairs = [
        seconds_between(bind_instant(start), bind_instant(end)).label(f"pair{n}")
        for n, (start, end) in enumerate(pairwise(instants))
    ]
    (row,) = on_engine(select(*pairs))
    assert list(row.values()) == [2, 1_777_975_199, 2]


def _check_equal(run: Run, scope: str, expected: Expected) -> None:
    for name, statement in _statements(scope).items():
        assert expected(scope)[name], name
        assert _comparable(run(statement)) == expected(scope)[name], name


@pytest.mark.parametrize("name", ["whole", "active by features"])
def test_no_figure_rests_on_days_of_use_after_its_period(world: Ledger, name: str) -> None:
    """So a period's figures are kept when only later days are new."""
    period = PERIODS[len(PERIODS) // 2]
    scope = replace(SCOPES[name], periods=(period,))
    statements = {metric.name: metric.build_statement(scope) for metric in list_builtin_metrics()}
    of_days = {
        metric: statement
        for metric, statement in statements.items()
        if DAY_TABLES & {table.name for table in list_tables(statement)}
    }
    with world.engine.connect() as connection:
        figures = {m: connection.execute(statement).all() for m, statement in of_days.items()}
        for table in (get_table(UsageDay), get_table(FeatureDay)):
            later = connection.execute(delete(table).where(table.c.day >= period.end))
            assert later.rowcount > 0
        without = {m: connection.execute(statement).all() for m, statement in of_days.items()}
        connection.rollback()
    assert sum(bool(rows) for rows in figures.values()) > 15
    assert without == figures
