"""How far each source's reading and each destination's writing is, from events; pure."""

from datetime import datetime, timedelta

from msgspec import Struct, field

from cs_sync.contracts.events import Event
from cs_sync.i18n import ENGLISH
from cs_sync.i18n.counts import count_noun

PAST_TENSE = {"create": "created", "update": "updated"}
"""Outcome of a write → the word behind its count; others read as they are."""


class StreamProgress(Struct):
    """What one stream has read; `windows` has the main records read and expected of each."""

    records: int = 0
    rejected: int = 0
    deleted: int = 0
    ended: bool = False
    windows: dict[str, tuple[int, int | None]] = field(default_factory=dict)

    def count_remaining(self) -> int | None:
        """Return how many main records remain, where the source says so."""
        if self.ended:
            return 0
        counts = [None if whole is None else whole - read for read, whole in self.windows.values()]
        if not counts or None in counts:
            return None
        return sum(max(0, left) for left in counts if left is not None)


class SourceProgress(Struct):
    """What one source has read so far, over all its streams."""

    name: str
    began: datetime
    streams: dict[str, StreamProgress] = field(default_factory=dict)
    waits_until: datetime | None = None

    @property
    def is_done(self) -> bool:
        """Whether every stream that started has ended."""
        return all(stream.ended for stream in self.streams.values())

    @property
    def records(self) -> int:
        """The number of records read."""
        return sum(stream.records for stream in self.streams.values())

    @property
    def total(self) -> int | None:
        """The number of records at the end.

        As far as the source says it. None where it says it of no stream that still reads.
        """
        known = [count for count in self._count_remaining() if count is not None]
        if self.has_unknown and not sum(known):
            return None
        return self.records + sum(known)

    @property
    def has_unknown(self) -> bool:
        """Whether the source does not say how much a stream has.

        The total is then the least.
        """
        return None in self._count_remaining()

    def _count_remaining(self) -> list[int | None]:
        return [stream.count_remaining() for stream in self.streams.values()]

    def estimate_seconds_left(self, now: datetime) -> float | None:
        """Estimate the seconds left at the pace so far.

        None without a total.
        """
        total, read = self.total, self.records
        if total is None or not read:
            return None
        return (now - self.began).total_seconds() * (total - read) / read

    def describe(self, now: datetime) -> str:
        """Describe the progress in a line.

        `stripe: 3 of 9 streams, 1,200 of 4,800 records (25%), about 3 min left`, or where not all
        streams say how much they have, `1,200 of at least 4,800 records, at least 3 min left`.
        """
        ended = sum(stream.ended for stream in self.streams.values())
        text = f"{self.name}: {ended} of {count_noun(len(self.streams), 'stream')}, "
        total, left = self.total, self.estimate_seconds_left(now)
        if total is None:
            return text + count_noun(self.records, "record")
        if self.has_unknown:
            text += f"{self.records:,} of at least {count_noun(total, 'record')}"
            return (
                text if left is None else f"{text}, at least {ENGLISH.format_duration(left)} left"
            )
        text += f"{self.records:,} of {count_noun(total, 'record')}"
        if left is not None and total:
            share = ENGLISH.percent(self.records / total)
            text += f" ({share}), about {ENGLISH.format_duration(left)} left"
        return text

    def describe_end(self, now: datetime) -> str:
        """Return `stripe: 9 streams, 4,800 records in 3 min, 2 rejected`."""
        took = ENGLISH.format_duration((now - self.began).total_seconds())
        streams, records = (
            count_noun(len(self.streams), "stream"),
            count_noun(self.records, "record"),
        )
        parts = [f"{self.name}: {streams}, {records} in {took}"]
        for name in ("rejected", "deleted"):
            number = sum(getattr(stream, name) for stream in self.streams.values())
            parts += [f"{number:,} {name}"] if number else []
        return ", ".join(parts)

    def note_wait(self, event: Event) -> bool:
        """Note a wait; return whether no other covers its start."""
        until = event.at + timedelta(seconds=parse_seconds(event.detail.get("seconds")))
        news = self.waits_until is None or event.at >= self.waits_until
        self.waits_until = until if self.waits_until is None else max(until, self.waits_until)
        return news


class ProgressTracker:
    """The progress of every source, kept up to date by events."""

    def __init__(self) -> None:
        self.sources: dict[str, SourceProgress] = {}

    def update(self, event: Event) -> SourceProgress | None:
        """Take in an event; return its source's progress, if any."""
        if event.name == "stream_started":
            progress = self.sources.get(event.source)
            if progress is None or progress.is_done:  # a new run of a daemon
                progress = SourceProgress(event.source, event.at)
                self.sources[event.source] = progress
            progress.streams[event.stream] = StreamProgress()
            return progress
        progress = self.sources.get(event.source)
        stream = progress.streams.get(event.stream) if progress else None
        if stream is None:
            return None
        if event.name == "page_stored":
            stream.records += int(event.detail.get("records", 0))
            window = (int(event.detail.get("read", 0)), event.detail.get("expect"))
            stream.windows[str(event.detail.get("window"))] = window
        elif event.name == "stream_ended":
            stream.ended = True
            stream.records = int(event.detail.get("records", stream.records))
            stream.rejected = int(event.detail.get("rejected", 0))
            stream.deleted = int(event.detail.get("deleted", 0))
        return progress


def describe_writes(event: Event) -> str:
    """Describe outcomes: `hubspot: 245 of 285 updated`, or each apart."""
    counts = {name: count for name, count in event.detail.items() if name != "of" and count}
    done, whole = sum(counts.values()), event.detail.get("of", 0)
    named = [f"{count:,} {PAST_TENSE.get(name, name)}" for name, count in counts.items()]
    if len(counts) == 1:
        (name,) = counts
        return f"{event.source}: {done:,} of {whole:,} {PAST_TENSE.get(name, name)}"
    return f"{event.source}: {done:,} of {whole:,} written: {', '.join(named)}"


def is_write_end(event: Event) -> bool:
    """Return whether a destination has answered for every write."""
    sent = ("create", "update", "rejected", "unknown")
    return sum(int(event.detail.get(name, 0)) for name in sent) >= int(event.detail.get("of", 0))


def parse_seconds(value: object) -> float:
    """Return the seconds of a wait, one at least."""
    return max(1.0, float(str(value or 0)))
