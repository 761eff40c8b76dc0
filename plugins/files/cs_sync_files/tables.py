"""The tables that files may hold: their records and the names of their columns."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import cs_sync_schemas as schema
from cs_sync_files.cell_places import Place, make_picker
from cs_sync_files.layouts import ColumnMap, FileLayout, normalize_column
from cs_sync_schemas import Record

ATTRIBUTE = "attr."
"""Prefix of the columns of `accounts` that become attributes."""

SHORT_NAMES = {
    "account": "account_source_id",
    "contact": "contact_source_id",
    "requester": "contact_source_id",
    "subscription": "subscription_source_id",
    "subscription_item": "subscription_item_source_id",
    "item": "subscription_item_source_id",
    "invoice": "invoice_source_id",
    "owner": "owner_source_id",
}
"""Column names that stand for a reference's full name."""

TARGETS = {
    "account_source_id": "accounts",
    "contact_source_id": "contacts",
    "subscription_source_id": "subscriptions",
    "subscription_item_source_id": "subscription_items",
    "invoice_source_id": "invoices",
    "owner_source_id": "owners",
    "product": "products",
}
"""Field that refers → table that must hold the id."""


@dataclass(frozen=True)
class Table:
    """One table; rows without `source_id` are identified by their `identity` fields.

    `layout` says how its files are written, `columns` where its fields come from; without them a
    column is called like its field.
    """

    name: str
    record: type[Record]
    identity: tuple[str, ...] = ()
    layout: FileLayout = field(default_factory=FileLayout)
    columns: Mapping[str, ColumnMap] = field(default_factory=dict)
    is_expected: bool = False
    """Whether the configuration names its file, which then has to be in the folder."""

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The fields that a row may give, in the schema's order."""
        engine = self.record.ENGINE_FIELDS
        return tuple(name for name in self.record.model_fields if name not in engine)

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The fields that a row must give, beside defaults and derived ids."""
        facts = self.record.model_fields
        return tuple(name for name in self.fields if facts[name].is_required())

    def missing(self, present: Set[str | None]) -> list[str]:
        """Return the required fields that are neither given nor derived."""
        derived = {"valid_from"} | ({"source_id"} if self.identity else set())
        return [name for name in self.required if name not in present and name not in derived]

    @cached_property
    def references(self) -> tuple[str, ...]:
        """The fields with the id of a row in another file."""
        return tuple(name for name in self.fields if name in TARGETS)

    @property
    def is_mapped(self) -> bool:
        """Whether a map says which column is which field."""
        return bool(self.columns)

    def find_column_field(self, column: str) -> str | None:
        """Return the field that a column is called like, if any."""
        field = SHORT_NAMES.get(column, column)
        return field if field in self.fields else None

    def find_fields(self, columns: Sequence[str]) -> dict[str, str]:
        """Return the fields that these columns give, each with its column.

        A constant has the column `""`.
        """
        if not self.is_mapped:
            fields = ((self.find_column_field(column), column) for column in columns)
            return {name: column for name, column in fields if name is not None}
        places = {name: self.find_place(columns, name) for name in self.columns}
        return {
            name: _name_place(columns, place) for name, place in places.items() if place is not None
        }

    def find_place(self, columns: Sequence[str], name: str) -> Place:
        """Return where a row of these columns has a field."""
        if not self.is_mapped:
            fields = list(map(self.find_column_field, columns))
            return fields.index(name) if name in fields else None
        spec = self.columns.get(name)
        if spec is None or spec.constant == "":
            return None
        if spec.constant is not None:
            return spec.constant
        folded = list(map(normalize_column, columns))
        if spec.columns:
            places = [
                folded.index(wanted)
                for wanted in map(normalize_column, spec.columns)
                if wanted in folded
            ]
            return (spec.join, tuple(places)) if len(places) == len(spec.columns) else None
        wanted = (normalize_column(column) for column in spec.column)
        return next((folded.index(column) for column in wanted if column in folded), None)

    def find_used_columns(self, columns: Sequence[str]) -> list[int]:
        """Return the indices of the columns that a map names, patterns apart."""
        places = [self.find_place(columns, name) for name in self.columns if "*" not in name]
        single = [place for place in places if isinstance(place, int)]
        return single + [at for place in places if isinstance(place, tuple) for at in place[1]]

    def make_picker(
        self, columns: Sequence[str], names: Sequence[str]
    ) -> Callable[[Sequence[Any]], Sequence[Any]]:
        """Return what picks some fields' cells; None for absent ones."""
        pick = make_picker([self.find_place(columns, name) for name in names], len(columns))
        if not self.is_mapped:
            return pick
        specs = [self.columns.get(name) for name in names]
        return lambda cells: [
            self._read_cell(spec, cell) for spec, cell in zip(specs, pick(cells), strict=True)
        ]

    def clean_cell(self, spec: ColumnMap | None, cell: Any) -> Any:
        """Return what a cell says; None where it says nothing.

        Raises:
            ValueError: It is not a value that its map names.
        """
        if isinstance(cell, str):
            cell = cell.strip()
            if not cell or cell.casefold() in self._empty:
                return None
        if spec is None or cell is None or not spec.values:
            return cell
        return spec.translate_text(str(cell)) or None

    def _read_cell(self, spec: ColumnMap | None, cell: Any) -> Any:
        try:
            return self.clean_cell(spec, cell)
        except ValueError:
            return None

    @cached_property
    def _empty(self) -> frozenset[str]:
        return frozenset(text.strip().casefold() for text in self.layout.empty)


def _name_place(columns: Sequence[str], place: Place) -> str:
    """Return the name of the column or columns at a place."""
    if isinstance(place, int):
        return columns[place]
    return " + ".join(columns[at] for at in place[1]) if isinstance(place, tuple) else ""


TABLES = (
    Table("owners", schema.Owner),
    Table("accounts", schema.SourceAccount),
    Table("account_changes", schema.AccountChange, ("account_source_id", "field", "happened_at")),
    Table("contacts", schema.SourceContact),
    Table("memberships", schema.Membership, ("contact_source_id", "account_source_id")),
    Table("products", schema.Product),
    Table("subscriptions", schema.Subscription),
    Table("subscription_items", schema.SubscriptionItem),
    Table("discounts", schema.Discount),
    Table("invoices", schema.Invoice),
    Table("invoice_lines", schema.InvoiceLine),
    Table("refunds", schema.Refund),
    Table("tickets", schema.Ticket),
    Table(
        "survey_responses",
        schema.SurveyResponse,
        ("kind", "survey", "account_source_id", "contact_source_id", "answered_at"),
    ),
    Table("usage_days", schema.UsageDay, ("day", "account_source_id", "contact_source_id")),
    Table(
        "feature_days",
        schema.FeatureDay,
        ("day", "account_source_id", "feature", "contact_source_id"),
    ),
    Table("onboarding_steps", schema.OnboardingStep, ("account_source_id", "checklist", "step")),
    Table("referrals", schema.Referral, ("account_source_id", "referred", "referred_at")),
    Table("costs", schema.Cost, ("month", "purpose", "line", "currency")),
    Table("fx_rates", schema.FxRate, ("day", "base", "quote")),
    Table("funnel_days", schema.FunnelDay, ("day", "goal")),
    Table("quality_days", schema.QualityDay, ("day",)),
)
"""Every table, with what others refer to first."""

BY_NAME = {table.name: table for table in TABLES}
