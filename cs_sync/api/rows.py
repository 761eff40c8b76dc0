"""Rows of an answer: frozen dataclasses, and frames of them where a library is installed."""

from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from cs_sync.contracts.errors import ConfigError

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

R = TypeVar("R")
SHOWN = 20
"""Rows that a notebook shows of an answer."""


class Rows(Sequence[R], Generic[R]):
    """The rows of one answer, all of one dataclass.

    It is a sequence of rows and, through Arrow's stream interface, a table to every library that
    reads one: `polars.DataFrame(rows)`, `pyarrow.table(rows)`, DuckDB's `FROM rows`.
    """

    def __init__(self, row_type: type[R], rows: Iterable[R]) -> None:
        self.row_type = row_type
        self._rows = tuple(rows)

    @overload
    def __getitem__(self, index: int) -> R: ...

    @overload
    def __getitem__(self, index: slice) -> "Rows[R]": ...

    def __getitem__(self, index: int | slice) -> "R | Rows[R]":
        if isinstance(index, slice):
            return Rows(self.row_type, self._rows[index])
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"{len(self)} rows of {self.row_type.__name__}"

    def to_arrow(self) -> "pyarrow.Table":
        """Return a typed table; segments become a column each.

        Raises:
            ConfigError: pyarrow is not installed.
        """
        import_library("pyarrow")
        from cs_sync.api.arrow import build_table

        return build_table(self.row_type, self._rows)

    def to_pandas(self) -> "pandas.DataFrame":
        """Return a data frame; days become timestamps.

        Raises:
            ConfigError: pandas or pyarrow is not installed.
        """
        import_library("pandas")
        return self.to_arrow().to_pandas(date_as_object=False)

    def to_polars(self) -> "polars.DataFrame":
        """Return a data frame.

        Raises:
            ConfigError: polars or pyarrow is not installed.
        """
        frame: polars.DataFrame = import_library("polars").from_arrow(self.to_arrow())
        return frame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the table as a stream of Arrow's C data interface."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def _repr_html_(self) -> str:
        """Return the first rows as a table, for notebooks."""
        names = (
            [field.name for field in fields(self.row_type)] if is_dataclass(self.row_type) else []
        )
        head = "".join(f"<th>{escape(name)}</th>" for name in names)
        body = "".join(
            "<tr>" + "".join(f"<td>{_show(getattr(row, name))}</td>" for name in names) + "</tr>"
            for row in self._rows[:SHOWN]
        )
        more = f"<p>{len(self) - SHOWN} more rows</p>" if len(self) > SHOWN else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def import_library(name: str) -> Any:
    """Import a library that frames need.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        return import_module(name)
    except ImportError:
        raise ConfigError(f"this frame needs {name}", f"pip install {name}") from None


def _show(value: Any) -> str:
    return "" if value is None else escape(str(value))
