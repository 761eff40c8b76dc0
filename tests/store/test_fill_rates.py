"""Counts of filled fields: those of new rows are added, and equal those of all rows."""

from datetime import timedelta
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cs_sync.store.engine import Store
from cs_sync.store.records.fill_rates import (
    COUNTED_AT,
    count_filled_fields,
    forget_counts,
    read_fill_profiles,
    save_fill_profiles,
)
from cs_sync.store.records.validate import validate_rows
from cs_sync.store.records.write import WriteContext, soft_delete, store_rows
from cs_sync_schemas import Ticket
from tests.conftest import NOW

SOURCES = count()
MADE_UP = {"run": "1", "rows": 1_000, COUNTED_AT: NOW.isoformat()}
"""A profile whose numbers no count of all rows gives."""

steps = st.lists(
    st.tuples(
        st.sampled_from(["store", "delete", "count"]),
        st.lists(st.integers(0, 6), min_size=1, unique=True),
        st.sampled_from([None, "a", "b"]),
        st.sampled_from([0, 0, 1]),  # time may stand still
    ),
    max_size=12,
)


def put(store: Store, source: str, numbers: list[int], subject: str | None, minutes: int) -> None:
    rows = [{"source_id": str(n), "opened_at": NOW, "subject": subject} for n in numbers]
    admitted, _ = validate_rows(Ticket, rows)
    with store.write() as connection:
        moment = WriteContext(source, NOW + timedelta(minutes=minutes))
        store_rows(connection, Ticket, admitted, moment)


def count_fields(
    store: Store, source: str, earlier: list[dict[str, Any]]
) -> tuple[int, dict[str, int]]:
    with store.read() as connection:
        return count_filled_fields(connection, source, "ticket", earlier)


def build_profile(store: Store, source: str, minutes: int) -> dict[str, Any]:
    _, filled = count_fields(store, source, [])
    counted = (NOW + timedelta(minutes=minutes)).isoformat()
    return {**MADE_UP, "filled": dict.fromkeys(filled, 500), COUNTED_AT: counted}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(taken=steps)
def test_what_is_added_up_equals_what_is_counted(
    store: Store, taken: list[tuple[str, list[int], str | None, int]]
) -> None:
    source, earlier, minutes = f"s{next(SOURCES)}", list[dict[str, Any]](), 0
    for what, numbers, subject, passed in taken:
        minutes += passed
        moment = NOW + timedelta(minutes=minutes)
        if what == "store":
            put(store, source, numbers, subject, minutes)
        elif what == "delete":
            with store.write() as connection:
                soft_delete(connection, Ticket, map(str, numbers), WriteContext(source, moment))
        else:
            rows, filled = count_fields(store, source, earlier)
            assert (rows, filled) == count_fields(store, source, [])
            earlier = [{"rows": rows, "filled": filled, COUNTED_AT: moment.isoformat()}]
    assert count_fields(store, source, earlier) == count_fields(store, source, [])


def test_rows_that_only_came_are_counted_alone(store: Store) -> None:
    put(store, "crm", [1, 2, 3], "a", 0)
    earlier = [build_profile(store, "crm", 1)]
    put(store, "crm", [4, 5], None, 2)
    rows, filled = count_fields(store, "crm", earlier)
    assert (rows, filled["subject"], filled["url"]) == (1_002, 500, 500)


def test_all_rows_are_counted_where_one_changed_or_was_erased(store: Store) -> None:
    put(store, "crm", [1, 2, 3], "a", 0)
    profile = build_profile(store, "crm", 1)
    with store.write() as connection:
        save_fill_profiles(connection, "crm", "ticket", [profile])
        forget_counts(connection)
        forgotten = read_fill_profiles(connection, "crm", "ticket")
    assert count_fields(store, "crm", forgotten)[0] == 3
    assert count_fields(store, "crm", [profile])[0] == 1_000
    put(store, "crm", [3], "b", 2)
    assert count_fields(store, "crm", [profile])[0] == 3
