"""What was read of a table, as its stream remembers it, and what the files say to that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from hashlib import sha256
from importlib.metadata import version
from typing import Any, Literal

from cs_sync import Rejection
from cs_sync_files.contents import Content, count_lines, ends_with_newline
from cs_sync_files.csv_files import BAD_CSV, holds_text
from cs_sync_files.folder import AMENDED, Folder
from cs_sync_files.readers import read_rows
from cs_sync_files.rows import LOST, RowParser
from cs_sync_files.tables import BY_NAME, TARGETS, Table

MAX_GROWTH_BYTES = 64 << 20
"""Rows appended since are read alone up to here: their ids are in memory at once."""

OUTDATED = ""
"""Settings of a read from which no other goes on."""
_GROWING = (".csv", ".jsonl")
_DISTRIBUTIONS = ("", "-files", "-schemas")

Change = Literal["none", "appended", "other"]


@dataclass(frozen=True, slots=True)
class TableToken:
    """A complete read of a table: of which contents, and what came of it.

    `targets` are the contents of the tables that its rows refer to, `lost` the rows that referred
    to nothing there, `broken` those that were not CSV: the last of them may not have ended.
    """

    settings: str
    files: tuple[Content, ...]
    targets: Mapping[str, tuple[Content, ...]]
    rows: int = 0
    lost: int = 0
    broken: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the token as the stream's state keeps it."""
        return {
            "settings": self.settings,
            "files": [content.to_list() for content in self.files],
            "targets": {
                name: [content.to_list() for content in contents]
                for name, contents in self.targets.items()
            },
            "rows": self.rows,
            "lost": self.lost,
            "broken": self.broken,
        }


def parse_token(token: Any) -> TableToken:
    """Return what a stream's state keeps as a token."""
    targets = {name: _parse_contents(kept) for name, kept in token["targets"].items()}
    return TableToken(
        token["settings"], _parse_contents(token["files"]), targets,
        token["rows"], token["lost"], token["broken"],
    )  # fmt: skip


def build_token(folder: Folder, table: Table) -> TableToken:
    """Return the token of a read that begins now, without its counts."""
    targets = {TARGETS[name] for name in table.references} | set(AMENDED.get(table.name, ()))
    return TableToken(
        settings=_digest_settings(folder),
        files=folder.contents(table),
        targets={name: folder.contents(folder.by_name[name]) for name in sorted(targets)},
    )


def count_read(token: TableToken, rows: int, rejected: Sequence[Rejection]) -> TableToken:
    """Add rows and rejections to a token's counts."""
    codes = [rejection.code for rejection in rejected]
    return replace(
        token,
        rows=token.rows + rows,
        lost=token.lost + codes.count(LOST),
        broken=token.broken + codes.count(BAD_CSV),
    )


def find_change(folder: Folder, table: Table, before: TableToken) -> Change:
    """Return what happened to a table's rows since a complete read.

    none: they are the same, and so is what became of them. appended: the same, and others follow
    behind them, none of which repeats one of them.
    """
    key = ("change", table.name, before.files, tuple(before.targets.items()))
    return folder.find_once(key, lambda: _find_change(folder, table, before))


def _find_change(folder: Folder, table: Table, before: TableToken) -> Change:
    now = build_token(folder, table)
    if now.settings != before.settings or not _keeps_references(folder, table, before, now):
        return "other"
    if now.files == before.files:
        return "none"
    return "appended" if _has_grown(folder, table, before) else "other"


def _keeps_references(folder: Folder, table: Table, before: TableToken, now: TableToken) -> bool:
    """Return whether the rows read before keep their references.

    They still refer to what they did, or to nothing.
    """
    if now.targets == before.targets:
        return True
    if before.lost or table.name in AMENDED or table.is_mapped:
        return False
    changed = [name for name in now.targets if now.targets[name] != before.targets.get(name)]
    if all(
        _begins_with(folder, folder.by_name[name], before.targets.get(name, ())) for name in changed
    ):
        return True  # ids only came
    return _refer_to_rows(folder, table)


def _refer_to_rows(folder: Folder, table: Table) -> bool:
    """Return whether every reference of a table's rows leads to a row."""
    known = folder.find_known_ids(table)
    if not known:
        return True
    for cells in folder.iterate_cells(table, *known):
        for cell, (_, ids) in zip(cells, known.values(), strict=True):
            if cell is not None and cell != "" and str(cell) not in ids:
                return False
    return True


def _begins_with(folder: Folder, table: Table, before: tuple[Content, ...]) -> bool:
    """Return whether a table's only file begins as it was.

    As far as it went.
    """
    paths = folder.files(table)
    if len(paths) != 1 or len(before) != 1 or paths[0].suffix.lower() not in _GROWING:
        return False
    [path], [content] = paths, before
    return folder.measure_file(path, content.size) == content and ends_with_newline(
        path, content.size
    )


def _has_grown(folder: Folder, table: Table, before: TableToken) -> bool:
    """Return whether rows follow those read before, and repeat none of them."""
    if before.broken or table.name in AMENDED or table.layout.encoding == "utf-16":
        return False
    if not _begins_with(folder, table, before.files):
        return False
    [now], [content] = folder.contents(table), before.files
    return now.size - content.size <= MAX_GROWTH_BYTES and not _repeat_rows(folder, table, content)


def _repeat_rows(folder: Folder, table: Table, before: Content) -> bool:
    """Return whether an appended row has the id of one before it."""
    [path] = folder.files(table)
    parser = RowParser(table, folder.zone)
    appended = {parser.read_source_id(row) for row in read_rows(path, table.layout, before)}
    if path.suffix.lower() == ".csv" and not table.is_mapped:
        find = partial(table.find_place, name="source_id")
        named = filter(None, appended)
        held = holds_text(path, table.layout, find, named, before.size)
        if held is not None:
            return held
    fields, lines = ("source_id", *table.identity), count_lines(path, before)
    return any(
        (str(cells[0]) if cells[0] else parser.find_source_id(*cells)) in appended
        for cells in folder.iterate_cells(table, *fields, lines=lines)
    )


def _parse_contents(kept: Any) -> tuple[Content, ...]:
    return tuple(Content(*content) for content in kept)


def _digest_settings(folder: Folder) -> str:
    """Digest what a row's meaning rests on beside the files."""
    scales = sorted((name, tuple(scale)) for name, scale in folder.scales.items())
    described = [
        (table.name, table.layout, table.columns)
        for table in folder.by_name.values()
        if table != BY_NAME[table.name]
    ]
    meant = (_list_versions(), str(folder.zone), scales, *described)
    return sha256(repr(meant).encode()).hexdigest()


@cache
def _list_versions() -> tuple[str, ...]:
    """Return the installed versions; another one may read a file differently."""
    return tuple(version(f"customer-success-sync{part}") for part in _DISTRIBUTIONS)
