"""How people's files are written and what their columns mean, as the configuration says."""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from cs_sync import Settings
from cs_sync_files.notation import compile_date_format
from cs_sync_schemas.money import known_currency

PresetName = Literal["stripe", "hubspot", "chartmogul"]

Encoding = Literal[
    "utf-8", "utf-16", "windows-1250", "windows-1251", "windows-1252", "iso-8859-1",
    "iso-8859-2", "iso-8859-15", "mac-roman", "shift_jis", "gb18030", "big5", "euc-kr",
]  # fmt: skip

OPEN = "?"
"""Stands for what a person has yet to decide; `init --from` writes it."""


def _check_format(text: str) -> str:
    if text != OPEN:
        compile_date_format(text)
    return text


def _check_unit(text: str) -> str:
    if text in (OPEN, "minor", "major", "percent", "fraction"):
        return text
    return known_currency(text)


def _wrap_text(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


DateFormat = Annotated[str, AfterValidator(_check_format)]
Unit = Annotated[str, AfterValidator(_check_unit)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_wrap_text)]


class Notation(Settings):
    """How values are written; a column's own words win over those of its file."""

    decimal: Literal[".", ","] | None = Field(
        default=None, description="What separates decimals; without it, 1.234 is refused."
    )
    format: DateFormat | None = Field(
        default=None, description="How dates are written, such as DD.MM.YYYY; without it ISO 8601."
    )
    zone: ZoneInfo | None = Field(
        default=None, description="Zone of times without offset; without it the workspace's."
    )
    unit: Unit | None = Field(
        default=None,
        description="Of amounts: minor (cents), major (of the row's currency) or a currency's "
        "code; of percentages: percent or fraction.",
    )

    def merge(self, other: Self) -> Self:
        """Return these settings, with those that `other` gives over them."""
        given = {name: getattr(other, name) for name in other.model_fields_set}
        return self.model_copy(update=given)


class FileLayout(Notation):
    """How the files of one table are written: `[connectors.files.read.TABLE]`."""

    file: str = Field(
        default="", description="Name of the file, * for any text; without it the table's name."
    )
    sheet: str = Field(default="", description="Sheet of a workbook that has several.")
    header: int | None = Field(default=None, ge=1, description="Line of the column names.")
    first_row: int | None = Field(
        default=None, ge=2, description="Line of the first row; without it the one after header."
    )
    encoding: Encoding = Field(default="utf-8", description="Encoding of a text file.")
    separator: Literal[",", ";", "\t", "|"] | None = Field(
        default=None, description="What separates cells; without it, the header shows it."
    )
    empty: Texts = Field(default=(), description='Texts that say nothing, such as "-" or "n/a".')
    totals: Literal["refuse", "skip", "keep"] = Field(
        default="refuse", description="What to do with a row that begins with Total, Sum …"
    )


class ColumnMap(Notation):
    """Where one field comes from: `field = "Column"`, `"=constant"`, or a table."""

    column: Texts = Field(default=(), description="The column; of several, the first there is.")
    columns: tuple[str, ...] = Field(default=(), description="Columns to join to one text.")
    join: str = Field(default=" ", description="What stands between joined columns.")
    constant: str | None = Field(default=None, description="The value of every row.")
    values: Mapping[str, str] = Field(
        default_factory=dict, description='Their value = ours; "*" stands for every other one.'
    )
    optional: bool = Field(default=False, description="Whether a file may lack the column.")
    note: str = Field(default="", description="What to do where a value is refused.")

    @model_validator(mode="before")
    @classmethod
    def _expand_short_form(cls, value: Any) -> Any:
        if isinstance(value, str) and value.startswith("="):
            return {"constant": value[1:].strip()}
        return {"column": value} if isinstance(value, str | list) else value

    @model_validator(mode="after")
    def _check_one_origin(self) -> Self:
        origins = bool(self.column) + bool(self.columns) + (self.constant is not None)
        if origins != 1:
            raise ValueError('give one of column, columns and constant; "=EUR" is a constant')
        return self

    @property
    def is_open(self) -> bool:
        """Whether a part of it is yet to be decided."""
        parts = (self.format, self.unit, self.constant, *self.column, *self.values.values())
        return OPEN in parts

    def translate_text(self, text: str) -> str:
        """Return our value for theirs; without `values`, theirs.

        Raises:
            ValueError: It is none of them.
        """
        if not self.values:
            return text
        ours = self._folded_values.get(text.casefold(), self._folded_values.get("*"))
        if ours is None:
            listed = ", ".join(theirs for theirs in self.values)
            raise ValueError(f"{text!r} is none of the values that its map names: {listed}")
        return ours

    @cached_property
    def _folded_values(self) -> dict[str, str]:
        return {theirs.strip().casefold(): ours for theirs, ours in self.values.items()}


def normalize_column(name: str) -> str:
    """Return a column's name without what people do not see.

    >>> normalize_column(" Create\\n Date ")
    'create date'
    """
    return re.sub(r"[\s\u00a0\ufeff]+", " ", name).strip().casefold()
