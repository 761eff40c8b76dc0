"""The time of knowledge of a question about a day before the first sync."""

from datetime import datetime

from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.events import Event
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.accounts import read_first_account_time
from cs_sync.store.queries.foresight import read_first_read_time


def resolve_knowledge_time(
    workspace: Workspace, known_at: datetime | None, until: datetime
) -> datetime | None:
    """Return when what was known at an instant counts as known.

    Before the first sync nothing was stored. What sources told of that time counts as known at
    the first read of all of them, each fact by its own date.

    Args:
        workspace: The workspace.
        known_at: The instant; None means now.
        until: The end of the time that is asked about.

    Raises:
        ConfigError: The time reaches beyond the instant, where dates alone would tell too much.
    """
    if known_at is None:
        return None
    policy, sources = get_mrr_policy(workspace).hash, list(workspace.config.connectors.types)
    with workspace.store.read() as connection:
        first = read_first_account_time(connection)
        if first is None or first <= known_at:
            return known_at
        read_at = read_first_read_time(connection, sources, policy)
    zone = workspace.config.workspace.timezone
    begun, asked = (f"{at.astimezone(zone):%Y-%m-%d %H:%M}" for at in (first, known_at))
    if until > known_at:
        raise ConfigError(
            f"nothing was stored before the first sync, at {begun}: what was known at {asked} can "
            "only be told of days that were over by then",
            f"ask about days before {known_at.astimezone(zone).date()}, with --as-of or --until",
        )
    message = (
        f"nothing was stored before the first sync, at {begun}: what was known at {asked} is what "
        "sources told later, each fact by its own date"
    )
    workspace.emit(Event("warning", workspace.clock(), detail={"message": message}))
    return read_at or known_at
