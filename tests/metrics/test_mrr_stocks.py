"""The sweep gives what looking at every span in every period gives."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Select, select

from cs_sync.metrics.bridge import select_bridge
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import Period, add_months, get_day_start, list_whole_periods
from cs_sync.metrics.registry import list_builtin_metrics
from cs_sync.metrics.sql.bridge_relations import NOW, find_knowledge_time, select_bridge_pairs
from cs_sync.metrics.sql.mrr_relations import (
    select_mrr_pairs,
    select_mrr_runs,
    select_retention_runs,
)
from cs_sync.metrics.sql.mrr_stocks import STOCK, list_turns, select_stocks
from cs_sync.metrics.sql.stock_groups import STOCK_GROUP, select_stock_groups
from cs_sync.metrics.sql.time_travel import list_tables
from cs_sync.store.fast.shared_tables import share_stocks
from cs_sync_schemas import MrrSpan
from tests.metrics.conftest import Ledger, utc

MONTHS = list_whole_periods(date(2026, 1, 1), date(2026, 6, 1), "month", "UTC")
SCOPE = Scope(MONTHS)
BEGINNING = utc(2025, 1, 1)
CLOSED = {date(2026, month, 1): utc(2026, month, 5) for month in (1, 2, 3, 4)}


@dataclass(frozen=True)
class Held:
    """A span of an account: when it was, and when it was known."""

    account: str
    currency: str
    amount: int
    start: datetime
    end: datetime | None
    known: datetime = BEGINNING
    replaced: datetime | None = None

    def is_in_force(self, at: datetime) -> bool:
        return self.start < at and (self.end is None or self.end >= at)

    def is_known(self, at: datetime) -> bool:
        return self.known <= at and (self.replaced is None or self.replaced > at)


@st.composite
def chains(draw: st.DrawFn, account: str, currency: str) -> list[Held]:
    """Spans one after the other, with gaps, of hours or months."""
    at, spans = utc(2025, 10, 20), list[Held]()
    for _ in range(draw(st.integers(0, 4))):
        at += timedelta(hours=draw(st.sampled_from([0, 5, 300, 900, 3_000])))
        end = at + timedelta(hours=draw(st.sampled_from([3, 24, 700, 1_500, 5_000])))
        over = draw(st.booleans())
        amount = draw(st.sampled_from([0, 100, 250]))
        known = utc(2026, 1, 1) + timedelta(days=draw(st.integers(-5, 120)))
        replaced = draw(st.sampled_from([None, known + timedelta(days=draw(st.integers(1, 60)))]))
        spans.append(Held(account, currency, amount, at, end if over else None, known, replaced))
        if not over:
            break
        at = end
    return spans


BOOKS = st.tuples(
    chains("a", "EUR"), chains("a", "USD"), chains("b", "EUR"), chains("c", "USD")
).map(lambda parts: [span for part in parts for span in part])


def store(
    ledger: Ledger, spans: Sequence[Held], *, past: bool, policy: MrrPolicy = SCOPE.policy
) -> None:
    for name in sorted({span.account for span in spans}):
        ledger.account(name)
    for span in spans:
        row = {
            "account_id": span.account, "policy": policy.hash, "currency": span.currency,
            "valid_from": span.start, "valid_to": span.end, "amount": span.amount,
        }  # fmt: skip
        if past:
            row |= {"known_from": span.known, "known_to": span.replaced}
        ledger.add(MrrSpan, row)


def read(ledger: Ledger, relation: Any) -> list[dict[str, Any]]:
    with ledger.engine.connect() as connection:
        return [row._asdict() for row in connection.execute(select(relation))]


def sort(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (row["period"], row["account_id"], row["currency"]))


def look(spans: Sequence[Held], number: int, opens: datetime, closes: datetime) -> Any:
    """Yield the pair of every account and currency by looking at each of its spans."""
    for key in sorted({(span.account, span.currency) for span in spans}):
        own = [span for span in spans if (span.account, span.currency) == key]
        if all(span.start >= closes for span in own):
            continue
        then, now = ([span for span in own if span.is_in_force(at)] for at in (opens, closes))
        begun = [span.amount for span in own if opens <= span.start < closes]
        yield {
            "period": number, "account_id": key[0], "currency": key[1],
            "prev": sum(span.amount for span in then), "cur": sum(span.amount for span in now),
            "between": max(begun, default=0),
            "seen": int(any(span.amount and span.start < opens for span in own)),
            "had": int(bool(then)), "has": int(bool(now)),
        }  # fmt: skip


def look_at(spans: Sequence[Held], opens: Any, closes: Any) -> list[dict[str, Any]]:
    pairs = (look(spans, n, opens(p), closes(p)) for n, p in enumerate(MONTHS))
    return sort([row for actual in pairs for row in actual])


def unfold(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Write each run out as the periods that it stands for."""
    return sort(
        [
            {"period": n, **{name: run[name] for name in run if name not in ("first", "after")}}
            for run in runs
            for n in range(len(MONTHS))
            if run["first"] <= n < run["after"]
        ]
    )


