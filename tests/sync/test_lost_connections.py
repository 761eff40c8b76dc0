"""A sync whose line to PostgreSQL is cut, anywhere: in the end no row tells of it."""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from cs_sync.contracts.errors import LeaseHeld, StoreError
from cs_sync.contracts.source import Page, Rejection, Stream, Window
from cs_sync.store.engine import Store, open_store
from cs_sync.store.leases import LeasedStore, acquire_lease, release_lease
from cs_sync.store.privacy.suppression import SuppressionList
from cs_sync.store.reconnect import ReconnectPolicy
from cs_sync.store.records.stream_state import advance
from cs_sync.sync.engine import sync_sources
from cs_sync.sync.result import StreamResult
from cs_sync.sync.session import Interrupted, SyncSession
from cs_sync.sync.windows import ReadRequest
from cs_sync_schemas import (
    Product,
    Record,
    SourceContact,
    Subscription,
    SubscriptionItem,
    Suppression,
    Ticket,
    get_table,
)
from cs_sync_schemas.tables import METADATA
from tests.conftest import NOW, Clock
from tests.postgres import WORKSPACES, empty, fresh_database
from tests.store.line import COMMIT, AtCommit, AtRequest, Cut, Line, line_to
from tests.store.test_lost_connections import end_connections
from tests.sync.scripted import Scripted, tickets

pytestmark = pytest.mark.slow("cuts the line at every request")

TICKET = get_table(Ticket)
START = NOW - timedelta(days=40)
MANY = [f"t{number}" for number in range(600)]
FIRST_PAGE = 4
"""Its COMMIT, after those of the stream's position and of its windows."""
NOTICED = 0.02
"""Seconds in which a server notices that a connection is gone."""
Tables = Mapping[str, list[str]]


def pages_of_tickets(window: Window) -> Iterator[Page]:
    """600 tickets and one that is refused; then some change, one is deleted, and again refused."""
    refused = [Rejection(Ticket, "bad", "bad_value", "no date", {"line": 3})]
    if window.since is None:
        yield Page(tickets(*MANY), resume="second")
        yield Page(tickets("late"), rejected=refused)
    else:
        yield Page(tickets(*MANY[:3], subject="changed"), resume="second", rejected=refused)
        yield Page(tickets("new"), deleted={Ticket: ["late", "t9"]})


def subscription(name: str, **items: int) -> dict[type[Record], list[dict[str, Any]]]:
    of_it = {"subscription_source_id": name, "valid_from": START, "unit_amount": 100}
    agreed = {"account_source_id": "a", "started_at": START, "currency": "EUR"}
    return {
        Subscription: [{"source_id": name, **agreed}],
        SubscriptionItem: [
            {"source_id": item, "quantity": quantity, **of_it} for item, quantity in items.items()
        ],
    }


def pages_of_subscriptions(window: Window) -> Iterator[Page]:
    """Two items; then one has another quantity and the other is gone."""
    first = window.since is None
    yield Page(subscription("s", one=1, two=2) if first else subscription("s", one=5))


def streams(products: list[str]) -> list[Stream]:
    listed: dict[type[Record], list[dict[str, Any]]] = {
        Product: [{"source_id": name} for name in products]
    }
    return [
        Stream("tickets", Ticket, pages_of_tickets, cursor="time", deletes="feed"),
        Stream(
            "subscriptions",
            Subscription,
            pages_of_subscriptions,
            cursor="time",
            children={SubscriptionItem: "subscription_source_id"},
            snapshot=(SubscriptionItem,),
        ),
        Stream("products", Product, lambda _window: iter([Page(listed)]), deletes="sweep"),
    ]


@dataclass
class Process:
    """Syncs with patience; nobody sleeps, and the clock stands still while it does."""

    store: Store
    clock: Clock = field(default_factory=Clock)
    reasons: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    suppressed: SuppressionList = field(default_factory=SuppressionList)

    def __post_init__(self) -> None:
        self.store.patience = ReconnectPolicy(
            self.sleep, lambda _s, reason, _n: self.reasons.append(reason)
        )

    def sleep(self, seconds: float) -> None:
        """A moment is real, in which the server learns that the connection is gone."""
        self.slept.append(seconds)
        time.sleep(NOTICED)

    def losses(self) -> list[str]:
        """What was told, but that the server is not yet done with what it was sent."""
        return [reason for reason in self.reasons if "still works on what was sent" not in reason]

    def begin_again(self) -> None:
        """With nothing in the database, and at the same time."""
        empty(self.store)
        self.clock.now = NOW
        self.reasons.clear()

    def sync(self, *given: Stream, line: Line | None = None, cut: Cut | None = None) -> list[Any]:
        """What each stream came to, one after another; the line is cut while they are read."""
        self.clock.advance(minutes=1)
        with self.store.write() as connection:
            held = acquire_lease(connection, "run", self.clock())
        session = SyncSession(
            LeasedStore(self.store, held),
            "run",
            self.clock,
            lambda _e: None,
            suppressed=self.suppressed,
        )
        actual: list[StreamResult] = []
        if line and cut:
            line.cut = cut
        for stream in given:
            sync_sources(session, [Scripted([stream]).opened()], ReadRequest(), actual.append)
        if line:
            line.cut = lambda _said, _server: False
        with self.store.write() as connection:
            release_lease(connection, held, self.clock())
        return [(item.stream, item.status, item.stored, item.error) for item in actual]


