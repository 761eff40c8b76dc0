"""What the reader must know before trusting the figures."""

from collections.abc import Iterable, Iterator

from cs_sync.report.data import ReportData
from cs_sync.report.formats import moment
from cs_sync.report.tiles import Tile

_MOST = 3


def warnings(data: ReportData, tiles: Iterable[Tile]) -> list[str]:
    """Sentences: the caller's notes first, then what the data itself gives away."""
    return [*data.notes, *_run(data), *_streams(data), *_stale(tiles), *_writes(data)]


def _run(data: ReportData) -> Iterator[str]:
    if data.run is None or data.run.status == "ok":
        return
    meaning = {"partial": "was only partly successful", "failed": "failed"}
    said = meaning.get(data.run.status, f"ended as “{data.run.status}”")
    yield f"The run of {moment(data.run.started_at, data.timezone)} {said}."


def _streams(data: ReportData) -> Iterator[str]:
    for stream in data.streams:
        if stream.status != "ok":
            fresh = moment(stream.fresh_until, data.timezone)
            reason = f" {stream.error}" if stream.error else ""
            yield (
                f"{stream.source} {stream.stream} is {stream.status}; "
                f"complete until: {fresh}.{reason}"
            )
    rejected = sum(stream.rejected for stream in data.streams)
    if rejected:
        rows = "1 record was" if rejected == 1 else f"{rejected:,} records were"
        yield f"{rows} rejected and left out: see `cs-sync rejects list`."


def _stale(tiles: Iterable[Tile]) -> Iterator[str]:
    stale = [tile.label for tile in tiles if tile.warning.startswith("Stale")]
    if stale:
        named, more = ", ".join(stale[:_MOST]), len(stale) - _MOST
        yield f"Figures that rest on old data: {named}{f' and {more} more' if more > 0 else ''}."


def _writes(data: ReportData) -> Iterator[str]:
    unknown, rejected = data.writes.get("unknown", 0), data.writes.get("rejected", 0)
    if unknown:
        yield (
            f"{unknown:,} writes to {data.destination} got no answer: "
            "the next run settles whether they happened."
        )
    if rejected:
        yield f"{data.destination} rejected {rejected:,} writes: see `cs-sync plan`."
