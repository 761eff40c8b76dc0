"""The global options, and the workspace that commands open with them."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from cs_sync.plugins import PluginRegistry

if TYPE_CHECKING:  # the help page starts without the schema and its database library
    from cs_sync.cli.output import Rows, Table
    from cs_sync.config import Config
    from cs_sync.i18n import Language, Translator
    from cs_sync.runtime.workspace import Workspace

Format = Literal["table", "json", "csv"]
LogFormat = Literal["text", "json"]


class Options(Struct):
    """The global options of one call, carried by `typer.Context.obj`."""

    plugins: PluginRegistry
    config: Path = Path("cs_sync.toml")
    format: Format = "table"
    quiet: bool = False
    log_format: LogFormat = "text"
    debug: bool = False
    language: "Language" = "en"
    """That of the workspace, once its configuration is read."""
    resumes: bool = False
    """Whether the command goes on where it was when it is stopped and run again."""

    def load(self) -> "Config":
        """Load the configuration.

        Raises:
            ConfigError: It is invalid.
        """
        from cs_sync.config import load_config

        config = load_config(self.config, self.plugins)
        self.language = config.workspace.language
        return config

    @property
    def words(self) -> "Translator":
        """The translator of the results."""
        from cs_sync.i18n import get_translator

        return get_translator(self.language)

    @property
    def prints_result(self) -> bool:
        """Whether a job's result is printed: not as a table with --quiet."""
        return not self.quiet or self.format != "table"

    def print_rows(self, rows: "Rows", fields: Sequence[str], table: "Table | None" = None) -> None:
        """Print rows in the chosen format; a table in the workspace's language.

        Args:
            rows: The rows.
            fields: Fields in their order; further fields of the rows follow.
            table: Builds the table; default: a plain one.
        """
        from cs_sync.cli.output import print_rows

        print_rows(self.format, rows, fields, table, self.words)

    @contextmanager
    def workspace_of_run(self) -> "Iterator[Workspace]":
        """Open the workspace for a run.

        Alerts when its database cannot be opened.
        """
        from cs_sync.contracts.errors import CsSyncError
        from cs_sync.jobs.alert import alert_unopened

        config = self.load()
        with ExitStack() as stack:
            try:
                workspace = stack.enter_context(self._open(config))
            except CsSyncError as error:
                for note in alert_unopened(config, error):
                    print(note, file=sys.stderr)
                raise
            yield workspace

    @contextmanager
    def workspace(self) -> "Iterator[Workspace]":
        """Open the workspace and show its progress inside the block."""
        with self._open(self.load()) as workspace:
            yield workspace

    @contextmanager
    def exported_workspace(self, engine: str, folder: Path | None) -> "Iterator[Workspace]":
        """Open an export in an engine, or at a URL."""
        from cs_sync.cli.progress import show_progress
        from cs_sync.runtime.workspace import open_exported_workspace

        config = self.load()
        with (
            show_progress(self.plugins, quiet=self.quiet, log_format=self.log_format),
            open_exported_workspace(config, self.plugins, engine, folder) as workspace,
        ):
            yield workspace

    @contextmanager
    def _open(self, config: "Config") -> "Iterator[Workspace]":
        from cs_sync.cli.progress import show_progress
        from cs_sync.runtime.workspace import open_workspace

        self.resumes = True
        with (
            show_progress(self.plugins, quiet=self.quiet, log_format=self.log_format),
            open_workspace(config, self.plugins, emit=self.plugins.emit) as workspace,
        ):
            yield workspace