@pytest.fixture(scope="module")
def database(postgres: str) -> Iterator[str]:
    with fresh_database(postgres) as url:
        yield url


@pytest.fixture(scope="module")
def line(database: str) -> Iterator[tuple[str, Line]]:
    with line_to(database) as actual:
        yield actual


@pytest.fixture
def process(line: tuple[str, Line]) -> Iterator[Process]:
    store = open_store(line[0], WORKSPACES[0])
    empty(store)
    yield Process(store)
    store.close()


def everything(store: Store) -> Tables:
    """Every row of every table, as text."""
    with store.read() as connection:
        names = sorted(METADATA.tables)
        actual = {
            name: connection.scalars(text(f'SELECT t::text FROM "{name}" t')).all()
            for name in names
        }
    return {name: sorted(rows) for name, rows in actual.items() if rows}


class Requests:
    """Counts what is asked of the server, and how often it is a COMMIT; cuts nothing."""

    def __init__(self) -> None:
        self.number = self.commits = 0

    def __call__(self, sent: bytes, _server: object) -> bool:
        self.number += 1
        self.commits += COMMIT in sent
        return False


def both(process: Process, line: Line | None = None, cut: Cut | None = None) -> list[Any]:
    """A first run, and one that finds changes, deletions, an ended item and a swept product."""
    first = process.sync(*streams(["p", "q"]), line=line, cut=cut)
    return first + process.sync(*streams(["p"]), line=line, cut=cut)


@dataclass
class Undisturbed:
    """What two runs come to when nothing happens."""

    outcomes: list[Any]
    tables: Tables
    asked: Requests


@pytest.fixture(scope="module")
def undisturbed(line: tuple[str, Line]) -> Undisturbed:
    store, asked = open_store(line[0], WORKSPACES[0]), Requests()
    empty(store)
    actual = Undisturbed(both(Process(store), line[1], asked), everything(store), asked)
    store.close()
    return actual


def test_the_runs_to_be_disturbed_do_all_that_a_page_can(undisturbed: Undisturbed) -> None:
    rows = {name: len(actual) for name, actual in undisturbed.tables.items()}
    assert rows["ticket"] == len(MANY) + 2
    assert rows["ticket_history"] == 5, "three changed, two buried"
    assert rows["subscription_item"] == 3, "two versions of one, one of the other"
    assert rows["rejected_record"] == 1
    stored = [outcome[2] for outcome in undisturbed.outcomes]
    assert [item.changed for item in stored] == [len(MANY) + 1, 3, 2, 4, 3, 0]
    assert [item.deleted for item in stored] == [0, 0, 0, 2, 0, 1]
    assert undisturbed.asked.commits > 15


@pytest.mark.parametrize("stored", [True, False])
def test_cut_at_any_commit_it_ends_as_if_nothing_had_been(
    process: Process, line: tuple[str, Line], undisturbed: Undisturbed, stored: bool
) -> None:
    for number in range(1, undisturbed.asked.commits + 1):
        process.begin_again()
        cut = AtCommit(stored=stored, number=number)
        assert both(process, line[1], cut) == undisturbed.outcomes, number
        assert cut.left <= 0
        assert everything(process.store) == undisturbed.tables, number
        assert len(process.losses()) == 1


