"""The floor: httpx, orjson and executemany into typed tables; no promise of any kind."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson

from benchmarks.sync.contestants.race import (
    HUBSPOT_TOKEN,
    PAGE,
    STRIPE_KEY,
    Cost,
    Task,
    measured,
    run,
)

TABLES = {
    "customer": "id TEXT PRIMARY KEY, name TEXT, email TEXT, account TEXT, created TEXT",
    "subscription": "id TEXT PRIMARY KEY, customer TEXT, status TEXT, currency TEXT,"
    " started TEXT, trial_end TEXT, cancel_at TEXT, canceled TEXT, ended TEXT",
    "item": "id TEXT PRIMARY KEY, subscription TEXT, product TEXT, price TEXT, amount TEXT,"
    " quantity TEXT, interval TEXT, interval_count INTEGER, usage_type TEXT, created TEXT",
    "contact": "id TEXT PRIMARY KEY, company TEXT, email TEXT, name TEXT, role TEXT,"
    " created TEXT, updated TEXT",
}
Json = dict[str, Any]


def floor(task: Task) -> Cost:
    """One page after the other, each in a transaction."""
    database = sqlite3.connect(task.folder / "floor.db", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    for name, columns in TABLES.items():
        database.execute(f"CREATE TABLE {name} ({columns})")
    read = {"stripe": _stripe, "hubspot": _hubspot}[task.vendor]
    with httpx.Client(base_url=task.url) as client, measured() as cost:
        cost.records = read(client, database)
    return cost


def _stripe(client: httpx.Client, database: sqlite3.Connection) -> int:
    records = 0
    for page in _stripe_pages(client, "/v1/customers", {}):
        _store(database, customer=[_customer(row) for row in page])
        records += len(page)
    for page in _stripe_pages(client, "/v1/subscriptions", {"status": "all"}):
        items = [_item(row["id"], entry) for row in page for entry in row["items"]["data"]]
        _store(database, subscription=[_subscription(row) for row in page], item=items)
        records += len(page)
    return records


def _stripe_pages(client: httpx.Client, path: str, params: Json) -> Iterator[list[Json]]:
    headers = {"Authorization": f"Bearer {STRIPE_KEY}"}
    after: Json = {}
    while True:
        answer = client.get(path, params={"limit": PAGE, **params, **after}, headers=headers)
        body = orjson.loads(answer.content)
        yield body["data"]
        if not body["has_more"]:
            return
        after = {"starting_after": body["data"][-1]["id"]}


def _hubspot(client: httpx.Client, database: sqlite3.Connection) -> int:
    headers = {"Authorization": f"Bearer {HUBSPOT_TOKEN}"}
    names = "email,firstname,lastname,jobtitle,associatedcompanyid,createdate,lastmodifieddate"
    params: Json = {"limit": PAGE, "properties": names}
    records = 0
    while True:
        answer = client.get("/crm/objects/2026-03/contacts", params=params, headers=headers)
        body = orjson.loads(answer.content)
        _store(database, contact=[_contact(row) for row in body["results"]])
        records += len(body["results"])
        if "paging" not in body:
            return records
        params["after"] = body["paging"]["next"]["after"]


def _store(database: sqlite3.Connection, **tables: list[tuple[Any, ...]]) -> None:
    database.execute("BEGIN")
    for name, rows in tables.items():
        marks = ",".join("?" * len(rows[0]))
        database.executemany(f"INSERT OR REPLACE INTO {name} VALUES ({marks})", rows)
    database.execute("COMMIT")


def _customer(row: Json) -> tuple[Any, ...]:
    account = row["metadata"].get("account_id")
    return row["id"], row["name"], row["email"], account, _moment(row["created"])


def _subscription(row: Json) -> tuple[Any, ...]:
    times = (row[name] for name in ("start_date", "trial_end", "cancel_at", "canceled_at"))
    known = (row["id"], row["customer"], row["status"], row["currency"].upper())
    return (*known, *map(_moment, times), _moment(row["ended_at"]))


def _item(subscription: str, row: Json) -> tuple[Any, ...]:
    price = row["price"]
    recurring = price["recurring"]
    return (
        *(row["id"], subscription, price["product"], price["id"]),
        *(price["unit_amount_decimal"], str(row["quantity"])),
        *(recurring["interval"], recurring["interval_count"], recurring["usage_type"]),
        _moment(row["created"]),
    )


def _contact(row: Json) -> tuple[Any, ...]:
    held = row["properties"]
    name = f"{held['firstname']} {held['lastname']}"
    times = (held["createdate"], held["lastmodifieddate"])
    return row["id"], held["associatedcompanyid"], held["email"], name, held["jobtitle"], *times


def _moment(seconds: int | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


if __name__ == "__main__":
    run(floor)
