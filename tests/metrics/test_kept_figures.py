"""What is brought up to date by what changed is what comes out when all is computed anew."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.dialects import sqlite
from sqlmodel import SQLModel

from cs_sync.metrics import incremental
from cs_sync.metrics.bridge import select_bridge
from cs_sync.metrics.fx import ExchangeRates, build_conversion
from cs_sync.metrics.incremental import CachedQuery, normalise_rows, update_sums
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.mrr.movements import calculate_account_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import list_whole_periods
from cs_sync.metrics.registry import list_builtin_metrics
from cs_sync.store.engine import Store, open_store
from cs_sync.store.fast.metric_cache import answer_questions
from cs_sync.store.queries.attributes import save_attributes
from cs_sync.store.queries.billing import read_billing_facts
from cs_sync.store.queries.mrr import save_mrr
from cs_sync.store.queries.stale_accounts import read_stale_accounts
from cs_sync_schemas import (
    Account,
    AccountLink,
    CachedMetric,
    MrrSpan,
    Subscription,
    SubscriptionItem,
    get_table,
)
from tests.metrics.conftest import Ledger, utc

POLICY = MrrPolicy()
MONTHS = list_whole_periods(date(2026, 1, 1), date(2026, 7, 1), "month", "UTC")
QUARTERS = list_whole_periods(date(2026, 1, 1), date(2026, 7, 1), "quarter", "UTC")
BEGAN = utc(2026, 1, 5)
CURRENCIES = {"a": "EUR", "b": "EUR", "c": "USD", "d": "USD", "e": "EUR", "f": "EUR"}
ADDING = [metric for metric in list_builtin_metrics() if metric.adds_up]
ACCOUNT, LINK, SPAN = get_table(Account), get_table(AccountLink), get_table(MrrSpan)
ITEM, SUBSCRIPTION = get_table(SubscriptionItem), get_table(Subscription)


@pytest.fixture
def store(ledger: Ledger) -> Iterator[Store]:
    made = Store(ledger.engine)
    yield made
    made.close()


def questions(scope: Scope, turn: int = 0) -> list[CachedQuery]:
    """The bridge, and of the metrics, which take turns, a fifth."""
    return [
        CachedQuery("bridge", scope, select_bridge(scope)),
        *(
            CachedQuery(metric.name, part, metric.build_statement(part))
            for metric in ADDING[turn % 5 :: 5]
            for _, part in metric.split_scope(scope)
        ),
    ]


def computed(store: Store, statement: Select[Any]) -> list[dict[str, Any]]:
    with store.read() as connection:
        return normalise_rows(row._asdict() for row in connection.execute(statement))


def near(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Whole numbers as they are; what is in floating point, to nine digits."""
    return sorted(
        (
            {k: float(f"{v:.9g}") if isinstance(v, float) else v for k, v in row.items()}
            for row in rows
        ),
        key=lambda row: [str(row[name]) for name in sorted(row)],
    )


Change = tuple[str, str, int, int]
changes = st.lists(
    st.tuples(
        st.sampled_from(sorted(CURRENCIES)),
        st.sampled_from(["price", "version", "end", "return", "plan", "test", "merge"]),
        st.integers(0, 5),
        st.integers(1, 9),
    ),
    max_size=2,
)


