"""Exchange: rates by day, and amounts in one currency to the minor unit."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Engine, create_engine, literal, select

from cs_sync.metrics.fx import Conversion, ExchangeRates, build_conversion
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.mrr.normalise import round_half_even
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import list_whole_periods
from cs_sync.metrics.sql.currency_conversion import multiply_rounded
from tests.examples import FEW
from tests.jobs.road import CONFIG, Place
from tests.metrics.conftest import Ledger, utc
from tests.metrics.test_bridge import ACCOUNTS, Book, books, keep

SPRING = list_whole_periods(date(2026, 1, 1), date(2026, 5, 1), "month", "UTC")
YEAR = list_whole_periods(date(2025, 12, 1), date(2027, 1, 1), "month", "UTC")
MONTH_ENDS = {
    date(2025, 12, 31): "1.25", date(2026, 1, 31): "1.20", date(2026, 2, 28): "1.25",
    date(2026, 3, 31): "1.60",
}  # fmt: skip
DOLLARS = ExchangeRates((day, "EUR", "USD", Fraction(rate)) for day, rate in MONTH_ENDS.items())


def test_a_rate_holds_until_the_next() -> None:
    assert DOLLARS.on(date(2025, 12, 30), "EUR", "USD") is None
    assert DOLLARS.on(date(2025, 12, 31), "EUR", "USD") == Fraction(5, 4)
    assert DOLLARS.on(date(2026, 1, 30), "EUR", "USD") == Fraction(5, 4)
    assert DOLLARS.on(date(2026, 1, 31), "EUR", "USD") == Fraction(6, 5)


def test_a_rate_may_be_read_backwards() -> None:
    assert DOLLARS.on(date(2026, 1, 31), "USD", "EUR") == Fraction(5, 6)
    newer = [(date(2026, 1, 1), "USD", "EUR", Fraction(9, 10))]
    both = ExchangeRates([*newer, (date(2025, 12, 31), "EUR", "USD", Fraction(5, 4))])
    assert both.on(date(2026, 1, 2), "EUR", "USD") == Fraction(10, 9)
    assert both.on(date(2025, 12, 31), "USD", "EUR") == Fraction(4, 5)


def test_two_currencies_meet_in_a_third() -> None:
    rates = ExchangeRates(
        [
            (date(2026, 1, 1), "EUR", "USD", Fraction("1.2")),
            (date(2026, 1, 1), "EUR", "PLN", Fraction("4.2")),
        ]
    )
    assert rates.on(date(2026, 1, 1), "USD", "PLN") == Fraction("3.5")
    assert rates.on(date(2026, 1, 1), "PLN", "PLN") == 1
    assert rates.on(date(2026, 1, 1), "USD", "CHF") is None


def test_minor_units_differ_where_decimals_do() -> None:
    """1 EUR = 160 JPY: a cent is 1.6 yen; 1 KWD = 3 EUR: a fils is 0.3 cents."""
    rates = ExchangeRates(
        [
            (date(2026, 1, 1), "EUR", "JPY", Fraction(160)),
            (date(2026, 1, 1), "KWD", "EUR", Fraction(3)),
        ]
    )
    assert rates.minor(date(2026, 1, 1), "EUR", "JPY") == Fraction(8, 5)
    assert rates.minor(date(2026, 1, 1), "KWD", "EUR") == Fraction(3, 10)


@pytest.fixture(scope="module")
def memory() -> Iterator[Engine]:
    made = create_engine("sqlite://")
    yield made
    made.dispose()


@given(
    st.integers(0, 10**12),
    st.fractions(min_value=Fraction(1, 10**4), max_value=10**4, max_denominator=10**6),
)
def test_a_database_multiplies_as_fractions_do(memory: Engine, amount: int, rate: Fraction) -> None:
    asked = (literal(n, BigInteger) for n in (amount, rate.numerator, rate.denominator))
    with memory.connect() as connection:
        actual = connection.scalar(select(multiply_rounded(*asked)))
    assert actual == round_half_even(amount * rate)


def _at(periods: Any, rates: ExchangeRates, target: str, *, openings: bool = True) -> Conversion:
    since = {"EUR": utc(2026, 1, 1), "USD": utc(2025, 12, 5)}
    return build_conversion(rates, target, periods, since, openings=openings)


def test_the_exchange_has_a_row_of_its_own(ledger: Ledger) -> None:
    """100.00 USD are 80.00 EUR at 1.25, 83.33 at 1.20 and 62.50 at 1.60; 10.00 more are 8.00."""
    ledger.account("a")
    ledger.account("b")
    ledger.span("a", 100_00, date(2025, 12, 5), date(2026, 2, 10), "USD")
    ledger.span("a", 110_00, date(2026, 2, 10), None, "USD")
    ledger.span("b", 7_00, date(2026, 1, 10))
    periods = SPRING[:3]
    rows = ledger.bridge(Scope(periods, conversion=_at(periods, DOLLARS, "EUR")))
    actual = [(r.currency, r.opening, r.new, r.expansion, r.fx, r.closing) for r in rows]
    assert actual == [
        ("EUR", 80_00, 7_00, 0, 3_33, 90_33),
        ("EUR", 90_33, 0, 8_00, -3_33, 95_00),
        ("EUR", 95_00, 0, 0, -19_25, 75_75),
    ]


def test_churn_leaves_at_the_closing_rate(ledger: Ledger) -> None:
    """The exchange took 17.50 from 80.00 before the rest left; no rate of churn exceeds 1."""
    ledger.account("a")
    ledger.span("a", 100_00, date(2025, 12, 5), date(2026, 3, 10), "USD")
    march = SPRING[2:3]
    (row,) = ledger.bridge(Scope(march, conversion=_at(march, DOLLARS, "EUR")))
    assert (row.opening, row.fx, row.churn, row.closing) == (80_00, -17_50, 62_50, 0)
    scope = Scope(march, conversion=_at(march, DOLLARS, "EUR", openings=False))
    (rate,) = ledger.kpis("gross_mrr_churn_rate", scope)
    assert (rate.value, rate.currency, rate.numerator) == (1, "EUR", 62_50)


def test_what_has_no_rate_stays_as_it_is(ledger: Ledger) -> None:
    ledger.account("a")
    ledger.account("b")
    ledger.span("a", 100_00, date(2026, 1, 10), None, "CHF")
    ledger.span("b", 7_00, date(2026, 1, 10))
    since = {"EUR": utc(2026, 1, 10), "CHF": utc(2026, 1, 10)}
    actual = build_conversion(DOLLARS, "USD", SPRING[:1], since, openings=True)
    rows = ledger.bridge(Scope(SPRING[:1], conversion=actual))
    assert [(r.currency, r.closing) for r in rows] == [("CHF", 100_00), ("USD", 8_40)]
    (note,) = actual.notes({"CHF", "USD"})
    assert "CHF to USD" in note
    assert "2026-01-31" in note


def test_a_rate_is_only_needed_where_there_is_money() -> None:
    since = {"USD": utc(2026, 2, 3)}
    later = ExchangeRates([(date(2026, 2, 3), "EUR", "USD", Fraction(2))])
    actual = build_conversion(later, "EUR", SPRING, since, openings=True)
    assert not actual.left_out
    assert actual.closing["USD"][:2] == (Fraction(0), Fraction(1, 2))
    early = build_conversion(later, "EUR", SPRING, {"USD": utc(2026, 1, 3)}, openings=True)
    assert early.left_out == {"USD": date(2026, 1, 31)}


@pytest.fixture(scope="module")
def shared() -> Iterator[Ledger]:
    made = Ledger()
    for name in ACCOUNTS:
        made.account(name)
    yield made
    made.engine.dispose()


some_rates = st.lists(
    st.fractions(min_value=Fraction(1, 50), max_value=50, max_denominator=10**6),
    min_size=len(YEAR) + 1,
    max_size=len(YEAR) + 1,
)


@pytest.mark.slow("computes whole books")
@given(books(), some_rates, st.sampled_from(["EUR", "USD", "JPY"]))
@FEW
def test_the_converted_bridge_holds_to_the_minor_unit(
    shared: Ledger, book: Book, steps: list[Fraction], target: str
) -> None:
    keep(shared, book, MrrPolicy())
    days = [date(2025, 11, 30), *(period.start for period in YEAR)]
    rates = ExchangeRates(
        quote
        for day, rate in zip(days, steps, strict=True)
        for quote in ((day, "EUR", "USD", rate), (day, "JPY", "EUR", rate / 100))
    )
    since = dict.fromkeys(("EUR", "USD"), datetime(2026, 1, 1, tzinfo=UTC))
    scope = Scope(YEAR, conversion=build_conversion(rates, target, YEAR, since, openings=True))
    whole = shared.bridge(scope)
    split = shared.bridge(scope, by_account=True)
    closing = 0
    for row in whole:
        assert row.currency == target
        assert row.closing == (
            row.opening + row.new + row.reactivation + row.expansion
            - row.contraction - row.churn + row.fx
        )  # fmt: skip
        assert row.opening == closing
        closing = row.closing
    sums: dict[date, int] = defaultdict(int)
    for row in split:
        sums[row.period_start] += row.closing
    assert sums == {row.period_start: row.closing for row in whole if row.period_start in sums}


BOOKS = {
    "accounts.csv": "source_id,name\na,A\nb,B\nc,C\n",
    "subscriptions.csv": "source_id,account,status,started_at,currency\n"
    "s-a,a,active,2026-01-01,EUR\ns-b,b,active,2026-01-01,USD\ns-c,c,active,2026-01-01,CHF\n",
    "subscription_items.csv": "source_id,subscription,valid_from,unit_amount\n"
    "i-a,s-a,2026-01-01,1000\ni-b,s-b,2026-01-01,1200\ni-c,s-c,2026-01-01,500\n",
    "fx_rates.csv": "source_id,day,base,quote,rate\n"
    "r1,2026-01-31,USD,EUR,0.75\nr2,2026-02-28,USD,EUR,0.8\n",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("currencies"))
    made.configure(CONFIG)
    for name, text in BOOKS.items():
        made.write(f"data/{name}", text)
    assert made.run("sync").code == 0
    return made


def test_metrics_are_in_the_reporting_currency_where_rates_are_known(place: Place) -> None:
    ran = place.run("--format", "json", "metrics", "--metric", "mrr", "--as-of", "2026-03-01")
    assert {row["currency"]: row["value"] for row in ran.rows} == {"EUR": 1960, "CHF": 500}
    assert "no rate from CHF to EUR is known for 2026-02-28" in ran.messages
    assert "USD" not in ran.err


def test_the_bridge_is_converted_when_asked(place: Place) -> None:
    line = ("--since", "2026-02-01", "--until", "2026-03-01")
    ran = place.run("--format", "json", "mrr", *line, "--currency", "eur")
    euros = next(row for row in ran.rows if row["currency"] == "EUR")
    assert (euros["opening"], euros["fx"], euros["closing"]) == (1900, 60, 1960)
    assert {row["currency"] for row in ran.rows} == {"EUR", "CHF"}
    assert "no rate from CHF to EUR" in ran.messages
    own = place.json("mrr", *line)
    assert {row["currency"]: row["closing"] for row in own} == {
        "EUR": 1000, "USD": 1200, "CHF": 500,
    }  # fmt: skip


def test_an_unknown_currency_is_refused(place: Place) -> None:
    ran = place.run("mrr", "--currency", "EURO")
    assert ran.code == 2
    assert "unknown currency 'EURO'" in ran.messages
