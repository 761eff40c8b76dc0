"""Pebble, a helpdesk that does not exist: customers and tickets, oldest change first."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from pydantic import Field, SecretStr

from cs_sync import (
    ConnectorConfig,
    Finding,
    Http,
    Limit,
    Page,
    Row,
    Shape,
    Stream,
    VendorError,
    Window,
)
from cs_sync_schemas import Alias, Record, SourceAccount, Ticket

Item = Mapping[str, Any]
SHAPES = (Shape(r"/v1/\w+$", {"items": list, "next": str | None}),)
"""What a good answer contains: anything else is an error, and no empty page."""


class PebbleConfig(ConnectorConfig):
    """Settings of `[connectors.pebble]`."""

    base_url: str = Field("https://api.pebble.example", description="Where Pebble answers.")
    api_key: SecretStr = Field(description="A key with the scope read.")


class PebbleSource:
    """States the facts of Pebble's API, and turns its answers into pages of records."""

    name: ClassVar[str] = "pebble"
    Config: ClassVar[type[ConnectorConfig]] = PebbleConfig
    limits: ClassVar[Sequence[Limit]] = (Limit(requests=100, seconds=60),)
    concurrency: ClassVar[int] = 2

    def __init__(self, config: PebbleConfig, http: Http) -> None:
        key = config.api_key.get_secret_value()
        headers = {"Authorization": f"Bearer {key}"}
        self._http = http.at(config.base_url, headers=headers, shapes=SHAPES)

    def streams(self) -> Sequence[Stream]:
        """Customers, tickets: both dated by `changed_at`, deleted ones included."""
        facts = partial(Stream, cursor="time", lookback=timedelta(minutes=5), deletes="feed")
        customers = partial(self._read, "customers", SourceAccount, _customer)
        tickets = partial(self._read, "tickets", Ticket, _ticket)
        return (
            facts("customers", SourceAccount, customers, extra=(Alias,), scope="read"),
            facts("tickets", Ticket, tickets, scope="read"),
        )

    def check(self) -> Iterator[Finding]:
        """One record of each list."""
        for stream in self.streams():
            try:
                self._http.get(f"/v1/{stream.name}", {"limit": 1})
                yield Finding(ok=True, subject=stream.name, message="readable")
            except VendorError as error:
                yield Finding(
                    ok=False, subject=stream.name, message=error.message, remedy=error.remedy
                )

    def _read(
        self, name: str, record: type[Record], row: Callable[[Item], Row], window: Window
    ) -> Iterator[Page]:
        """Yield every page of a window.

        Pebble says where the next one begins, however short one is.
        """
        after = window.resume
        since = window.since.isoformat() if window.since else None
        while True:
            params = {"changed_since": since, "changed_before": window.until.isoformat()}
            place = {name: value for name, value in {**params, "after": after}.items() if value}
            answer = self._http.get(f"/v1/{name}", place)
            after = answer["next"]
            yield _page(record, row, answer["items"], after)
            if after is None:
                return


def _page(
    record: type[Record], row: Callable[[Item], Row], items: Sequence[Item], resume: str | None
) -> Page:
    """Build a page of records, deletions and rejections.

    Those that are gone, and those that cannot be understood.
    """
    deleted = [item for item in items if isinstance(item, dict) and item.get("deleted")]
    gone = {record: [item["id"] for item in deleted]}
    here = (item for item in items if item not in deleted)
    page = Page.mapped(record, here, row, resume, deleted=gone)
    merged = [_alias(record, item) for item in deleted if item.get("merged_into")]
    return replace(page, records={**page.records, Alias: merged}) if merged else page


def _customer(item: Item) -> Row:
    return {
        "source_id": item["id"],
        "name": item["name"],
        "domain": item.get("domain"),
        "updated_at": datetime.fromisoformat(item["changed_at"]),
        "raw": item,
    }


def _ticket(item: Item) -> Row:
    return {
        "source_id": item["id"],
        "account_source_id": item.get("customer"),
        "subject": item.get("subject"),
        "status": item["status"],
        "opened_at": datetime.fromisoformat(item["opened_at"]),
        "updated_at": datetime.fromisoformat(item["changed_at"]),
        "raw": item,
    }


def _alias(record: type[Record], item: Item) -> Row:
    return {
        "source_id": item["id"],
        "record": str(record.__tablename__),
        "survivor_source_id": item["merged_into"],
    }