class Company:
    """Six accounts whose facts change; what follows from them is derived as a run would."""

    def __init__(self, ledger: Ledger, store: Store) -> None:
        self.ledger, self.store, self.now = ledger, store, BEGAN
        self.plans = dict.fromkeys(CURRENCIES, "basic")
        self.derived: datetime | None = None
        for name, currency in CURRENCIES.items():
            ledger.account(name)
            row = {
                "source_id": name, "account_source_id": name, "currency": currency,
                "started_at": BEGAN, "changed_at": BEGAN,
            }  # fmt: skip
            ledger.add(Subscription, row)
            self.version(name, 0, 10)
        self.derive()

    def version(self, name: str, month: int, quantity: int) -> None:
        """What an item was from the tenth of a month on, told anew where it was told."""
        since = utc(2026, month + 1, 10)
        with self.store.write() as connection:
            connection.execute(
                delete(ITEM).where(ITEM.c.source_id == name, ITEM.c.valid_from == since)
            )
        row = {
            "source_id": name, "subscription_source_id": name, "valid_from": since,
            "unit_amount": Decimal(100), "quantity": Decimal(quantity), "changed_at": self.now,
        }  # fmt: skip
        self.ledger.add(SubscriptionItem, row)

    def change(self, name: str, what: str, month: int, number: int) -> None:
        if what in ("price", "version"):
            self.version(name, 0 if what == "price" else month, number)
        elif what in ("end", "return"):
            end = utc(2026, month + 1, 20) if what == "end" else None
            self._set(SUBSCRIPTION, SUBSCRIPTION.c.source_id == name, ended_at=end)
        elif what == "plan":
            self.plans[name] = ("basic", "pro", "team")[number % 3]
        elif what == "test":
            self._set(ACCOUNT, ACCOUNT.c.id == name, is_test=bool(number % 2))
        elif name != "a":
            into = "a" if number % 2 else None
            self._set(ACCOUNT, ACCOUNT.c.id.in_(["a", name]))
            self._set(ACCOUNT, ACCOUNT.c.id == name, merged_into=into)
            with self.store.write() as connection:
                linked = update(LINK).where(LINK.c.source_id == name)
                connection.execute(linked.values(account_id=into or name))

    def _set(self, table: Any, which: Any, **values: Any) -> None:
        with self.store.write() as connection:
            connection.execute(update(table).where(which).values(changed_at=self.now, **values))

    def derive(self) -> None:
        """Attributes and MRR of what was touched since the last time."""
        with self.store.write() as connection:
            save_attributes(connection, [(n, {"plan": p}) for n, p in self.plans.items()], self.now)
            touched = read_stale_accounts(connection, self.derived)
            facts = list(read_billing_facts(connection, touched))
            mrr = {one.account_id: calculate_account_mrr(one, POLICY) for one in facts}
            save_mrr(connection, mrr, POLICY.hash, self.now)
        self.derived = self.now

    def spans(self) -> list[tuple[Any, ...]]:
        names = ("account_id", "currency", "valid_from", "valid_to", "amount")
        statement = select(*(SPAN.c[name] for name in names)).where(SPAN.c.known_to.is_(None))
        with self.store.read() as connection:
            return sorted((tuple(row) for row in connection.execute(statement)), key=str)

    def spans_anew(self) -> list[tuple[Any, ...]]:
        with self.store.read() as connection:
            facts = list(read_billing_facts(connection, sorted(CURRENCIES)))
        return sorted(
            (
                (one.account_id, span.currency, span.valid_from, span.valid_to, span.amount)
                for one in facts
                for span in calculate_account_mrr(one, POLICY).spans
            ),
            key=str,
        )


def scopes(rate: Fraction) -> tuple[Scope, ...]:
    rates = ExchangeRates([(date(2025, 12, 1), "EUR", "USD", Fraction(5, 4)),
                   (date(2026, 3, 31), "EUR", "USD", rate)])  # fmt: skip
    since = {"EUR": BEGAN, "USD": BEGAN}
    whole = Scope(MONTHS, POLICY)
    closed = {date(2026, 3, 1): utc(2026, 1, 15), date(2026, 5, 1): utc(2026, 1, 25)}
    euros = build_conversion(rates, "EUR", MONTHS, since, openings=True)
    return (
        whole,
        replace(whole, by=("plan",)),
        replace(whole, conversion=euros),
        replace(whole, closed=closed),
        Scope(QUARTERS, POLICY, by=("plan",)),
    )


@pytest.mark.slow("computes every kept figure anew after each change")
@pytest.mark.parametrize("turn", range(5))
@given(st.lists(changes, max_size=3), st.sampled_from([Fraction(6, 5), Fraction(8, 5)]))
@settings(max_examples=5)
def test_what_is_kept_is_what_is_computed_anew(
    turn: int, steps: list[list[Change]], rate: Fraction
) -> None:
    ledger = Ledger()
    store = Store(ledger.engine)
    company = Company(ledger, store)
    for number, step in enumerate([[], *steps]):
        company.now += timedelta(days=7)
        for one in step:
            company.change(*one)
        company.derive()
        assert company.spans() == company.spans_anew()
        asked = questions(scopes(rate if number > 1 else Fraction(5, 4))[turn], turn)
        for question, rows in zip(asked, answer_questions(store, asked, company.now), strict=True):
            assert near(rows) == near(computed(store, question.statement)), question.name
    store.close()
    ledger.engine.dispose()


