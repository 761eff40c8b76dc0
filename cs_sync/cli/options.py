"""The options that stand before the command, and what the commands open with them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cs_sync.plugins import Plugins

if TYPE_CHECKING:  # the help page starts without the schema and its database library
    from cs_sync.config import Config
    from cs_sync.jobs.workspace import Workspace

Format = Literal["table", "json", "csv"]
LogFormat = Literal["text", "json"]


@dataclass(slots=True)
class Options:
    """What holds for every command of one call; `typer.Context.obj` carries it."""

    plugins: Plugins
    config: Path = Path("cs_sync.toml")
    format: Format = "table"
    quiet: bool = False
    log_format: LogFormat = "text"
    debug: bool = False

    def load(self) -> "Config":
        """The checked configuration. Raises ConfigError."""
        from cs_sync.config import load_config

        return load_config(self.config, self.plugins)

    @contextmanager
    def workspace(self) -> "Iterator[Workspace]":
        """The open workspace, with its progress shown while the command works."""
        from cs_sync.cli.progress import watching
        from cs_sync.jobs.workspace import open_workspace

        config = self.load()
        with (
            watching(self.plugins, quiet=self.quiet, log_format=self.log_format),
            open_workspace(config, self.plugins, emit=self.plugins.emit) as workspace,
        ):
            yield workspace