@pytest.mark.slow("computes whole books")
@given(BOOKS)
@settings(max_examples=25)
def test_pairs_and_runs_are_what_every_span_tells(spans: list[Held]) -> None:
    ledger = Ledger()
    store(ledger, spans, past=False)

    def half_a_year_before(period: Period) -> datetime:
        return get_day_start(add_months(period.end, -6), period.zone)

    expected = look_at(spans, lambda p: p.starts_at, lambda p: p.ends_at)
    assert sort(read(ledger, select_mrr_pairs(SCOPE))) == expected
    assert unfold(read(ledger, select_mrr_runs(SCOPE))) == expected
    longer = sort(read(ledger, select_mrr_pairs(SCOPE, opens=half_a_year_before)))
    assert longer == look_at(spans, half_a_year_before, lambda p: p.ends_at)
    names = ("period", "account_id", "currency", "prev", "cur")
    retained = [{name: row[name] for name in names} for row in longer]
    pairs = sort(read(ledger, select_retention_runs(SCOPE, half_a_year_before)))
    assert [{name: row[name] for name in names} for row in pairs] == retained
    shared = replace(SCOPE, shared_turns=list_turns(SCOPE))
    with share_turns(ledger, SCOPE) as connection:
        rows = [row._asdict() for row in connection.execute(select(select_mrr_pairs(shared)))]
        last = replace(shared, periods=MONTHS[-1:])
        of_last = [row._asdict() for row in connection.execute(select(select_mrr_runs(last)))]
        swept = sorted(map(tuple, connection.execute(select(STOCK))))
        anew = sorted(map(tuple, connection.execute(select_stocks(SCOPE, list_turns(SCOPE)))))
    assert swept == anew
    assert sort(rows) == expected
    turns = list_turns(SCOPE, [6])
    with share_turns(ledger, SCOPE, turns) as connection:
        statement = select_retention_runs(replace(SCOPE, shared_turns=turns), half_a_year_before)
        assert unfold([row._asdict() for row in connection.execute(select(statement))]) == retained
        statement = select_mrr_runs(replace(SCOPE, shared_turns=turns))
        assert unfold([row._asdict() for row in connection.execute(select(statement))]) == expected
    month = [row for row in unfold(of_last) if row["period"] == 0]
    assert month == [{**row, "period": 0} for row in expected if row["period"] == len(MONTHS) - 1]
    ledger.engine.dispose()


@contextmanager
def share_turns(
    ledger: Ledger, scope: Scope, turns: Sequence[datetime] | None = None
) -> Iterator[Connection]:
    names = {str(STOCK.name), str(STOCK_GROUP.name)}
    with (
        ledger.engine.connect() as connection,
        share_stocks(connection, scope, turns or list_turns(scope), names),
    ):
        yield connection


