"""Large results come in batches, also outside a transaction, on both databases."""

import pytest
from sqlalchemy import Integer, literal_column, select, text

from cs_sync.store.engine import Store
from cs_sync.store.queries.batches import fetch_batches

NUMBERS = select(literal_column("generate_series(1, 10000)", Integer).label("n"))


@pytest.mark.slow("starts PostgreSQL")
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_a_server_keeps_the_rest_of_a_result_until_it_is_wanted(store: Store) -> None:
    """The cursor stands while rows are left; then neither it nor a transaction is open."""
    open_cursors = text("SELECT count(*) FROM pg_cursors WHERE NOT is_holdable")
    with store.read() as connection:
        batches = fetch_batches(connection, NUMBERS, 4_000)
        first = next(batches)
        assert [row.n for row in first] == list(range(1, 4_001))
        assert connection.scalar(open_cursors) == 1
        assert [len(batch) for batch in batches] == [4_000, 2_000]
        assert connection.scalar(open_cursors) == 0
        driver = connection.connection.driver_connection
        assert driver is not None
        assert driver.info.transaction_status.name == "IDLE"


@pytest.mark.slow("starts PostgreSQL")
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_a_result_that_is_not_read_to_its_end_leaves_nothing_open(store: Store) -> None:
    with store.read() as connection:
        batches = fetch_batches(connection, NUMBERS, 4_000)
        next(batches)
        batches.close()  # type: ignore[attr-defined]
        assert connection.scalar(text("SELECT count(*) FROM pg_cursors")) == 0
    with store.snapshot() as connection:
        assert sum(len(batch) for batch in fetch_batches(connection, NUMBERS, 4_000)) == 10_000
