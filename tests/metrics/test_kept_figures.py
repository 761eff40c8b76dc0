"""What is kept is what comes out when it is computed anew."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from sqlalchemy import delete, insert, select, update

from cs_sync.metrics import figure_keys
from cs_sync.metrics.figure_keys import build_figure_key
from cs_sync.metrics.fx import ExchangeRates, build_conversion
from cs_sync.metrics.kpi import KpiRow
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.mrr.movements import calculate_account_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.mrr.rows import build_rows
from cs_sync.metrics.periods import list_whole_periods
from cs_sync.metrics.registry import list_builtin_metrics
from cs_sync.queries.metric_rows import compute_bridge, compute_kpis
from cs_sync.store.engine import Store, open_store
from cs_sync.store.queries.attributes import save_attributes
from cs_sync.store.queries.billing import read_billing_facts
from cs_sync.store.queries.mrr import save_mrr
from cs_sync.store.queries.stale_accounts import read_stale_accounts
from cs_sync_schemas import (
    Account,
    AccountLink,
    CachedMetric,
    Lease,
    MrrSpan,
    Subscription,
    SubscriptionItem,
    Ticket,
    UsageDay,
    get_table,
)
from cs_sync_schemas.tables import METADATA
from tests.metrics.conftest import METRICS, Ledger, utc

POLICY = MrrPolicy()
MONTHS = list_whole_periods(date(2026, 1, 1), date(2026, 7, 1), "month", "UTC")
QUARTERS = list_whole_periods(date(2026, 1, 1), date(2026, 7, 1), "quarter", "UTC")
BEGAN = utc(2026, 1, 5)
CURRENCIES = {"a": "EUR", "b": "EUR", "c": "USD", "d": "USD", "e": "EUR", "f": "EUR"}
METRICS_IN_TURN = list_builtin_metrics()
ACCOUNT, LINK, SPAN = get_table(Account), get_table(AccountLink), get_table(MrrSpan)
FIGURE = get_table(CachedMetric)
ITEM, SUBSCRIPTION = get_table(SubscriptionItem), get_table(Subscription)
DAYS = get_table(UsageDay)


@pytest.fixture
def store(ledger: Ledger) -> Iterator[Store]:
    made = Store(ledger.engine)
    yield made
    made.close()


def workspace_of(store: Store, now: datetime = BEGAN) -> Any:
    """As much of a workspace as computing metrics needs."""
    return SimpleNamespace(store=store, clock=lambda: now, plugins=SimpleNamespace(metrics={}))


def anew(store: Store, names: Sequence[str], scope: Scope) -> list[KpiRow]:
    with store.write() as connection:
        connection.execute(delete(FIGURE))
    return ask(store, names, scope)


def ask(store: Store, names: Sequence[str], scope: Scope) -> list[KpiRow]:
    return compute_kpis(workspace_of(store), METRICS.select(names), scope)


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
            mrr = {f.account_id: build_rows(calculate_account_mrr(f, POLICY)) for f in facts}
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
                (fact.account_id, span.currency, span.valid_from, span.valid_to, span.amount)
                for fact in facts
                for span in calculate_account_mrr(fact, POLICY).spans
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
    names = [metric.name for metric in METRICS_IN_TURN[turn::5]]
    for number, step in enumerate([[], *steps]):
        company.now += timedelta(days=7)
        for item in step:
            company.change(*item)
        company.derive()
        assert company.spans() == company.spans_anew()
        scope = scopes(rate if number > 1 else Fraction(5, 4))[turn]
        kept, again = ask(store, names, scope), ask(store, names, scope)
        bridge = compute_bridge(workspace_of(store), scope)
        assert kept == again
        assert anew(store, names, scope) == kept
        assert compute_bridge(workspace_of(store), scope) == bridge
    store.close()
    ledger.engine.dispose()


def grown(ledger: Ledger) -> None:
    """Twenty accounts of 10.00 a month each since January."""
    for number in range(20):
        name = f"a{number:02}"
        ledger.account(name)
        ledger.span(name, 1000, date(2026, 1, 10))


JANUARY = Scope(MONTHS[:1], POLICY)


def spoil(store: Store) -> None:
    """Write 7 into every kept number, to see which are read."""
    with store.write() as connection:
        for row in connection.execute(select(FIGURE.c.question, FIGURE.c.rows)).all():
            rows = [{**item, "numerator": 7} for item in row.rows]
            same = FIGURE.c.question == row.question
            connection.execute(update(FIGURE).where(same).values(rows=rows))


def values(rows: Sequence[KpiRow]) -> dict[str, Any]:
    return {row.metric: row.value for row in rows}


def test_what_rests_on_nothing_new_is_not_computed_again(ledger: Ledger, store: Store) -> None:
    """Tickets are new, so those open are counted; MRR is read as it was kept."""
    grown(ledger)
    names = ["mrr", "customers", "open_tickets"]
    assert values(ask(store, names, JANUARY)) == {
        "mrr": 20_000, "customers": 20, "open_tickets": None,
    }  # fmt: skip
    spoil(store)
    assert values(ask(store, names, JANUARY))["mrr"] == 7
    opened = utc(2026, 1, 20)
    row = {"source_id": "t", "account_source_id": "a01", "opened_at": opened, "status": "open"}
    ledger.add(Ticket, {**row, "changed_at": opened})
    assert values(ask(store, names, JANUARY)) == {"mrr": 7, "customers": 7, "open_tickets": 1}


def use(ledger: Ledger, day: date, changed_at: datetime) -> None:
    ledger.add(
        UsageDay,
        {
            "source_id": f"u{day}", "account_source_id": "a01", "day": day, "events": 1,
            "changed_at": changed_at,
        },
    )  # fmt: skip


def test_months_are_kept_while_only_later_days_of_use_are_new(ledger: Ledger, store: Store) -> None:
    """Days with use: in January one, in February two, then a third; at last a second in January."""
    grown(ledger)
    for day in (date(2026, 1, 20), date(2026, 2, 3), date(2026, 2, 4)):
        use(ledger, day, utc(2026, 3, 1))
    both = Scope(MONTHS[:2], POLICY)

    def ask_days() -> list[float | None]:
        return [row.numerator for row in ask(store, ["usage_frequency"], both)]

    assert ask_days() == [1, 2]
    spoil(store)
    use(ledger, date(2026, 2, 20), utc(2026, 3, 2))
    assert ask_days() == [7, 3]
    assert ask_days() == [7, 3]
    use(ledger, date(2026, 1, 21), utc(2026, 3, 3))
    assert ask_days() == [2, 3]
    with store.write() as connection:
        connection.execute(delete(DAYS).where(DAYS.c.day == date(2026, 1, 21)))
    assert ask_days() == [1, 3]


def test_each_period_is_kept_by_itself(ledger: Ledger, store: Store) -> None:
    """The newest month of a report is the month that `metrics` shows."""
    grown(ledger)
    ask(store, ["mrr", "nrr"], Scope(MONTHS, POLICY))
    spoil(store)
    assert values(ask(store, ["mrr"], JANUARY)) == {"mrr": 7}


@pytest.mark.slow("computes whole books")
def test_what_was_changed_by_hand_is_seen(ledger: Ledger, store: Store) -> None:
    grown(ledger)
    ask(store, ["mrr"], JANUARY)
    with store.write() as connection:
        connection.execute(update(SPAN).where(SPAN.c.account_id == "a07").values(amount=1_200))
    assert values(ask(store, ["mrr"], JANUARY)) == {"mrr": 20_200}
    with store.write() as connection:
        connection.execute(update(ACCOUNT).where(ACCOUNT.c.id == "a07").values(is_test=True))
    assert values(ask(store, ["mrr"], JANUARY)) == {"mrr": 19_000}


def test_nothing_is_kept_while_another_process_runs(ledger: Ledger, store: Store) -> None:
    grown(ledger)
    holder = {"name": "workspace", "holder": "elsewhere:1:r", "token": 1}
    ledger.add(Lease, {**holder, "expires_at": BEGAN + timedelta(minutes=5)})
    assert values(ask(store, ["mrr"], JANUARY)) == {"mrr": 20_000}
    with store.read() as connection:
        assert connection.execute(select(FIGURE)).all() == []


USE_CHANGES = ("a later day", "an earlier day", "moved", "more use", "gone")


@pytest.mark.slow("computes whole books")
@settings(max_examples=6, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(USE_CHANGES), st.integers(0, 170)), max_size=5))
def test_figures_of_use_are_those_computed_anew(drawn: list[tuple[str, int]]) -> None:
    """Days come, move, grow and go; what is kept of months before them stays right."""
    ledger = Ledger()
    store, names = Store(ledger.engine), ["mau"]
    ledger.account("a")
    for number in range(0, 180, 20):
        add_use(ledger, number, number, BEGAN)
    ask(store, names, USED)
    for count, (change, number) in enumerate(drawn, 1):
        at = BEGAN + timedelta(hours=count)
        chosen = DAYS.c.source_id == str(20 * (number % 9))
        moved: dict[str, Any] = {"changed_at": at}
        if change == "a later day":
            add_use(ledger, 1000 + count, 170, at)
        elif change == "an earlier day":
            add_use(ledger, 1000 + count, number, at)
        elif change == "gone":
            with store.write() as connection:
                connection.execute(delete(DAYS).where(chosen))
        else:
            moved |= {"day": USE_DAY + timedelta(days=number)} if change == "moved" else {}
            moved |= {"sessions": 50 + number} if change == "more use" else {}
            with store.write() as connection:
                connection.execute(update(DAYS).where(chosen).values(**moved))
        kept = ask(store, names, USED)
    if drawn:
        assert kept == anew(store, names, USED)
    store.close()


USED = Scope(MONTHS[3:], policy=POLICY)
USE_DAY = date(2026, 1, 1)


def add_use(ledger: Ledger, number: int, day: int, at: datetime) -> None:
    row = {"source_id": str(number), "contact_source_id": f"p{number % 3}", "events": 1 + number}
    more = {"account_source_id": "a", "sessions": 1, "changed_at": at}
    ledger.add(UsageDay, {**row, **more, "day": USE_DAY + timedelta(days=day)})


def test_a_day_of_use_more_leaves_the_months_before_it_kept(ledger: Ledger, store: Store) -> None:
    """A day of June: only June's rows are computed, and the basis of all says so."""
    ledger.account("a")
    add_use(ledger, 1, 3, BEGAN)
    ask(store, ["mau"], USED)
    add_use(ledger, 2, 160, BEGAN + timedelta(hours=1))
    with store.read() as connection:
        before = {row.question: row.known_at for row in connection.execute(select(FIGURE))}
    compute_kpis(workspace_of(store, BEGAN + timedelta(hours=2)), METRICS.select(["mau"]), USED)
    with store.read() as connection:
        rows = connection.execute(select(FIGURE)).all()
    assert sum(row.known_at != before[row.question] for row in rows) == 1
    assert len({str(orjson.loads(row.basis)["usage_day"][0]) for row in rows}) == 1


