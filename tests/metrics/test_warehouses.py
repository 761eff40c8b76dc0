"""What larger warehouses understand: the same statements, said in their own words."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime
from fractions import Fraction
from itertools import cycle
from multiprocessing import get_context
from typing import Any

import pytest
import sqlglot
from sqlalchemy import Select
from sqlalchemy.dialects import postgresql, registry

from cs_sync.metrics.bridge import select_bridge
from cs_sync.metrics.fx import ExchangeRates, build_conversion
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import list_whole_periods
from cs_sync.metrics.registry import list_builtin_metrics

pytestmark = pytest.mark.slow("compiles every metric for each warehouse")

PERIODS = list_whole_periods(date(2026, 1, 1), date(2026, 3, 1), "month", "Europe/Warsaw")
EARLY = datetime(2025, 1, 1, tzinfo=UTC)
RATES = ExchangeRates([(date(2025, 12, 1), "EUR", "USD", Fraction(5, 4))])
SCOPE = Scope(
    PERIODS,
    by=("plan",),
    conversion=build_conversion(RATES, "EUR", PERIODS, {"USD": EARLY}, openings=True),
    closed={date(2026, 2, 1): datetime(2026, 2, 2, tzinfo=UTC)},
    known_at=datetime(2026, 5, 5, tzinfo=UTC),
    active_features=("export", "invite sent"),
)
"""Everything that a statement may have to say at once."""
DIALECTS = ("snowflake", "bigquery", "databricks", "trino", "spark")
PLAIN = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]


def _compile(statement: Select[Any]) -> str:
    return str(statement.compile(dialect=PLAIN, compile_kwargs={"literal_binds": True}))


def _read_back(text: str, dialect: str) -> None:
    parsed: Any = sqlglot.parse_one(text, read="postgres")
    translated = parsed.sql(dialect, unsupported_level=sqlglot.ErrorLevel.RAISE)
    again: Any = sqlglot.parse_one(translated, read=dialect)
    assert again.named_selects == parsed.named_selects


def test_warehouses_can_read_what_is_said_to_them() -> None:
    """Sqlglot turns PostgreSQL's text into a warehouse's, and reads that back as one query.

    The metrics take turns: their statements are built of the same pieces.
    """
    for metric, dialect in zip(list_builtin_metrics(), cycle(DIALECTS), strict=False):
        _read_back(_compile(metric.build_statement(SCOPE)), dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_warehouses_can_read_the_bridge(dialect: str) -> None:
    _read_back(_compile(select_bridge(SCOPE, by_account=True)), dialect)


SECONDS = {
    "snowflake": "DATEDIFF(SECOND, ",
    "bigquery": "UNIX_MICROS(",
    "databricks": "UNIX_MICROS(",
    "trino": "TO_UNIXTIME(",
}
"""How each says the seconds between two instants, by its manual."""


@pytest.fixture(scope="module")
def apart() -> Iterator[ProcessPoolExecutor]:
    """Another process: Trino's dialect puts functions of its own before SQLAlchemy's, for good."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize("name", SECONDS)
def test_a_warehouses_own_dialect_says_every_statement(
    name: str, apart: ProcessPoolExecutor
) -> None:
    """The warehouse's SQLAlchemy dialect writes them, and a parser of its SQL reads them back.

    Reading takes long: there the metrics take turns.
    """
    translated = apart.submit(_compile_for, name).result()
    for turn, (text, columns) in zip(cycle(SECONDS), translated, strict=False):
        if turn == name:
            parsed: Any = sqlglot.parse_one(text, read=name)
            assert parsed.named_selects == columns
    assert any(SECONDS[name] in text for text, _ in translated)


def _compile_for(name: str) -> list[tuple[str, list[str]]]:
    """What a warehouse's own dialect makes of every statement, and the columns that were asked."""
    dialect = registry.load(name)()
    statements = [
        select_bridge(SCOPE),
        *(metric.build_statement(SCOPE) for metric in list_builtin_metrics()),
    ]
    texts = [
        str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
        for statement in statements
    ]
    return [
        (text.replace("%%", "%"), [column.name for column in statement.selected_columns])
        for text, statement in zip(texts, statements, strict=True)
    ]  # a % is doubled for drivers that format with it
