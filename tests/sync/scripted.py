"""A source whose every answer is written down in the test."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, Literal

from cs_sync.contracts.errors import CsSyncError
from cs_sync.contracts.source import ConnectorConfig, Finding, Page, Stream, Window
from cs_sync.sync.reader import ReadCost
from cs_sync.sync.stream_sync import OpenSource
from cs_sync_schemas import Record, Ticket
from tests.conftest import NOW

Script = Callable[[Window], Iterator[Page]]


@dataclass
class Cost:
    requests: int = 1
    waited_seconds: float = 0.0
    failure: CsSyncError | None = None


@dataclass
class Scripted:
    """Satisfies the Source contract; the test owns its streams."""

    name: ClassVar[str] = "scripted"
    Config: ClassVar[type[ConnectorConfig]] = ConnectorConfig
    limits: ClassVar[Sequence[Any]] = ()
    concurrency: ClassVar[int] = 3
    given: list[Stream] = field(default_factory=list)

    def streams(self) -> Sequence[Stream]:
        return self.given

    def check(self) -> Iterator[Finding]:
        return iter(())

    def opened(self, name: str = "scripted") -> OpenSource:
        def count_requests(_stream: str) -> AbstractContextManager[ReadCost]:
            return nullcontext(Cost())

        return OpenSource(name, self, count_requests)


def tickets(*ids: str, **fields: Any) -> dict[type[Record], list[dict[str, Any]]]:
    return {Ticket: [{"source_id": i, "opened_at": NOW - timedelta(days=1), **fields} for i in ids]}


def stream(
    read: Script,
    name: str = "tickets",
    *,
    cursor: Literal["time", "token", "none"] = "time",
    deletes: Literal["feed", "flag", "sweep", "never"] = "never",
    splits: bool = False,
) -> Stream:
    return Stream(name, Ticket, read, cursor=cursor, deletes=deletes, splits=splits)