def test_rows_by_account_are_not_kept(
    ledger: Ledger, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two years of all metrics by account would be larger than all the rest of the database."""
    grown(ledger)
    monkeypatch.setattr("cs_sync.store.fast.kept_figures.MAX_ROWS", 19)
    ask(store, ["mrr"], replace(JANUARY, by=("account",)))
    with store.read() as connection:
        assert connection.execute(select(FIGURE)).all() == []
    ask(store, ["mrr"], JANUARY)
    with store.read() as connection:
        assert len(connection.execute(select(FIGURE)).all()) == 1


def test_the_bridge_is_kept_too(ledger: Ledger, store: Store) -> None:
    grown(ledger)
    workspace = workspace_of(store)
    before = compute_bridge(workspace, JANUARY)
    assert [(row.new, row.closing) for row in before] == [(20_000, 20_000)]
    assert compute_bridge(workspace, JANUARY) == before
    with store.read() as connection:
        assert [row.name for row in connection.execute(select(FIGURE))] == ["bridge"]


def test_a_key_is_of_all_that_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    known = build_figure_key("mrr", JANUARY)
    euros = scopes(Fraction(6, 5))[2].conversion
    assert euros is not None
    different = [
        ("arr", JANUARY),
        ("mrr", replace(JANUARY, by=("plan",))),
        ("mrr", replace(JANUARY, known_at=BEGAN)),
        ("mrr", replace(JANUARY, policy=MrrPolicy(once_discounts=True))),
        ("mrr", replace(JANUARY, periods=(structs.replace(MONTHS[0], zone="Europe/Warsaw"),))),
        ("mrr", replace(JANUARY, settings={"nrr": {"retention_months": 6}})),
        ("mrr", replace(JANUARY, active_features=("export",))),
        ("mrr", replace(JANUARY, conversion=euros.only(0))),
    ]
    keys = {build_figure_key(name, scope) for name, scope in different}
    assert len(keys | {known}) == len(different) + 1
    assert known == build_figure_key("mrr", replace(JANUARY, observed_until=BEGAN))
    monkeypatch.setattr(figure_keys, "_digest_statements", lambda: "other code")
    assert known != build_figure_key("mrr", JANUARY)


@pytest.mark.slow("needs PostgreSQL")
def test_postgresql_shares_and_keeps_alike(postgres: str, ledger: Ledger, store: Store) -> None:
    """A temporary table of stocks, and versions of tables, as on SQLite."""
    grown(ledger)
    server = open_store(postgres, f"kept_{uuid4().hex}")
    with store.read() as connection, server.write() as copy:
        METADATA.create_all(copy)
        for table in (ACCOUNT, LINK, SPAN):
            rows = [row._asdict() for row in connection.execute(select(table))]
            copy.execute(insert(table), rows)
    names = ["mrr", "customers", "nrr", "arpa", "quick_ratio", "churn_hazard"]
    scope = Scope(MONTHS, POLICY)
    here = [asdict(row) for row in ask(store, names, scope)]
    assert [asdict(row) for row in ask(server, names, scope)] == here
    spoil(server)
    assert {row.numerator for row in ask(server, ["mrr"], scope)} == {7}
    server.close()
