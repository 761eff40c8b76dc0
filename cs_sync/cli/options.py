"""The global options, and the workspace that commands open with them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cs_sync.plugins import PluginRegistry

if TYPE_CHECKING:  # the help page starts without the schema and its database library
    from cs_sync.config import Config
    from cs_sync.runtime.workspace import Workspace

Format = Literal["table", "json", "csv"]
LogFormat = Literal["text", "json"]


@dataclass(slots=True)
class Options:
    """The global options of one call, carried by `typer.Context.obj`."""

    plugins: PluginRegistry
    config: Path = Path("cs_sync.toml")
    format: Format = "table"
    quiet: bool = False
    log_format: LogFormat = "text"
    debug: bool = False

    def load(self) -> "Config":
        """Load the configuration.

        Raises:
            ConfigError: It is invalid.
        """
        from cs_sync.config import load_config

        return load_config(self.config, self.plugins)

    @contextmanager
    def workspace(self) -> "Iterator[Workspace]":
        """Open the workspace and show its progress inside the block."""
        from cs_sync.cli.progress import show_progress
        from cs_sync.runtime.workspace import open_workspace

        config = self.load()
        with (
            show_progress(self.plugins, quiet=self.quiet, log_format=self.log_format),
            open_workspace(config, self.plugins, emit=self.plugins.emit) as workspace,
        ):
            yield workspace
