"""Notices about the reliability of the figures, in words for readers."""

from collections.abc import Iterable, Iterator

from cs_sync.report.data import ReportData
from cs_sync.report.formats import Formats
from cs_sync.report.tiles import Tile

_MAX_NAMED = 3


def list_notices(data: ReportData, tiles: Iterable[Tile], formats: Formats) -> list[str]:
    """List what readers should know about the data, the most serious first.

    Args:
        data: The data of the report.
        tiles: The tiles of the report.
        formats: The formats of the report.
    """
    return [
        *_check_run(data, formats),
        *_check_streams(data, formats),
        *_check_money(data, formats),
        *_check_staleness(tiles, formats),
        *_check_writes(data, formats),
        *_check_notices(data, formats),
    ]


def _check_run(data: ReportData, formats: Formats) -> Iterator[str]:
    if data.run is not None and data.run.status in ("partial", "failed"):
        when = formats.format_moment(data.run.started_at)
        yield formats.words(f"report.notice.run_{data.run.status}", when=when)


def _check_streams(data: ReportData, formats: Formats) -> Iterator[str]:
    for stream in data.streams:
        if stream.status != "ok":
            name = f"{stream.source} {stream.stream}"
            if stream.fresh_until is None:
                yield formats.words("report.notice.stream_never", stream=name)
            else:
                until = formats.format_moment(stream.fresh_until)
                yield formats.words("report.notice.stream", stream=name, until=until)
    rejected = sum(stream.rejected for stream in data.streams)
    if rejected:
        yield formats.words("report.notice.rejected", rejected)


def _check_money(data: ReportData, formats: Formats) -> Iterator[str]:
    if data.unconverted:
        yield formats.words(
            "report.notice.unconverted",
            amounts=formats.purse(data.unconverted),
            currency=data.currency,
        )


def _check_staleness(tiles: Iterable[Tile], formats: Formats) -> Iterator[str]:
    stale = [tile.label for tile in tiles if tile.stale]
    if stale:
        named, more = ", ".join(stale[:_MAX_NAMED]), len(stale) - _MAX_NAMED
        names = formats.words("reason.more_names", more, names=named) if more > 0 else named
        yield formats.words("report.notice.stale", names=names)


def _check_writes(data: ReportData, formats: Formats) -> Iterator[str]:
    unknown, rejected = data.writes.get("unknown", 0), data.writes.get("rejected", 0)
    if unknown:
        yield formats.words("report.notice.unknown", unknown, destination=data.destination)
    if rejected:
        yield formats.words("report.notice.refused", rejected, destination=data.destination)


def _check_notices(data: ReportData, formats: Formats) -> Iterator[str]:
    words, notices = formats.words, data.notices
    yield from notices.model
    for source, days in sorted(notices.incomplete.items()):
        yield words("report.notice.incomplete", days, source=source)
    for name in ("ambiguous", "deferred", "unassigned"):
        if count := getattr(notices, name):
            yield words(f"report.notice.{name}", count)
