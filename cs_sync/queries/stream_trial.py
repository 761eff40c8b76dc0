"""A trial of one stream: what its first records become, without storing anything."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import islice
from typing import Any

from msgspec import Struct

from cs_sync.config.problems import suggest_nearest
from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.source import Page, Source, Stream, Window
from cs_sync.rest import RestSource
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.records.page import ValidPage, validate_page

SHOWN = 10
"""Records of each kind that are shown."""
MAX_PAGES = 20
"""Pages that are read at most, until there are enough records to show."""
TRIAL_FIELDS = ("record", "source_id", "status", "reason")


class Trial(Struct, frozen=True):
    """What was read: rows to show, and how many records there were of each status."""

    rows: list[dict[str, Any]]
    pages: int
    mapped: int
    rejected: int
    empty: dict[str, list[str]]
    """Record type → fields that the connector maps, and none of its records has."""


def try_stream(workspace: Workspace, source: str, stream: str) -> Trial:
    """Read the first pages of a stream and map them.

    Args:
        workspace: The workspace.
        source: The connector's name.
        stream: The stream's name.

    Raises:
        ConfigError: There is no such connector or stream.
    """
    [opened] = workspace.sources([source])
    streams = {each.name: each for each in opened.source.streams()}
    if stream not in streams:
        raise ConfigError(f"{source} has no stream {stream}", suggest_nearest(stream, streams))
    chosen = streams[stream]
    window = Window(None, workspace.clock() - chosen.lag)
    pages = [validate_page(chosen, page) for page in _take_pages(chosen, chosen.read(window))]
    return Trial(
        list(_list_rows(chosen, pages)),
        len(pages),
        sum(len(rows) for page in pages for rows in page.rows.values()),
        sum(len(page.rejected) for page in pages),
        dict(_list_empty_fields(chosen, pages, _list_described_fields(opened.source, stream))),
    )


def _take_pages(stream: Stream, pages: Iterable[Page]) -> Iterator[Page]:
    """Yield pages until they have enough records to show."""
    count = 0
    for page in islice(pages, MAX_PAGES):
        yield page
        count += len(page.records.get(stream.record, ()))
        if count >= SHOWN:
            return


def _list_rows(stream: Stream, pages: Iterable[ValidPage]) -> Iterator[dict[str, Any]]:
    """Yield rejected records, then the first of each record type."""
    pages = list(pages)
    for page in pages:
        for rejection in page.rejected:
            name = str(rejection.record.__tablename__)
            yield _make_row(name, rejection.source_id, "rejected", rejection.reason)
    for record in stream.record_types:
        name = str(record.__tablename__)
        for row in islice((row for page in pages for row in page.rows.get(record, ())), SHOWN):
            fields = {key: value for key, value in row.items() if value not in (None, [], {})}
            fields = {k: v for k, v in fields.items() if k not in ("raw", "row_hash", "source_id")}
            yield {**_make_row(name, row["source_id"], "mapped"), **fields}
        gone = (id for page in pages for id in page.page.deleted.get(record, ()))
        yield from (_make_row(name, id, "deleted") for id in islice(gone, SHOWN))


def _list_described_fields(source: Source, stream: str) -> Mapping[str, Set[str]]:
    """Return the fields that a description maps, by record type.

    A class has none.
    """
    if not isinstance(source, RestSource):
        return {}
    rule = source.description.streams[stream]
    fields: dict[str, set[str]] = {}
    for mapped in (rule, *rule.also.values()):
        fields.setdefault(mapped.record, set()).update(mapped.fields)
    return fields


def _list_empty_fields(
    stream: Stream, pages: Sequence[ValidPage], described: Mapping[str, Set[str]]
) -> Iterator[tuple[str, list[str]]]:
    """Yield the fields that are mapped and that no record has."""
    for record in stream.record_types:
        name = str(record.__tablename__)
        rows = [row for page in pages for row in page.page.records.get(record, ())]
        mapped = {*described.get(name, ()), *(field for row in rows for field in row)}
        filled = {field for row in rows for field, value in row.items() if value is not None}
        if rows:
            yield name, [each for each in record.model_fields if each in mapped - filled]


def _make_row(record: str, id: str | None, status: str, reason: str = "") -> dict[str, Any]:
    return {"record": record, "source_id": id, "status": status, "reason": reason}
