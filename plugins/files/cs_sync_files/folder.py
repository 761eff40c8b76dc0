"""The folder's files, and the facts that their rows need of other files."""

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

from cs_sync import ConfigError
from cs_sync_files.cells import Convert
from cs_sync_files.contents import Content, measure_content
from cs_sync_files.mapped_cells import find_stated_currency, make_mapped_converter
from cs_sync_files.readers import FORMATS, read_cells
from cs_sync_files.rows import FindCurrency
from cs_sync_files.tables import BY_NAME, TARGETS, Table
from cs_sync_files.times import parse_instant
from cs_sync_schemas import Scale

_FOREIGN = (
    ".tsv",
    ".txt",
    ".json",
    ".ndjson",
    ".xls",
    ".xlsm",
    ".xlsb",
    ".numbers",
    ".ods",
    ".gz",
    ".zip",
)
_SUBSCRIPTION = "subscription_source_id"
_NOWHERE = 1 << 30
_ALWAYS_CHECKED = frozenset({"account_source_id"})
AMENDED = {"subscription_items": ("subscriptions",)}
"""Tables whose rows are completed with what other rows say → the other tables among these."""
_CURRENCY_OWNERS = {
    "subscription_items": (_SUBSCRIPTION, "subscriptions"),
    "invoice_lines": ("invoice_source_id", "invoices"),
    "refunds": ("invoice_source_id", "invoices"),
}
"""Table → (reference, table) of the row that says in which currency a mapped row is."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MisnamedFile:
    """A file that resembles a table but is not read, with a remedy."""

    path: Path
    table: Table
    remedy: str


@dataclass
class Folder:
    """The files of a folder by table, and facts about them, since the last `refresh`."""

    path: Path
    zone: ZoneInfo
    scales: Mapping[str, Scale] = field(default_factory=dict)
    """Lowest and highest answer by survey or kind, for answers that do not say them."""
    section: str = "files"
    by_name: Mapping[str, Table] = field(default_factory=lambda: BY_NAME)
    """The tables, with how their files are written and mapped."""
    _facts: dict[Hashable, Any] = field(default_factory=dict)
    _turn: RLock = field(default_factory=RLock)
    """Who looks for a fact: streams that need the same one wait for it."""

    def refresh(self) -> None:
        """Forget what is known of the folder; its files may have changed."""
        with self._turn:
            self._facts.clear()

    def find_once(self, key: Hashable, find: Callable[[], T]) -> T:
        """Return a fact about the files, found once until the next `refresh`."""
        with self._turn:
            if key not in self._facts:
                self._facts[key] = find()
            return cast(T, self._facts[key])

    def files(self, table: Table) -> list[Path]:
        """Return the files of one table, CSV first."""
        matches = [path for path in self._data_files() if _holds(table, path)]
        return sorted(matches, key=lambda path: (FORMATS.index(path.suffix.lower()), path.name))

    def tables(self) -> list[Table]:
        """Return the tables with files.

        Raises:
            ConfigError: There is none.
        """
        present = [table for table in self.by_name.values() if self.files(table)]
        if not present and not self.find_misnamed() and not self.find_absent():
            names = ", ".join(table.name for table in self.by_name.values())
            raise ConfigError(
                f"connectors.{self.section}.path: {self.path} contains no file with a known name",
                f"name the files after their table, e.g. accounts.csv; the tables are {names}",
            )
        return present

    def find_misnamed(self) -> list[MisnamedFile]:
        """Return files with a nearly right name or format."""
        used = {path for table in self.by_name.values() for path in self.files(table)}
        return [
            wrong
            for path in self._list_entries()
            if path not in used and (wrong := _check_name(path))
        ]

    def find_absent(self) -> list[Table]:
        """Return the tables whose named file is not in the folder."""
        named = [table for table in self.by_name.values() if table.is_expected]
        return [table for table in named if not self.files(table)]

    def ignored(self) -> list[Path]:
        """Return other data files."""
        wrong = {misnamed.path for misnamed in self.find_misnamed()}
        return [
            path
            for path in self._data_files()
            if path not in wrong and not any(_holds(table, path) for table in self.by_name.values())
        ]

    def contents(self, table: Table) -> tuple[Content, ...]:
        """Return what the files of a table hold."""
        return tuple(self.measure_file(path) for path in self.files(table))

    def measure_file(self, path: Path, size: int | None = None) -> Content:
        """Return what a file's first bytes hold, all of them by default."""
        return self.find_once(("content", path, size), partial(measure_content, path, size))

    def ids(self, name: str) -> frozenset[str]:
        """Return every source_id in a table's files, including bad rows."""
        return self.find_once(("ids", name), lambda: self._read_ids(self.by_name[name]))

    def starts(self) -> dict[str, datetime]:
        """Return subscription → its readable start."""
        return self.find_once("starts", self._read_starts)

    def versions(self) -> dict[str, list[datetime]]:
        """Return subscription item → sorted starts of its versions."""
        return self.find_once("versions", self._read_versions)

    def find_known_ids(
        self, table: Table, without: Set[str] = frozenset()
    ) -> dict[str, tuple[str, frozenset[str]]]:
        """Map referring field → (target table, ids in it).

        These are the references to check. Required references and those to accounts must exist.
        Others are checked if their file exists: without `contacts`, a contact's id still
        distinguishes people.
        """
        ids_by_field = {}
        for name in table.references:
            target = TARGETS[name]
            if target in without:
                continue
            must = name in _ALWAYS_CHECKED or name in table.required
            if must or self.files(self.by_name[target]):
                ids_by_field[name] = (target, self.ids(target))
        return ids_by_field

    def complete_answer(self, row: dict[str, Any]) -> None:
        """Set an answer's missing scale as configured for its survey or kind."""
        if row.keys() & {"scale_min", "scale_max"}:
            return
        named = (str(row.get("survey")), str(row.get("kind")))
        scale = next((self.scales[name] for name in named if name in self.scales), None)
        if scale:
            row["scale_min"], row["scale_max"] = scale

    def find_amendment(self, table: Table) -> Callable[[dict[str, Any]], None] | None:
        """Find the function that completes a table's rows.

        None if there is none.
        """
        if table.name == "subscription_items":
            return partial(_complete_version, self.starts(), self.versions())
        if table.name == "survey_responses" and self.scales:
            return self.complete_answer
        return None

    def _list_entries(self) -> list[Path]:
        return self.find_once("entries", self._read_entries)

    def _read_entries(self) -> list[Path]:
        try:
            return sorted(path for path in self.path.iterdir() if path.is_file())
        except OSError as error:
            why = f"cannot read the folder {self.path} ({error.strerror})"
            raise ConfigError(
                f"connectors.{self.section}.path: {why}",
                "give the folder of the files; a relative path starts at the configuration file",
            ) from None

    def _data_files(self) -> list[Path]:
        return [path for path in self._list_entries() if path.suffix.lower() in FORMATS]

    def iterate_cells(
        self, table: Table, *names: str, lines: int | None = None
    ) -> Iterator[Sequence[Any]]:
        """Yield some fields' cells of every row, faulty rows too.

        None for absent cells.

        Args:
            table: The table.
            *names: The fields.
            lines: How many of each file's first lines to read; all by default.
        """
        for path in self.files(table):
            pick = partial(table.make_picker, names=names)
            yield from read_cells(path, table.layout, pick, lines)

    def _read_ids(self, table: Table) -> frozenset[str]:
        cells = (cell for (cell,) in self.iterate_cells(table, "source_id"))
        return frozenset(str(cell) for cell in cells if cell is not None and cell != "")

    def _read_starts(self) -> dict[str, datetime]:
        table = self.by_name["subscriptions"]
        parse = self._make_instant_parser(table, "started_at")
        cells = self.iterate_cells(table, "source_id", "started_at")
        return {str(name): start for name, cell in cells if (start := parse(cell))}

    def _read_versions(self) -> dict[str, list[datetime]]:
        begins: dict[str, list[datetime]] = {}
        table, starts = self.by_name["subscription_items"], self.starts()
        parse = self._make_instant_parser(table, "valid_from")
        for name, cell, subscription in self.iterate_cells(
            table, "source_id", "valid_from", _SUBSCRIPTION
        ):
            begin = parse(cell) or starts.get(str(subscription))
            if begin:
                begins.setdefault(str(name), []).append(begin)
        return {name: sorted(times) for name, times in begins.items()}

    def _make_instant_parser(self, table: Table, name: str) -> Callable[[Any], datetime | None]:
        """Make the parser of a field's times, in its column's notation."""
        convert: Convert = partial(parse_instant, zone=self.zone)
        if name in table.columns:
            convert = make_mapped_converter(table, name, self.zone)

        def parse(cell: Any) -> datetime | None:
            try:
                return convert(cell) if cell else None
            except ValueError:
                return None

        return parse

    def find_currency_finder(self, table: Table) -> FindCurrency | None:
        """Find what returns the currency of a mapped row's owner."""
        if not table.is_mapped or table.name not in _CURRENCY_OWNERS:
            return None
        reference, owner = _CURRENCY_OWNERS[table.name]
        known = self.find_once(("currencies", owner), partial(self._read_currencies, owner))
        return lambda row: known.get(row.get(reference, ""))

    def _read_currencies(self, name: str) -> dict[str, str]:
        table = self.by_name[name]
        stated = find_stated_currency(table)
        cells = self.iterate_cells(table, "source_id", "currency")
        read = {str(name): str(code or stated or "").strip().upper() for name, code in cells}
        return {name: code for name, code in read.items() if code}


