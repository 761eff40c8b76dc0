"""Contract of sources: facts about the API, and pages of records."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from cs_sync.contracts.http import Http, Limit
from cs_sync.contracts.mapping import Mapped, get_raw_id, map_records
from cs_sync.contracts.mapping import Rejection as Rejection
from cs_sync.contracts.mapping import Row as Row
from cs_sync.identity.precedence import LAST_PRECEDENCE
from cs_sync.settings import Settings

if TYPE_CHECKING:  # a command that reads no source starts without the models
    from cs_sync_schemas import Record


def get_received(row: Row) -> Any:
    """Return the object that a row was made of, as received.

    None if the source does not give it.
    """
    received = row.get("raw")
    return received() if callable(received) else received


class WorkspaceInfo(BaseModel):
    """The workspace settings that a connector receives."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    timezone: ZoneInfo = ZoneInfo("UTC")
    currency: str = "EUR"
    folder: Path = Path()
    section: str = ""
    """Name of the connector's section in the configuration."""
    active_features: tuple[str, ...] = ()
    """Features by which people are active: their use has to be read by person."""
    secret_writers: Mapping[str, Callable[[str], None]] = Field(default={}, repr=False)
    """Setting → what replaces its secret where it is kept: a token that the vendor exchanges."""


class ConnectorConfig(Settings):
    """Settings of one `[connectors.NAME]` section; secrets are SecretStr."""

    base_url: str = Field(description="Where the API answers.")
    workspace: WorkspaceInfo = Field(default_factory=WorkspaceInfo, exclude=True, repr=False)

    @property
    def section(self) -> str:
        """The section's header in the configuration, for remedies."""
        named = self.workspace.section
        return f"[connectors.{named}]" if named else "its section"


@dataclass(frozen=True, slots=True)
class Window:
    """The time range to read, fixed before the first page: `[since, until)`.

    `backfill` reads all records created in it, otherwise all changed in it. `since` None
    means from the beginning. `resume` is the value of the last stored page, None on the
    first call.
    """

    since: datetime | None
    until: datetime
    resume: Any = None
    backfill: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """The records of one response; `resume` is stored in the same transaction.

    A window is complete only if a page says so: the last one has `resume` None, or, where a
    token has to be kept for the next run, the token and `last=True`. `deleted` has the ids
    deleted at the source. `expect` is the number of main records in the whole window, where the
    source reports it. `unchanged` is the number of records, on one page of an incremental window,
    that the source has as they were when they were read, where it is known; also what was
    rejected of them is as it was.
    """

    records: "Mapping[type[Record], Sequence[Row]]"
    resume: Any = None
    deleted: "Mapping[type[Record], Sequence[str]]" = field(default_factory=dict)
    rejected: Sequence[Rejection] = ()
    expect: int | None = None
    unchanged: int | None = None
    last: bool | None = None

    @property
    def ends_window(self) -> bool:
        """Whether the page says that it is the last of its window."""
        return self.resume is None if self.last is None else self.last

    @classmethod
    def mapped(
        cls,
        record: "type[Record]",
        raws: Iterable[Any],
        make: Callable[[Any], Mapped],
        resume: Any = None,
        *,
        deleted: "Mapping[type[Record], Sequence[str]] | None" = None,
        source_id: Callable[[Any], object] = get_raw_id,
    ) -> "Page":
        """Make a page of the vendor's objects, mapped or rejected.

        Args:
            record: The main record type.
            raws: The vendor's objects.
            make: Maps one object to a row, or to several of any record type and rejections.
            resume: The point to continue from.
            deleted: The ids deleted at the source.
            source_id: Returns an object's id, for its rejection.
        """
        records, rejected = map_records(record, raws, make, source_id)
        gone = {kind: ids for kind, ids in (deleted or {}).items() if ids}
        return cls(records, resume, gone, rejected)


