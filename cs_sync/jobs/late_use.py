"""How much of what was read lately may still be incomplete, as some of it arrives late."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlalchemy import Connection

from cs_sync.jobs.workspace import Workspace
from cs_sync.store.states import read_covered
from cs_sync.sync.streams import OpenSource
from cs_sync.sync.windows import days_in_doubt
from cs_sync_schemas import FeatureDay, Record, SurveyResponse, UsageDay

_KINDS: dict[type[Record], str] = {UsageDay: "use", FeatureDay: "use", SurveyResponse: "answers"}


def incomplete_days(workspace: Workspace, sources: Iterable[OpenSource]) -> list[str]:
    """One sentence per source that was not read back to its latest changes; none when all were."""
    now = workspace.clock()
    with workspace.store.read() as connection:
        return [told for opened in sources for told in _told(connection, opened, now)]


def _told(connection: Connection, opened: OpenSource, now: datetime) -> Iterator[str]:
    doubts: dict[str, int] = {}
    lookback = 0
    for stream in opened.source.streams():
        covered = read_covered(connection, opened.name, stream.name) if stream.late else None
        days = days_in_doubt(stream, *covered, now) if covered else 0
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
