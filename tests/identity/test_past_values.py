"""Values over time: as a source tells them, else as syncs saw them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cs_sync.identity.facts import AccountFact, IdentityFacts, RecordRef, leave_out_attributes
from cs_sync.identity.past_values import (
    BEGINNING,
    ValueChange,
    ValuePeriod,
    choose_history,
    trace_values,
)


def on(day: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)


LEAD, CUSTOMER, GONE = (
    ValueChange(on(1), "lead"),
    ValueChange(on(20), "customer"),
    ValueChange(on(50), None),
)


def test_a_history_is_valid_when_its_source_says() -> None:
    """Nothing is known of the time before its first value."""
    actual = trace_values([LEAD, CUSTOMER], "customer", [], on(90))
    assert actual == [
        ValuePeriod(on(1), on(20), "lead"),
        ValuePeriod(on(20), None, "customer"),
    ]
    assert trace_values([LEAD, CUSTOMER, GONE], None, actual, on(90)) == [
        ValuePeriod(on(1), on(20), "lead"),
        ValuePeriod(on(20), on(50), "customer"),
    ]


def test_without_a_history_a_value_holds_from_the_sync_that_saw_it() -> None:
    first = trace_values([], "lead", [], on(3))
    assert first == [ValuePeriod(BEGINNING, None, "lead")]
    assert trace_values([], "lead", first, on(4)) is first
    second = trace_values([], "customer", first, on(5))
    assert second == [
        ValuePeriod(BEGINNING, on(5), "lead"),
        ValuePeriod(on(5), None, "customer"),
    ]
    assert trace_values([], None, second, on(6))[-1] == ValuePeriod(on(5), on(6), "customer")


def test_what_syncs_saw_before_a_history_reaches_back_stays_and_what_was_assumed_goes() -> None:
    seen = [
        ValuePeriod(BEGINNING, on(5), "trial"),
        ValuePeriod(on(5), on(10), "lead"),
        ValuePeriod(on(10), None, "customer"),
    ]
    listed = [ValueChange(on(9), "customer")]
    assert trace_values(listed, "customer", seen, on(30)) == [
        ValuePeriod(on(5), on(9), "lead"),
        ValuePeriod(on(9), None, "customer"),
    ]


def test_a_value_set_twice_is_one_and_a_value_of_no_time_is_none() -> None:
    listed = [LEAD, ValueChange(on(4), "lead"), ValueChange(on(20), "x"), CUSTOMER]
    assert trace_values(listed, "customer", [], on(30)) == [
        ValuePeriod(on(1), on(20), "lead"),
        ValuePeriod(on(20), None, "customer"),
    ]


def test_the_first_history_that_leads_to_the_value_of_now_counts() -> None:
    short, other = [LEAD], [LEAD, CUSTOMER]
    assert choose_history([short, other], "customer") is other
    assert choose_history([[LEAD, CUSTOMER, GONE], other], None) == [LEAD, CUSTOMER, GONE]
    assert choose_history([short], "elsewhere") == ()
    assert choose_history([], None) == ()


@given(
    st.lists(st.tuples(st.integers(1, 99), st.sampled_from(["a", "b", None])), min_size=1),
    st.sets(st.integers(1, 99)),
)
def test_read_at_once_is_what_daily_reads_kept(
    changes: list[tuple[int, str | None]], syncs: set[int]
) -> None:
    """Law: whenever it was read before, a history gives the same periods in the end."""
    listed = [ValueChange(on(day), value) for day, value in sorted(dict(changes).items())]
    believed: Sequence[ValuePeriod] = []
    for day in sorted({*syncs, 100}):
        known = [change for change in listed if change.at <= on(day)]
        current = known[-1].value if known else None
        believed = trace_values(choose_history([known], current), current, believed, on(day))
    assert list(believed) == list(trace_values(listed, listed[-1].value, [], on(100)))


def test_our_own_fields_are_no_attributes() -> None:
    """A health score that comes back from the CRM says nothing new of the customer."""
    ref = RecordRef("hubspot", "1")
    facts = IdentityFacts([AccountFact(ref, attributes={"cs_health_band": "red", "plan": "pro"})])
    kept, left_out = leave_out_attributes(facts, {"cs_health_band", "cs_mrr"})
    assert left_out == ["cs_health_band"]
    assert kept.accounts[0].attributes == {"plan": "pro"}
    assert leave_out_attributes(kept, {"cs_health_band"}) == (kept, ())