def grown(ledger: Ledger, *, until: datetime) -> None:
    """Twenty accounts of 10.00 a month each since January."""
    for number in range(20):
        name = f"a{number:02}"
        ledger.account(name)
        ledger.span(name, 1000, date(2026, 1, 10), known_from=until)


def test_only_accounts_of_which_something_was_learnt_are_computed(
    ledger: Ledger, store: Store
) -> None:
    """In February the price of one was found to be 12.00; the rest is not looked at again."""
    first, second = utc(2026, 2, 1), utc(2026, 2, 8)
    grown(ledger, until=first)
    scope = Scope(MONTHS[:1], POLICY)
    (question,) = asked = [CachedQuery("bridge", scope, select_bridge(scope))]
    assert answer_questions(store, asked, first)[0][0]["closing"] == 20 * 1000
    with store.write() as connection:
        mine = SPAN.c.account_id == "a07"
        connection.execute(update(SPAN).where(mine).values(known_to=second))
    ledger.span("a07", 1200, date(2026, 1, 10), known_from=second)
    (row,) = answer_questions(store, asked, second)[0]
    assert (row["new"], row["closing"]) == (20_200, 20_200)
    with store.read() as connection:
        (figure,) = connection.execute(select(get_table(CachedMetric))).all()
    assert (figure.known_at, figure.rows) == (second, [row])
    assert computed(store, question.statement) == [row]


@pytest.mark.slow("computes every kept figure anew after each change")
def test_postgresql_brings_them_up_to_date_alike(postgres: str) -> None:
    """Temporary tables before the real ones, by the search path and by nothing else."""
    schema, first, second = f"kept_{uuid4().hex}", utc(2026, 2, 1), utc(2026, 2, 8)
    store = open_store(postgres, schema)
    with store.write() as connection:
        SQLModel.metadata.create_all(connection)
        rows = [_span(number, 1000, first) for number in range(20)]
        connection.execute(insert(ACCOUNT), [_account(number, first) for number in range(20)])
        connection.execute(insert(SPAN), rows)
    whole = Scope(MONTHS[:2], POLICY)
    asked = [*questions(whole), *questions(replace(whole, by=("plan",)), 1)]
    before = answer_questions(store, asked, first)
    with store.write() as connection:
        mine = SPAN.c.account_id == "a7"
        connection.execute(update(SPAN).where(mine).values(known_to=second))
        connection.execute(insert(SPAN), [_span(7, 1200, second)])
    after = answer_questions(store, asked, second)
    for question, now in zip(asked, after, strict=True):
        assert near(now) == near(computed(store, question.statement)), question.name
    assert (before[0][0]["closing"], after[0][0]["closing"]) == (20_000, 20_200)
    with store.read() as connection:
        assert connection.scalar(select(func.count()).select_from(SPAN)) == 21
    store.close()


def _account(number: int, since: datetime) -> dict[str, Any]:
    return {
        "id": f"a{number}", "is_test": False, "attributes": {}, "first_seen_at": since,
        "changed_at": since,
    }  # fmt: skip


def _span(number: int, amount: int, known_from: datetime) -> dict[str, Any]:
    return {
        "account_id": f"a{number}", "policy": POLICY.hash, "currency": "EUR",
        "valid_from": utc(2026, 1, 10), "amount": amount, "parts": [], "reconstructed": False,
        "known_from": known_from,
    }  # fmt: skip


def test_the_last_of_a_group_takes_its_row_along(ledger: Ledger, store: Store) -> None:
    """A currency in which nobody ever paid, as it turns out, is not shown with noughts."""
    first, second = utc(2026, 2, 1), utc(2026, 2, 8)
    grown(ledger, until=first)
    ledger.account("b")
    ledger.span("b", 500, date(2026, 1, 10), currency="USD", known_from=first)
    scope = Scope(MONTHS[:1], POLICY)
    asked = [CachedQuery("bridge", scope, select_bridge(scope))]
    assert {row["currency"] for row in answer_questions(store, asked, first)[0]} == {"EUR", "USD"}
    with store.write() as connection:
        connection.execute(update(SPAN).where(SPAN.c.account_id == "b").values(known_to=second))
    assert {row["currency"] for row in answer_questions(store, asked, second)[0]} == {"EUR"}


