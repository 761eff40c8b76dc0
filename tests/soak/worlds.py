"""The sources of the soak, each with what may happen in it and what is true in it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Protocol

from cs_sync.testing import SyncHarness
from cs_sync_pebble.in_memory import PebbleVendor
from cs_sync_sandbox.hubspot import Portal
from cs_sync_schemas import (
    Invoice,
    InvoiceLine,
    Product,
    Record,
    SourceAccount,
    SourceContact,
    Subscription,
    Ticket,
)
from tests.known_failures.benches import ago, unix
from tests.known_failures.books import Books, invoice, item, line, listed, product, subscription
from tests.known_failures.books import stripe as stripe_bench
from tests.known_failures.desk import Desk, zendesk
from tests.known_failures.portal import reading

Truth = Mapping[type[Record], set[str]]


class World(Protocol):
    """A bench, and somebody who changes its source."""

    bench: SyncHarness

    def change(self, rng: Random) -> None:
        """One thing happens at the source."""
        ...

    def truth(self) -> Truth:
        """The ids that exist at the source now."""
        ...


class PebbleWorld:
    """The connector template's vendor: feeds of changes and deletes."""

    def __init__(self, bench: SyncHarness) -> None:
        assert isinstance(bench.vendor, PebbleVendor)
        self.bench, self.vendor = bench, bench.vendor

    def change(self, rng: Random) -> None:
        stream = rng.choice(("customers", "tickets"))
        rng.choice((self.vendor.add, self.vendor.edit, self.vendor.delete))(stream)

    def truth(self) -> Truth:
        lists = self.vendor.lists
        kinds: dict[type[Record], str] = {SourceAccount: "customers", Ticket: "tickets"}
        return {
            kind: {id_ for id_, item in lists[name].items() if not item.get("deleted")}
            for kind, name in kinds.items()
        }


class HubSpotWorld:
    """A portal: saving, archiving, merging, associating."""

    def __init__(self, bench: SyncHarness, portal: Portal) -> None:
        self.bench, self.portal = bench, portal
        for number in range(12):
            portal.create("companies", {"name": f"Company {number}"})
            portal.create("contacts", {"email": f"c{number}@example.com"})

    def change(self, rng: Random) -> None:
        portal, kind = self.portal, rng.choice(("companies", "contacts"))
        self._empty_the_bin()
        survivors = set(portal.merged_into.values())
        living = sorted(portal.live(kind), key=lambda record: record.id)
        first, other = rng.sample(living, 2)
        name = "name" if kind == "companies" else "jobtitle"
        what = rng.choice(("create", "save", "save", "archive", "merge", "link", "unlink"))
        if what == "create" or len(living) < 6:
            portal.create(kind, {name: f"New {rng.random()}"})
        elif what == "save":
            portal.update(first, {name: f"Saved {rng.random()}"})
        elif what == "archive" and first.id not in survivors:
            portal.archive(first)
        elif what == "merge":
            portal.merge(kind, first, other)
        elif what == "link":
            company, contact = (rng.choice(_ids(portal, k)) for k in ("companies", "contacts"))
            portal.link("companies", company, "contacts", contact, {2, 280})
        elif portal.links:
            portal.links.pop(rng.choice(sorted(portal.links)))

    def _empty_the_bin(self) -> None:
        """HubSpot forgets what was archived 90 days ago."""
        least = ago(self.bench, days=90)
        for records in self.portal.objects.values():
            for record in list(records.values()):
                if record.archived_at and record.archived_at < least:
                    del records[record.id]

    def truth(self) -> Truth:
        companies, contacts = (set(_ids(self.portal, kind)) for kind in ("companies", "contacts"))
        return {SourceAccount: companies, SourceContact: contacts}


def _ids(portal: Portal, kind: str) -> list[str]:
    return sorted(record.id for record in portal.live(kind))


