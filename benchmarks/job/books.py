"""Folders of CSV files of any size: billing, use, tickets and answers of three years."""

import base64
import csv
import hashlib
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

TODAY = date(2026, 11, 28)
"""The last day of the books."""
MONTHS = 36
PRICES = (1_200, 2_900, 4_900, 12_000)
TOPICS = ("billing", "login", "export", "speed", "")
COLUMNS = {
    "accounts": ("source_id", "name", "domain", "owner_source_id", "attr.segment"),
    "owners": ("source_id", "name", "email"),
    "contacts": ("source_id", "account_source_id", "email", "name"),
    "subscriptions": (
        "source_id", "account_source_id", "started_at", "currency", "status", "ended_at",
    ),
    "subscription_items": (
        "source_id", "valid_from", "valid_to", "subscription_source_id", "product", "unit_amount",
        "quantity", "interval",
    ),
    "invoices": (
        "source_id", "account_source_id", "subscription_source_id", "currency", "issued_at",
        "due_at", "paid_at", "status", "total", "amount_paid",
    ),
    "tickets": (
        "source_id", "account_source_id", "contact_source_id", "subject", "topic", "channel",
        "status", "opened_at", "first_reply_at", "solved_at", "agent_replies", "reopens",
    ),
    "survey_responses": (
        "source_id", "kind", "account_source_id", "contact_source_id", "answered_at", "score",
        "scale_min", "scale_max",
    ),
    "usage_days": (
        "source_id", "account_source_id", "contact_source_id", "day", "events", "sessions",
    ),
}  # fmt: skip
Row = dict[str, Any]
CONFIG = """[workspace]
name = "bench"
currency = "EUR"

[database]
url = "sqlite:///cs_sync.db"

[connectors.files]
path = "data"
"""
SECRET = base64.b64encode(bytes(32)).decode()
DESTINATION = f"""
[connectors.webhook]
url = "http://127.0.0.1:9/"
signing_secret = "whsec_{SECRET}"

[write_back]
destination = "webhook"
"""
"""To plan for; nobody answers there."""


def write_books(folder: Path, accounts: int, usage_days: int) -> None:
    """Write a workspace with so many accounts, each used on so many of its last days."""
    rows = (row for number in range(accounts) for row in list_rows(number, accounts, usage_days))
    write_rows(folder, accounts, rows)