def test_a_run_at_work_is_not_kept(ledger: Ledger, store: Store) -> None:
    """What it has stored so far is shown, as always, but the next one asks anew."""
    first = utc(2026, 2, 1)
    grown(ledger, until=first)
    ledger.account("b")
    ledger.span("b", 500, date(2026, 1, 10), known_from=first + timedelta(minutes=1))
    scope = Scope(MONTHS[:1], POLICY)
    asked = [CachedQuery("bridge", scope, select_bridge(scope))]
    assert answer_questions(store, asked, first)[0][0]["closing"] == 20_500
    with store.read() as connection:
        assert connection.scalar(select(func.count()).select_from(get_table(CachedMetric))) == 0


def test_segments_that_are_further_than_the_mrr_are_not_kept(ledger: Ledger, store: Store) -> None:
    first, second = utc(2026, 2, 1), utc(2026, 2, 8)
    grown(ledger, until=first)
    ledger.attribute("a07", "plan", "pro", known_from=second)
    scope = Scope(MONTHS[:1], POLICY, ("plan",))
    (question,) = asked = [CachedQuery("bridge", scope, select_bridge(scope))]
    assert len(answer_questions(store, asked, first)[0]) == 2
    with store.read() as connection:
        assert connection.scalar(select(func.count()).select_from(get_table(CachedMetric))) == 0
    assert answer_questions(store, asked, second) == [computed(store, question.statement)]


def test_what_no_sum_tells_is_asked_as_a_whole() -> None:
    kept = [{"period": 0, "currency": "EUR", "n": 3}]
    gone = [{"period": 0, "currency": "EUR", "n": 3}]
    assert update_sums(kept, gone, []) is None
    assert update_sums(kept, [{**gone[0], "n": 1}], []) == [{**kept[0], "n": 2}]
    assert update_sums(kept, [{**gone[0], "n": None}], []) is None
    new = [{"period": 0, "currency": "USD", "n": 1}]
    assert update_sums(kept, [], new) == [*kept, *new]


def test_figures_of_another_time_zone_are_others(monkeypatch: pytest.MonkeyPatch) -> None:
    scope = Scope(MONTHS, POLICY)
    known = CachedQuery("mrr", scope, select_bridge(scope)).digest()
    assert known == CachedQuery("mrr", replace(scope, minimum_n=9), select_bridge(scope)).digest()
    assert known != CachedQuery("arr", scope, select_bridge(scope)).digest()
    warsaw = replace(scope, periods=tuple(replace(p, zone="Europe/Warsaw") for p in MONTHS))
    assert known != CachedQuery("mrr", warsaw, select_bridge(scope)).digest()
    monkeypatch.setattr(incremental, "STATEMENTS_VERSION", 0)
    assert known != CachedQuery("mrr", scope, select_bridge(scope)).digest()


STATEMENTS = (1, "4b3af5525b88d208")
"""The version of the cached statements, and the digest of what they compile to."""


def test_another_statement_has_another_version() -> None:
    plain, split, euros, closed, _ = scopes(Fraction(6, 5))
    rich = replace(split, conversion=euros.conversion)
    digest = sha256()
    for scope in (plain, rich):
        for metric in ADDING:
            for _, part in metric.split_scope(replace(scope, periods=MONTHS[:1])):
                digest.update(describe_statement(metric.build_statement(part)))
    digest.update(describe_statement(select_bridge(closed)))
    assert (incremental.STATEMENTS_VERSION, digest.hexdigest()[:16]) == STATEMENTS, (
        "figures of an earlier version stand in caches: raise STATEMENTS_VERSION in"
        " cs_sync/metrics/incremental.py, and write both here"
    )


def describe_statement(statement: Select[Any]) -> bytes:
    compiled = statement.compile(dialect=sqlite.dialect())
    return f"{compiled}{sorted(compiled.params.items())}".encode()
