"""How the fields of one kind of record are mapped: stated as data, checked before use."""

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, field_validator, model_validator
from sqlalchemy import BigInteger

from cs_sync.config.problems import suggest_nearest
from cs_sync.contracts.mapping import MappingError
from cs_sync.contracts.source import Row
from cs_sync.rest import conversions
from cs_sync.rest.conversions import MONEY, PLAIN, Conversion
from cs_sync.rest.expressions import (
    Expression,
    Template,
    evaluate_expression,
    fill_template,
    list_expressions,
)
from cs_sync.settings import Settings, flatten_types
from cs_sync_schemas import RECORDS, Record, get_table

RECORD_TYPES: Mapping[str, type[Record]] = {str(each.__tablename__): each for each in RECORDS}
_DECIMAL_MONEY = "unit_amount"


class FieldRule(Settings):
    """One field: a JMESPath alone, or one of `path`, `text` and `value` with what to make of it."""

    path: Expression | None = None
    text: Template | None = Field(None, description="A text with expressions in braces.")
    value: Any = Field(None, description="The same for every record.")
    convert: Conversion | None = Field(None, alias="as")
    map: Mapping[str, Any] = Field({}, description="The vendor's value → ours.")
    other: Any = Field(None, description="Ours for a value that `map` does not name.")
    zone: ZoneInfo | None = Field(None, description="Of times without an offset.")
    currency: Expression | None = Field(None, description="Finds the currency of `major` amounts.")
    required: bool = Field(default=False, description="A record without it is rejected.")

    @model_validator(mode="after")
    def _require_one_origin(self) -> Self:
        origins = [self.path, self.text, self.value]
        if sum(origin is not None for origin in origins) != 1:
            raise ValueError("gives no single origin; give one of path, text and value")
        if (self.convert == "major") != (self.currency is not None):
            raise ValueError('needs both or neither; as = "major" goes with currency')
        if self.other is not None and not self.map:
            raise ValueError("has other without map; list the known values in map")
        return self

    @property
    def expressions(self) -> list[str]:
        """The expressions by which it searches an object."""
        origins = [self.path] if self.path is not None else list_expressions(self.text)
        return [*origins, *([self.currency] if self.currency is not None else [])]

    def find(self, document: Any) -> Any:
        """Return the vendor's value; None without one."""
        if self.path is not None:
            return evaluate_expression(self.path, document)
        return fill_template(self.text, document) if self.text is not None else self.value


def _require_record(name: str) -> str:
    if name not in RECORD_TYPES:
        raise ValueError(f"{name!r} is not a record; {suggest_nearest(name, RECORD_TYPES)}")
    return name


RecordName = Annotated[str, AfterValidator(_require_record)]


class RecordRule(Settings):
    """The mapping of one kind of record."""

    record: RecordName
    fields: Mapping[str, FieldRule] = Field({}, description="Field → where its value is.")

    @field_validator("fields", mode="before")
    @classmethod
    def _from_paths(cls, fields: Any) -> Any:
        if not isinstance(fields, Mapping):
            return fields
        return {
            name: {"path": rule} if isinstance(rule, str) else rule for name, rule in fields.items()
        }

    @model_validator(mode="after")
    def _check_fields(self) -> Self:
        known = [name for name in self.type.model_fields if name not in Record.ENGINE_FIELDS]
        for name, rule in self.fields.items():
            if name not in known:
                raise ValueError(
                    f"{self.record} has no field {name}; {suggest_nearest(name, known)}"
                )
            if self._is_money(name) and rule.value is None and rule.convert not in MONEY:
                raise ValueError(
                    f'{name} is money in an unknown unit; add as = "minor", or as = "major" with'
                    " currency"
                )
        missing = [n for n in known if self.type.model_fields[n].is_required()]
        missing = [name for name in missing if self.fields and name not in self.fields]
        if missing:
            raise ValueError(
                f"{self.record} needs {', '.join(missing)}; add fields.{missing[0]} = …"
            )
        return self

    @property
    def type(self) -> type[Record]:
        """The record type."""
        return RECORD_TYPES[self.record]

    @cached_property
    def _defaults(self) -> Mapping[str, str]:
        """Conversions of ids and times, which have one form each."""
        types = {n: flatten_types(self.type.model_fields[n].annotation) for n in self.fields}
        ids = {name: "id" for name in self.fields if name.endswith("source_id")}
        return {name: "iso" for name, kinds in types.items() if datetime in kinds} | ids

    def make_row(self, document: Mapping[str, Any]) -> Row:
        """Return the row of a vendor's object.

        Raises:
            MappingError: A value cannot be converted; it names the field.
        """
        row = {name: self._make_value(name, document) for name in self.fields}
        if self.fields and row.get("source_id") is None:
            raise MappingError("no_id", f"{self.record} without {self._describe('source_id')}")
        return {name: value for name, value in row.items() if value is not None}

    def find_source_id(self, document: Any) -> str | None:
        """Return an object's id; None without a usable one."""
        try:
            value = self._make_value("source_id", document)
        except (MappingError, ValueError):
            return None
        return None if value is None else str(value)

    def _make_value(self, name: str, document: Any) -> Any:
        rule = self.fields[name]
        value = rule.find(document)
        if rule.map and value is not None:
            return self._translate(name, value)
        convert = rule.convert or self._defaults.get(name)
        if value is None or (value == "" and convert is not None):
            if rule.required:
                raise MappingError("missing_field", f"{self.record} without {self._describe(name)}")
            return None
        if rule.value is not None or convert is None:
            return _drop_nulls(value)
        try:
            return self._convert(name, value, convert, document)
        except MappingError as error:
            raise MappingError(error.code, f"{name}: {error}") from None

    def _translate(self, name: str, value: Any) -> Any:
        rule = self.fields[name]
        key = str(value).lower() if isinstance(value, bool) else str(value)
        if key in rule.map:
            return rule.map[key]
        if rule.other is None:
            known = ", ".join(rule.map)
            reason = f"{name}: {value!r} is not in its map ({known}); add it, or other"
            raise MappingError("unknown_value", reason)
        return rule.other

    def _convert(self, name: str, value: Any, convert: str, document: Any) -> Any:
        rule = self.fields[name]
        if convert == "iso":
            return conversions.convert_iso_time(value, rule.zone)
        if convert == "minor":
            return conversions.convert_minor_units(value, whole=name != _DECIMAL_MONEY)
        if convert == "major":
            currency = evaluate_expression(rule.currency or "", document)
            return conversions.convert_major_units(value, currency, whole=name != _DECIMAL_MONEY)
        return PLAIN[convert](value)

    def _is_money(self, name: str) -> bool:
        column = get_table(self.type).columns[name]
        return isinstance(column.type, BigInteger) or name == _DECIMAL_MONEY

    def _describe(self, name: str) -> str:
        """Return the field and where it was looked for."""
        rule = self.fields[name]
        origin = rule.path or rule.text
        return name if origin in (None, name) else f"{name} ({origin})"


def _drop_nulls(value: Any) -> Any:
    """Leave the unknown out of a table, such as attributes."""
    if not isinstance(value, dict):
        return value
    return {name: part for name, part in value.items() if part is not None}
