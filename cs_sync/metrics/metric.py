"""Definition of a metric, and the scope of a query."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Select

from cs_sync.metrics.fx import Conversion
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import Period
from cs_sync.metrics.sql.time_travel import rewrite_as_of

MAX_SETTING = 1_000_000
"""The largest number that a setting may be: dates cannot be reckoned with much more."""

Unit = Literal["ratio", "money_minor", "count", "score", "days", "seconds"]
Stage = Literal["onboarding", "retention", "expansion"]
Strategy = Literal["stability", "product-market fit", "profitability"]
Family = Literal["commercial", "engagement", "technical", "lead management", "customer ROI"]
Spread = Literal["none", "wilson", "ratio", "nps", "poisson", "log"]


@dataclass(frozen=True, slots=True)
class Scope:
    """The periods, attributes, policy and knowledge time of a query."""

    periods: tuple[Period, ...]
    policy: MrrPolicy = field(default_factory=MrrPolicy)
    by: tuple[str, ...] = ()
    """Attributes of accounts; every combination of their values is a segment of its own."""
    closed: Mapping[date, datetime] = field(default_factory=dict)
    """Days on which a closed month was over, and when what was reported of it was known. Only the
    bridge looks at it."""
    known_at: datetime | None = None
    """Figures as one would have computed them then; None: as now."""
    observed_until: datetime | None = None
    """How far the facts reach; what needs later ones is provisional. None: far enough."""
    conversion: Conversion | None = None
    """Into which currency money is converted, and at which rates; None: none of it."""
    gross_margin: float | None = None
    """Share of revenue that is gross profit, for all that use it; None: by the costs of service."""
    active_features: tuple[str, ...] = ()
    """The features or events by which somebody is active; empty: by any use."""
    minimum_n: int = 5
    """Rates and scores over fewer are marked insufficient."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Per metric name the settings that differ from `Metric.settings`. While a metric builds its
    statement: its own settings, all of them."""
    shared_turns: tuple[datetime, ...] = ()
    """The turns of the MRR stocks that stand in the connection's temporary table, if any."""
    shared_edges: tuple[date, ...] = ()
    """The days between which use is summed up in the connection's temporary tables, if any."""
    shared_parts: bool = False
    """Whether relations that several metrics begin with stand in the connection's temporary tables:
    see `sql.shared_parts`."""

    def split_periods(self) -> "Iterator[Scope]":
        """Yield the scope of each period alone, with its rates."""
        for index, period in enumerate(self.periods):
            rates = self.conversion and self.conversion.only(index)
            yield replace(self, periods=(period,), conversion=rates)