def _holds(table: Table, path: Path) -> bool:
    """Return whether a file is one of a table's, by its name."""
    pattern = table.layout.file or f"{table.name}{path.suffix}"
    return fnmatch(path.name.casefold(), pattern.casefold())


def _complete_version(
    starts: Mapping[str, datetime], versions: Mapping[str, list[datetime]], row: dict[str, Any]
) -> None:
    """Set a version's missing start and end.

    It starts with the subscription and ends at the start of the item's next version.
    """
    if "valid_from" not in row and (start := starts.get(row.get(_SUBSCRIPTION, ""))):
        row["valid_from"] = start
    if "valid_to" not in row and "valid_from" in row:
        begins = versions.get(row.get("source_id", ""), [])
        later = bisect_right(begins, row["valid_from"])
        if later < len(begins):
            row["valid_to"] = begins[later]


def _check_name(path: Path) -> MisnamedFile | None:
    stem, suffix = path.stem.lower(), path.suffix.lower()
    if suffix in _FOREIGN:
        stem = stem.split(".")[0]
        if stem in BY_NAME:
            remedy = f"{suffix} files are not read: save it as .xlsx, .csv, .jsonl or .parquet"
            return MisnamedFile(path, BY_NAME[stem], remedy)
    elif suffix in FORMATS and stem not in BY_NAME:
        near = get_close_matches(stem.replace("-", "_").replace(" ", "_"), BY_NAME, 1, 0.8)
        if near:
            remedy = f"rename it to {near[0]}{suffix}, or move it out of the folder"
            return MisnamedFile(path, BY_NAME[near[0]], remedy)
    return None
