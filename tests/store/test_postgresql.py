"""PostgreSQL as a store: lost connections, workspaces side by side, the lease of one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from cs_sync.contracts.errors import LeaseHeld, StoreError
from cs_sync.contracts.source import Page, Window
from cs_sync.store.engine import Store, open_store
from cs_sync.store.leases import acquire_lease, check_lease, release_lease, renew_lease
from cs_sync.store.records.stream_state import advance
from tests.conftest import Clock
from tests.postgres import WORKSPACES, empty, fresh_database
from tests.sync.scripted import stream, tickets
from tests.sync.test_engine import ALL, living, pages, run


@pytest.fixture(scope="module")
def database(postgres: str) -> Iterator[str]:
    """One whose connections are all ours to end."""
    with fresh_database(postgres) as url:
        yield url


@pytest.fixture
def stores(database: str) -> Iterator[list[Store]]:
    """Two workspaces in one database."""
    actual = [open_store(database, schema) for schema in WORKSPACES]
    for store in actual:
        empty(store)
    yield actual
    for store in actual:
        store.close()


def end_all_connections(store: Store) -> None:
    """What an administrator, a fail-over or a restart does."""
    engine = create_engine(store.engine.url, poolclass=NullPool)
    others = "pid <> pg_backend_pid() AND datname = current_database()"
    with engine.begin() as connection:
        connection.execute(
            text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
        )


def test_connections_lost_between_two_pages_are_made_anew(
    stores: list[Store], clock: Clock
) -> None:
    def interrupted(window: Window) -> Iterator[Page]:
        for page in pages(window):
            yield page
            end_all_connections(stores[0])

    outcome = run(stores[0], clock, stream(interrupted))["tickets"]
    assert (outcome.status, outcome.stored.changed) == ("ok", len(ALL))
    assert living(stores[0]) == ALL


@pytest.mark.parametrize("page", [1, 2, 4])
def test_without_patience_a_connection_lost_in_a_page_costs_that_page_until_the_next_run(
    stores: list[Store],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    page: int,
) -> None:
    left = [page]

    def lost(*args: object, **named: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            end_all_connections(stores[0])
        advance(*args, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr("cs_sync.sync.reader.advance", lost)
        with pytest.raises(StoreError, match="connection") as caught:
            run(stores[0], clock, stream(pages))
    assert "check that the server runs" in str(caught.value)
    before = living(stores[0])
    assert len(before) < len(ALL)
    outcome = run(stores[0], clock, stream(pages))["tickets"]
    assert outcome.status == "ok"
    assert outcome.stored.changed == len(ALL) - len(before), "nothing is stored twice"
    assert living(stores[0]) == ALL


def test_two_workspaces_of_one_database_run_side_by_side(stores: list[Store], clock: Clock) -> None:
    """Each waits in its first page for the other: both hold their leases at once."""
    together = threading.Barrier(2, timeout=120)
    problems: list[BaseException] = []

    def sync(number: int, store: Store) -> None:
        def meeting(_window: Window) -> Iterator[Page]:
            together.wait()
            yield Page(tickets(f"only {number}"))
            together.wait()
            yield Page(tickets("of both"))

        try:
            assert run(store, Clock(), stream(meeting))["tickets"].status == "ok"
        except BaseException as error:  # told below, in the test's own thread
            problems.append(error)

    threads = [threading.Thread(target=sync, args=pair) for pair in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert [living(store) for store in stores] == [["of both", "only 0"], ["of both", "only 1"]]


def test_one_workspace_is_refused_to_a_second_run_in_words(
    stores: list[Store], clock: Clock
) -> None:
    with stores[0].write() as connection:
        held = acquire_lease(connection, "first", clock())
    with stores[0].write() as connection, pytest.raises(LeaseHeld, match="another run works on"):
        acquire_lease(connection, "second", clock())
    with stores[1].write() as connection:
        acquire_lease(connection, "other workspace", clock())
    with stores[0].write() as connection:
        release_lease(connection, held, clock())
        acquire_lease(connection, "second", clock())


def test_a_lease_cannot_be_taken_over_in_the_middle_of_a_page(
    stores: list[Store], clock: Clock
) -> None:
    """Its transaction has checked the lease: a thief has to wait until it is stored."""
    store = stores[0]
    with store.write() as connection:
        held = acquire_lease(connection, "slow", clock())
    late = clock.advance(hours=1)
    with store.write() as storing:
        check_lease(storing, held)
        with pytest.raises(StoreError, match="lock timeout"), impatient(store) as thief:
            acquire_lease(thief, "thief", late)
        with impatient(store) as heart:
            renew_lease(heart, held, late)
        with impatient(store) as another_page:
            check_lease(another_page, held)


@contextmanager
def impatient(store: Store) -> Iterator[Connection]:
    """A transaction that does not wait for others."""
    with store.write() as connection:
        connection.execute(text("SET LOCAL lock_timeout = '50ms'"))
        yield connection
