"""Days of use that may still be incomplete, as some records arrive late."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from cs_sync.runtime.workspace import Workspace
from cs_sync.store.records.stream_state import read_covered_windows
from cs_sync.sync.windows import count_incomplete_days

if TYPE_CHECKING:  # a command that reads no source starts without what that takes
    from cs_sync.sync.stream_sync import OpenSource

_KINDS = {"usage_day": "use", "feature_day": "use", "survey_response": "answers"}


def describe_incomplete_days(workspace: Workspace, sources: "Iterable[OpenSource]") -> list[str]:
    """Describe the days of each source that may still be incomplete.

    Sources read back to their latest changes are left out.
    """
    return [
        f"{name}: {' and '.join(sorted(doubts, reverse=True))} of the last"
        f" {max(doubts.values())} days may still be incomplete: what came more than {lookback} days"
        f" late is looked for once a week; `cs-sync sync --full --only {name}` looks now"
        for name, doubts, lookback in _find_doubts(workspace, sources)
    ]


def find_incomplete_days(workspace: Workspace, sources: "Iterable[OpenSource]") -> dict[str, int]:
    """Map a source → the number of its possibly incomplete days."""
    return {name: max(doubts.values()) for name, doubts, _ in _find_doubts(workspace, sources)}


def _find_doubts(
    workspace: Workspace, sources: "Iterable[OpenSource]"
) -> list[tuple[str, dict[str, int], int]]:
    """Return incomplete days by source and kind, and the look-back."""
    now = workspace.clock()
    with workspace.store.read() as connection:
        checked = [(opened.name, *_check_source(connection, opened, now)) for opened in sources]
    return [entry for entry in checked if entry[1]]


def _check_source(
    connection: Connection, opened: "OpenSource", now: datetime
) -> tuple[dict[str, int], int]:
    doubts: dict[str, int] = {}
    lookback = 0
    for stream in opened.source.streams():
        covered = (
            read_covered_windows(connection, opened.name, stream.name) if stream.late else None
        )
        days = count_incomplete_days(stream, *covered, now) if covered else 0
        kind = _KINDS.get(str(stream.record.__tablename__))
        if days and kind:
            doubts[kind] = max(days, doubts.get(kind, 0))
            lookback = max(lookback, stream.lookback.days)
    return doubts, lookback
