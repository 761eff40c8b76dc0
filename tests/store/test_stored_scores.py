"""Bands of scores: what is stored of their changes equals what all stored scores tell."""

from datetime import UTC, date, datetime, timedelta
from itertools import count, pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cs_sync.store.engine import Store
from cs_sync.store.queries.stored_scores import (
    read_band_changes,
    read_current_bands,
    read_daily_bands,
    read_first_scores,
    save_scores,
)

AT = datetime(2026, 11, 21, tzinfo=UTC)
FIRST = date(2026, 11, 1)
MODES = count()

runs = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 1, 3]),  # days since the run before; 0: the same day again
        st.dictionaries(
            st.sampled_from("abc"), st.sampled_from(["red", "yellow", "green"]), min_size=1
        ),
    ),
    max_size=12,
)


def build_row(account: str, day: date, mode: str, band: str) -> dict[str, Any]:
    values = {"model": "m", "computed_at": AT, "score": 50.0, "coverage": 1.0}
    key = {"account_id": account, "as_of": day, "mode": mode, "band": band}
    return {**key, **values, "contributions": [], "reasons": []}


def save(store: Store, day: date, mode: str, bands: dict[str, str]) -> None:
    with store.write() as connection:
        save_scores(connection, [build_row(name, day, mode, band) for name, band in bands.items()])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(taken=runs)
def test_stored_bands_are_those_of_the_scores(
    store: Store, taken: list[tuple[int, dict[str, str]]]
) -> None:
    mode, day = f"m{next(MODES)}", FIRST
    for later, bands in taken:
        day += timedelta(days=later)
        save(store, day, mode, bands)
    with store.read() as connection:
        daily = read_daily_bands(connection, mode)
        current = read_current_bands(connection, mode, day)
        first = read_first_scores(connection, mode)
        changes = read_band_changes(connection, mode, FIRST)
    assert first == {account: path[0][0] for account, path in daily.items()}
    turns = {account: list_turns(path) for account, path in daily.items()}
    assert current == {account: (of[-1][1], of[-1][0]) for account, of in turns.items()}
    assert {(row["account"], row["as_of"], row["from"], row["to"]) for row in changes} == {
        (account, day, before, band)
        for account, of in turns.items()
        for (_, before), (day, band) in pairwise(of)
    }
    assert {row["score"] for row in changes} <= {50.0}


def list_turns(path: list[tuple[date, str]]) -> list[tuple[date, str]]:
    """List the days on which the band was another one than before, with the band."""
    pairs = zip([(None, None), *path], path, strict=False)
    return [(day, band) for (_, before), (day, band) in pairs if band != before]


def test_bands_after_a_day_do_not_count(store: Store) -> None:
    save(store, FIRST, "weighted", {"acme": "green"})
    save(store, FIRST + timedelta(days=1), "weighted", {"acme": "red"})
    save(store, FIRST + timedelta(days=1), "points", {"acme": "yellow"})
    with store.read() as connection:
        assert read_current_bands(connection, "weighted", FIRST) == {"acme": ("green", FIRST)}