def write_rows(folder: Path, accounts: int, rows: Iterable[tuple[str, Row]]) -> None:
    """Write a workspace with the owners of so many accounts, and these rows by file.

    `plan.toml` configures the same with a destination.
    """
    data = folder / "data"
    data.mkdir(parents=True)
    for name, text in (("cs_sync.toml", CONFIG), ("plan.toml", CONFIG + DESTINATION)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    files = {name: (data / f"{name}.csv").open("w", newline="") for name in COLUMNS}
    writers = {name: csv.DictWriter(files[name], COLUMNS[name]) for name in COLUMNS}
    for writer in writers.values():
        writer.writeheader()
    for number in range(max(1, accounts // 40)):
        owner = {"source_id": f"o{number}", "name": f"Owner {number}"}
        writers["owners"].writerow({**owner, "email": f"o{number}@vendor.example"})
    for name, row in rows:
        writers[name].writerow(row)
    for file in files.values():
        file.close()


def touch_books(folder: Path, accounts: Iterable[int], ago: int) -> None:
    """Append a day of use of some accounts, as a later export would.

    Args:
        folder: The workspace.
        accounts: Their numbers.
        ago: How many days before the last day of the books it is.
    """
    with (folder / "data" / "usage_days.csv").open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS["usage_days"])
        for number in accounts:
            writer.writerow(build_use(f"a{number:06}", number, ago, 7))


def list_active_accounts(folder: Path) -> list[int]:
    """List the numbers of the accounts with a running subscription."""
    with (folder / "data" / "subscriptions.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["status"] == "active"]
    return [int(row["account_source_id"][1:]) for row in rows]


def list_rows(number: int, accounts: int, usage_days: int) -> Iterator[tuple[str, Row]]:
    """Yield an account's rows; equal numbers give equal rows."""
    name = f"a{number:06}"
    random = Random(hashlib.sha256(name.encode()).digest())
    owner = f"o{number % max(1, accounts // 40)}"
    yield (
        "accounts",
        {
            "source_id": name, "name": f"Customer {number}", "domain": f"{name}.example",
            "owner_source_id": owner, "attr.segment": random.choice(("small", "middle", "large")),
        },
    )  # fmt: skip
    for person in range(2):
        yield "contacts", _build_contact(name, person)
    first = random.randrange(MONTHS)
    last = min(MONTHS, first + 4 + random.randrange(60))
    yield from _list_billing(name, random, first, last)
    for ticket in range(random.randrange(4)):
        yield "tickets", _build_ticket(name, random, ticket)
    for answer in range(random.randrange(3)):
        yield "survey_responses", _build_answer(name, random, answer)
    if last == MONTHS:
        for ago in range(1, usage_days + 1):
            yield "usage_days", build_use(name, number, ago, random.randrange(1, 60))


def _list_billing(name: str, random: Random, first: int, last: int) -> Iterator[tuple[str, Row]]:
    ended = last < MONTHS
    subscription = {
        "source_id": f"s-{name}", "account_source_id": name, "currency": "EUR",
        "started_at": _find_month(first), "status": "canceled" if ended else "active",
        "ended_at": _find_month(last) if ended else None,
    }  # fmt: skip
    yield "subscriptions", subscription
    price, seats = random.choice(PRICES), random.randrange(1, 30)
    change = random.randrange(first, MONTHS + 1)
    begins = [first, change] if first < change < last else [first]
    for place, begin in enumerate(begins):
        seats += place * random.randrange(-3, 5)
        yield (
            "subscription_items",
            {
                "source_id": f"i-{name}", "subscription_source_id": f"s-{name}",
                "valid_from": _find_month(begin), "product": "seats", "unit_amount": price,
                "valid_to": _find_month(begins[1]) if place + 1 < len(begins) else None,
                "quantity": max(1, seats), "interval": "month",
            },
        )  # fmt: skip
    for month in range(max(first, MONTHS - 15), last):
        issued, total = _find_month(month), price * max(1, seats)
        yield (
            "invoices",
            {
                "source_id": f"n-{name}-{month}", "account_source_id": name, "currency": "EUR",
                "subscription_source_id": f"s-{name}", "issued_at": issued, "due_at": issued,
                "paid_at": issued + timedelta(days=random.randrange(20)), "status": "paid",
                "total": total, "amount_paid": total,
            },
        )  # fmt: skip


def _build_contact(name: str, person: int) -> Row:
    id_ = f"{name}-{person}"
    email = f"p{person}@{name}.example"
    return {"source_id": id_, "account_source_id": name, "email": email, "name": f"Person {id_}"}


def _build_ticket(name: str, random: Random, number: int) -> Row:
    opened = TODAY - timedelta(days=random.randrange(1, 700))
    topic = random.choice(TOPICS)
    return {
        "source_id": f"t-{name}-{number}", "account_source_id": name,
        "contact_source_id": f"{name}-{random.randrange(2)}", "subject": f"Question on {topic}",
        "topic": topic, "channel": "email", "status": "solved", "opened_at": opened,
        "first_reply_at": opened, "solved_at": opened + timedelta(days=random.randrange(6)),
        "agent_replies": random.randrange(1, 4), "reopens": random.randrange(2),
    }  # fmt: skip


def _build_answer(name: str, random: Random, number: int) -> Row:
    return {
        "source_id": f"r-{name}-{number}", "kind": "nps", "account_source_id": name,
        "contact_source_id": f"{name}-{random.randrange(2)}", "score": random.randrange(11),
        "answered_at": TODAY - timedelta(days=random.randrange(1, 300)),
        "scale_min": 0, "scale_max": 10,
    }  # fmt: skip


def build_use(name: str, number: int, ago: int, events: int) -> Row:
    day = TODAY - timedelta(days=ago)
    return {
        "source_id": f"u-{name}-{day}", "account_source_id": name,
        "contact_source_id": f"{name}-{(number + ago) % 2}", "day": day, "events": events,
        "sessions": 1 + events // 10,
    }  # fmt: skip


def _find_month(month: int) -> date:
    """Return the tenth of a month, counted from the first of the books."""
    months = TODAY.year * 12 + TODAY.month - 1 - MONTHS + month
    return date(months // 12, months % 12 + 1, 10) if month < MONTHS else TODAY
