"""What a page or a stream stored, in numbers."""

from msgspec import Struct


class StoredCounts(Struct, frozen=True):
    """The counts of a stored page."""

    records: int = 0
    main: int = 0
    changed: int = 0
    rejected: int = 0
    deleted: int = 0

    def __add__(self, other: "StoredCounts") -> "StoredCounts":
        return StoredCounts(
            self.records + other.records,
            self.main + other.main,
            self.changed + other.changed,
            self.rejected + other.rejected,
            self.deleted + other.deleted,
        )
