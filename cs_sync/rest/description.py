"""The description of a connector: what `connector.toml` may say, and its mistakes by key."""

import sys
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from cs_sync.config.problems import convert_validation_error, raise_problems
from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.http import Limit, ResponseNames
from cs_sync.follow_ups.settings import Duration
from cs_sync.rest.auth import Auth, NoAuth, QueryAuth
from cs_sync.rest.expressions import Expression, Part, Template, evaluate_expression
from cs_sync.rest.fields import RecordName
from cs_sync.rest.objects import ObjectRule
from cs_sync.rest.pages import CursorPages, Pages, SinglePage, UrlPages

Function = Any
"""A function, or its address as `module:name`; a module that begins with a dot is the package's."""


class Setting(Part):
    """A key of the connector's section in the configuration; without a default it is required."""

    kind: Literal["text", "secret", "number", "whole", "flag", "list", "table"] = "text"
    description: str = ""
    default: Any = None
    optional: bool = Field(default=False, description="It may be left out, and is null then.")


class Moment(Part):
    """An edge of the window as a parameter of the request."""

    param: str
    format: Literal["iso", "iso_ms", "epoch_s", "epoch_ms", "day"] = "iso"
    start: Any = Field(None, description="Sent where a read begins at the beginning.")

    def write(self, moment: datetime | None) -> Any:
        """Return the parameter's value; None sends none."""
        if moment is None:
            return self.start
        at = moment.astimezone(UTC)
        match self.format:
            case "iso":
                return f"{at:%Y-%m-%dT%H:%M:%SZ}"
            case "iso_ms":
                return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
            case "epoch_s":
                return int(at.timestamp())
            case "epoch_ms":
                return int(at.timestamp() * 1000)
            case "day":
                return f"{at:%Y-%m-%d}"


def _find_text(expression: str, item: Any) -> str | None:
    value = evaluate_expression(expression, item) if isinstance(item, dict) else None
    return None if value is None else str(value)


class LookUp(Part):
    """One more call for each record; what it finds is `_NAME` in the record's expressions."""

    path: Template
    params: Mapping[str, Any] = {}
    item: Expression = "@"
    requires: tuple[str, ...] = Field(min_length=1, description="Keys of a true answer.")
    optional: bool = Field(default=False, description="404 means that there is none.")
    when: Expression | None = Field(None, description="Asked only where it is true.")


class Listing(Part):
    """A list of objects: where it is, how its pages go, and what each object lacks."""

    path: Template = ""
    method: Literal["GET", "POST"] = "GET"
    params: Mapping[str, Any] = Field({}, description="Of the query; of the body with POST.")
    items: Expression = Field("@", description="Where an answer has its objects.")
    pages: Pages | None = Field(None, description="The paginator, if not the connector's.")
    requires: tuple[str, ...] = Field((), description="Further keys of a true answer.")
    look_up: Mapping[str, LookUp] = {}


class Parent(Listing):
    """A list whose objects each have a list of their own: `_parent` in expressions."""

    id: Expression = "id"

    def find_id(self, item: Any) -> str | None:
        """Return an object's id; None if it has none."""
        return _find_text(self.id, item)


class Table(Listing):
    """A list that is read once, before the stream: `_NAME` is its objects by their keys."""

    key: Expression = "id"

    def find_key(self, item: Any) -> str | None:
        """Return an object's key; None if it has none."""
        return _find_text(self.key, item)


class Gone(Listing):
    """A list of what was deleted, read after the stream's own."""

    since: Moment | None = Field(None, description="Only deletions from then on.")