@dataclass(frozen=True, slots=True)
class Metric:
    """A customer-success metric.

    `build` makes a statement for a scope. Its rows carry `period` (index into the scope's
    periods), `segment_0`, … (the scope's attributes), `dimension_0`, … (its own),
    `currency` (None without money), `numerator`, `denominator` (None if there is none) and
    `n`; with spread `ratio` also `xx`, `xy`, `yy`, with `nps` also `promoters` and
    `detractors`, with `poisson` also `events` and `variance` (None if every event weighs 1
    ÷ denominator), with `log` also `variance` (of the value's logarithm; None if unknown).
    """

    name: str
    title: str
    unit: Unit
    formula: str
    sources: tuple[str, ...]
    """Who defines it so: articles, vendors' pages, rules."""
    build: Callable[[Scope], Select[Any]]
    inputs: tuple[str, ...]
    """Record tables it rests on: it is stale when one of their streams failed."""
    stage: tuple[Stage, ...] = ()
    strategy: tuple[Strategy, ...] = ()
    family: Family = "commercial"
    settings: Mapping[str, Any] = field(default_factory=dict)
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What some of its settings can be; the others are of the kind of their default."""
    edge_cases: str = ""
    spread: Spread = "none"
    divides: bool = False
    """Whether it is a quotient, so that nothing to divide by leaves it undefined."""
    bounds: tuple[float, float] = (-math.inf, math.inf)
    """Between which values it can lie at all; its interval is cut there."""
    scale: int = 1
    """The value is numerator ÷ denominator × scale: 100 for NPS."""
    scaled_to: float | None = None
    """A rate of churn is scaled from the period to so many days (`scaling.scaled`)."""
    settles_after: str = ""
    """The setting that says in how many days after a period's end its value stops changing."""
    looks_back: str = ""
    """The setting that says how many months before a period's end it looks at MRR, too."""
    aliases: tuple[str, ...] = ()
    """What else people call it; it is found by these names, however they are written."""
    dimensions: tuple[str, ...] = ()
    """What it splits by of itself, such as the reason of churn; part of each row's segment."""

    splits: bool = True
    """Whether attributes of accounts can split it; what rests on company-wide costs cannot be."""

    def list_inputs(self, scope: Scope) -> tuple[str, ...]:
        """Return the record tables that the metric reads under a scope."""
        by_features = scope.active_features and "usage_day" in self.inputs
        return (*self.inputs, "feature_day") if by_features else self.inputs

    def restrict_scope(self, scope: Scope) -> Scope:
        """Return the scope without attributes the metric cannot be split by."""
        return scope if self.splits else replace(scope, by=())

    def resolve_settings(self, scope: Scope) -> Mapping[str, Any]:
        """Return the metric's settings under a scope.

        Raises:
            ValueError: A setting is unknown or invalid.
        """
        overrides: Mapping[str, Any] = scope.settings.get(self.name, {})
        for key, value in overrides.items():
            if key not in self.settings:
                allowed = ", ".join(self.settings) or "none"
                raise ValueError(f"metric {self.name} has no setting {key!r}; it has: {allowed}")
            if expected := self.describe_expected(key, value):
                raise ValueError(f"metric {self.name}: {key} must be {expected}, not {value!r}")
        return {**self.settings, **overrides}

    def describe_expected(self, key: str, value: Any) -> str | None:
        """Return a setting's expected kind; None for a valid value."""
        default, choices = self.settings[key], self.choices.get(key)
        if choices is not None:
            return None if value in choices else f"one of {', '.join(choices)}"
        if isinstance(default, bool):
            return None if isinstance(value, bool) else "true or false"
        if isinstance(default, tuple):
            texts = isinstance(value, list | tuple) and all(isinstance(v, str) for v in value)
            return None if texts else "a list of texts"
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not 0 <= value <= MAX_SETTING
        ):
            return f"a number from 0 to {MAX_SETTING}"
        fraction = isinstance(default, int) and not isinstance(value, int)
        return "a whole number" if fraction else None

    def build_statement(self, scope: Scope) -> Select[Any]:
        """Build the statement for a scope; `kpi.build_kpi_rows` converts its rows."""
        statement = self.build_current_statement(scope)
        return statement if scope.known_at is None else rewrite_as_of(statement, scope.known_at)

    def build_current_statement(self, scope: Scope) -> Select[Any]:
        """Build the statement over tables already as of the scope's `known_at`."""
        return self.build(
            replace(self.restrict_scope(scope), settings=self.resolve_settings(scope))
        )

    def build_statements(self, scope: Scope) -> Iterator[tuple[int, Select[Any]]]:
        """Build a scope's statements, each with the index of its period 0."""
        return ((first, self.build_statement(part)) for first, part in self.split_scope(scope))

    def split_scope(self, scope: Scope) -> Iterator[tuple[int, Scope]]:
        """Split a scope by statement.

        Each part comes with the index of its first period. One for all periods; with attributes one
        per period, as accounts count in their segment at the period's end.
        """
        scope = self.restrict_scope(scope)
        if scope.by:
            yield from enumerate(scope.split_periods())
        else:
            yield 0, scope
