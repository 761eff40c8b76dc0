"""Reading of a query over whole days, part by part, after the last stored key."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cs_sync import Page, Window
from cs_sync_posthog.project import PostHogProject
from cs_sync_posthog.queries import Query

PAGE_ROWS = 5000

ToPage = Callable[[Sequence[Sequence[Any]]], Page]


@dataclass(frozen=True, slots=True)
class DayReader:
    """Reads windows as whole days of a zone: half a day would replace a full one."""

    project: PostHogProject
    zone: ZoneInfo
    backfill: timedelta
    lists: Mapping[str, Sequence[str]]
    """Lists of events that queries name."""

    def pages(self, query: Query, window: Window, to_page: ToPage) -> Iterator[Page]:
        """Yield pages of at most PAGE_ROWS rows.

        Each resumes after its last row.
        """
        return _clear_last_resume(self._all_pages(query, window, to_page), to_page)

    def days(self, window: Window) -> tuple[date, date]:
        """Return the window's first day and the day after its last.

        Partial days count.
        """
        since = window.since or window.until - self.backfill
        first = since.astimezone(self.zone).date()
        last = (window.until - timedelta(microseconds=1)).astimezone(self.zone).date()
        return first, last + timedelta(days=1)

    def _all_pages(self, query: Query, window: Window, to_page: ToPage) -> Iterator[Page]:
        start, end = self.days(window)
        after: Sequence[Any] = query.before_all
        if window.resume:
            start, after = date.fromisoformat(window.resume["from"]), window.resume["after"]
        while start < end:
            stop = min(start + timedelta(days=query.part_days), end)
            for rows in self._read_rows(query, start, stop, after):
                key = list(rows[-1][: len(query.before_all)])
                resume = {"from": start.isoformat(), "after": key}
                yield replace(to_page(rows), resume=resume)
            start, after = stop, query.before_all

    def _read_rows(
        self, query: Query, start: date, stop: date, after: Sequence[Any]
    ) -> Iterator[list[list[Any]]]:
        """Yield the rows of some days until PostHog says they end."""
        fixed: dict[str, Any] = {name: list(events) for name, events in self.lists.items()}
        fixed["zone"] = self.zone.key
        fixed |= {"from": self._get_midnight(start), "to": self._get_midnight(stop)}
        ended = False
        while not ended:
            keys = {f"after_{place}": value for place, value in enumerate(after)}
            used = {name: value for name, value in fixed.items() if f"{{{name}}}" in query.sql}
            rows, ended = self.project.query(query.name, query.sql, used | keys)
            if not rows:
                return
            for place in range(0, len(rows), PAGE_ROWS):
                yield rows[place : place + PAGE_ROWS]
            after = rows[-1][: len(query.before_all)]

    def _get_midnight(self, day: date) -> str:
        return _format_utc(datetime.combine(day, time(), self.zone))


def _format_utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _clear_last_resume(pages: Iterator[Page], to_page: ToPage) -> Iterator[Page]:
    """Yield the same pages, at least one.

    The last has no resume point.
    """
    previous: Page | None = None
    for page in pages:
        if previous is not None:
            yield previous
        previous = page
    yield replace(previous or to_page(()), resume=None)
