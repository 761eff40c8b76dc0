"""Root causes: levels by hand, drivers beside closed formulas, and a planted cause."""

import random
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from cs_sync.cli.render.causes import causes_table
from cs_sync.foresight.causes import (
    OTHERS,
    Case,
    classify_tenure,
    compare_days_since_use,
    compare_levels,
    compare_survival_by_level,
    compare_tenure_months,
    rank_deciles,
    select_apart,
)
from cs_sync.foresight.comparisons import Counts, calculate_risk_ratio
from cs_sync.foresight.drivers import measure_drivers
from cs_sync.foresight.observations import TENURE, Window
from cs_sync.foresight.survival import Lifetime
from cs_sync.i18n import ENGLISH
from cs_sync.queries.causes import NEVER, describe_others, find_life
from cs_sync.store.queries.accounts import Span
from tests.follow_ups.books import Books
from tests.i18n.test_leftovers import show
from tests.jobs.road import CONFIG, Place

START = date(2024, 1, 1)


def make_cases(levels: dict[str | None, tuple[int, int]], factor: str = "plan") -> list[Case]:
    """Cases by level: (how many, how many of them left)."""
    return [
        Case(f"{level}-{number}", number < left, {factor: [level]})
        for level, (n, left) in levels.items()
        for number in range(n)
    ]


def window(start: datetime) -> Window:
    opens = start + timedelta(days=14)
    return Window(start.date(), start, opens, opens + timedelta(days=90))


def test_horizons_that_do_not_overlap() -> None:
    """Of twelve month ends with 90 days each every third is left, counted from the last."""
    months = [datetime(2025, month, 1, tzinfo=UTC) for month in range(1, 13)]
    apart = select_apart([window(month) for month in months])
    assert [item.cutoff.month for item in apart] == [3, 6, 9, 12]
    assert all(a.closes_at <= b.opens_at for a, b in pairwise(apart))


def test_a_level_beside_all_others() -> None:
    """20 of 100 against 10 of 100: twice as often; two tests, so twice the p-value."""
    actual = compare_levels(make_cases({"solo": (100, 20), "team": (100, 10)}))
    assert [(row.level, row.counts) for row in actual] == [
        ("solo", Counts(100, 20)), ("team", Counts(100, 10)),
    ]  # fmt: skip
    solo = actual[0]
    assert (solo.rate, solo.effect and solo.effect[0]) == (0.2, 2.0)
    # Wilson 1927 of 20 of 100 by hand: (0.2 + 0.0192) ± 1.96 √0.00169… over 1.0384
    assert (solo.low, solo.high) == pytest.approx((0.1334, 0.2888), abs=5e-5)
    assert solo.p == pytest.approx(2 * 0.0734, abs=2e-4)  # R: fisher.test, p = 0.0734


def test_rare_levels_together_and_unknown_ones_last() -> None:
    cases = make_cases({"b": (20, 2), "a": (20, 3), "x": (4, 1), "y": (4, 0), None: (12, 1)})
    assert [(row.level, row.counts.n) for row in compare_levels(cases)] == [
        ("a", 20), ("b", 20), (OTHERS, 8), (None, 12),
    ]  # fmt: skip


def test_one_level_says_nothing() -> None:
    assert compare_levels(make_cases({"team": (50, 5)})) == []


def test_deciles_share_equal_values() -> None:
    """Of ten accounts five never used it: their middle is the third place of ten."""
    values = {f"idle{n}": 0.0 for n in range(5)} | {f"used{n}": n + 1.0 for n in range(5)}
    actual = rank_deciles(values)
    assert {actual[f"idle{n}"] for n in range(5)} == {"3"}
    assert [actual[f"used{n}"] for n in range(5)] == ["6", "7", "8", "9", "10"]
    assert rank_deciles({}) == {}


@pytest.mark.parametrize(
    ("months", "name"), [(0, "00-03 months"), (3, "03-12 months"), (24, "24+ months")]
)
def test_classes_of_tenure(months: float, name: str) -> None:
    assert classify_tenure(months) == name


def test_a_renewal_is_a_spike() -> None:
    """Of 100 accounts of two years 20 left with the first renewal, one each in months 3 and 7."""
    today = date(2026, 1, 1)
    ends = [date(2025, 1, 10)] * 20 + [date(2024, 4, 5), date(2024, 8, 5)]
    lives = [Lifetime(START, end, left=True) for end in ends]
    lives += [Lifetime(START, today, left=False)] * 78
    rows = {row.level: row for row in compare_tenure_months(lives, today)}
    assert len(rows) == 24
    assert rows["12"].counts == Counts(98, 20)
    assert rows["12"].effect is not None
    assert rows["12"].effect[0] > 100
    assert (rows["3"].counts, rows["5"].counts) == (Counts(100, 1), Counts(99, 0))