@pytest.mark.parametrize("stored", [True, False])
def test_cut_at_any_request_it_ends_as_if_nothing_had_been(
    process: Process, line: tuple[str, Line], undisturbed: Undisturbed, stored: bool
) -> None:
    """Not at each of them, as that takes long; which ones they are differs by what is `stored`."""
    silent, before = 0, line[1].cuts
    numbers = range(1 + 9 * stored, undisturbed.asked.number, 18)
    for number in numbers:
        process.begin_again()
        cut = AtRequest(number, stored=stored)
        assert both(process, line[1], cut) == undisturbed.outcomes, number
        assert everything(process.store) == undisturbed.tables, number
        silent += not process.reasons
    assert line[1].cuts - before > len(numbers) * 0.8
    # A connection that is found lost when it is taken from the pool is replaced without a word.
    assert silent < len(numbers) / 2


@pytest.mark.parametrize("page", [1, 2, 3, 4])
def test_a_backend_that_is_ended_before_the_commit_of_a_page_is_no_loss(
    process: Process,
    line: tuple[str, Line],
    undisturbed: Undisturbed,
    monkeypatch: pytest.MonkeyPatch,
    page: int,
) -> None:
    left = [page]

    def ended(*args: object, **named: object) -> None:
        advance(*args, **named)  # type: ignore[arg-type]
        left[0] -= 1
        if left[0] == 0:
            end_connections(line[0])

    monkeypatch.setattr("cs_sync.sync.reader.advance", ended)
    assert both(process) == undisturbed.outcomes
    assert everything(process.store) == undisturbed.tables
    (reason,) = process.reasons
    assert reason.startswith("the database refused: ")


def test_a_server_that_stays_away_ends_the_run_and_the_next_one_goes_on(
    process: Process, line: tuple[str, Line], undisturbed: Undisturbed
) -> None:
    left = undisturbed.asked.number // 3

    def away(_said: bytes, _server: object) -> bool:
        nonlocal left
        left -= 1
        return left < 0

    with pytest.raises(StoreError, match="connection") as caught:
        both(process, line[1], away)
    assert "check that the server runs" in str(caught.value)
    assert sum(process.slept) == 60
    line[1].cut = Requests()
    process.clock.advance(hours=1)
    assert both(process)[-1] == undisturbed.outcomes[-1]
    with process.store.read() as connection:
        living = select(TICKET.c.source_id).where(TICKET.c.deleted_at.is_(None))
        assert set(connection.scalars(living)) == {*MANY, "new"} - {"t9"}


@pytest.mark.parametrize("stored", [True, False])
def test_a_lease_that_is_taken_meanwhile_is_not_taken_back(
    process: Process, line: tuple[str, Line], stored: bool
) -> None:
    def sleep(_seconds: float) -> None:
        with process.store.write() as connection:
            acquire_lease(connection, "another", process.clock.advance(hours=1))

    assert process.store.patience is not None
    process.store.patience.sleep = sleep
    cut = AtCommit(stored=stored, number=FIRST_PAGE)
    with pytest.raises(LeaseHeld, match="lost its lease"):
        process.sync(*streams(["p"]), line=line[1], cut=cut)
    assert len(process.reasons) == 1, "that is no reason to try again"
    assert len(everything(process.store).get("ticket", [])) == stored * len(MANY)


def test_who_is_stopped_waits_no_longer(process: Process, line: tuple[str, Line]) -> None:
    stop = threading.Event()

    def sleep(seconds: float) -> None:
        stop.set()  # the signal comes while the pause lasts
        if stop.wait(seconds):
            raise Interrupted("the run was stopped")

    assert process.store.patience is not None
    process.store.patience.sleep = sleep
    with pytest.raises(Interrupted):
        process.sync(*streams(["p"]), line=line[1], cut=AtCommit(stored=False))
    assert len(process.reasons) == 1


@pytest.mark.parametrize("stored", [True, False])
def test_somebody_who_was_forgotten_is_forgotten_once(
    process: Process, line: tuple[str, Line], stored: bool
) -> None:
    """They come again under a new id, and the line is cut as it is put on the list."""
    process.suppressed.add("address", "ann@example.com", "erased@erased.invalid")
    contact = {"source_id": "c1", "email": "ann@example.com", "name": "Ann"}
    stream = Stream("contacts", SourceContact, lambda _w: iter([Page({SourceContact: [contact]})]))
    process.sync(stream, line=line[1], cut=AtCommit(stored=stored, number=FIRST_PAGE))
    assert len(process.reasons) == 1
    with process.store.read() as connection:
        rows = connection.execute(select(get_table(SourceContact))).mappings().all()
        listed = connection.execute(select(get_table(Suppression))).mappings().all()
    assert [row["kind"] for row in listed] == ["contact"]
    assert [(row["source_id"], row["name"]) for row in rows] == [(listed[0]["replacement"], None)]
    assert "ann" not in str(everything(process.store)).lower()
