"""Counting of single events into usage by day, for sources that give no sums; pure."""

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from cs_sync.contracts.errors import Unreachable
from cs_sync.contracts.mapping import MAPPING_ERRORS, MappingError, Rejection, Row
from cs_sync.contracts.source import Page

if TYPE_CHECKING:  # a command that reads no source starts without the models
    from cs_sync_schemas import Record

PAGE_ROWS = 5000


class UsedEvent(NamedTuple):
    """Somebody of an account used the product; an event of a known `key` counts once."""

    at: datetime
    account: str
    person: str
    feature: str | None = None
    session: str | None = None
    key: Hashable = None


@dataclass(slots=True)
class ExportSpan:
    """The span that an export was asked for, and the one that is wanted of it.

    Both are half-open. `event_count` is the number of events that are of the first.
    """

    asked_from: datetime
    asked_to: datetime
    since: datetime
    until: datetime
    event_count: int = 0

    def wants(self, at: datetime) -> bool:
        """Return whether an event of this time is wanted.

        Raises:
            MappingError: It is of a time that was not asked for.
        """
        if not self.asked_from <= at < self.asked_to:
            raise MappingError("other_day", "of a day that was not asked for")
        self.event_count += 1
        return self.since <= at < self.until

    def require_events(self, name: str, number: int) -> None:
        """Require that one of an export's documents belongs to it.

        Args:
            name: What was read, for the message.
            number: The number of documents.

        Raises:
            Unreachable: There are documents, and none is an event of the span.
        """
        if number and not self.event_count:
            raise Unreachable(
                f"{name} has no event from {self.asked_from:%Y-%m-%d} to"
                f" {self.asked_to:%Y-%m-%d}, which was asked for",
                "Nothing stored is lost. If it happens again, check base_url.",
            )


@dataclass(slots=True)
class _Session:
    first: datetime
    last: datetime


@dataclass(slots=True)
class _Use:
    events: int = 0
    sessions: dict[str, _Session] = field(default_factory=dict)


@dataclass(slots=True)
class _FeatureUse:
    events: int = 0
    people: set[str] = field(default_factory=set)


class UsageTally:
    """Counts events by day, account and person, and by day, account and feature.

    An event with a key may be given again, as where a read broke off.

    Args:
        zone: The zone of the days.
        features_by_person: Features whose use is counted by person; that of others by account.
    """

    def __init__(self, zone: ZoneInfo, features_by_person: Collection[str] = ()) -> None:
        self._zone = zone
        self._by_person = frozenset(features_by_person)
        self._usage: dict[tuple[date, str, str], _Use] = {}
        self._features: dict[tuple[date, str, str, str], _FeatureUse] = {}
        self._known: set[int] = set()
        self._refused: dict[tuple[str, str], tuple[int, Any]] = {}

    @property
    def accounts(self) -> list[str]:
        """The accounts that used the product, each once."""
        return sorted({account for _, account, _ in self._usage})

    def count_events(self, raws: Iterable[Any], read: Callable[[Any], Iterable[UsedEvent]]) -> int:
        """Count the vendor's events; note those that say nothing usable.

        Args:
            raws: The vendor's events.
            read: Reads one, which may be use by several accounts, or by none.

        Returns:
            The number of the vendor's events.
        """
        refused: dict[tuple[str, str], tuple[int, Any]] = {}
        number = 0

        def reject_line(code: str, reason: str) -> None:
            seen, first = refused.get((code, reason), (0, raw))
            refused[code, reason] = (seen + 1, first)

        for number, raw in enumerate(raws, 1):  # noqa: B007 - returned
            try:
                for event in read(raw):
                    self._count(event)
            except MappingError as error:
                reject_line(error.code, str(error))
            except MAPPING_ERRORS as error:
                reject_line("malformed", f"not shaped as documented: {type(error).__name__}")
        for reason, (seen, first) in refused.items():  # of what was read to its end
            before, shown = self._refused.get(reason, (0, first))
            self._refused[reason] = (before + seen, shown)
        return number

    def list_pages(
        self,
        others: Sequence[tuple["type[Record]", Row]] = (),
        rejected: Sequence[Rejection] = (),
    ) -> list[Page]:
        """Return the rows in pages, at least one.

        The same events give the same pages.

        Args:
            others: Rows of other types, which come first.
            rejected: Records of other types that could not be mapped.
        """
        from cs_sync_schemas import FeatureDay, UsageDay

        rows: Iterator[tuple[type[Record], Row]] = iter([
            *others,
            *((UsageDay, row) for row in self._list_usage()),
            *((FeatureDay, row) for row in self._list_features()),
        ])  # fmt: skip
        pages: list[Page] = []
        while (part := list(islice(rows, PAGE_ROWS))) or not pages:
            records: dict[type[Record], list[Row]] = {UsageDay: []}
            for kind, row in part:
                records.setdefault(kind, []).append(row)
            gone = self._list_superseded(records.get(FeatureDay, ()))
            refused = [] if pages else [*rejected, *self._list_rejections()]
            pages.append(Page(records, None, {FeatureDay: gone} if gone else {}, refused))
        return pages

    def _count(self, event: UsedEvent) -> None:
        if event.key is not None:
            known = hash((event.key, event.account))
            if known in self._known:
                return
            self._known.add(known)
        day = event.at.astimezone(self._zone).date()
        use = self._usage.setdefault((day, event.account, event.person), _Use())
        use.events += 1
        if event.session:
            session = use.sessions.setdefault(event.session, _Session(event.at, event.at))
            session.first = min(session.first, event.at)
            session.last = max(session.last, event.at)
        if event.feature:
            person = event.person if event.feature in self._by_person else ""
            place = (day, event.account, event.feature, person)
            feature = self._features.setdefault(place, _FeatureUse())
            feature.events += 1
            feature.people.add(event.person)

    def _list_rejections(self) -> Iterator[Rejection]:
        """Yield one rejection for each reason, with the first event."""
        from cs_sync_schemas import UsageDay

        for (code, reason), (number, first) in self._refused.items():
            events = "an event" if number == 1 else f"{number} events"
            yield Rejection(UsageDay, None, code, f"{events}: {reason}", first)

    def _list_usage(self) -> Iterator[Row]:
        """Yield usage by day, account and person; without sessions these are unknown."""
        for (day, account, person), use in sorted(self._usage.items()):
            spent = sum((each.last - each.first).total_seconds() for each in use.sessions.values())
            yield {
                "source_id": f"{day}|{account}|{person}",
                "day": day,
                "account_source_id": account,
                "contact_source_id": person,
                "events": use.events,
                "sessions": len(use.sessions) or None,
                "seconds": int(spent) if use.sessions else None,
            }

    def _list_features(self) -> Iterator[Row]:
        for (day, account, feature, person), use in sorted(self._features.items()):
            yield {
                "source_id": f"{day}|{account}|{feature}|{person}",
                "day": day,
                "account_source_id": account,
                "contact_source_id": person or None,
                "feature": feature,
                "users": len(use.people),
                "events": use.events,
            }

    def _list_superseded(self, features: Sequence[Row]) -> list[str]:
        """Return the accounts' rows that rows by person replace."""
        by_person = (row for row in features if row["contact_source_id"])
        return sorted({
            f"{row['day']}|{row['account_source_id']}|{row['feature']}|" for row in by_person
        })  # fmt: skip
