"""Pushing while the line to PostgreSQL is cut: no receipt is lost, and nothing is sent twice."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from cs_sync.contracts.errors import StoreError
from cs_sync.store.engine import open_store
from cs_sync.store.leases import LeasedStore, acquire_lease
from cs_sync.store.reconnect import ReconnectPolicy
from cs_sync.store.write_ledger import read_ledger
from cs_sync.write_back.writer import DestinationWriter
from tests.conftest import Clock
from tests.postgres import WORKSPACES, empty
from tests.store.line import COMMIT, AtCommit, Line, line_to
from tests.write_back.portal import Portal
from tests.write_back.test_push import ACCOUNTS, complete, push

BATCHES = ("account", "follow_up")
COMMITS = range(1, 2 * len(BATCHES) + 1)
"""An intent and a receipt for each."""


@dataclass
class Desk:
    """Pushes of one process to a CRM in memory."""

    url: str
    line: Line
    portal: Portal
    reasons: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = open_store(self.url, WORKSPACES[0])
        empty(self.store)
        self.store.patience = ReconnectPolicy(
            self.slept.append, lambda _s, reason, _n: self.reasons.append(reason)
        )

    def pusher(self, clock: Clock) -> DestinationWriter:
        with self.store.write() as connection:
            held = acquire_lease(connection, "run", clock())
        return DestinationWriter(
            LeasedStore(self.store, held), "portal", self.portal, "run", clock, lambda _event: None
        )

    def ledger(self) -> list[tuple[str, int]]:
        """Status and attempts of every entry."""
        with self.store.read() as connection:
            rows = read_ledger(connection, "portal")
        return [(row["status"], row["attempts"]) for row in rows]


@pytest.fixture
def desk(postgres_workspace: str) -> Iterator[Desk]:
    portal = Portal(companies={f"c-{name}": {} for name in ACCOUNTS})
    with line_to(postgres_workspace) as (url, line):
        actual = Desk(url, line, portal)
        yield actual
        actual.store.close()


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("number", COMMITS)
def test_an_intent_or_a_receipt_whose_commit_is_cut_is_noted_once(
    desk: Desk, clock: Clock, number: int, stored: bool
) -> None:
    pushing = desk.pusher(clock)
    desk.line.cut = AtCommit(stored=stored, number=number)
    writes = push(pushing)
    assert (writes.create, writes.update, writes.unknown, writes.problems) == (3, 5, 0, [])
    assert complete(desk.portal)
    assert desk.portal.calls == 8, "nothing was sent twice"
    assert desk.ledger() == [("acked", 1)] * 8
    assert len(desk.reasons) == 1


@pytest.mark.parametrize("number", COMMITS)
def test_when_the_server_stays_away_the_next_push_finds_out_what_was_sent(
    desk: Desk, clock: Clock, number: int
) -> None:
    left = number

    def away(data: bytes, _server: object) -> bool:
        nonlocal left
        left -= COMMIT in data
        return left <= 0

    pushing = desk.pusher(clock)
    desk.line.cut = away
    with pytest.raises(StoreError, match="connection"):
        push(pushing)
    assert sum(desk.slept) == 60
    desk.line.cut = lambda _said, _server: False
    push(pushing)
    assert complete(desk.portal)
    assert {status for status, _ in desk.ledger()} == {"acked"}
