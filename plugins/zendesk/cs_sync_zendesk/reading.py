"""Reading of Zendesk's incremental exports, page by page."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from cs_sync import Http, Page, Unreachable, Window
from cs_sync_schemas import Membership, SourceAccount, SourceContact, Ticket
from cs_sync_zendesk import mapping
from cs_sync_zendesk.api import ORGANIZATIONS, PAGE_SIZE, TICKETS, USERS
from cs_sync_zendesk.mapping import Mapped, Raw


def read_organizations(http: Http, base_url: str, window: Window) -> Iterator[Page]:
    """Yield organizations changed since the window's start; the export goes by time.

    Its pages overlap by at least one row, and start again at the second of the last one's
    end.
    """
    start = window.resume if window.resume is not None else _start_seconds(window)
    while start is not None:
        answer = http.get(ORGANIZATIONS, {"start_time": start, "per_page": PAGE_SIZE})
        rows = _deduplicate_rows(answer, "organizations")
        start = None if answer["end_of_stream"] else answer["end_time"]
        if start is None and not answer["end_of_stream"]:
            raise Unreachable(f"Zendesk: {ORGANIZATIONS} continues, but gives no cursor")
        deleted = _collect_ids(row for row in rows if _get_field(row, "deleted_at"))
        yield Page.mapped(
            SourceAccount,
            (row for row in rows if not _get_field(row, "deleted_at")),
            partial(mapping.map_organization, base_url=base_url),
            start,
            deleted={SourceAccount: deleted},
        )


def read_users(http: Http, window: Window) -> Iterator[Page]:
    """Yield changed people.

    Those who are not end users (any more) are deleted contacts.
    """
    for answer, cursor in _read_export(http, USERS, window, {}):
        rows = _deduplicate_rows(answer, "users")
        contacts = [row for row in rows if _is_contact(row)]
        deleted = _collect_ids(row for row in rows if not _is_contact(row))
        alone = _collect_ids(row for row in contacts if not _get_field(row, "organization_id"))
        page = Page.mapped(
            SourceContact,
            contacts,
            mapping.map_user,
            cursor,
            deleted={SourceContact: deleted, Membership: deleted + alone},
        )
        yield replace(page, last=answer["end_of_stream"])


def read_tickets(
    http: Http, base_url: str, topic_field: int | None, window: Window
) -> Iterator[Page]:
    """Yield changed tickets, including system updates, with their metrics."""
    for answer, cursor in _read_export(http, TICKETS, window, {"include": "metric_sets"}):
        rows = _deduplicate_rows(answer, "tickets")
        metrics = mapping.index_by_ticket(answer.get("metric_sets") or ())
        deleted = _collect_ids(row for row in rows if _get_field(row, "status") == "deleted")

        def map_ticket(raw: Raw, metrics: dict[Any, Raw] = metrics) -> Mapped:
            return mapping.map_ticket(raw, metrics.get(raw["id"], {}), base_url, topic_field)

        page = Page.mapped(
            Ticket,
            (row for row in rows if _get_field(row, "status") != "deleted"),
            map_ticket,
            cursor,
            deleted={Ticket: deleted},
        )
        yield replace(page, last=answer["end_of_stream"])


def _read_export(
    http: Http, path: str, window: Window, extra: dict[str, Any]
) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each response and its cursor, at which the next run starts."""
    cursor: str | None = window.resume
    while True:
        start = {"cursor": cursor} if cursor else {"start_time": _start_seconds(window)}
        answer = http.get(path, {**start, **extra, "per_page": PAGE_SIZE})
        after = answer["after_cursor"] or cursor
        if after is None:
            raise Unreachable(f"Zendesk: {path} answered without after_cursor")
        cursor = str(after)
        yield answer, cursor
        if answer["end_of_stream"]:
            return


def _deduplicate_rows(answer: dict[str, Any], name: str) -> Sequence[Any]:
    """Drop repeated ids.

    Exports repeat rows, the last is the newest.
    """
    rows = enumerate(answer[name])
    return list({_get_id(row) or f"#{place}": row for place, row in rows}.values())


def _is_contact(row: Any) -> bool:
    return not isinstance(row, dict) or (
        row.get("role") in ("end-user", None) and row.get("active") is not False
    )


def _get_field(row: Any, name: str) -> Any:
    return row.get(name) if isinstance(row, dict) else None


def _collect_ids(rows: Iterable[Any]) -> list[str]:
    return [id for row in rows if (id := _get_id(row))]


def _get_id(row: Any) -> str | None:
    id = _get_field(row, "id")
    return str(id) if isinstance(id, str | int) else None


def _start_seconds(window: Window) -> int:
    return int(window.since.timestamp()) if window.since else 0
