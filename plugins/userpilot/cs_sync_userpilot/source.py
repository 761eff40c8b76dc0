"""The source: one stream, as an environment runs one export job at a time."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar

from cs_sync import (
    ConnectorConfig,
    CsSyncError,
    ExportSpan,
    Finding,
    Http,
    Limit,
    Page,
    Row,
    Stream,
    Unreachable,
    UsageTally,
    Window,
    map_each,
)
from cs_sync_schemas import FeatureDay, Record, SourceAccount, SourceContact, UsageDay
from cs_sync_userpilot.config import LIMITS, UserpilotConfig
from cs_sync_userpilot.events import EventReader
from cs_sync_userpilot.exports import ExportJobs

DAY = timedelta(days=1)
MAX_JOBS = 3
"""Jobs that are started for one span, as some fail."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a window was read: the first day of an export, its job, and its stored pages."""

    first: date
    job: str | None = None
    stored: int = 0

    @classmethod
    def from_json(cls, resume: Mapping[str, Any]) -> "Place":
        """Return what `to_json` wrote."""
        return cls(date.fromisoformat(resume["from"]), resume["job"], resume["stored"])

    def to_json(self) -> dict[str, Any]:
        """Return what a later process goes on from."""
        return {"from": self.first.isoformat(), "job": self.job, "stored": self.stored}


class UserpilotSource:
    """Counts exported events by day; the events themselves are not stored."""

    name: ClassVar[str] = "userpilot"
    title: ClassVar[str] = "Userpilot"
    Config: ClassVar[type[ConnectorConfig]] = UserpilotConfig
    limits: ClassVar[Sequence[Limit]] = LIMITS
    concurrency: ClassVar[int] = 1

    def __init__(self, config: UserpilotConfig, http: Http) -> None:
        self._config = config
        self._jobs = ExportJobs(config, http)

    def streams(self) -> Sequence[Stream]:
        """Return the one stream of events.

        The day before is counted again in every run, as the last run saw a part of it.
        """
        further = (SourceAccount, SourceContact, FeatureDay)
        events = Stream(
            "events",
            UsageDay,
            self._read_events,
            cursor="time",
            lookback=DAY,
            extra=further,
            scope="bulk data export",
        )
        return [events]

    def check(self) -> Iterator[Finding]:
        """Ask for the names of features; a job would take minutes."""
        try:
            names = self._jobs.read_feature_names()
        except CsSyncError as error:
            yield Finding(ok=False, subject="events", message=error.message, remedy=error.remedy)
        else:
            yield Finding(ok=True, subject="events", message=f"{len(names)} features and events")

    def _read_events(self, window: Window) -> Iterator[Page]:
        """Yield the pages of each export.

        A later process goes on with the job, behind the last stored page.
        """
        features = self._jobs.read_feature_names()
        first, end = self._list_days(window)
        place = Place.from_json(window.resume) if window.resume else Place(first)
        while True:
            following = min(place.first + timedelta(days=self._config.days_per_export), end)
            span = self._make_span(place.first, following)
            place, files = yield from self._await_export(span, place)
            pages = self._count_files(span, files, features)
            for number, page in enumerate(pages[place.stored :], place.stored + 1):
                more = replace(place, stored=number)
                goal = Place(following) if number == len(pages) else more
                done = goal.first >= end
                yield replace(page, resume=None if done else goal.to_json())
            if following >= end:
                return
            place = Place(following)

    def _await_export(
        self, span: ExportSpan, place: Place
    ) -> Generator[Page, None, tuple[Place, Sequence[str]]]:
        """Yield a page without records for each new job.

        Returns:
            The place with the job, and the addresses of its files.

        Raises:
            Unreachable: Job after job fails.
        """
        for _ in range(MAX_JOBS):
            job = place.job
            if job is None:
                job = self._jobs.start_job(span.asked_from, span.asked_to - DAY)
                place = Place(place.first, job)
                yield Page({UsageDay: []}, resume=place.to_json())
            files = self._jobs.wait_for_files(job)
            if files is not None:
                return place, files
            place = Place(place.first)
        raise Unreachable(
            f"userpilot: {MAX_JOBS} export jobs failed, the last is {job}",
            "Nothing stored is lost. If it happens again, ask Userpilot about the job.",
        )

    def _list_days(self, window: Window) -> tuple[date, date]:
        """Return the window's first day and the day after its last.

        Half a day is a whole one: it would replace what is stored of it.
        """
        zone = self._config.workspace.timezone
        since = window.since or window.until - timedelta(days=self._config.backfill_days)
        last = (window.until - timedelta(microseconds=1)).astimezone(zone).date()
        return since.astimezone(zone).date(), last + DAY

    def _make_span(self, first: date, following: date) -> ExportSpan:
        """Return the span of some days of the reporting zone.

        Whole days of UTC are asked for, and the last may or may not belong to them.
        """
        zone = self._config.workspace.timezone
        since, until = (
            datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, following)
        )
        begin = datetime.combine(since.date(), time(), UTC)
        end = datetime.combine((until - timedelta(microseconds=1)).date() + DAY, time(), UTC)
        return ExportSpan(begin, end + DAY, since, until)

    def _count_files(
        self, span: ExportSpan, files: Sequence[str], features: Mapping[str, str]
    ) -> list[Page]:
        """Return the pages of an export's files.

        A file that broke off may be read again.
        """
        tally = UsageTally(self._config.workspace.timezone, self._config.features_by_person)
        whole = EventReader(span, self._config.usage_events, features)

        def count_file(documents: Iterator[Any]) -> None:
            reader = replace(whole, span=replace(span))
            number = tally.count_events(documents, reader.read)
            reader.span.require_events("userpilot: a file of the export", number)

        for url in files:
            self._jobs.read_file(url, count_file)
        accounts, odd = map_each(SourceAccount, sorted(whole.companies), whole.map_company, str)
        people, strange = map_each(SourceContact, sorted(whole.people), whole.map_person, str)
        others: list[tuple[type[Record], Row]] = [(SourceAccount, row) for row in accounts]
        others += [(SourceContact, row) for row in people]
        return tally.list_pages(others, [*odd, *strange])
