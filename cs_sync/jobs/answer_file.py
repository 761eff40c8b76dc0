"""Identity answers in a file: as exported, or written by hand."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import orjson
from msgspec import Struct
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator

from cs_sync.contracts.errors import ConfigError
from cs_sync.export.csv_cells import parse_csv_text
from cs_sync.identity import Answer, RecordRef

MAX_PROBLEMS_SHOWN = 20
COLUMNS = "answer, kind, source, source_id, reason, decided_at, undone_at, position"
_REMEDY = (
    f"the columns are {COLUMNS}, one row per record; "
    "`cs-sync --format csv accounts answers` writes such a file"
)
Row = tuple[int, Mapping[str, Any]]


class FileAnswer(Struct, frozen=True):
    """An answer of a file; `line` is that of its first row."""

    line: int
    answer: Answer
    decided_at: datetime | None
    undone_at: datetime | None

    @property
    def counts(self) -> bool:
        """Whether it was not taken back."""
        return self.undone_at is None


class AnswerRow(BaseModel):
    """One row of a file: one record of an answer."""

    model_config = ConfigDict(extra="forbid")

    answer: int = Field(ge=1, lt=2**31)
    kind: Literal["link", "split", "test"]
    source: str = Field(min_length=1)
    source_id: str = Field(min_length=1)
    reason: str | None = None
    decided_at: AwareDatetime | None = None
    undone_at: AwareDatetime | None = None
    position: int | None = Field(default=None, ge=0)
    account: str | None = None
    """Where the record was; only for the reader."""

    @field_validator("decided_at", "undone_at", mode="before")
    @classmethod
    def _refuse_numbers(cls, value: Any) -> Any:
        if isinstance(value, int | float) or (isinstance(value, str) and value.isdigit()):
            raise ValueError("write a time as 2026-03-01T09:00:00+00:00")
        return value

    @property
    def shared(self) -> tuple[Any, ...]:
        """What the rows of one answer have in common."""
        return self.kind, self.reason, self.decided_at, self.undone_at


def read_answer_file(path: Path, now: datetime) -> list[FileAnswer]:
    """Read the answers of a CSV, JSON or JSON Lines file.

    Args:
        path: The file; its suffix names the format.
        now: The current time; no answer is later.

    Raises:
        ConfigError: The file cannot be read, or rows are wrong: all of them, by line.
    """
    problems: list[str] = []
    rows: dict[int, list[tuple[int, AnswerRow]]] = {}
    for line, values in _read_rows(path):
        try:
            row = AnswerRow.model_validate(values)
        except ValidationError as error:
            problems += [f"line {line}, {_describe_error(detail)}" for detail in error.errors()]
        else:
            rows.setdefault(row.answer, []).append((line, row))
    for number, numbered in rows.items():
        problems += _find_problems(number, numbered, now)
    refuse_rows(path, problems)
    return [_build_answer(number, rows[number]) for number in sorted(rows)]


def refuse_rows(path: Path, problems: Sequence[str], remedy: str = _REMEDY) -> None:
    """Raise ConfigError if there are problems, with file and line of each.

    Raises:
        ConfigError: There are problems; nothing may be stored.
    """
    if problems:
        shown = list(problems[:MAX_PROBLEMS_SHOWN])
        if len(problems) > len(shown):
            shown.append(f"and {len(problems) - len(shown)} more")
        listed = "\n".join(f"{path}, {problem}" for problem in shown)
        raise ConfigError(f"no answer was imported:\n{listed}", remedy)


def _read_rows(path: Path) -> Iterator[Row]:
    """Yield line and values of each row.

    In a JSON array the number of the row.
    """
    readers = {".csv": _read_csv, ".json": _read_json, ".jsonl": _read_jsonl}
    read = readers.get(path.suffix.lower())
    if read is None:
        raise ConfigError(f"{path} is not a {', '.join(readers)} file", _REMEDY)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"{path} cannot be read: {why}", "name a file of answers") from error
    try:
        yield from read(text)
    except (orjson.JSONDecodeError, csv.Error) as error:
        raise ConfigError(f"{path} cannot be read: {error}", _REMEDY) from error


def _read_csv(text: str) -> Iterator[Row]:
    header = text.partition("\n")[0]
    delimiter = ";" if header.count(";") > header.count(",") else ","
    reader = csv.DictReader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        strict=True,
        restkey="cells without a column",
    )
    line = 2
    for row in reader:
        cells = {name.strip(): value for name, value in row.items() if value}
        yield (
            line,
            {
                name: parse_csv_text(value) if isinstance(value, str) else value
                for name, value in cells.items()
            },
        )
        line = reader.line_num + 1


def _read_json(text: str) -> Iterator[Row]:
    rows = orjson.loads(text)
    yield from enumerate(rows if isinstance(rows, list) else [rows], 1)


def _read_jsonl(text: str) -> Iterator[Row]:
    for line, row in enumerate(text.splitlines(), 1):
        if row.strip():
            yield line, orjson.loads(row)


def _describe_error(error: Any) -> str:
    """Return the field and what is wrong with it."""
    field = ".".join(map(str, error["loc"])) or "the row"
    wrong = "it is not a column" if error["type"] == "extra_forbidden" else error["msg"]
    return f"{field}: {wrong.removeprefix('Value error, ')}"


def _find_problems(
    number: int, rows: Sequence[tuple[int, AnswerRow]], now: datetime
) -> Iterator[str]:
    """Yield the problems of one answer's rows, each with its line."""
    line, first = rows[0]
    named: dict[RecordRef, int] = {}
    for at, row in rows:
        ref = RecordRef(row.source, row.source_id)
        if row.shared != first.shared:
            yield f"line {at}: kind, reason or times differ from line {line} of answer {number}"
        if ref in named:
            yield f"line {at}: answer {number} names {ref} in line {named[ref]} already"
        named[ref] = at
    if first.kind != "test" and len(named) < 2:
        yield f"line {line}: answer {number} is a {first.kind} of one record; name at least two"
    times = [time for time in (first.decided_at, first.undone_at) if time]
    if any(time > now for time in times):
        yield f"line {line}: a time of answer {number} is in the future"
    if first.undone_at and not first.decided_at:
        yield f"line {line}: answer {number} has undone_at and no decided_at"
    if first.undone_at and times != sorted(times):
        yield f"line {line}: answer {number} was undone before it was decided"
    positions = [row.position for _, row in rows if row.position is not None]
    if positions and (len(positions) < len(rows) or len(set(positions)) < len(positions)):
        yield f"line {line}: the positions in answer {number} are not one for each row"


def _build_answer(number: int, rows: Sequence[tuple[int, AnswerRow]]) -> FileAnswer:
    line, first = rows[0]
    ordered = sorted((row for _, row in rows), key=lambda row: row.position or 0)
    refs = tuple(RecordRef(row.source, row.source_id) for row in ordered)
    answer = Answer(number, first.kind, refs, first.reason)
    return FileAnswer(line, answer, first.decided_at, first.undone_at)