def test_turns_before_the_periods_part_none_of_them() -> None:
    months = [at.date() for at in list_turns(replace(SCOPE, periods=MONTHS[:2]), [3])]
    assert months == [
        date(2025, 11, 1), date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1),
    ]  # fmt: skip
    quarter = list_whole_periods(date(2026, 1, 1), date(2026, 4, 1), "quarter", "UTC")
    assert list_turns(Scope(quarter), [1]) == list_turns(Scope(quarter))


TRIPLETS = BOOKS.map(
    lambda spans: [replace(s, account=f"{s.account}{n}") for s in spans for n in "123"]
)
"""Every account has two that are alike, so that groups have several."""


def list_grouped_statements(scope: Scope) -> Iterator[tuple[str, Select[Any], Select[Any]]]:
    """Yield the statements that read groups, each with the one that reads spans."""
    shared = replace(scope, shared_turns=list_turns(scope))
    yield "bridge", select_bridge(shared), select_bridge(scope)
    for metric in list_builtin_metrics():
        statement = metric.build_statement(shared)
        if any(table.name == STOCK_GROUP.name for table in list_tables(statement)):
            yield metric.name, statement, metric.build_statement(scope)


@pytest.mark.slow("computes whole books")
@given(TRIPLETS, st.sampled_from(["both", "dropped"]))
@settings(max_examples=15)
def test_groups_of_stocks_answer_as_spans_do(spans: list[Held], came_and_left: Any) -> None:
    ledger = Ledger()
    scope = replace(SCOPE, policy=MrrPolicy(came_and_left=came_and_left))
    store(ledger, spans, past=False, policy=scope.policy)
    asked = list(list_grouped_statements(scope))
    assert {"mrr", "customers", "expanding_customers_rate"} < {name for name, *_ in asked}
    with share_turns(ledger, scope) as connection:
        for name, grouped, plain in asked:
            rows = [tuple(row) for row in connection.execute(grouped)]
            assert rows == [tuple(row) for row in connection.execute(plain)], name
        swept = sorted(tuple(row)[1:] for row in connection.execute(select(STOCK_GROUP)))
        anew = sorted(tuple(row)[1:] for row in connection.execute(select_stock_groups(STOCK)))
    assert swept == anew
    ledger.engine.dispose()


@pytest.mark.slow("computes whole books")
@given(BOOKS)
@settings(max_examples=25)
def test_the_bridge_shows_each_end_as_it_was_known(spans: list[Held]) -> None:
    ledger = Ledger()
    store(ledger, spans, past=True)
    scope = replace(SCOPE, closed=CLOSED)
    assert find_knowledge_time(scope, MONTHS[-1].end) == NOW
    expected = []
    for number, period in enumerate(MONTHS):
        knew, knows = (find_knowledge_time(scope, day) for day in (period.start, period.end))
        known = [span for span in spans if span.is_known(knows)]
        rows = {
            (row["account_id"], row["currency"]): row
            for row in look(known, number, period.starts_at, period.ends_at)
        }
        reported: dict[tuple[str, str], int] = {}
        for span in spans:
            if span.is_known(knew) and span.is_in_force(period.starts_at):
                key = (span.account, span.currency)
                reported[key] = reported.get(key, 0) + span.amount
        for key in rows.keys() | {key for key, amount in reported.items() if amount}:
            nothing = dict.fromkeys(("prev", "cur", "between", "seen", "had", "has"), 0)
            row = rows.get(key, {"period": number, "account_id": key[0], "currency": key[1]})
            row = {**nothing, **row}
            expected.append({**row, "opening": reported.get(key, 0), "stood": row["prev"]})
    assert sort(read(ledger, select_bridge_pairs(scope))) == [
        {name: row[name] for name in row} for row in sort(expected)
    ]
    ledger.engine.dispose()
