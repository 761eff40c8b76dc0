"""Reset of stream states, so that the next sync reads again."""

from cs_sync.contracts.errors import ConfigError
from cs_sync.runtime.run_session import record_run
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.records.stream_state import delete_stream_state


def reset_stream_state(workspace: Workspace, source: str, stream: str | None = None) -> int:
    """Delete the read state of a source or stream.

    No stored record is deleted.

    Args:
        workspace: The workspace.
        source: The source's name.
        stream: Only this stream.

    Returns:
        The number of deleted states.

    Raises:
        ConfigError: There is no such state.
    """
    with record_run(workspace, "state reset") as recorded:
        forgotten = recorded.transact(lambda c: delete_stream_state(c, source, stream))
        if not forgotten:
            name = source if stream is None else f"{source} {stream}"
            raise ConfigError(f"nothing is stored of {name}", "cs-sync state show lists what is")
        recorded.statuses.append("ok")
    return forgotten