class StripeWorld:
    """Books whose every change is told by an event."""

    def __init__(self, bench: SyncHarness, books: Books) -> None:
        self.bench, self.books, self.made = bench, books, 0
        for number in range(12):
            at = ago(bench, days=20 + 90 * number)
            books.put("products", **product(f"prod_{number}", at))
            books.put("subscriptions", **subscription(f"sub_{number}", at))
            books.put("invoices", **invoice(f"in_{number}", at, [line(f"il_{number}")]))

    def change(self, rng: Random) -> None:
        kind = rng.choice((self._product, self._subscription, self._invoice))
        kind(rng)

    def _product(self, rng: Random) -> None:
        products = self.books.objects["products"]
        what = rng.choice(("created", "updated", "deleted"))
        id_ = self._new("prod") if what == "created" else rng.choice(sorted(products))
        if what == "created":
            self.books.put("products", **product(id_, self.bench.clock.now()))
        elif what == "updated" or len(products) < 5:
            self.books.put("products", id=id_, name=f"Renamed {rng.random()}")
            what = "updated"
        else:
            del products[id_]
        self._tell(f"product.{what}", id_)

    def _subscription(self, rng: Random) -> None:
        id_ = rng.choice(sorted(self.books.objects["subscriptions"]))
        now = self.bench.clock.now()
        if rng.random() < 0.2:
            canceled = {"status": "canceled", "ended_at": unix(now)}
            self.books.put("subscriptions", id=id_, **canceled)
        else:
            old = self.books.objects["subscriptions"][id_]["items"]["data"][0]
            changed = item(old["id"], created=old["created"], quantity=rng.randrange(1, 50))
            self.books.put("subscriptions", id=id_, items=listed([changed]))
        self._tell("customer.subscription.updated", id_)

    def _invoice(self, rng: Random) -> None:
        id_ = self._new("in")
        lines = [line(f"il_{id_}_{number}") for number in range(rng.choice((1, 3, 14)))]
        self.books.put("invoices", **invoice(id_, self.bench.clock.now(), lines))
        self.books.nested[f"/v1/invoices/{id_}/lines"] = lines
        self._tell("invoice.created", id_)

    def _new(self, prefix: str) -> str:
        self.made += 1
        return f"{prefix}_new{self.made}"

    def _tell(self, kind: str, id_: str) -> None:
        self.books.tell(kind, id_, self.bench.clock.now())

    def truth(self) -> Truth:
        objects = self.books.objects
        invoices = objects["invoices"]
        lines = (
            entry["id"]
            for id_, invoice in invoices.items()
            for entry in self.books.nested.get(
                f"/v1/invoices/{id_}/lines", invoice["lines"]["data"]
            )
        )
        return {
            Product: set(objects["products"]),
            Subscription: set(objects["subscriptions"]),
            Invoice: set(invoices),
            InvoiceLine: set(lines),
        }


class ZendeskWorld:
    """A desk: updates by people and by its own system, and tokens that end."""

    def __init__(self, bench: SyncHarness, desk: Desk) -> None:
        self.bench, self.desk = bench, desk
        desk.tokens_for = 7
        for number in range(1, 10):
            at = ago(bench, days=number)
            desk.ticket(number, at)
            desk.put("organizations", number, at)
            desk.put("users", number, at, role="end-user")

    def change(self, rng: Random) -> None:
        name = rng.choice(("tickets", "tickets", "organizations", "users"))
        rows, now = self.desk.rows[name], self.bench.clock.now()
        old = rng.random() < 0.6
        id_ = rng.choice(sorted(rows)) if old else max(rows) + 1
        if name == "tickets":
            status = rng.choice(("open", "solved", "closed", "deleted"))
            self.desk.ticket(id_, now, status=status, subject=f"Subject {rng.random()}")
        elif name == "users":
            role = rng.choice(("end-user", "end-user", "agent"))
            self.desk.put(name, id_, now, role=role, organization_id=rng.choice((None, 1, 2)))
        else:
            gone = now.isoformat() if rng.random() < 0.2 else None
            self.desk.put(name, id_, now, name=f"Name {rng.random()}", deleted_at=gone)

    def truth(self) -> Truth:
        rows = self.desk.rows
        tickets = {str(n) for n, row in rows["tickets"].items() if row["status"] != "deleted"}
        people = {str(n) for n, row in rows["users"].items() if row["role"] == "end-user"}
        existing = {str(n) for n, row in rows["organizations"].items() if not row.get("deleted_at")}
        return {Ticket: tickets, SourceContact: people, SourceAccount: existing}


@contextmanager
def pebble(folder: Path) -> Iterator[World]:
    """Pebble."""
    bench = SyncHarness(PebbleVendor, folder)
    yield PebbleWorld(bench)
    bench.close()


@contextmanager
def hubspot(folder: Path) -> Iterator[World]:
    """HubSpot."""
    with reading(folder) as (bench, portal):
        yield HubSpotWorld(bench, portal)


@contextmanager
def stripe(folder: Path) -> Iterator[World]:
    """Stripe."""
    with stripe_bench(folder) as (bench, books):
        yield StripeWorld(bench, books)


@contextmanager
def zendesk_desk(folder: Path) -> Iterator[World]:
    """Zendesk."""
    with zendesk(folder) as (bench, desk):
        yield ZendeskWorld(bench, desk)


WORLDS = (pebble, hubspot, stripe, zendesk_desk)
