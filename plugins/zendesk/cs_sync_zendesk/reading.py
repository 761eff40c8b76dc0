"""Reading Zendesk's incremental exports, page by page."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from cs_sync import Http, Page, Rejection, Row, Unreachable, Window
from cs_sync_schemas import Membership, Record, SourceAccount, SourceContact, SurveyResponse, Ticket
from cs_sync_zendesk import mapping
from cs_sync_zendesk.api import ORGANIZATIONS, PAGE_SIZE, TICKETS, USERS
from cs_sync_zendesk.mapping import Mapped, Raw

Mapper = Callable[[Raw], Mapped]
Gone = dict[type[Record], list[str]]


def organizations(http: Http, base_url: str, window: Window) -> Iterator[Page]:
    """All organizations that changed since the window's start; the export goes by time only.

    Its pages overlap by at least one row, and begin again at the second where the last one ended.
    """
    start = window.resume if window.resume is not None else _start(window)
    while start is not None:
        answer = http.get(ORGANIZATIONS, {"start_time": start, "per_page": PAGE_SIZE})
        rows = _rows(answer, "organizations")
        start = None if answer["end_of_stream"] else answer["end_time"]
        if start is None and not answer["end_of_stream"]:
            raise Unreachable(f"Zendesk: {ORGANIZATIONS} goes on, but does not say from where")
        yield _page(
            SourceAccount,
            (row for row in rows if not _flag(row, "deleted_at")),
            partial(mapping.organization, base_url=base_url),
            start,
            {SourceAccount: _ids(row for row in rows if _flag(row, "deleted_at"))},
        )


def users(http: Http, window: Window) -> Iterator[Page]:
    """All people who changed; who is no end user (any more) is no contact."""
    for answer, cursor in _export(http, USERS, window, {}):
        rows = _rows(answer, "users")
        kept = [row for row in rows if _is_contact(row)]
        gone = _ids(row for row in rows if not _is_contact(row))
        alone = _ids(row for row in kept if not _flag(row, "organization_id"))
        yield _page(
            SourceContact,
            kept,
            mapping.user,
            cursor,
            {SourceContact: gone, Membership: gone + alone},
        )


def tickets(http: Http, base_url: str, topic_field: int | None, window: Window) -> Iterator[Page]:
    """All tickets that changed, system updates included, with their metrics."""
    for answer, cursor in _export(http, TICKETS, window, {"include": "metric_sets"}):
        rows = _rows(answer, "tickets")
        metrics = mapping.by_ticket(answer.get("metric_sets") or ())
        gone = _ids(row for row in rows if _flag(row, "status") == "deleted")

        def one(raw: Raw, metrics: dict[Any, Raw] = metrics) -> Mapped:
            return mapping.ticket(raw, metrics.get(raw["id"], {}), base_url, topic_field)

        yield _page(
            Ticket,
            (row for row in rows if _flag(row, "status") != "deleted"),
            one,
            cursor,
            {Ticket: gone, SurveyResponse: gone},
        )


def _export(
    http: Http, path: str, window: Window, extra: dict[str, Any]
) -> Iterator[tuple[dict[str, Any], str]]:
    """Each answer and the cursor behind it; the last one is where the next run goes on."""
    cursor: str | None = window.resume
    while True:
        start = {"cursor": cursor} if cursor else {"start_time": _start(window)}
        answer = http.get(path, {**start, **extra, "per_page": PAGE_SIZE})
        after = answer["after_cursor"] or cursor
        if after is None:
            raise Unreachable(f"Zendesk: {path} answered without after_cursor")
        cursor = str(after)
        yield answer, cursor
        if answer["end_of_stream"]:
            return


def _page(
    record: type[Record], rows: Iterable[Any], mapper: Mapper, resume: Any, gone: Gone
) -> Page:
    records: dict[type[Record], list[Row]] = {}
    rejected: list[Rejection] = []
    for raw in rows:
        try:
            made = list(mapper(raw))
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            # Half an object can break anywhere; the rest of the page must not suffer for it.
            reason = f"not shaped as Zendesk describes it: {type(error).__name__} {error}"
            rejected.append(Rejection(record, _id(raw), "malformed", reason, raw))
            continue
        for kind, row in made:
            records.setdefault(kind, []).append(row)
    deleted = {kind: ids for kind, ids in gone.items() if ids}
    return Page(records, resume, deleted, rejected)


def _rows(answer: dict[str, Any], name: str) -> Sequence[Any]:
    """The rows, each id once: exports repeat rows, and the last one is the newest."""
    rows = enumerate(answer[name])
    return list({_id(row) or f"#{place}": row for place, row in rows}.values())


def _is_contact(row: Any) -> bool:
    return not isinstance(row, dict) or (
        row.get("role") in ("end-user", None) and row.get("active") is not False
    )


def _flag(row: Any, name: str) -> Any:
    return row.get(name) if isinstance(row, dict) else None


def _ids(rows: Iterable[Any]) -> list[str]:
    return [id for row in rows if (id := _id(row))]


def _id(row: Any) -> str | None:
    id = _flag(row, "id")
    return str(id) if isinstance(id, str | int) else None


def _start(window: Window) -> int:
    return int(window.since.timestamp()) if window.since else 0