class StreamRule(Listing, ObjectRule):
    """One stream: its list, its mapping, and the facts that the engine plans by."""

    parent: Parent | None = None
    tables: Mapping[str, Table] = Field({}, description="Lists that a function of `map` needs.")
    since: Moment | None = Field(None, description="Only changes from then on; else all is read.")
    until: Moment | None = None
    cursor: Literal["token"] | None = Field(
        None, description="The last page's cursor is kept, and the next run goes on from it."
    )
    gone: tuple[Gone, ...] = Field((), description="Lists of what was deleted.")
    deletes: Literal["feed", "flag", "sweep", "never"] = "never"
    lookback: Duration = timedelta(0)
    late: Duration = timedelta(0)
    lag: Duration = timedelta(0)
    history: Duration | None = None
    splits: bool = False
    scope: str = ""
    map: Function = Field(
        None, description="Maps an object instead of `fields`, or what else it holds beside them."
    )
    read: Function = Field(None, description="Reads the stream instead of `path`.")
    extra: tuple[RecordName, ...] = Field((), description="Further records that they make.")
    children: Mapping[RecordName, str] = Field(
        {}, description="Those that the stream's record owns → the field with its id."
    )
    snapshots: tuple[RecordName, ...] = Field((), description="Those shown as they are today.")

    @model_validator(mode="after")
    def _require_parts(self) -> Self:
        if not self.path and self.read is None:
            raise ValueError('neither path nor read; add path = "/…"')
        if not self.fields and self.map is None and self.read is None:
            raise ValueError("maps nothing; add fields, map or read")
        if self.tables and self.map is None:
            raise ValueError("has tables that no expression can use; add map, or leave them out")
        if self.cursor and (self.parent or self.gone or self.until):
            raise ValueError("keeps one cursor, of one list; take out parent, gone and until")
        if (self.deleted or self.gone) and self.deletes not in ("feed", "flag"):
            raise ValueError('finds deleted records; add deletes = "flag" or "feed"')
        if self.deletes in ("feed", "flag") and not (self.deleted or self.gone or self.read):
            raise ValueError("announces deletions; add deleted or gone")
        return self


class ErrorRule(Part):
    """What an answer means where its status does not say it."""

    means: Literal["credential", "permission", "refused", "unreachable", "throttled"]
    status: int | None = None
    when: Expression | None = Field(None, description="True in the body.")
    remedy: str = ""

    @model_validator(mode="after")
    def _require_condition(self) -> Self:
        if self.status is None and self.when is None:
            raise ValueError("would match every answer; add status or when")
        return self


class Description(Part):
    """A connector."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str | None = None
    precedence: int | None = None
    concurrency: int = Field(2, ge=1)
    limits: tuple[Limit, ...] = ()
    names: ResponseNames = ResponseNames()
    settings: Mapping[str, Setting] = {}
    auth: Auth = NoAuth()
    headers: Mapping[str, Template] = Field({}, description="Sent with every request.")
    pages: Pages = SinglePage()
    errors: tuple[ErrorRule, ...] = ()
    streams: Mapping[str, StreamRule] = Field(min_length=1)

    @field_validator("settings")
    @classmethod
    def _refuse_own_names(cls, settings: Mapping[str, Setting]) -> Mapping[str, Setting]:
        for name in ("workspace", "section", "type"):
            if name in settings:
                raise ValueError(f"{name} is a name of the host's own; take another")
        return settings

    @model_validator(mode="after")
    def _require_cursors(self) -> Self:
        for name, rule in self.streams.items():
            pages = self.get_pages(rule)
            if rule.cursor and not (isinstance(pages, CursorPages) and pages.more):
                raise ValueError(
                    f'streams.{name}: cursor = "token" keeps the cursor of the last page; add pages'
                    ' of kind = "cursor" with more, which says that the list goes on'
                )
        return self

    def get_pages(self, listing: Listing) -> Any:
        """Return the paginator of a list.

        A key in the query is not a place, and never stored.
        """
        pages = self.pages if listing.pages is None else listing.pages
        if isinstance(self.auth, QueryAuth) and isinstance(pages, UrlPages):
            return pages.model_copy(update={"drop": (*pages.drop, self.auth.param)})
        return pages


def parse_description(tables: Mapping[str, Any], path: Path, text: str = "") -> Description:
    """Check a description.

    Raises:
        ConfigError: Names the file and, for every mistake, the key and the remedy.
    """
    try:
        return Description.model_validate(tables)
    except ValidationError as error:
        problems = convert_validation_error(error, Description, "", tables)
        raise_problems(problems, path, text, set())
        raise


def load_description(path: Path) -> Description:
    """Load a description from a TOML file.

    Raises:
        ConfigError: The file cannot be read, or is not a valid description.
    """
    try:
        text = path.read_text(encoding="utf-8")
        tables = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", "restore it") from None
    except (tomllib.TOMLDecodeError, UnicodeError) as error:
        raise ConfigError(f"{path.name} is not TOML: {error}", f"correct {path}") from None
    return parse_description(tables, path, text)


def find_function(function: Function, package: str) -> Any:
    """Return a function that a description names.

    Raises:
        ConfigError: There is none of that name.
    """
    if not isinstance(function, str):
        return function
    module, _, name = function.partition(":")
    package = getattr(sys.modules.get(package), "__package__", None) or package
    try:
        return getattr(import_module(module, package), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"{function!r} names no function: {error}", "write it as module:function"
        ) from None
