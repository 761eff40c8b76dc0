"""What a section of a tap may say: its command and settings, and the mapping of its streams."""

from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from cs_sync.rest import BridgeConfig, BridgeStream


class TapStream(BridgeStream):
    """One stream of the tap: its mapping, and how it is read."""

    replication: Literal["incremental", "full_table"] = Field(
        "incremental", description="From the tap's last STATE, or all of it every time."
    )
    deletes: Literal["never", "flag", "sweep"] | None = Field(
        None, description="By default flag with `deleted`, sweep with full_table, else never."
    )
    needs: tuple[str, ...] = Field(
        (), description="Streams of the tap that have to be selected with it, such as its parent."
    )

    @model_validator(mode="after")
    def _require_flag(self) -> Self:
        if (self.find_deletes() == "flag") != (self.deleted is not None):
            raise ValueError('needs both or neither; deletes = "flag" goes with deleted')
        return self

    def find_deletes(self) -> Literal["never", "flag", "sweep"]:
        """Return how deletions are found."""
        if self.deletes is not None:
            return self.deletes
        if self.deleted is not None:
            return "flag"
        return "sweep" if self.replication == "full_table" else "never"


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
