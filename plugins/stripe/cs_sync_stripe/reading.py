"""Reading of one stream: backfill by creation time, then changes from the event feed."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter
from typing import Any, cast

from cs_sync import Page, Window, map_each
from cs_sync_schemas import Record, SubscriptionItem
from cs_sync_stripe.api import DISCOUNT_ENDED, EVENTS, Endpoint
from cs_sync_stripe.mapping.changes import ITEM_ATTRIBUTES
from cs_sync_stripe.mapping.discounts import map_ended_discount
from cs_sync_stripe.mapping.fields import Mapped, Raw, get_id, map_or_reject, parse_timestamp
from cs_sync_stripe.price_lookup import PriceLookup
from cs_sync_stripe.transport import PageCursor, StripeApi, read_in_parallel


@dataclass(frozen=True, slots=True)
class StreamReader:
    """Reads the objects of one endpoint and maps them to records."""

    api: StripeApi
    catalogue: PriceLookup
    endpoint: Endpoint
    record: type[Record]
    mapper: Callable[[Raw], Iterable[Mapped]]
    ends_discounts_of: Callable[[Raw], bool] | None = None
    """Whether a discount that ended belongs to this stream."""

    def read(self, window: Window) -> Iterator[Page]:
        """Yield the pages of a window.

        Each resumes after its last object or event.
        """
        lists_all = window.backfill or not self.endpoint.events
        return self._read_created(window) if lists_all else self._read_changed(window)

    def _read_created(self, window: Window) -> Iterator[Page]:
        params: dict[str, Any] = {**self.endpoint.params, "created": _created_range(window)}
        if self.endpoint.expand:
            params["expand"] = [f"data.{name}" for name in self.endpoint.expand]
        if window.backfill:
            self.catalogue.expect_many()
        for rows, after in self.api.read_pages(self.endpoint.path, params, window.resume):
            yield self._build_page(*self._complete_rows(rows), after)

    def _complete_rows(self, rows: list[Any]) -> tuple[list[Any], list[str]]:
        """Return the objects with all nested rows, and the ids deleted meanwhile."""
        nested = self.endpoint.nested
        if nested is None:
            return rows, []
        cut = [i for i, row in enumerate(rows) if _is_truncated(row, nested.name)]
        if not cut:
            return rows, []
        whole = read_in_parallel(lambda i: self.api.complete(nested, rows[i]), cut)
        completed = {**dict(enumerate(rows)), **dict(zip(cut, whole, strict=True))}
        deleted = [rows[i]["id"] for i in cut if completed[i] is None]
        return [row for row in completed.values() if row is not None], deleted

    def _read_changed(self, window: Window) -> Iterator[Page]:
        """Read each object named by events once.

        It has the fields of a backfill. The event's own object is not used: it has the account's
        API version, not ours, and may be older than another event's.
        """
        params = {"types": list(self.endpoint.events), "created": _created_range(window)}
        read_ids: set[str] = set()
        for raw_events, place in self.api.read_pages(EVENTS.path, params, window.resume):
            events, odd = map_each(self.record, raw_events, _validate_event, lambda _event: None)
            ids = [
                id
                for id in dict.fromkeys(map(self._find_object_id, events))
                if id and id not in read_ids
            ]
            read_ids.update(ids)
            rows_by_id = dict(zip(ids, self._read_all(ids), strict=True))
            rows = [row for row in rows_by_id.values() if row is not None]
            deleted = [id for id, row in rows_by_id.items() if row is None]
            page = self._build_page(rows, deleted, place, self._map_ended_discounts(events))
            _set_version_dates(page, events)
            yield replace(page, rejected=[*page.rejected, *odd])

    def _read_all(self, ids: list[str]) -> list[Raw | None]:
        return read_in_parallel(partial(self.api.read, self.endpoint), ids)

    def _find_object_id(self, event: Raw) -> str | None:
        """Find the id of the event's object.

        None if it belongs to another stream.
        """
        return get_id(_get_event_object(event).get(self.endpoint.events.get(event["type"], "id")))

    def _map_ended_discounts(self, events: list[Raw]) -> Iterator[Mapped]:
        for event in events:
            is_own = self.ends_discounts_of
            if event["type"] == DISCOUNT_ENDED and is_own and is_own(_get_event_object(event)):
                yield from map_ended_discount(event, self.catalogue)

    def _build_page(
        self,
        rows: list[Any],
        deleted: list[str],
        resume: PageCursor | None,
        ended: Iterable[Mapped] = (),
    ) -> Page:
        made = [map_or_reject(self.record, row, self.mapper) for row in rows]
        return Page.mapped(
            self.record, [*made, ended], list, resume, deleted={self.record: deleted}
        )


def _validate_event(event: Raw) -> Raw:
    """Return the event if its object and time are valid.

    Raises mapping errors otherwise.
    """
    if not isinstance(_get_event_object(event), dict) or not isinstance(event["type"], str):
        raise TypeError("an event without an object or a type")
    parse_timestamp(int(event["created"]))
    return event


def _get_event_object(event: Raw) -> Raw:
    subject: Raw = event["data"]["object"]
    return subject


def _set_version_dates(page: Page, events: list[Raw]) -> None:
    """Date items' changes, so that new versions begin then, not now."""
    changed = {
        _get_event_object(event)["id"]: event["created"]
        for event in sorted(events, key=itemgetter("created"))
        if ITEM_ATTRIBUTES & set(event["data"].get("previous_attributes") or ())
    }
    for item in page.records.get(SubscriptionItem, ()):
        if at := changed.get(item["subscription_source_id"]):
            cast(dict[str, Any], item)["updated_at"] = parse_timestamp(at)


def _is_truncated(row: Any, field: str) -> bool:
    nested = row.get(field) if isinstance(row, dict) else None
    return isinstance(nested, dict) and bool(nested.get("has_more"))


def _created_range(window: Window) -> dict[str, int]:
    """Return `[since, until)` in whole seconds, Stripe's unit.

    The next window starts there.
    """
    edges = {"lt": int(window.until.timestamp())}
    if window.since is not None:
        edges["gte"] = int(window.since.timestamp())
    return edges
