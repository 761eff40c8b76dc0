"""Warnings about the reliability of the figures."""

from collections.abc import Iterable, Iterator

from cs_sync.report.data import ReportData
from cs_sync.report.formats import counted, format_moment
from cs_sync.report.tiles import Tile

_MAX_NAMED = 3


def list_warnings(data: ReportData, tiles: Iterable[Tile]) -> list[str]:
    """Return the caller's notes, followed by warnings from the data.

    Args:
        data: The data of the report.
        tiles: The tiles of the report.
    """
    return [
        *data.notes,
        *_check_run(data),
        *_check_streams(data),
        *_check_staleness(tiles),
        *_check_writes(data),
    ]


def _check_run(data: ReportData) -> Iterator[str]:
    if data.run is None or data.run.status == "ok":
        return
    meaning = {"partial": "was only partly successful", "failed": "failed"}
    outcome = meaning.get(data.run.status, f"ended as “{data.run.status}”")
    yield f"The run of {format_moment(data.run.started_at, data.timezone)} {outcome}."


def _check_streams(data: ReportData) -> Iterator[str]:
    for stream in data.streams:
        if stream.status != "ok":
            until = "it has never been read to the end"
            if stream.fresh_until is not None:
                until = f"its data ends {format_moment(stream.fresh_until, data.timezone)}"
            reason = f" ({stream.error.rstrip('.')})" if stream.error else ""
            yield f"{stream.source} {stream.stream}: {stream.status}{reason}; {until}."
    rejected = sum(stream.rejected for stream in data.streams)
    if rejected:
        were = "was" if rejected == 1 else "were"
        yield (
            f"{counted(rejected, 'record')} {were} rejected and left out:"
            " see `cs-sync rejects list`."
        )


def _check_staleness(tiles: Iterable[Tile]) -> Iterator[str]:
    stale = [tile.label for tile in tiles if tile.stale]
    if stale:
        named, more = ", ".join(stale[:_MAX_NAMED]), len(stale) - _MAX_NAMED
        yield f"Figures that rest on old data: {named}{f' and {more} more' if more > 0 else ''}."


def _check_writes(data: ReportData) -> Iterator[str]:
    unknown, rejected = data.writes.get("unknown", 0), data.writes.get("rejected", 0)
    if unknown:
        yield (
            f"{counted(unknown, 'write')} to {data.destination} got no answer:"
            " the next run settles what happened."
        )
    if rejected:
        yield f"{data.destination} rejected {counted(rejected, 'write')}: see `cs-sync plan`."
