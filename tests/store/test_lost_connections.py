"""Transactions whose connection is lost: each is stored once, and nothing is silent."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, create_engine, delete, event, text
from sqlalchemy.pool import NullPool

from cs_sync.contracts.errors import StoreError
from cs_sync.store.engine import TRANSACTION_ID_QUERY, Store, open_store
from cs_sync.store.leases import LeasedStore, acquire_lease
from cs_sync.store.reconnect import ConnectionLost, ReconnectPolicy
from cs_sync_schemas.tables import LEASE
from tests.postgres import WORKSPACES, fresh_database
from tests.store.line import AtCommit, Cut, Late, Line, line_to


@pytest.fixture(scope="module")
def database(postgres: str) -> Iterator[str]:
    with fresh_database(postgres) as url:
        yield url


class Counter:
    """A store in which every transaction adds a row to a table without a key."""

    def __init__(self, url: str) -> None:
        self.reasons: list[str] = []
        self.slept: list[float] = []
        self.tries = 0
        self.store = open_store(url, WORKSPACES[0])
        self.store.patience = ReconnectPolicy(self.slept.append, self._tell)
        with self.store.write() as connection:
            connection.execute(text("CREATE TABLE IF NOT EXISTS counted (by INTEGER)"))
            connection.execute(text("DELETE FROM counted"))

    def _tell(self, _seconds: float, reason: str, _attempt: int) -> None:
        self.reasons.append(reason)

    def add(self, connection: Connection) -> int:
        """Add a row; how many there are then."""
        self.tries += 1
        connection.execute(text("INSERT INTO counted VALUES (:by)"), {"by": self.tries})
        return self.stored(connection)

    def stored(self, connection: Connection) -> int:
        actual = connection.scalar(text("SELECT count(*) FROM counted"))
        assert isinstance(actual, int)
        return actual

    def rows(self) -> int:
        with self.store.read() as connection:
            return self.stored(connection)


@pytest.fixture
def line(database: str) -> Iterator[tuple[str, Line]]:
    with line_to(database) as actual:
        yield actual


@pytest.fixture
def counter(line: tuple[str, Line]) -> Iterator[Counter]:
    actual = Counter(line[0])
    yield actual
    actual.store.close()


def end_connections(url: str) -> None:
    """What an administrator, a fail-over or a restart does."""
    engine = create_engine(url, poolclass=NullPool)
    others = "pid <> pg_backend_pid() AND datname = current_database()"
    with engine.begin() as connection:
        connection.execute(
            text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
        )


@pytest.mark.parametrize(("stored", "tries"), [(True, 1), (False, 2)])
def test_a_commit_without_an_answer_is_looked_up(
    counter: Counter, line: tuple[str, Line], stored: bool, tries: int
) -> None:
    assert counter.store.transact(counter.add) == 1
    line[1].cut = AtCommit(stored=stored)
    assert counter.store.transact(counter.add) == 2
    assert (line[1].cuts, counter.rows()) == (1, 2)
    assert counter.tries == 1 + tries, "what was stored is not done again"
    assert len(counter.reasons) == 1


@pytest.mark.parametrize(("stored", "tries"), [(True, 1), (False, 2)])
def test_under_the_lease_a_commit_is_looked_up_without_asking_for_its_number(
    counter: Counter, line: tuple[str, Line], stored: bool, tries: int
) -> None:
    """The statement that checks the lease brings the number: a round trip less for each page."""
    with counter.store.write() as connection:
        LEASE.create(connection, checkfirst=True)
        connection.execute(delete(LEASE))
        lease = acquire_lease(connection, "run", datetime.now(UTC))
    leased, asked = LeasedStore(counter.store, lease), list[str]()
    event.listen(
        counter.store.engine, "before_cursor_execute", lambda *given: asked.append(given[2])
    )
    assert leased.transact(counter.add) == 1
    line[1].cut = AtCommit(stored=stored)
    assert leased.transact(counter.add) == 2
    assert (line[1].cuts, counter.rows()) == (1, 2)
    assert counter.tries == 1 + tries
    assert TRANSACTION_ID_QUERY not in asked
    counter.store.transact(counter.add)  # a connection's last number is not taken for this one's
    assert asked.count(TRANSACTION_ID_QUERY) == 1


def test_a_transaction_that_a_crash_took_back_altogether_was_not_committed(
    counter: Counter,
) -> None:
    """Its number is given anew afterwards: to the server it lies in the future."""
    with counter.store.read() as connection:
        newest = connection.scalar(text("SELECT txid_current()"))
    assert isinstance(newest, int)
    assert not counter.store._is_committed(newest + 1_000)
    assert counter.store._is_committed(newest)


@pytest.mark.parametrize("arrives", [True, False])
def test_a_commit_that_is_on_its_way_is_waited_for(
    counter: Counter, line: tuple[str, Line], arrives: bool
) -> None:
    """It is not known whether it will be stored; to begin anew now might store it twice."""
    late = Late()
    line[1].cut = late
    assert counter.store.patience is not None

    def sleep(seconds: float) -> None:
        counter.slept.append(seconds)
        if len(counter.slept) == 3:
            if not arrives:
                end_connections(line[0])
            late.go.set()
            wait_for_one_connection(counter.store)

    counter.store.patience.sleep = sleep
    assert counter.store.transact(counter.add) == 1
    assert counter.rows() == 1
    assert counter.tries == (1 if arrives else 2)
    assert len(counter.slept) == 3
    assert "still works on what was sent" in counter.reasons[1]


def wait_for_one_connection(store: Store) -> None:
    """Until the server has done with all that had begun before."""
    busy = "SELECT count(*) FROM pg_stat_activity WHERE backend_xid IS NOT NULL"
    with store.read() as connection:
        while connection.scalar(text(busy)):
            pass


def test_what_stays_in_the_dark_is_not_repeated(counter: Counter, line: tuple[str, Line]) -> None:
    late = Late()
    line[1].cut = late
    with pytest.raises(ConnectionLost, match="still works on what was sent"):
        counter.store.transact(counter.add)
    assert (counter.tries, sum(counter.slept)) == (1, 60)
    late.go.set()
    wait_for_one_connection(counter.store)
    assert counter.rows() == 1


def test_a_ping_that_fails_in_whatever_way_is_a_connection_to_give_up(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver noticed the loss only half: what it says then is not about a connection."""
    counter.rows()
    dialect = counter.store.engine.dialect
    real, failing = dialect.do_ping, [True]

    def ping(connection: Any) -> bool:
        if failing:
            failing.clear()
            raise psycopg.ProgrammingError("can't change 'autocommit' now")
        return bool(real(connection))

    monkeypatch.setattr(dialect, "do_ping", ping)
    assert counter.rows() == 0
    assert (failing, counter.slept) == ([], [])


