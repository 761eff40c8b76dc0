"""Segments as of the period: who changes segment leaves one and enters another."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete

from cs_sync.metrics.fx import ExchangeRates, build_conversion
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import list_whole_periods
from cs_sync.store.engine import Store
from cs_sync.store.queries.attributes import format_attribute, read_attribute_names, save_attributes
from cs_sync_schemas import AccountAttribute, UsageDay, get_table
from tests.examples import FEW
from tests.jobs.road import CONFIG, Place
from tests.metrics.conftest import Ledger, utc
from tests.metrics.test_bridge import ACCOUNTS, Book, books, keep

YEAR = list_whole_periods(date(2025, 12, 1), date(2027, 1, 1), "month", "UTC")
FEBRUARY = list_whole_periods(date(2026, 2, 1), date(2026, 3, 1), "month", "UTC")
ATTRIBUTE = get_table(AccountAttribute)


@pytest.fixture
def moved(ledger: Ledger) -> Ledger:
    """`a` pays 10.00, then 12.00 from 5 February; it goes from basic to pro on the 20th."""
    ledger.account("a")
    ledger.account("b", attributes={"plan": "pro"})
    ledger.attribute("a", "plan", "basic", None, date(2026, 2, 20))
    ledger.attribute("a", "plan", "pro", date(2026, 2, 20), known_from=utc(2026, 2, 20))
    ledger.span("a", 10_00, date(2026, 1, 1), date(2026, 2, 5))
    ledger.span("a", 12_00, date(2026, 2, 5))
    ledger.span("b", 50_00, date(2026, 1, 1))
    return ledger


def test_a_change_of_segment_is_a_row_of_its_own(moved: Ledger) -> None:
    rows = moved.bridge(Scope(FEBRUARY, by=("plan",)))
    actual = [(r.segment["plan"], r.opening, r.reclass, r.expansion, r.closing) for r in rows]
    assert sorted(actual, key=str) == [
        ("basic", 10_00, -10_00, 0, 0),
        ("pro", 50_00, 10_00, 2_00, 62_00),
    ]
    (whole,) = moved.bridge(Scope(FEBRUARY))
    assert (whole.opening, whole.reclass, whole.closing) == (60_00, 0, 62_00)


def test_each_period_has_the_segments_of_its_end(moved: Ledger) -> None:
    def mrr(since: date, until: date, known_at: datetime | None = None) -> dict[Any, Any]:
        periods = list_whole_periods(since, until, "month", "UTC")
        rows = moved.kpis("mrr", Scope(periods, by=("plan",), known_at=known_at))
        return {(r.period_start.month, r.segment["plan"]): r.value for r in rows if r.value}

    before = {(1, "basic"): 10_00, (1, "pro"): 50_00}
    assert mrr(date(2026, 1, 1), date(2026, 2, 1)) == before
    assert mrr(date(2026, 1, 1), date(2026, 3, 1)) == before | {(2, "pro"): 62_00}
    then = mrr(date(2026, 2, 1), date(2026, 3, 1), utc(2026, 2, 19))
    assert then == {(2, "basic"): 12_00, (2, "pro"): 50_00}


def test_use_counts_in_the_segment_of_the_periods_end(moved: Ledger) -> None:
    for day in (date(2026, 1, 10), date(2026, 2, 10)):
        moved.add(
            UsageDay,
            {"source_id": f"{day}", "account_source_id": "a", "day": day, "events": 1},
        )
    periods = list_whole_periods(date(2026, 1, 1), date(2026, 3, 1), "month", "UTC")
    rows = moved.kpis("mau", Scope(periods, by=("plan",)))
    actual = {(r.period_start.month, r.segment["plan"]) for r in rows if r.value}
    assert actual == {(1, "basic"), (2, "pro")}


def test_the_exchange_goes_with_the_account(moved: Ledger) -> None:
    """At 1.25 EUR a pound the openings are 8.00 and 40.00, at 2 EUR 5.00 and 25.00."""
    rates = ExchangeRates(
        [
            (date(2026, 1, 31), "GBP", "EUR", Fraction(5, 4)),
            (date(2026, 2, 28), "GBP", "EUR", Fraction(2)),
        ]
    )
    since = {"EUR": utc(2026, 1, 1)}
    pounds = build_conversion(rates, "GBP", FEBRUARY, since, openings=True)
    rows = moved.bridge(Scope(FEBRUARY, by=("plan",), conversion=pounds))
    actual = {r.segment["plan"]: (r.opening, r.reclass, r.fx, r.expansion, r.closing) for r in rows}
    assert actual == {
        "basic": (8_00, -8_00, 0, 0, 0),
        "pro": (40_00, 8_00, -18_00, 1_00, 31_00),
    }


@pytest.fixture(scope="module")
def shared() -> Iterator[Ledger]:
    made = Ledger()
    for name in ACCOUNTS:
        made.account(name)
    yield made
    made.engine.dispose()


Histories = dict[str, list[tuple[int, str | None]]]
histories = st.dictionaries(
    st.sampled_from(sorted(ACCOUNTS)),
    st.lists(
        st.tuples(st.integers(0, 8000), st.sampled_from(["pro", "basic", None])),
        max_size=4,
        unique_by=lambda change: change[0],
    ).map(lambda changes: sorted(changes, key=lambda change: change[0])),
)


def remember(ledger: Ledger, actual: Histories) -> None:
    with ledger.engine.begin() as connection:
        connection.execute(delete(ATTRIBUTE))
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for account, changes in actual.items():
        moments = [begin + timedelta(hours=hour) for hour, _ in changes]
        for (_, value), start, end in zip(changes, moments, [*moments[1:], None], strict=False):
            if value is not None:
                row = {"account_id": account, "name": "plan", "value": value}
                ledger.add(AccountAttribute, {**row, "valid_from": start, "valid_to": end})


@pytest.mark.slow("computes whole books")
@given(books(), histories)
@FEW
def test_segments_sum_to_the_whole_and_follow_from_period_to_period(
    shared: Ledger, book: Book, actual: Histories
) -> None:
    keep(shared, book, MrrPolicy())
    remember(shared, actual)
    rows = shared.bridge(Scope(YEAR, by=("plan",)))
    closing: dict[Any, int] = defaultdict(int)
    sums: dict[Any, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in rows:
        assert row.closing == (
            row.opening + row.new + row.reactivation + row.expansion
            - row.contraction - row.churn + row.reclass
        )  # fmt: skip
        assert row.opening == closing.pop((row.segment["plan"], row.currency, row.period_start), 0)
        closing[row.segment["plan"], row.currency, row.period_end] += row.closing
        total = sums[row.period_start, row.currency]
        for index, amount in enumerate((row.opening, row.reclass, row.closing)):
            total[index] += amount
    last = {key: amount for key, amount in closing.items() if key[2] != YEAR[-1].end}
    assert not any(last.values()), "a segment's closing is nobody's opening"
    whole = {
        (r.period_start, r.currency): [r.opening, 0, r.closing] for r in shared.bridge(Scope(YEAR))
    }
    assert sums == whole


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (False, "false"), (5, "5"), (2.5, "2.5"), ("pro", "pro")]
)
def test_values_are_the_same_text_on_every_database(value: object, text: str) -> None:
    assert format_attribute(value) == text


def test_a_value_holds_until_another_is_seen(store: Store) -> None:
    first, later, last = utc(2026, 1, 5), utc(2026, 2, 5), utc(2026, 3, 5)
    with store.write() as connection:
        save_attributes(connection, [("a", {"plan": "basic", "vip": True})], first)
        save_attributes(connection, [("a", {"plan": "pro", "vip": True, "size": 3})], later)
        save_attributes(connection, [("a", {"plan": "pro", "size": None})], last)
        rows = connection.execute(ATTRIBUTE.select().order_by(ATTRIBUTE.c.valid_from)).all()
        assert read_attribute_names(connection) == {"plan", "vip", "size"}
    actual = {
        (r.name, r.value, r.known_from): (r.valid_from.year, r.valid_to, r.known_to) for r in rows
    }
    assert actual == {
        ("plan", "basic", first): (1900, None, later),
        ("plan", "basic", later): (1900, later, None),
        ("plan", "pro", later): (2026, None, None),
        ("vip", "true", first): (1900, None, last),
        ("vip", "true", last): (1900, last, None),
        ("size", "3", later): (1900, None, last),
        ("size", "3", last): (1900, last, None),
    }


@pytest.mark.slow("computes whole books")
def test_a_plan_that_changes_between_two_syncs(tmp_path: Path) -> None:
    place = Place(tmp_path, now=utc(2026, 2, 10))
    place.configure(CONFIG)
    place.write("data/accounts.csv", "source_id,attr.plan\na,basic\nb,pro\n")
    place.write(
        "data/subscriptions.csv",
        "source_id,account,status,started_at,currency\n"
        "s-a,a,active,2026-01-05,EUR\ns-b,b,active,2026-01-05,EUR\n",
    )
    place.write(
        "data/subscription_items.csv",
        "source_id,subscription,valid_from,unit_amount\n"
        "i-a,s-a,2026-01-05,1000\ni-b,s-b,2026-01-05,3000\n",
    )
    assert place.run("sync").code == 0
    place.now = utc(2026, 3, 10)
    place.write("data/accounts.csv", "source_id,attr.plan\na,pro\nb,pro\n")
    assert place.run("sync").code == 0
    place.now = utc(2026, 4, 2)
    rows = place.json("mrr", "--since", "2026-02-01", "--until", "2026-04-01", "--by", "plan")
    actual = {(r["period_start"], r["segment"]["plan"]): r for r in rows}
    march = {plan: actual["2026-03-01", plan] for plan in ("basic", "pro")}
    assert (march["basic"]["reclass"], march["pro"]["reclass"]) == (-1000, 1000)
    assert (actual["2026-02-01", "basic"]["closing"], march["pro"]["closing"]) == (1000, 4000)