def test_survival_by_plan() -> None:
    """Of 20 on the small plan ten left after half a year; nobody of the other 20 did."""
    end, half = START + timedelta(days=400), START + timedelta(days=180)
    lives = {f"solo{n}": Lifetime(START, half if n < 10 else end, n < 10) for n in range(20)}
    lives |= {f"team{n}": Lifetime(START, end, left=False) for n in range(20)}
    levels = {"plan": {account: account[:4] for account in lives}}
    solo, team = compare_survival_by_level(lives, levels)
    assert (solo.level, solo.counts, solo.rate) == ("solo", Counts(20, 10), 0.5)
    # one time of departures, 20 of 40 there: E = 5, V = 10 × ½ × ½ × 30 ÷ 39
    assert solo.effect is not None
    assert solo.effect[0] == pytest.approx(2.718281828 ** (5 / (2.5 * 30 / 39)))
    assert (team.rate, team.low, team.high) == (0.0, None, None)


def test_a_year_that_nobody_has_seen_is_unknown() -> None:
    young = {f"a{n}": Lifetime(START, date(2024, 3, 1), left=n < 3) for n in range(20)}
    levels = {"plan": {account: "odd" if account in ("a0", "a1") else "even" for account in young}}
    for row in compare_survival_by_level(young, levels):
        assert (row.rate, row.low, row.high) == (None, None, None)


def test_the_rules_of_14_and_30_days() -> None:
    """40 accounts used it today and 2 left; of 20 unused for 20 days 10 left."""
    cases = [Case(f"a{n}", n < 2, values={"use": 0.0}) for n in range(40)]
    cases += [Case(f"b{n}", n < 10, values={"use": 20.0}) for n in range(20)]
    cases += [Case("unknown", True, values={"use": None})]
    rows = {row.level: row for row in compare_days_since_use(cases, "use")}
    assert set(rows) == {"0-6", "14-29", "14+"}
    assert rows["14+"].counts == Counts(20, 10)
    assert rows["14+"].effect is not None
    assert rows["14+"].effect[0] == pytest.approx(0.5 / 0.05)


def make_driven(n: int, base: float, times: float) -> list[Case]:
    """Accounts of which every other one's use halved: exactly so many leave."""
    cases = []
    for number in range(n):
        halved = number % 2 == 0
        rate = base * times if halved else base
        left = number // 2 < rate * n / 2
        cases.append(Case(f"a{number}", left, values={"usage_trend_28": 0.4 if halved else 1.0}))
    return cases


@pytest.mark.slow("imports scikit-learn")
def test_one_driver_alone_is_the_plain_ratio() -> None:
    """With one circumstance the model is saturated: the ratio and interval are Katz's."""
    actual = measure_drivers(make_driven(4_000, 0.1, 2.0))
    (row,) = actual.causes
    plain = calculate_risk_ratio(Counts(2_000, 400), Counts(2_000, 200))
    assert row.factor == "use_halved"
    assert row.counts == Counts(2_000, 400)
    assert row.effect == pytest.approx(plain, rel=2e-3)
    assert row.p is not None
    assert row.p < 1e-6
    assert "use_grew" in actual.left_out


