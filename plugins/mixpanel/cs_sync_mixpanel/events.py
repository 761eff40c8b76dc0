"""From exported events to use of the product; pure."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from cs_sync import MappingError, Row, Unreachable, UsageTally, UsedEvent
from cs_sync_schemas import Record, SourceAccount


@dataclass(frozen=True, slots=True)
class ExportedDays:
    """The days of one export, in the project's zone, and the span of it that is wanted."""

    first: date
    last: date
    since: datetime
    until: datetime


@dataclass(slots=True)
class EventReader:
    """Reads the events of one export; `found` is the number of those that belong to it."""

    days: ExportedDays
    zone: ZoneInfo
    account_property: str
    ignored: Collection[str]
    found: int = 0

    def read(self, raw: Any) -> Iterator[UsedEvent]:
        """Yield the use that an event tells of, by account.

        Raises:
            MappingError: It has no usable time, or is of another day than was asked for.
        """
        name, properties = raw["event"], raw["properties"]
        at = self._read_time(properties)
        if not self.days.first <= at.astimezone(self.zone).date() <= self.days.last:
            raise MappingError("other_day", "of a day that was not asked for")
        self.found += 1
        person = _read_id(properties["distinct_id"], "distinct_id")
        if name in self.ignored or not self.days.since <= at < self.days.until:
            return
        key = (name, person, properties["time"], properties.get("$insert_id"))
        feature = None if str(name).startswith("$") else str(name)
        for account in list_accounts(properties.get(self.account_property)):
            yield UsedEvent(at, account, person, feature, key=key)

    def _read_time(self, properties: Any) -> datetime:
        """Return the time in UTC.

        Projects of before 2023 count seconds as if their own clock showed UTC.
        """
        try:
            seconds = properties["time"]
            if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
                raise MappingError("bad_time", "time is no number of seconds since 1970")
            return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=self.zone).astimezone(UTC)
        except (MappingError, OverflowError, OSError, ValueError, KeyError) as error:
            self.found += 1  # it is an event, if a broken one
            if isinstance(error, MappingError):
                raise
            raise MappingError("bad_time", "time is no number of seconds since 1970") from None


def count_export(documents: Iterable[Any], reader: EventReader, tally: UsageTally) -> UsageTally:
    """Count the events of one export.

    Raises:
        Unreachable: There are documents, and none is an event of the days asked for.
    """
    number = 0

    def number_each() -> Iterator[Any]:
        nonlocal number
        for document in documents:
            number += 1
            yield document

    tally.count_events(number_each(), reader.read)
    if number and not reader.found:
        days = f"{reader.days.first} to {reader.days.last}"
        raise Unreachable(
            f"mixpanel: the export of {days} has no event of these days",
            "Nothing stored is lost. If it happens again, check base_url and project_timezone.",
        )
    return tally


def list_accounts(value: Any) -> list[str]:
    """Return the accounts of an event or profile: one, several, or none."""
    values = value if isinstance(value, list) else [value]
    return [str(each) for each in values if isinstance(each, str | int) and str(each).strip()]


def list_account_rows(accounts: Iterable[str]) -> list[tuple[type[Record], Row]]:
    """Return accounts that are known by their id alone."""
    return [(SourceAccount, {"source_id": each, "external_key": each}) for each in accounts]


def _read_id(value: Any, name: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise MappingError("no_id", f"{name} is no id")
    return str(value)
