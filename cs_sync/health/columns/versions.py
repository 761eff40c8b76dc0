"""Versions of rows as columns: what was known at each of several times."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from cs_sync.metrics.sql.time_travel import NEVER
from cs_sync_schemas.times import count_microseconds

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]

FAR = count_microseconds(NEVER)
"""The end of what still holds, in microseconds."""
NOW = FAR - 1
"""The time of knowledge of what is known now."""


class Versions(Struct, frozen=True):
    """Columns of versions, and the places of the times from and until which each is known.

    Without `since` all of them are known at all the times.
    """

    columns: Mapping[str, NDArray[Any]]
    since: NDArray[np.int16] | None = None
    until: NDArray[np.int16] | None = None

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    @property
    def size(self) -> int:
        """The number of versions."""
        return len(next(iter(self.columns.values())))

    def select_known(self, place: int, stop: int | None = None) -> Any:
        """Return what selects the versions known at the time of a place.

        Args:
            place: The time's place.
            stop: Look at so many versions only.
        """
        if self.since is None or self.until is None:
            return slice(0, stop)
        return np.flatnonzero((self.since[:stop] <= place) & (self.until[:stop] > place))

    def add(self, columns: Mapping[str, NDArray[Any]]) -> "Versions":
        """Return the versions with further columns."""
        return Versions({**self.columns, **columns}, self.since, self.until)

    def take(self, order: Ints) -> "Versions":
        """Return the versions in an order, or some of them."""
        since = None if self.since is None else self.since[order]
        until = None if self.until is None else self.until[order]
        columns = {name: column[order] for name, column in self.columns.items()}
        return Versions(columns, since, until)


def find_places(times: Ints, since: Ints, until: Ints) -> tuple[NDArray[np.int16], ...]:
    """Find the places of the times at which versions are known.

    Args:
        times: The times of knowledge, ascending, in microseconds.
        since: From when on each version is known.
        until: Until when, exclusively.
    """
    return tuple(np.searchsorted(times, side).astype(np.int16) for side in (since, until))


def join_versions(parts: Sequence[Versions]) -> Versions:
    """Join parts of the same columns, at least one."""
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0].columns}
    if any(part.since is None for part in parts):
        return Versions(columns)
    since, until = (
        np.concatenate([getattr(part, side) for part in parts]) for side in ("since", "until")
    )
    return Versions(columns, since, until)
