"""What a metric is, and the scope for which it is asked."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Select

from cs_sync.metrics.as_known import as_known
from cs_sync.metrics.fx import Conversion
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import Period

MOST = 1_000_000
"""The largest number that a setting may be: dates cannot be reckoned with much more."""

Unit = Literal["ratio", "money_minor", "count", "score", "days", "seconds"]
Stage = Literal["onboarding", "retention", "expansion"]
Strategy = Literal["stability", "product-market fit", "profitability"]
Family = Literal["commercial", "engagement", "technical", "lead management", "customer ROI"]
Spread = Literal["none", "wilson", "ratio", "nps", "poisson", "log"]


@dataclass(frozen=True, slots=True)
class Scope:
    """For which periods, by which attributes, under which policy, as known when."""

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


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of customer success.

    `build` makes a statement for a scope. Its rows carry `period` (index into the scope's
    periods), `segment_0`, … (the scope's attributes), `dimension_0`, … (its own), `currency`
    (None where money plays no part), `numerator`, `denominator` (None where there is none) and
    `n`; with spread `ratio` also `xx`, `xy`, `yy`, with `nps` also `promoters` and `detractors`,
    with `poisson` also `events` and `variance` (None where every event weighs 1 ÷ denominator),
    with `log` also `variance` (of the value's logarithm; None where it is unknown).
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
    aliases: tuple[str, ...] = ()
    """What else people call it; it is found by these names, however they are written."""
    dimensions: tuple[str, ...] = ()
    """What it splits by of itself, such as the reason of churn; part of each row's segment."""

    adds_up: bool = False
    """Whether every number in its rows is a sum over accounts of what follows from the MRR of each
    by itself. Such rows are kept, and what accounts change is added and taken off."""

    splits: bool = True
    """Whether attributes of accounts can split it; what rests on company-wide costs cannot be."""

    def rests_on(self, scope: Scope) -> tuple[str, ...]:
        """The record tables that it rests on under a scope."""
        by_features = scope.active_features and "usage_day" in self.inputs
        return (*self.inputs, "feature_day") if by_features else self.inputs

    def narrowed(self, scope: Scope) -> Scope:
        """The scope as far as this metric follows it."""
        return scope if self.splits else replace(scope, by=())

    def settings_for(self, scope: Scope) -> Mapping[str, Any]:
        """Its settings under a scope; ValueError for one that it does not have."""
        given: Mapping[str, Any] = scope.settings.get(self.name, {})
        for key, value in given.items():
            if key not in self.settings:
                known = ", ".join(self.settings) or "none"
                raise ValueError(f"metric {self.name} has no setting {key!r}; it has: {known}")
            if wanted := self.wanted(key, value):
                raise ValueError(f"metric {self.name}: {key} must be {wanted}, not {value!r}")
        return {**self.settings, **given}

    def wanted(self, key: str, value: Any) -> str | None:
        """What a setting of its should be instead; None where the value will do."""
        default, choices = self.settings[key], self.choices.get(key)
        if choices is not None:
            return None if value in choices else f"one of {', '.join(choices)}"
        if isinstance(default, bool):
            return None if isinstance(value, bool) else "true or false"
        if isinstance(default, tuple):
            texts = isinstance(value, list | tuple) and all(isinstance(v, str) for v in value)
            return None if texts else "a list of texts"
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST:
            return f"a number from 0 to {MOST}"
        fraction = isinstance(default, int) and not isinstance(value, int)
        return "a whole number" if fraction else None

    def statement(self, scope: Scope) -> Select[Any]:
        """The statement for a scope; its rows are finished by `kpi.finish`."""
        statement = self.current(scope)
        return statement if scope.known_at is None else as_known(statement, scope.known_at)

    def current(self, scope: Scope) -> Select[Any]:
        """The statement where the tables show what was known at the scope's `known_at`."""
        return self.build(replace(self.narrowed(scope), settings=self.settings_for(scope)))

    def statements(self, scope: Scope) -> Iterator[tuple[int, Select[Any]]]:
        """The statements for a scope, and the index of the period that is each one's period 0."""
        return ((first, self.statement(part)) for first, part in self.parts(scope))

    def parts(self, scope: Scope) -> Iterator[tuple[int, Scope]]:
        """The scopes of its statements, and the index of the period that is each one's period 0.

        One for all periods; by attributes one for each, as accounts are counted in the segment in
        which the period's end finds them.
        """
        scope = self.narrowed(scope)
        if not scope.by:
            yield 0, scope
            return
        for index, period in enumerate(scope.periods):
            rates = scope.conversion and scope.conversion.only(index)
            yield index, replace(scope, periods=(period,), conversion=rates)
