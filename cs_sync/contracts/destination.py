"""What a connector that writes must say and do: operations in, an answer for every one out."""

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
    """A field of ours on the destination's accounts, to be created by `prepare`."""

    name: str
    label: str
    kind: Kind
    description: str
    choices: tuple[tuple[str, str], ...] = ()
    """(value, label) of each choice, in the order to show them."""


@dataclass(frozen=True, slots=True)
class Op:
    """One thing to write.

    account    update the fields of the account with `remote_id`; never creates one. `before` has
               what was last acknowledged for these fields, as far as that is known.
    follow_up  create the to-do named by `key` unless it exists; an existing one is left as it is.
               Its fields: title, body, due_at, priority (low medium high), kind (todo call email).
               With `remote_id` and the field status = "closed": end that to-do, unless a person
               has begun or ended it.
    note       create the note named by `key` at the account unless it exists; what became known
               after a follow-up was written. Its fields: title (of the follow-up), body, at.

    `about` tells a destination that addresses accounts by our own ids who the account is: name,
    owner (e-mail address), links (source → URL); of a follow-up also playbook and assignee (e-mail
    address), of a note its follow_up (key). It is no part of what is written.
    """

    object: Object
    key: str
    fields: Mapping[str, Value]
    remote_id: str | None = None
    account_remote_id: str | None = None
    owner_remote_id: str | None = None
    before: Mapping[str, Value] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ack:
    """It is done; `existed` when it had been done before and nothing was written now."""

    key: str
    remote_id: str
    existed: bool = False


@dataclass(frozen=True, slots=True)
class Reject:
    """It was refused and nothing was written; `lasting` when trying again cannot help."""

    key: str
    code: str
    reason: str
    lasting: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """What exists at the destination under a key of ours.

    Of a follow-up the fields say whether it is `done` and whether a person has `touched` it (begun
    or ended it), and since when it is done (`done_at`, None where the destination does not know).
    """

    key: str
    remote_id: str
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shown:
    """An account's record as the destination has it now.

    `remote_id` is that of the record that stands for it, after a merge the survivor's. `other` has
    the fields that do not show what was expected, with what they show; None is an empty one.
    """

    key: str
    remote_id: str
    other: Mapping[str, Value] = field(default_factory=dict)


class Destination(Protocol):
    """A connector that writes.

    addresses  records: it has records of its own for our accounts, and the remote ids of an
               operation are theirs; an account without exactly one record is not written.
               accounts: it has none, and the remote id of an account is our own id.
    """

    name: ClassVar[str]
    Config: ClassVar[type[ConnectorConfig]]
    limits: ClassVar[Sequence[Limit]]
    addresses: ClassVar[Addresses]

    def __init__(self, config: Any, http: Http) -> None: ...

    def prepare(self, fields: Sequence[FieldSpec]) -> Iterator[Finding]:
        """Create what our fields need (groups, properties); doing it again changes nothing."""
        ...

    def write(self, ops: Sequence[Op]) -> Iterator[Ack | Reject]:
        """Write; an operation without an answer counts as unknown and is settled by `find`."""
        ...

    def find(self, keys: Sequence[str]) -> Iterator[Found]:
        """The follow-ups and notes that exist under these keys, read past any search index."""
        ...


@dataclass(frozen=True, slots=True)
class OpenFollowUp:
    """A follow-up of ours that nobody has ended, as the destination has it."""

    key: str
    remote_id: str
    account_remote_id: str


@runtime_checkable
class SupportsOpenFollowUps(Protocol):
    """A destination that lists the open follow-ups of an account. Optional.

    With it, a follow-up that an earlier database of ours wrote under another key is found and
    taken over before a new one is created.
    """

    def open_follow_ups(self, accounts: Sequence[str]) -> Iterator[OpenFollowUp]:
        """Yield those with a key of ours at these records (remote ids), the oldest first."""
        ...


@runtime_checkable
class Comparing(Protocol):
    """A destination that can also be read: edits, merges and deletions there are seen in time.

    It is a Destination's own choice to have it.
    """

    def compare(self, ops: Sequence[Op]) -> Iterator[Shown]:
        """Accounts' records against what was last acknowledged; nothing is written.

        The operations are accounts', their fields what is expected. One whose record is gone
        (archived, deleted) is passed over. Values that differ only in how the destination keeps
        them (numbers as text, times to the millisecond) do not differ.
        """
        ...
