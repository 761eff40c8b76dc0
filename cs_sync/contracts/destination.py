"""Contract of destinations: operations in, one result for each out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from cs_sync.contracts.http import Http, Limit
from cs_sync.contracts.source import ConnectorConfig, Finding

Value = str | int | float | bool | datetime | None
Object = Literal["account", "follow_up", "note"]
Addresses = Literal["records", "accounts"]
Kind = Literal["text", "long_text", "number", "choice", "datetime"]


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One of our fields on the destination's accounts, created by `prepare`."""

    name: str
    label: str
    kind: Kind
    description: str
    choices: tuple[tuple[str, str], ...] = ()
    """(value, label) of each choice, in the order to show them."""


@dataclass(frozen=True, slots=True)
class Op:
    """One write operation.

    account    update the fields of the account with `remote_id`; never creates one.
    `before` has
               the last acknowledged values of these fields, where known.
    follow_up  create the to-do named by `key` unless it exists; an existing one stays
    unchanged.
               Fields: title, body, due_at, priority (low medium high), kind (todo call
                   email). `contact_remote_id` is the person to speak to.
               With `remote_id` change that to-do, unless a person has started or closed it:
                   with the field status = "closed" close it, else set its fields, but for
                   those that a person has changed since `before`.
    note       create the note named by `key` at the account unless it exists: news since a
               follow-up was written. Fields: title (of the follow-up), body, at.

    `about` describes the account to destinations that use our own account ids: name, owner
    (e-mail address), links (source → URL); for a follow-up also playbook, assignee (e-mail
    address) and contact (name, role and e-mail address of the person to speak to), for a
    note its follow_up (key). It is not part of the write.
    """

    object: Object
    key: str
    fields: Mapping[str, Value]
    remote_id: str | None = None
    account_remote_id: str | None = None
    owner_remote_id: str | None = None
    contact_remote_id: str | None = None
    before: Mapping[str, Value] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ack:
    """A completed operation; `existed` if it was done before and nothing was written now."""

    key: str
    remote_id: str
    existed: bool = False


@dataclass(frozen=True, slots=True)
class Reject:
    """A refused operation, with nothing written; `lasting` if a retry cannot help."""

    key: str
    code: str
    reason: str
    lasting: bool = True


@dataclass(frozen=True, slots=True)
class RemoteObject:
    """The destination's object for one of our keys.

    Fields of a follow-up: `done`, `touched` (a person started or closed it) and `done_at`
    (None where the destination does not know it).
    """

    key: str
    remote_id: str
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RemoteAccount:
    """An account's record in its current state at the destination.

    `remote_id` is the current record's id, after a merge the survivor's. `other` has the
    fields that differ from the expected values, with their current values; None for an
    empty field.
    """

    key: str
    remote_id: str
    other: Mapping[str, Value] = field(default_factory=dict)


class Destination(Protocol):
    """A connector that writes.

    addresses  records: it has records of its own for our accounts, and remote ids are
    theirs; an
               account without exactly one record is not written. accounts: it has none, and an
               account's remote id is our own id.
    """

    name: ClassVar[str]
    Config: ClassVar[type[ConnectorConfig]]
    limits: ClassVar[Sequence[Limit]]
    addresses: ClassVar[Addresses]

    def __init__(self, config: Any, http: Http) -> None: ...

    def prepare(self, fields: Sequence[FieldSpec]) -> Iterator[Finding]:
        """Create what our fields need (groups, properties); repeating it changes nothing."""
        ...

    def write(self, ops: Sequence[Op]) -> Iterator[Ack | Reject]:
        """Write the operations.

        An operation without a result counts as unknown and is settled by `find`.
        """
        ...

    def find(self, keys: Sequence[str]) -> Iterator[RemoteObject]:
        """Yield the existing follow-ups and notes with these keys.

        Any search index is bypassed, as it may lag behind.
        """
        ...


@dataclass(frozen=True, slots=True)
class OpenFollowUp:
    """One of our follow-ups that is still open at the destination."""

    key: str
    remote_id: str
    account_remote_id: str


@runtime_checkable
class SupportsOpenFollowUps(Protocol):
    """A destination that lists an account's open follow-ups. Optional.

    It lets the host find and adopt a follow-up written under another key by an earlier
    database of ours, before it creates a new one.
    """

    def open_follow_ups(self, accounts: Sequence[str]) -> Iterator[OpenFollowUp]:
        """Yield these records' open follow-ups with our keys, oldest first.

        Args:
            accounts: Remote ids of the records.
        """
        ...


@dataclass(frozen=True, slots=True)
class ReportMessage:
    """The report of a run: what it says in short, and the page as a file."""

    workspace: str
    subject: str
    sentences: tuple[str, ...]
    file_name: str
    page: str
    at: datetime


@runtime_checkable
class SupportsReport(Protocol):
    """A destination that delivers reports, if `[report] send_to` names it. Optional."""

    def send_report(self, report: ReportMessage) -> None:
        """Send a report.

        An error of the vendor becomes a note of the run.
        """
        ...


@runtime_checkable
class SupportsSetup(Protocol):
    """A destination that `cs-sync setup` does more for than to create its fields. Optional."""

    def check_permissions(self) -> Iterator[Finding]:
        """Check each permission by itself; change nothing."""
        ...

    def create_extras(self, prefix: str) -> Iterator[Finding]:
        """Create what helps people beside the fields, such as lists.

        What exists is kept.

        Args:
            prefix: The prefix of our fields.
        """
        ...

    def list_manual_steps(self, prefix: str) -> Iterator[str]:
        """Yield what the vendor has no API for, each with its place."""
        ...


@runtime_checkable
class SupportsDriftCheck(Protocol):
    """A destination that can also be read, to detect edits, merges and deletions. Optional."""

    def compare(self, ops: Sequence[Op]) -> Iterator[RemoteAccount]:
        """Compare accounts' records with their last acknowledged values; write nothing.

        Values that differ only in the destination's representation (numbers as text, times to
        the millisecond) count as equal.

        Args:
            ops: Operations on accounts; their fields are the expected values.

        Returns:
            The records; archived and deleted ones are omitted.
        """
        ...
