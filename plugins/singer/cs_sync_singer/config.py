"""What a section of a tap may say: its command and settings, and the mapping of its streams."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from cs_sync.rest import BridgeConfig, BridgeStream


class TapStream(BridgeStream):
    """One stream of the tap: its mapping, and how it is read."""

    replication: Literal["incremental", "full_table"] = Field(
        "incremental", description="From the tap's last STATE, or all of it every time."
    )
    needs: tuple[str, ...] = Field(
        (), description="Streams of the tap that have to be selected with it, such as its parent."
    )

    def reads_fully(self) -> bool:
        """Return whether every read is of the whole list."""
        return self.replication == "full_table"


class SingerConfig(BridgeConfig):
    """Settings of a `[connectors.NAME]` with `type = "singer"`."""

    command: tuple[str, ...] = Field(
        min_length=1,
        description="The tap, and what its command line needs besides.",
        examples=["tap-shop"],
    )
    catalog: Path | None = Field(
        default=None, description="Its catalog, for a tap that cannot discover it."
    )
    catalog_option: str = Field(
        default="--catalog", description="--properties for old taps that take the catalog so."
    )
    timeout_minutes: float = Field(
        default=10, gt=0, description="A tap that is silent for longer is ended."
    )
    streams: dict[str, TapStream] = Field(
        min_length=1,
        description="Stream of the tap → its mapping.",
        examples=[{"customers": {"record": "source_account", "fields": {"source_id": "id"}}}],
    )

    @field_validator("command", mode="before")
    @classmethod
    def _from_text(cls, command: object) -> object:
        return (command,) if isinstance(command, str) else command

    @property
    def timeout(self) -> timedelta:
        """How long a tap may be silent."""
        return timedelta(minutes=self.timeout_minutes)