@dataclass(frozen=True, slots=True)
class Stream:
    """One record type of a source: how to read it, and the facts for planning.

    cursor   time: `since` of the next window is `until` of the last one;
             token: the `resume` of the last page is kept permanently and passed to the next
             run; that page says `last=True`;
             none: read from the beginning every time.
    continues
             whether a read may go on from a token; otherwise all is read again, as when a
             file was replaced. Without it, it always may.
    lookback re-read this much before the cursor, for changes that arrive late. late     few
    changes arrive later than that, at most this late: once a week they are read. lag
    the source returns nothing newer than this yet. history  how long the source keeps
    changes; an older cursor requires a new backfill. splits   a backfill may be split by
    time and its slices read in parallel; the first page is
             read twice: once to decide, once in its slice.
    deletes  feed: pages name deleted ids, also those of a backfill; with `history` a
    backfill
             returns all that exists instead, and missing records are deleted;
             flag: records carry it; sweep: records missing from a complete read are
                 deleted;
             never: the source reports no deletions.
    scope    the permission it needs, in the vendor's words. extra    other record types
    that its pages may carry. children a page carries all of these that its main records
    have; the field names the parent.
             Children missing from a re-read parent are ended. The field is `source_id` where a
             child has its parent's id, as the one rating of a ticket.
    lasting  children that a re-read parent need not show again: they end with it alone, as the
             values that a field had.
    snapshot pages return only the present state of these; a change begins a new version.
    """

    name: str
    record: "type[Record]"
    read: Callable[[Window], Iterator[Page]]
    cursor: Literal["time", "token", "none"] = "none"
    lookback: timedelta = timedelta(0)
    late: timedelta = timedelta(0)
    lag: timedelta = timedelta(0)
    history: timedelta | None = None
    splits: bool = False
    deletes: Literal["feed", "flag", "sweep", "never"] = "never"
    scope: str = ""
    extra: "tuple[type[Record], ...]" = ()
    children: "Mapping[type[Record], str]" = field(default_factory=dict)
    lasting: "tuple[type[Record], ...]" = ()
    snapshot: "tuple[type[Record], ...]" = ()
    continues: Callable[[Any], bool] | None = None

    @property
    def record_types(self) -> "tuple[type[Record], ...]":
        """Every record type that its pages may carry, the main one first."""
        return tuple(dict.fromkeys((self.record, *self.extra, *self.children)))


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of a check or a preparation."""

    ok: bool
    subject: str
    message: str
    remedy: str = ""


class Source(Protocol):
    """A connector that reads; see also HasConcurrency, HasPrecedence and HasTitle."""

    name: ClassVar[str]
    Config: ClassVar[type[ConnectorConfig]]
    limits: ClassVar[Sequence[Limit]]

    def __init__(self, config: Any, http: Http) -> None: ...

    def streams(self) -> Sequence[Stream]:
        """Return the streams; referenced ones come first."""
        ...

    def check(self) -> Iterator[Finding]:
        """Check each stream with one cheap call: reachability, permission, remedy."""
        ...


DEFAULT_CONCURRENCY = 4
"""Requests at once to a vendor that states nothing else; a 429 slows them down."""


@runtime_checkable
class HasConcurrency(Protocol):
    """A source that states how many requests its vendor lets run at once. Optional.

    Zero: it makes none, as it reads files; its streams are read one after the other.
    """

    concurrency: ClassVar[int]


@runtime_checkable
class HasPrecedence(Protocol):
    """A source whose records name accounts and people before those of others. Optional.

    The lowest number comes first, equal ones by name: 10 for a CRM, 20 for billing. A source
    without it comes last, with 100.
    """

    precedence: ClassVar[int]


@dataclass(frozen=True, slots=True)
class SectionProposal:
    """A section of the configuration, as TOML with its header, and what it rests on."""

    toml: str
    findings: Sequence[Finding]


@runtime_checkable
class SupportsFolders(Protocol):
    """A source that reads a folder and can look at one, for `init --from`. Optional."""

    @classmethod
    def propose_section(cls, folder: Path, workspace: WorkspaceInfo) -> SectionProposal:
        """Propose a folder's section; what is left open is a finding."""
        ...


@runtime_checkable
class HasTitle(Protocol):
    """A connector whose name people write otherwise: posthog is PostHog. Optional."""

    title: ClassVar[str]


def get_title(connector: object, name: str) -> str:
    """Return how people write a connector's name.

    Without a title it is the name in the configuration.
    """
    return connector.title if isinstance(connector, HasTitle) else name


def get_concurrency(source: object) -> int:
    """Return how many requests a source's vendor lets run at once."""
    return source.concurrency if isinstance(source, HasConcurrency) else DEFAULT_CONCURRENCY


def get_precedence(source: object) -> int:
    """Return the precedence that a source states, else the last."""
    return source.precedence if isinstance(source, HasPrecedence) else LAST_PRECEDENCE
