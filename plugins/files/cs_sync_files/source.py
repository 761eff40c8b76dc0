"""The source: one stream per table with a file."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field, model_validator

from cs_sync import (
    ConfigError,
    ConnectorConfig,
    CsSyncError,
    Finding,
    Http,
    Limit,
    Page,
    SectionProposal,
    Stream,
    Window,
    WorkspaceInfo,
)
from cs_sync_files.layouts import ColumnMap, FileLayout, PresetName
from cs_sync_schemas import Scale

if TYPE_CHECKING:  # what reads is loaded when something is read, as its tables take a while
    from cs_sync_files.folder import MisnamedFile
    from cs_sync_files.tables import Table


class FilesConfig(ConnectorConfig):
    """Settings of `[connectors.files]`."""

    base_url: str = Field(default="file:", description="Not used: files have no address.")
    path: Path = Field(description="Folder of the files; relative to the configuration file.")
    survey_scales: dict[str, Scale] = Field(
        default_factory=dict,
        description="Lowest and highest answer by survey (or kind), for answers without a scale.",
    )
    preset: PresetName | None = Field(
        default=None, description="Whose exports the files are: stripe, hubspot or chartmogul."
    )
    read: dict[str, FileLayout] = Field(
        default_factory=dict,
        description='How the files of a table are written, by table; for all tables by "*".',
    )
    map: dict[str, dict[str, ColumnMap]] = Field(
        default_factory=dict, description="By table: our field = your column."
    )

    @model_validator(mode="after")
    def _check_mapping(self) -> Self:
        if not (self.preset or self.read or self.map):
            return self
        from cs_sync_files.mapping import find_mapping_problems

        problems = list(find_mapping_problems(self.preset, self.read, self.map))
        if problems:
            listed = "; ".join(problems)
            raise ValueError(f"{listed}; correct read and map in {self.section}")
        return self


class FilesSource:
    """Reads the tables of a folder; records missing from the files are deleted."""

    name: ClassVar[str] = "files"
    Config: ClassVar[type[ConnectorConfig]] = FilesConfig
    limits: ClassVar[Sequence[Limit]] = ()
    concurrency: ClassVar[int] = 0

    def __init__(self, config: FilesConfig, http: Http) -> None:  # noqa: ARG002 - reads no vendor
        from cs_sync_files.folder import Folder
        from cs_sync_files.mapping import build_tables

        workspace = config.workspace
        path = workspace.folder / config.path.expanduser()
        section = workspace.section or self.name
        tables = build_tables(config.preset, config.read, config.map)
        self._folder = Folder(path, workspace.timezone, config.survey_scales, section, tables)

    @classmethod
    def propose_section(cls, folder: Path, workspace: WorkspaceInfo) -> SectionProposal:
        """Propose the section of a folder from what it holds."""
        from cs_sync_files.section import propose_section

        return propose_section(folder, workspace)

    def streams(self) -> Sequence[Stream]:
        """Return a stream per table with files, and per misnamed file.

        A folder that is missing or holds no table is one failing stream, so that the other
        connectors continue.
        """
        from cs_sync_files.pages import read_pages
        from cs_sync_schemas import SourceAccount

        self._folder.refresh()
        try:
            read = [
                Stream(
                    table.name,
                    table.record,
                    partial(read_pages, self._folder, table),
                    cursor="token",
                    deletes="sweep",
                    continues=partial(self._continues, table),
                )
                for table in self._folder.tables()
            ]
        except ConfigError as error:
            return [Stream("folder", SourceAccount, partial(_raise_error, error))]
        failing = [
            Stream(
                wrong.path.name, wrong.table.record, partial(_raise_error, _misnamed_error(wrong))
            )
            for wrong in self._folder.find_misnamed()
        ]
        absent = [
            Stream(table.name, table.record, partial(_raise_error, self._absent_error(table)))
            for table in self._folder.find_absent()
        ]
        return read + absent + failing

    def check(self) -> Iterator[Finding]:
        """Check folder, columns and rows of every file.

        All faults are reported at once.
        """
        from cs_sync_files.checking import check_tables

        self._folder.refresh()
        try:
            yield from check_tables(self._folder)
        except CsSyncError as error:
            yield Finding(
                ok=False, subject=str(self._folder.path), message=error.message, remedy=error.remedy
            )
            return
        for table in self._folder.find_absent():
            absent = self._absent_error(table)
            yield Finding(
                ok=False, subject=table.name, message=absent.message, remedy=absent.remedy
            )
        for wrong in self._folder.find_misnamed():
            message = f"not read; it looks like {wrong.table.name}"
            yield Finding(ok=False, subject=wrong.path.name, message=message, remedy=wrong.remedy)
        for path in self._folder.ignored():
            yield Finding(ok=True, subject=path.name, message="not read: no table has this name")

    def _absent_error(self, table: "Table") -> ConfigError:
        where = f"connectors.{self._folder.section}.read.{table.name}"
        return ConfigError(
            f"no file in {self._folder.path} is called {table.layout.file}",
            f"put it there, or correct file in [{where}]",
        )

    def _continues(self, table: "Table", token: Any) -> bool:
        from cs_sync_files.pages import parse_before
        from cs_sync_files.tokens import find_change

        return find_change(self._folder, table, parse_before(token)) != "other"


def _raise_error(error: ConfigError, window: Window) -> Iterator[Page]:  # noqa: ARG001 - never read
    raise error


def _misnamed_error(wrong: "MisnamedFile") -> ConfigError:
    return ConfigError(f"{wrong.path} is not read; it looks like {wrong.table.name}", wrong.remedy)
