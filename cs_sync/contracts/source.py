"""What a connector that reads must say and do: facts about its API, and pages of records."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from cs_sync.contracts.http import Http, Limit
from cs_sync_schemas import Record

Row = Mapping[str, Any]
"""The fields of one record, by name; `raw` may hold the object as received."""


class Workspace(BaseModel):
    """What the host tells a connector about the workspace it works for."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    timezone: ZoneInfo = ZoneInfo("UTC")
    currency: str = "EUR"
    folder: Path = Path()
    section: str = ""
    """Name of the connector's section in the configuration."""


class ConnectorConfig(BaseModel):
    """Settings of one `[connectors.NAME]` section; secrets are SecretStr."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str = Field(description="Where the API answers.")
    workspace: Workspace = Field(default_factory=Workspace, exclude=True, repr=False)

    @property
    def section(self) -> str:
        """The section as it stands in the configuration, for remedies."""
        named = self.workspace.section
        return f"[connectors.{named}]" if named else "its section"


@dataclass(frozen=True, slots=True)
class Window:
    """What to read, fixed before the first page: `[since, until)`.

    `backfill` reads all that was created in it, else all that changed in it. `since` None means
    from the beginning. `resume` is what the last stored page said, None on the first call.
    """

    since: datetime | None
    until: datetime
    resume: Any = None
    backfill: bool = True


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that could not be mapped; the engine keeps it until it can."""

    record: type[Record]
    source_id: str | None
    code: str
    reason: str
    raw: Any = None


@dataclass(frozen=True, slots=True)
class Page:
    """One answer's worth of records; with it, `resume` is stored in the same transaction.

    `resume` None on the last page of a window. `deleted` names what is gone at the source.
    `expect` is the number of main records in the whole window, where the source says it.
    """

    records: Mapping[type[Record], Sequence[Row]]
    resume: Any = None
    deleted: Mapping[type[Record], Sequence[str]] = field(default_factory=dict)
    rejected: Sequence[Rejection] = ()
    expect: int | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """One kind of record of a source: how to read it, and the facts the engine plans with.

    cursor   time: `since` of the next window is `until` of the last one;
             token: the last `resume` is kept for good and given to the next run;
             none: read from the beginning every time.
    lookback re-read this much before the cursor, for changes that arrive late.
    late     few changes arrive later than that, up to so late: once a week they are looked for.
    lag      the source shows nothing newer than this yet.
    history  how far back the source can still tell changes; older cursors mean a new backfill.
    splits   a backfill may be cut by time and its parts read side by side; they show once more
             the page after which it was found to be worth it.
    deletes  feed: pages name them, those of a backfill, too; with `history` a backfill shows all
             that exists instead, and what it does not show is gone;
             flag: records say it; sweep: what a complete read no longer shows is gone;
             never: the source cannot tell.
    scope    the permission it needs, in the vendor's words.
    extra    other kinds of record its pages may carry.
    children of these, a page carries all that its main records have; the field names the parent.
             What a re-read parent no longer has is ended.
    snapshot of these, a page shows the present only; a changed one begins a new version.
    """

    name: str
    record: type[Record]
    read: Callable[[Window], Iterator[Page]]
    cursor: Literal["time", "token", "none"] = "none"
    lookback: timedelta = timedelta(0)
    late: timedelta = timedelta(0)
    lag: timedelta = timedelta(0)
    history: timedelta | None = None
    splits: bool = False
    deletes: Literal["feed", "flag", "sweep", "never"] = "never"
    scope: str = ""
    extra: tuple[type[Record], ...] = ()
    children: Mapping[type[Record], str] = field(default_factory=dict)
    snapshot: tuple[type[Record], ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check or a preparation found out."""

    ok: bool
    subject: str
    message: str
    remedy: str = ""


class Source(Protocol):
    """A connector that reads."""

    name: ClassVar[str]
    Config: ClassVar[type[ConnectorConfig]]
    limits: ClassVar[Sequence[Limit]]
    concurrency: ClassVar[int]
    """How many requests the vendor lets run at once."""

    def __init__(self, config: Any, http: Http) -> None: ...

    def streams(self) -> Sequence[Stream]:
        """The streams, with what others of the same source refer to first."""
        ...

    def check(self) -> Iterator[Finding]:
        """One cheap call per stream: reachable? permitted? what to fix?"""
        ...
