"""Two small vendors more, and connectors that read them rightly: invoices and rated tickets."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from cs_sync import Page, Row, Stream
from cs_sync_pebble.in_memory import PebbleVendor
from cs_sync_pebble.source import PebbleSource
from cs_sync_schemas import CURRENCY_EXPONENT, Invoice, SurveyResponse, Ticket

Item = Mapping[str, Any]


def to_minor_units(amount: float, currency: str) -> int:
    """The right way: the number as the vendor wrote it, by the decimals of its currency."""
    return int(Decimal(str(amount)).scaleb(CURRENCY_EXPONENT[currency]))


class CoinSource(PebbleSource):
    """Reads invoices whose amounts come in major units."""

    def streams(self) -> Sequence[Stream]:
        read = partial(self._read, "invoices", Invoice, self.map_invoice)
        late = timedelta(minutes=5)
        return (Stream("invoices", Invoice, read, cursor="time", lookback=late, deletes="feed"),)

    def map_invoice(self, item: Item) -> Row:
        total = self.to_minor(item["total"], item["currency"])
        return {
            "source_id": item["id"],
            "account_source_id": "customer",
            "status": "paid",
            "currency": item["currency"],
            "total": total,
            "issued_at": datetime.fromisoformat(item["issued_at"]),
            "updated_at": datetime.fromisoformat(item["changed_at"]),
        }

    def to_minor(self, amount: float, currency: str) -> Any:
        return to_minor_units(amount, currency)


class CoinVendor(PebbleVendor):
    """Ten invoices: 19.50 EUR, 20.50 EUR and so on."""

    connector = CoinSource
    free_text = ("number",)

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        self.lists = {"invoices": {}}
        for number in range(10):
            self._put("invoices", ago=timedelta(days=30 - number), **self._invoice(number))

    def _invoice(self, number: int) -> dict[str, Any]:
        issued = (self.now() - timedelta(days=40)).isoformat()
        facts = {"currency": "EUR", "issued_at": issued, "number": f"no. {number}"}
        return {"total": 19.5 + number, **facts}

    def add(self, stream: str) -> str:
        return self._put(stream, **self._invoice(50))

    def edit(self, stream: str) -> str:
        return self._put(stream, id=f"{stream}-001", total=99.5)


class RatedSource(PebbleSource):
    """Reads tickets with the customer's rating, which has the ticket's id."""

    def streams(self) -> Sequence[Stream]:
        [tickets] = [stream for stream in super().streams() if stream.name == "tickets"]
        return (self.state(replace(tickets, read=partial(_read_ratings, tickets))),)

    def state(self, tickets: Stream) -> Stream:
        """State how a rating ends."""
        return replace(tickets, children={SurveyResponse: "source_id"})


def _read_ratings(tickets: Stream, window: Any) -> Iterator[Page]:
    for page in tickets.read(window):
        raws = [row["raw"] for row in page.records[Ticket]]
        ratings = [_map_rating(raw) for raw in raws if raw.get("rating")]
        yield replace(page, records={**page.records, SurveyResponse: ratings})


def _map_rating(raw: Item) -> Row:
    return {
        "source_id": raw["id"],
        "kind": "csat",
        "score": float(raw["rating"]),
        "scale_min": 1.0,
        "scale_max": 5.0,
        "answered_at": datetime.fromisoformat(raw["opened_at"]),
    }


class RatedVendor(PebbleVendor):
    """Tickets that are all rated."""

    connector = RatedSource

    def _ticket(self, number: int) -> dict[str, Any]:
        return {**super()._ticket(number), "rating": "4"}

    def remove_child(self, stream: str) -> str:
        return self._put(stream, id=f"{stream}-001", rating=None)
