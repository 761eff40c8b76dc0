"""What a section of a dlt source may say: its function, and the mapping of its resources."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import Field

from cs_sync import Settings
from cs_sync.rest import BridgeConfig, BridgeStream, Duration


class Since(Settings):
    """The field by which a resource finds changes, and how its values are written."""

    cursor: str = Field(description="The field, or a JSONPath to it.")
    format: Literal["iso", "epoch_s", "epoch_ms", "day", "datetime"] = "iso"
    start: Any = Field(None, description="The initial value where a read begins at the beginning.")

    def write(self, moment: datetime | None) -> Any:
        """Return the initial value of a window.

        Texts are compared as texts by some vendors: one second early, as 09:00:00.5Z is less than
        09:00:00Z to them.
        """
        if moment is None:
            return self.start
        at = moment.astimezone(UTC)
        match self.format:
            case "iso":
                return f"{at - timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"
            case "epoch_s":
                return int(at.timestamp())
            case "epoch_ms":
                return int(at.timestamp() * 1000)
            case "day":
                return f"{at:%Y-%m-%d}"
            case "datetime":
                return at


class DltStream(BridgeStream):
    """One resource: its mapping, and how it is read."""

    since: Since | None = Field(None, description="Only changes from then on; else all is read.")
    lookback: Duration = timedelta(0)

    def reads_fully(self) -> bool:
        """Return whether every read is of the whole list."""
        return self.since is None


class DltConfig(BridgeConfig):
    """Settings of a `[connectors.NAME]` with `type = "dlt"`."""

    source: str = Field(
        pattern=r"^[^:]+:[A-Za-z_]\w*$",
        description="Function of the source: module:function, or a file and its function.",
        examples=["shop_source.py:shop"],
    )
    streams: dict[str, DltStream] = Field(
        min_length=1,
        description="Resource → its mapping.",
        examples=[{"customers": {"record": "source_account", "fields": {"source_id": "id"}}}],
    )
