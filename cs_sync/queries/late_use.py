"""Days of use that may still be incomplete, as some records arrive late."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlalchemy import Connection

from cs_sync.runtime.workspace import Workspace
from cs_sync.store.records.stream_state import read_covered_windows
from cs_sync.sync.stream_sync import OpenSource
from cs_sync.sync.windows import count_incomplete_days
from cs_sync_schemas import FeatureDay, Record, SurveyResponse, UsageDay

_KINDS: dict[type[Record], str] = {UsageDay: "use", FeatureDay: "use", SurveyResponse: "answers"}


def describe_incomplete_days(workspace: Workspace, sources: Iterable[OpenSource]) -> list[str]:
    """Describe the days of each source that may still be incomplete.

    Sources read back to their latest changes are left out.
    """
    now = workspace.clock()
    with workspace.store.read() as connection:
        return [told for opened in sources for told in _describe_source(connection, opened, now)]


def _describe_source(connection: Connection, opened: OpenSource, now: datetime) -> Iterator[str]:
    doubts: dict[str, int] = {}
    lookback = 0
    for stream in opened.source.streams():
        covered = (
            read_covered_windows(connection, opened.name, stream.name) if stream.late else None
        )
        days = count_incomplete_days(stream, *covered, now) if covered else 0
        kind = _KINDS.get(stream.record)
        if days and kind:
            doubts[kind] = max(days, doubts.get(kind, 0))
            lookback = max(lookback, stream.lookback.days)
    if doubts:
        late = f"what came more than {lookback} days late is looked for once a week"
        now_instead = f"`cs-sync sync --full --only {opened.name}` looks now"
        yield (
            f"{opened.name}: {' and '.join(sorted(doubts, reverse=True))} of the last"
            f" {max(doubts.values())} days may still be incomplete: {late}; {now_instead}"
        )