@pytest.mark.slow("imports scikit-learn")
def test_confounding_is_taken_out() -> None:
    """Only use matters, but who has little use is young more often: tenure has no effect.

    Of each four in six the use halved among the young, and two in six among the old.
    """
    cases = []
    for number in range(6_000):
        young, sixth = number % 2 == 0, number % 12 // 2
        halved = sixth < (4 if young else 2)
        rate, place = (0.3 if halved else 0.1), (number // 12) % 10
        values = {"usage_trend_28": 0.4 if halved else 1.0, TENURE: 1.0 if young else 30.0}
        cases.append(Case(f"a{number}", place < rate * 10, values=values))
    rows = {row.factor: row for row in measure_drivers(cases).causes}
    assert rows["use_halved"].effect == pytest.approx((3.0, 2.7, 3.4), abs=0.1)
    crude = calculate_risk_ratio(Counts(3_000, 700), Counts(3_000, 500))
    assert crude is not None
    assert crude[0] == pytest.approx(1.4)
    assert rows["first_quarter"].effect is not None
    assert rows["first_quarter"].effect[0] == pytest.approx(1.0, abs=0.01)


@pytest.mark.slow("imports scikit-learn")
def test_repeated_accounts_widen_the_interval() -> None:
    """The same account ten times is one piece of evidence, not ten."""
    once = make_driven(400, 0.1, 2.0)
    (alone,) = measure_drivers(once).causes
    (repeated,) = measure_drivers([case for case in once for _ in range(10)]).causes
    assert alone.effect is not None
    assert repeated.effect is not None
    assert repeated.effect[1:] == pytest.approx(alone.effect[1:], rel=0.05)


def test_no_driver_differs() -> None:
    actual = measure_drivers([Case(f"a{n}", n < 9) for n in range(99)])
    assert actual.causes == []
    assert len(actual.left_out) == 8


def test_a_departure_at_the_end_of_the_history_is_one() -> None:
    """As in a snapshot whose newest record is the day on which all of them left."""
    january, march, until = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 3, 6))
    paid = Span("EUR", 100, january, march)
    assert find_life([paid], until) == (january, march)
    assert find_life([replace(paid, valid_to=until)], until) == (january, until)
    assert find_life([replace(paid, valid_to=None)], until) == (january, NEVER)
    assert find_life([paid, replace(paid, valid_from=march, valid_to=None)], until) == (
        january,
        NEVER,
    )
    assert find_life([replace(paid, valid_from=until, valid_to=None)], until) is None


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Ninety customers since January 2025; of the solo plan two thirds left in spring."""
    books, generator = Books(), random.Random(1)
    for number in range(90):
        plan = "solo" if number < 45 else "team"
        left = number % 3 != 0 if plan == "solo" else number % 9 == 0
        ended: dict[str, Any] = {}
        if left:
            at = date(2025, 3, 1) + timedelta(days=generator.randrange(300))
            ended = {"ended_at": at.isoformat(), "status": "canceled"}
        used = range(3) if number % 10 == 0 else None
        books.customer(f"c{number}", used=used, account={"attr.plan": plan}, **ended)
    made = Place(tmp_path_factory.mktemp("causes"))
    made.configure(CONFIG)
    books.keep(made)
    assert made.run("sync").code == 0
    return made


@pytest.mark.slow("simulates books")
def test_the_planted_cause_is_found(place: Place) -> None:
    rows = place.json("analyse", "causes", "--horizon", "60")
    assert list(rows[0]) == [
        "method", "factor", "level", "n", "churned", "rate", "low", "high", "effect", "effect_low",
        "effect_high", "p_adjusted",
    ]  # fmt: skip
    plans = {
        row["level"]: row for row in rows if (row["method"], row["factor"]) == ("crosstab", "plan")
    }
    assert set(plans) == {"solo", "team"}
    assert plans["solo"]["rate"] > 3 * plans["team"]["rate"]
    assert plans["solo"]["p_adjusted"] < 0.01
    survival = {
        row["level"]: row for row in rows if (row["method"], row["factor"]) == ("survival", "plan")
    }
    assert survival["solo"]["churned"] == 30
    assert survival["solo"]["effect"] > 3
    table = place.run("analyse", "causes", "--horizon", "60")
    assert "solo" in table.out
    assert "not compared: owner; --by owner compares it" in table.messages


def test_attributes_that_are_not_compared_are_named() -> None:
    names = [f"n{number:02}" for number in range(12)]
    assert describe_others(names) == (
        "not compared: n00, n01, n02, n03, n04, n05, n06, n07, n08, n09 and 2 more; "
        "--by n00 compares it"
    )
    assert describe_others(["contract"]) == "not compared: contract; --by contract compares it"


def test_a_step_without_rows_has_no_empty_table() -> None:
    months = [
        {"method": "survival", "factor": "tenure_month", "level": "1", "p_adjusted": 0.9}
        for _ in range(5)
    ]
    lines = show(causes_table(months, ENGLISH)).splitlines()
    assert len([line for line in lines if line.strip()]) == 2


@pytest.mark.slow("simulates books")
def test_too_few_departures_and_no_scikit_learn(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other two steps still print, and a sentence says what is missing."""
    monkeypatch.setattr("cs_sync.queries.causes.MIN_CHURNED", 1_000)
    ran = place.run("analyse", "causes", "--horizon", "60")
    assert ran.code == 0
    assert "too few to tell drivers apart: the logistic step needs 1000" in ran.messages
    monkeypatch.setattr("cs_sync.queries.causes.MIN_CHURNED", 1)
    monkeypatch.setitem(__import__("sys").modules, "sklearn.linear_model", None)
    ran = place.run("analyse", "causes", "--horizon", "60")
    assert ran.code == 0
    assert "pip install 'customer-success-sync[analyse]'" in ran.messages
    assert "solo" in ran.out


@pytest.mark.slow("simulates books")
def test_an_attribute_of_nobody(place: Place) -> None:
    ran = place.run("analyse", "causes", "--by", "planet")
    assert ran.code == 2
    assert "no account has an attribute 'planet'" in ran.messages


@pytest.mark.slow("simulates books")
def test_no_whole_horizon(place: Place) -> None:
    ran = place.run("analyse", "causes", "--horizon", "700")
    assert ran.code == 2
    assert "no month end with a whole horizon of 700 days" in ran.messages
