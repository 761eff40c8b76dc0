"""The source: what the connector is, its streams, and its check."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from operator import itemgetter
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
    UsageTally,
    Window,
)
from cs_sync_mixpanel.config import LIMITS, MixpanelConfig
from cs_sync_mixpanel.events import EventReader, list_account_rows
from cs_sync_mixpanel.profiles import PERSON_PROPERTIES, map_account, map_person
from cs_sync_mixpanel.project import MixpanelProject, write_names
from cs_sync_schemas import FeatureDay, Record, SourceAccount, SourceContact, UsageDay

DAY = timedelta(days=1)


class MixpanelSource:
    """Counts the exported events by day; the events themselves are not stored."""

    name: ClassVar[str] = "mixpanel"
    title: ClassVar[str] = "Mixpanel"
    Config: ClassVar[type[ConnectorConfig]] = MixpanelConfig
    limits: ClassVar[Sequence[Limit]] = LIMITS
    concurrency: ClassVar[int] = 3

    def __init__(self, config: MixpanelConfig, http: Http) -> None:
        self._config = config
        self._project = MixpanelProject(config, http)

    def streams(self) -> Sequence[Stream]:
        """Return accounts, persons and usage with features.

        Late events change past days, so the last `trailing_days` are counted again in every
        run, once a week the last `late_days`, and replace what was stored of them.
        """
        config = self._config
        streams = []
        if config.account_group_id:
            streams.append(self._make_profile_stream("accounts", SourceAccount))
        if config.persons:
            streams.append(self._make_profile_stream("persons", SourceContact))
        usage = Stream(
            "usage",
            UsageDay,
            self._read_usage,
            cursor="time",
            lookback=timedelta(days=config.trailing_days),
            late=timedelta(days=min(config.late_days, config.backfill_days)),
            extra=(FeatureDay,) if config.account_group_id else (FeatureDay, SourceAccount),
            scope="export of events",
        )
        return [*streams, usage]

    def check(self) -> Iterator[Finding]:
        """Ask for one event, and for a profile that does not exist."""
        yield _make_finding("usage", self._ask_for_an_event)
        for name in ("accounts", "persons"):
            if any(stream.name == name for stream in self.streams()):
                fields = {**self._list_profile_fields(name), "distinct_id": "cs-sync check"}
                yield _make_finding(name, partial(self._project.ask_profiles, fields))

    def _make_profile_stream(self, name: str, record: type[Record]) -> Stream:
        read = partial(self._read_profiles, name, record)
        return Stream(name, record, read, deletes="sweep", scope="query of profiles")

    def _read_profiles(self, name: str, record: type[Record], window: Window) -> Iterator[Page]:
        config = self._config
        make: Callable[[Any], Row] = map_account
        if record is SourceContact:
            make = partial(
                map_person, account_property=config.account_property, zone=config.project_timezone
            )
        fields = self._list_profile_fields(name)
        for profiles, place in self._project.read_profiles(fields, window.resume):
            yield Page.mapped(record, profiles, make, place, source_id=itemgetter("$distinct_id"))

    def _list_profile_fields(self, name: str) -> Mapping[str, str]:
        if name == "accounts":
            return {"data_group_id": self._config.account_group_id or ""}
        names = (*PERSON_PROPERTIES, self._config.account_property)
        return {"output_properties": write_names(names)}

    def _read_usage(self, window: Window) -> Iterator[Page]:
        """Yield the pages of each export.

        A later process goes on behind the last stored one.
        """
        first, end = self._list_days(window)
        stored = 0
        if window.resume:
            first, stored = date.fromisoformat(window.resume["from"]), window.resume["stored"]
        while True:
            following = min(first + timedelta(days=self._config.days_per_request), end)
            pages = self._count_days(first, following, window.until)
            for number, page in enumerate(pages[stored:], stored + 1):
                resume = {"from": first.isoformat(), "stored": number}
                if number == len(pages):
                    resume = {"from": following.isoformat(), "stored": 0}
                done = number == len(pages) and following >= end
                yield replace(page, resume=None if done else resume)
            if following >= end:
                return
            first, stored = following, 0

    def _list_days(self, window: Window) -> tuple[date, date]:
        """Return the window's first day and the day after its last.

        Half a day is a whole one: it would replace what is stored of it.
        """
        zone = self._config.workspace.timezone
        since = window.since or window.until - timedelta(days=self._config.backfill_days)
        last = (window.until - timedelta(microseconds=1)).astimezone(zone).date()
        return since.astimezone(zone).date(), last + timedelta(days=1)

    def _count_days(self, first: date, following: date, now: datetime) -> list[Page]:
        """Return the pages of some days of the reporting zone."""
        config = self._config
        zone, project = config.workspace.timezone, config.project_timezone
        since, until = (
            datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, following)
        )
        last = (min(until, now) - timedelta(microseconds=1)).astimezone(project).date()
        begin = since.astimezone(project).date()
        midnights = (datetime.combine(day, time(), project) for day in (begin, last + DAY))
        asked_from, asked_to = (each.astimezone(UTC) for each in midnights)

        def tally_events(documents: Iterator[Any]) -> UsageTally:
            span = ExportSpan(asked_from, asked_to, since, until)
            reader = EventReader(span, project, config.account_property, config.ignored_events)
            tally = UsageTally(zone, config.features_by_person)
            number = tally.count_events(documents, reader.read)
            span.require_events("mixpanel: the export", number)
            return tally

        tally = self._project.export(begin, last, tally_events)
        known = [] if config.account_group_id else list_account_rows(tally.accounts)
        return tally.list_pages(known)

    def _ask_for_an_event(self) -> None:
        yesterday = (datetime.now(UTC) - DAY).date()
        self._project.export(yesterday, yesterday, list, limit=1)


def _make_finding(subject: str, ask: Callable[[], object]) -> Finding:
    try:
        ask()
    except CsSyncError as error:
        return Finding(ok=False, subject=subject, message=error.message, remedy=error.remedy)
    return Finding(ok=True, subject=subject, message="readable")