def test_a_backend_that_is_ended_in_the_middle_costs_a_try(
    counter: Counter, line: tuple[str, Line]
) -> None:
    def ended(connection: Connection) -> int:
        actual = counter.add(connection)
        if counter.tries < 3:
            end_connections(line[0])
        return actual

    assert counter.store.transact(ended) == 1
    assert (counter.tries, counter.rows()) == (3, 1)
    assert len(counter.reasons) == 2


def test_of_two_that_block_each_other_both_are_stored(counter: Counter) -> None:
    with counter.store.write() as connection:
        connection.execute(text("INSERT INTO counted VALUES (0)"))
        connection.execute(text("INSERT INTO counted VALUES (100)"))
    both, actual = threading.Barrier(2, timeout=120), list[int]()
    one_is_stored = threading.Event()

    def crosswise(connection: Connection, order: list[int], first: list[int]) -> int:
        for place, row in enumerate(order):
            by = {"by": row}
            connection.execute(text("UPDATE counted SET by = by + 1 WHERE by / 50 = :by"), by)
            if place == 0 and not first:
                first.append(row)
                both.wait()
        return 1

    def wait(seconds: float) -> None:
        """A second is enough for the other one to end; how long it takes here, the load decides."""
        counter.slept.append(seconds)
        assert one_is_stored.wait(120)

    def work(order: list[int]) -> None:
        first: list[int] = []
        actual.append(counter.store.transact(lambda c: crosswise(c, order, first)))
        one_is_stored.set()

    assert counter.store.patience
    counter.store.patience.sleep = wait
    threads = [threading.Thread(target=work, args=[order]) for order in ([0, 2], [2, 0])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert actual == [1, 1]
    assert [reason.partition("deadlock")[1] for reason in counter.reasons] == ["deadlock"]
    with counter.store.read() as connection:
        values = connection.scalars(text("SELECT by FROM counted ORDER BY by")).all()
    assert values == [2, 102]


@pytest.mark.parametrize(
    "statement", ["SELECT 1 / 0", "SELECT nothing", "SELECT * FROM nowhere", "nonsense"]
)
def test_what_is_wrong_stays_wrong_and_is_told_at_once(counter: Counter, statement: str) -> None:
    with pytest.raises(StoreError):
        counter.store.transact(lambda connection: connection.execute(text(statement)))
    assert (counter.reasons, counter.slept) == ([], [])


def test_a_database_that_only_reads_is_told_of_at_once(counter: Counter) -> None:
    def reading(connection: Connection) -> int:
        connection.execute(text("SET TRANSACTION READ ONLY"))
        return counter.add(connection)

    with pytest.raises(StoreError, match="read-only"):
        counter.store.transact(reading)
    assert (counter.reasons, counter.tries) == ([], 1)


def every(_said: bytes, _server: object) -> bool:
    return True


@pytest.mark.parametrize("how", ["read", "write", "snapshot"])
def test_a_server_that_is_away_is_waited_for_wherever_a_connection_is_opened(
    counter: Counter, line: tuple[str, Line], how: str
) -> None:
    assert counter.store.transact(counter.add) == 1
    nothing: Cut = line[1].cut
    line[1].cut = every
    assert counter.store.patience is not None

    def sleep(seconds: float) -> None:
        counter.slept.append(seconds)
        if len(counter.slept) == 3:
            line[1].cut = nothing

    counter.store.patience.sleep = sleep
    with getattr(counter.store, how)() as connection:
        assert counter.stored(connection) == 1
    assert len(counter.reasons) == 3


def test_a_connection_that_is_not_free_in_time_is_waited_for(database: str) -> None:
    """So it is when many readers at once meet a server that does not answer."""
    store, freed = open_store(database, WORKSPACES[0]), list[float]()
    engine = create_engine(store.engine.url, pool_size=1, max_overflow=0, pool_timeout=0.05)
    only = engine.connect()
    store.engine = engine

    def sleep(seconds: float) -> None:
        freed.append(seconds)
        only.close()

    store.patience = ReconnectPolicy(sleep, lambda *_: None)
    assert store.transact(lambda connection: connection.scalar(text("SELECT 1"))) == 1
    assert len(freed) == 1
    store.close()


@pytest.mark.parametrize(("more", "seconds"), [("", "10"), ("?connect_timeout=7", "7")])
def test_a_silent_server_is_given_up_in_time(database: str, more: str, seconds: str) -> None:
    store = open_store(f"{database}{more}", WORKSPACES[0])
    with store.read() as connection:
        driver: Any = connection.connection.driver_connection
        known = driver.info.get_parameters()
    store.close()
    assert known["connect_timeout"] == seconds
    assert int(known["tcp_user_timeout"]) <= 60_000
    idle, interval = int(known["keepalives_idle"]), int(known["keepalives_interval"])
    assert idle + interval * int(known["keepalives_count"]) <= 60


def test_without_patience_the_first_loss_is_told(counter: Counter, line: tuple[str, Line]) -> None:
    counter.store.patience = None
    line[1].cut = AtCommit(stored=False)
    with pytest.raises(StoreError, match="connection"):
        counter.store.transact(counter.add)
    assert (counter.reasons, counter.rows()) == ([], 0)
