"""What is read once while figures are made, and that a change in between is seen afterwards."""

from sqlalchemy import update

from cs_sync.store.engine import Store
from cs_sync.store.fast.kept_figures import read_versions
from cs_sync.store.fast.shared_reads import share_reads
from cs_sync.store.records.validate import validate_rows
from cs_sync.store.records.write import WriteContext, store_rows
from cs_sync_schemas import Ticket
from cs_sync_schemas.tables import TICKET
from tests.conftest import NOW


def put_ticket(store: Store, source_id: str) -> None:
    admitted, _ = validate_rows(Ticket, [{"source_id": source_id, "opened_at": NOW}])
    with store.write() as connection:
        store_rows(connection, Ticket, admitted, WriteContext("desk", NOW))


def get_version(store: Store) -> str:
    with store.read() as connection:
        return read_versions(connection, ["ticket"])["ticket"]


def test_a_version_is_read_once_within_and_anew_afterwards(store: Store) -> None:
    put_ticket(store, "t1")
    with share_reads(store.engine):
        first = get_version(store)
        put_ticket(store, "t2")
        with share_reads(store.engine):
            assert get_version(store) == first
        assert get_version(store) == first
    assert get_version(store) != first


def test_an_error_within_lets_nothing_stay(store: Store) -> None:
    put_ticket(store, "t1")
    try:
        with share_reads(store.engine):
            first = get_version(store)
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    with store.write() as connection:
        connection.execute(update(TICKET).values(changed_at=NOW.replace(year=2027)))
    assert get_version(store) != first
