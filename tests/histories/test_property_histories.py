"""The past of a portal: read at once, it is what a daily sync would have kept."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from cs_sync.identity import resolve_identities
from cs_sync.store.queries.identity_graph import (
    read_identity_facts,
    read_known_identities,
    save_graph,
)
from cs_sync.testing import SyncHarness
from cs_sync_sandbox.hubspot import Portal
from cs_sync_schemas import (
    AccountAttribute,
    AccountChange,
    AccountLink,
    SourceAccount,
    get_table,
)
from tests.known_failures.benches import living, stored
from tests.known_failures.portal import reading

ATTRIBUTE, LINK = get_table(AccountAttribute), get_table(AccountLink)
COMPANIES = ["companies"]
NEVER = datetime.max.replace(tzinfo=UTC)
VALUES = {
    "hubspot_owner_id": ("77000001", "77000002", ""),
    "lifecyclestage": ("lead", "customer", "other", ""),
    "numberofemployees": ("10", "25", "80"),
}
Reads = tuple[SyncHarness, Portal]


@pytest.fixture
def reads(tmp_path: Path) -> Iterator[Reads]:
    with reading(tmp_path) as actual:
        yield actual


class Observer:
    """A database that is synced with a portal now and then."""

    def __init__(self, bench: SyncHarness) -> None:
        self.bench = bench
        self.since: Any = None

    def look(self) -> None:
        run = self.bench.sync(only=COMPANIES)
        assert run.status == "ok", run.problems()
        now = self.bench.clock.now()
        with self.bench.store.write() as connection:
            resolution = resolve_identities(
                read_identity_facts(connection), read_known_identities(connection), {}
            )
            save_graph(connection, resolution, now, self.since)
        self.since = now

    def list_values(self) -> list[tuple[Any, ...]]:
        """Of each living company: attribute, when it held and value, as believed now."""
        c = ATTRIBUTE.c
        columns = (LINK.c.source_id, c.name, c.valid_from, c.valid_to, c.value)
        believed = (
            select(*columns)
            .join(LINK, LINK.c.account_id == c.account_id)
            .where(c.known_to.is_(None), LINK.c.source_id.in_(living(self.bench, SourceAccount)))
            .order_by(*columns[:3])
        )
        with self.bench.store.read() as connection:
            return [tuple(row) for row in connection.execute(believed)]


def edit(portal: Portal, random: Random) -> None:
    """Somebody edits a few companies; now and then one is new, merged or archived."""
    companies = list(portal.live("companies"))
    for record in random.sample(companies, min(2, len(companies))):
        name = random.choice([*VALUES])
        if len(record.history.get(name, ())) < 20:
            portal.update(record, {name: random.choice(VALUES[name])})
    chance = random.random()
    if chance < 0.15 or not companies:
        number = len(portal.objects["companies"]) + len(portal.merged_into)
        portal.create("companies", {"name": f"Company {number}", "lifecyclestage": "lead"})
    elif chance < 0.2 and len(companies) > 2:
        portal.merge("companies", *random.sample(companies, 2))
    elif chance < 0.23:
        portal.archive(random.choice(companies))


@pytest.mark.slow("syncs a portal on 60 days")
@pytest.mark.parametrize("seed", range(2))
def test_a_history_read_at_once_is_what_a_daily_sync_keeps(
    reads: Reads, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """From the first value of the company on: one that was merged into it was there earlier."""
    bench, portal = reads
    daily, random = Observer(bench), Random(seed)
    for _ in range(60):
        for _ in range(random.randrange(3)):
            edit(portal, random)
            bench.clock.sleep(random.randrange(60, 20_000))
        bench.clock.sleep(20_000)
        daily.look()
    with reading(tmp_path_factory.mktemp("once")) as (other, _):
        other.take_over(bench)
        once = Observer(other)
        once.look()
        values = once.list_values()
        first = {row[:2]: row[2] for row in reversed(values)}
        expected = [row for row in daily.list_values() if row[2] >= first.get(row[:2], NEVER)]
        assert values == expected
    assert len({row[2] for row in expected}) > 10


def test_daily_syncs_keep_what_the_vendor_forgets(reads: Reads) -> None:
    """HubSpot keeps the last 20 values of a property; the 30 before are ours."""
    bench, portal = reads
    company = portal.create("companies", {"numberofemployees": "1"})
    observer = Observer(bench)
    for number in range(2, 51):
        bench.clock.sleep(3600)
        portal.update(company, {"numberofemployees": str(number)})
        if number % 15 == 0:
            bench.clock.sleep(60)
            observer.look()
    bench.clock.sleep(60)
    observer.look()
    actual = [row[4] for row in observer.list_values() if row[1] == "numberofemployees"]
    assert actual == [str(number) for number in range(1, 51)]


def test_a_second_sync_of_the_same_reads_and_writes_nothing_new(reads: Reads) -> None:
    bench, portal = reads
    company = portal.create("companies", {"lifecyclestage": "lead"})
    observer = Observer(bench)
    bench.clock.sleep(4000)
    observer.look()
    before, changes = observer.list_values(), stored(bench, AccountChange)
    assert [row[1:] for row in before] == [
        ("lifecyclestage", company.created_at, None, "lead"),
    ]
    bench.clock.sleep(timedelta(days=2).total_seconds())
    observer.look()
    assert observer.list_values() == before
    assert stored(bench, AccountChange) == changes
