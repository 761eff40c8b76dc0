"""From exported events to use of the product; pure."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from cs_sync import ExportSpan, MappingError, Row, UsedEvent
from cs_sync_schemas import Record, SourceAccount


@dataclass(frozen=True, slots=True)
class EventReader:
    """Reads the events of one export, whose times are of the project's zone."""

    span: ExportSpan
    zone: ZoneInfo
    account_property: str
    ignored: Collection[str]

    def read(self, raw: Any) -> Iterator[UsedEvent]:
        """Yield the use that an event tells of, by account.

        Raises:
            MappingError: It has no usable time or person, or is of another day.
        """
        name, properties = raw["event"], raw["properties"]
        wanted = self.span.wants(at := self._read_time(properties))
        person = _read_id(properties["distinct_id"], "distinct_id")
        if name in self.ignored or not wanted:
            return
        key = (name, person, properties["time"], properties.get("$insert_id"))
        feature = None if str(name).startswith("$") else str(name)
        for account in list_accounts(properties.get(self.account_property)):
            yield UsedEvent(at, account, person, feature, key=key)

    def _read_time(self, properties: Any) -> datetime:
        """Return the time in UTC.

        Projects of before 2023 count seconds as if their own clock showed UTC. A broken time is
        one of an event of the export.
        """
        try:
            seconds = properties["time"]
            if not isinstance(seconds, bool) and seconds > 0:
                moment = datetime.fromtimestamp(seconds, UTC)
                return moment.replace(tzinfo=self.zone).astimezone(UTC)
        except (OverflowError, OSError, ValueError, KeyError, TypeError):
            pass
        self.span.event_count += 1
        raise MappingError("bad_time", "time is not a number of seconds since 1970")


def list_accounts(value: Any) -> list[str]:
    """Return the accounts of an event or profile: one, several, or none."""
    values = value if isinstance(value, list) else [value]
    return [str(each) for each in values if isinstance(each, str | int) and str(each).strip()]


def list_account_rows(accounts: Iterable[str]) -> list[tuple[type[Record], Row]]:
    """Return accounts that are known by their id alone."""
    return [(SourceAccount, {"source_id": each, "external_key": each}) for each in accounts]


def _read_id(value: Any, name: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise MappingError("no_id", f"{name} is not an id")
    return str(value)
