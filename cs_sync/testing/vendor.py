"""The fake vendors that a connector's author writes for the kit."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import httpx

from cs_sync_schemas import Record


class Fake(ABC):
    """A vendor in memory: small, deterministic, and the same at every start.

    `now` is the kit's clock, moved only by the kit; `folder` is an empty directory of its
    own. Requests are answered one at a time.
    """

    connector: ClassVar[type[Any]]
    """The class of the source or destination that is put to the test."""

    start: ClassVar[datetime] = datetime(2026, 11, 20, 9, tzinfo=UTC)
    """What the clock shows at first; every record is older."""

    page_size: int = 3
    """Records a page; the kit changes it, and `answer` goes by it."""

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        self.now = now
        self.folder = folder

    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """Return the connector's section of the configuration, with keys valid for `answer`."""

    @abstractmethod
    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer one request as the vendor would."""

    def expire_tokens(self) -> bool:
        """Invalidate every token issued so far.

        False where keys do not expire.
        """
        return False

    def refusal(self, status: int, words: str) -> httpx.Response:
        """Return an error in this vendor's form."""
        return httpx.Response(status, json={"error": {"message": words}, "message": words})


class VendorFake(Fake):
    """A vendor to read from, with a few pages of records in every stream.

    The changes return the `source_id` of the changed record in the unified schema, or
    None where the stream's records cannot change in this way; cases that need such a change
    are skipped. The API must show the change: it moves whatever the API dates changes by.
    """

    one_page: ClassVar[Mapping[str, str]] = {}
    """Streams that never come in several pages, each with the reason."""

    empty_page_ends: ClassVar[Mapping[str, str]] = {}
    """Streams that only an empty page ends, each with the reason: the vendor has no other mark."""

    free_text: ClassVar[tuple[str, ...]] = ("name", "title", "subject", "description", "comment")
    """Names of the fields in which customers write what they like."""

    vital: ClassVar[tuple[str, ...]] = ("id",)
    """Fields without which the vendor's own paging would not work: they are never left out."""

    never: ClassVar[Mapping[type[Record], str]] = {}
    """Record types that this fake never shows although a stream states them, with the reason."""

    def add(self, stream: str) -> str | None:  # noqa: ARG002 - for subclasses
        """Add a new record, changed now."""
        return None

    def edit(self, stream: str) -> str | None:  # noqa: ARG002
        """Change a stored field of an initial record, now."""
        return None

    def delete(self, stream: str) -> str | None:  # noqa: ARG002
        """Delete an initial record; not the one that `edit` changes."""
        return None

    def remove_child(self, stream: str) -> str | None:  # noqa: ARG002
        """Remove a child (a rating, a line) of an initial record."""
        return None

    def merge(self, stream: str) -> tuple[str, str] | None:  # noqa: ARG002
        """Merge two records; return (removed id, surviving id)."""
        return None


class CrmFake(Fake):
    """A vendor to write to, with access to the written values."""

    missing_account: ClassVar[str] = "999999999"
    """An id as the vendor gives them, of an account that does not exist."""
    refuses_twins: ClassVar[bool] = True
    """Whether the vendor itself refuses a second follow-up of the same key."""
    receipt_by_status: ClassVar[bool] = False
    """Whether any good status is a receipt, whatever the body says."""

    @abstractmethod
    def accounts(self) -> Sequence[str]:
        """Return the ids of at least five accounts."""

    @abstractmethod
    def fields(self, remote_id: str) -> Mapping[str, Any]:
        """Return an account's current values by the names of our fields."""

    @abstractmethod
    def follow_ups(self) -> Sequence[str]:
        """Return the key of every follow-up; a duplicated one appears twice."""

    @abstractmethod
    def complete(self, key: str) -> None:
        """Complete a follow-up as a person would."""

    @abstractmethod
    def completed(self, key: str) -> bool:
        """Return whether a follow-up is still completed."""
