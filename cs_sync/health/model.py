"""The health model of a workspace: the `[health]` section of the configuration, checked."""

import hashlib
from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from cs_sync.health.signals import signal_of

Point = tuple[float, float]
Band = Literal["red", "yellow", "green", "excellent"]

DEFAULT_INPUTS: dict[str, dict[str, Any]] = {
    "usage": {"weight": 40, "signal": "active_days_28", "points": [(0, 0), (10, 50), (20, 100)]},
    # An agreed end is not yet an unpaid bill, but it is red by itself.
    "billing": {"weight": 30, "signal": "billing_standing", "points": [(0, 0), (1, 25), (2, 100)]},
    "support": {"weight": 20, "signal": "tickets_30", "points": [(0, 100), (3, 0)]},
    # Its edges are those of the survey: 6 and less is red, 7 and 8 yellow, 9 and more green.
    "nps": {"weight": 10, "signal": "nps",
            "points": [(0, 0), (6, 30), (7, 50), (9, 85), (10, 100)]},
}  # fmt: skip
"""Usage 40, billing 30, support 20, NPS 10: the weights of the common weighted health score."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputConfig(_Section):
    """One input of the score, a `[health.inputs.NAME]` table."""

    weight: Annotated[float, Field(allow_inf_nan=False)] = Field(
        description="Weighted: its share of 100. Points: the impact of one unit; may be negative."
    )
    signal: str = Field(
        description="Name of the signal it is made of, or feature:NAME for one action."
    )
    points: tuple[Point, ...] = Field(
        default=(), description="Piecewise linear map, value → points; flat outside its ends."
    )
    max_age_days: int | None = Field(
        default=None, ge=1, description="Facts older than this are missing, not the last value."
    )

    @field_validator("signal")
    @classmethod
    def _known(cls, signal: str) -> str:
        return signal_of(signal).name

    @model_validator(mode="after")
    def _monotone(self) -> "InputConfig":
        """Where more is always better, or worse, a map that turns around is a slip."""
        better = signal_of(self.signal).better
        for (low, one), (high, other) in pairwise(self.points):
            if (better == "more" and other < one) or (better == "less" and other > one):
                verb = "fall" if better == "more" else "rise"
                raise ValueError(
                    f"points {verb} from {one:g} to {other:g} as {self.signal} grows from {low:g}"
                    f" to {high:g}, but {better} of it is better; turn the pairs around"
                )
        return self

    @field_validator("points")
    @classmethod
    def _ascending(cls, points: tuple[Point, ...]) -> tuple[Point, ...]:
        for (one, _), (other, _) in pairwise(points):
            if other <= one:
                raise ValueError(
                    f"values must ascend, but {other:g} follows {one:g}; sort the pairs by value"
                )
        return points


class BandEdges(_Section):
    """Lower edges of the bands on the unrounded score; a band ends where the next begins."""

    red: float = 0
    yellow: float = 41
    green: float = 71
    excellent: float = 101

    @model_validator(mode="after")
    def _apart(self) -> "BandEdges":
        edges = [(name, float(edge)) for name, edge in self.edges()]
        for (low, one), (high, other) in pairwise(edges):
            if other <= one:
                raise ValueError(
                    f"{high} = {other:g} must be above {low} = {one:g}; raise {high} or lower {low}"
                )
        return self

    def edges(self) -> list[tuple[Band, Fraction]]:
        """Bands and their lower edges, worst first."""
        names: tuple[Band, ...] = ("red", "yellow", "green", "excellent")
        return [(name, exact(getattr(self, name))) for name in names]

    def band_of(self, score: Fraction) -> Band:
        """The band of an unrounded score; below every edge it is the worst."""
        return next((name for name, edge in reversed(self.edges()) if score >= edge), "red")


class Profile(_Section):
    """Another model for some accounts, a `[health.profiles.NAME]` table.

    It holds for accounts whose attributes are those of `when`, and, with `first_days`, only in the
    first so many days after their creation. Its inputs change the workspace's as those change the
    defaults.
    """

    when: Mapping[str, str | int | float | bool] = Field(
        default_factory=dict, description='Attributes of accounts: {plan = "enterprise"}.'
    )
    first_days: int | None = Field(
        default=None, ge=1, description="Only in the first so many days of an account."
    )
    minimum_coverage: float | None = Field(default=None, ge=0, le=1)
    inputs: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _for_some(self) -> "Profile":
        if not self.when and self.first_days is None:
            raise ValueError("holds for nobody; say for whom with when = {…} or first_days = 90")
        return self

    def holds(self, attributes: Mapping[str, Any], age_days: int | None) -> bool:
        """Whether it is the model of an account; one of unknown age is not a new one."""
        if self.first_days is not None and (age_days is None or age_days >= self.first_days):
            return False
        return all(str(attributes.get(name)) == str(value) for name, value in self.when.items())


class HealthConfig(_Section):
    """How health is scored.

    `weighted`: points of 0 to 100 per input, weighted by shares that total 100. `points`: impact
    times frequency, summed without a ceiling. Weighted mode starts from the default inputs: a
    table changes the one of its name or adds one, and weight 0 takes one out.
    """

    mode: Literal["weighted", "points"] = "weighted"
    minimum_coverage: float = Field(
        default=0.5, ge=0, le=1, description="Share of the weights that must be known."
    )
    inputs: Mapping[str, InputConfig] = Field(default_factory=dict, validate_default=True)
    bands: BandEdges = Field(default_factory=BandEdges)
    profiles: Mapping[str, Profile] = Field(default_factory=dict)
    _models: dict[str, "HealthConfig"] = PrivateAttr(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _on_defaults(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or given.get("mode", "weighted") != "weighted":
            return given
        inputs = given.get("inputs", {})
        if not isinstance(inputs, Mapping):
            return given
        merged = {name: _merged(name, inputs.get(name, {})) for name in (*DEFAULT_INPUTS, *inputs)}
        return {**given, "inputs": merged}

    @model_validator(mode="after")
    def _sound(self) -> "HealthConfig":
        if self.mode == "weighted":
            self._check_weighted()
        elif not self.active():
            raise ValueError("points mode has no default inputs; add [health.inputs.NAME] tables")
        return self

    @model_validator(mode="after")
    def _profiled(self) -> "HealthConfig":
        """Every profile's own model is checked like the workspace's."""
        own = self.model_dump(exclude={"profiles"})
        for name, profile in self.profiles.items():
            inputs = {
                n: _on(own["inputs"].get(n, {}), given) for n, given in profile.inputs.items()
            }
            coverage = profile.minimum_coverage
            try:
                self._models[name] = HealthConfig.model_validate({
                    **own,
                    "inputs": {**own["inputs"], **inputs},
                    "minimum_coverage": self.minimum_coverage if coverage is None else coverage,
                })  # fmt: skip
            except ValidationError as error:
                detail = error.errors(include_url=False, include_input=False)[0]
                where = ".".join(["profiles", name, *map(str, detail["loc"])])
                raise ValueError(
                    f"{where}: {detail['msg'].removeprefix('Value error, ')}"
                ) from None
        return self

    def model_for(self, attributes: Mapping[str, Any], age_days: int | None) -> "HealthConfig":
        """The model of an account: of the first profile that holds for it, else this one."""
        for name, profile in self.profiles.items():
            if profile.holds(attributes, age_days):
                return self._models[name]
        return self

    def _check_weighted(self) -> None:
        total = sum((exact(i.weight) for i in self.active().values()), Fraction(0))
        for name, config in self.active().items():
            if config.weight < 0:
                raise ValueError(f"inputs.{name}.weight is negative; weights are shares of 100")
            if not config.points:
                raise ValueError(f"inputs.{name}.points is missing; give pairs [value, points]")
            if any(not 0 <= points <= 100 for _, points in config.points):
                raise ValueError(f"inputs.{name}.points must lie between 0 and 100")
        if total != 100:
            shares = ", ".join(f"{n} {i.weight:g}" for n, i in self.active().items())
            raise ValueError(
                f"weights must total 100, these total {float(total):g} ({shares}); {self._scaled()}"
            )

    def _scaled(self) -> str:
        """How to make the weights total 100: the added inputs keep theirs, the others give way."""
        weights = {name: exact(config.weight) for name, config in self.active().items()}
        added = {name: w for name, w in weights.items() if name not in DEFAULT_INPUTS}
        room = 100 - sum(added.values())
        others = {name: w for name, w in weights.items() if name not in added}
        if room <= 0 or not others:
            others, room = weights, Fraction(100)
        scaled = {n: round(w * room / sum(others.values()), 2) for n, w in others.items()}
        largest = max(scaled, key=lambda name: scaled[name])
        scaled[largest] += room - sum(scaled.values())
        said = ", ".join(f"inputs.{name}.weight = {float(w):g}" for name, w in scaled.items())
        return f"scale them: {said}; or take an input out with weight = 0"

    def active(self) -> dict[str, InputConfig]:
        """The inputs that count."""
        return {name: config for name, config in self.inputs.items() if config.weight}

    def signals(self) -> list[str]:
        """The signals that must be read, each once."""
        own = [config.signal for config in self.active().values()]
        others = [signal for model in self._models.values() for signal in model.signals()]
        return list(dict.fromkeys([*own, *others]))

    def digest(self) -> str:
        """A short name of this very model, stored with every score."""
        said = self.model_dump_json(exclude={"profiles"})
        return hashlib.sha256(said.encode()).hexdigest()[:12]


def exact(number: float) -> Fraction:
    """The number as it is written, so that 0.1 is a tenth."""
    return Fraction(str(number))


def _merged(name: str, given: Any) -> Any:
    """A table on top of the default of its name."""
    return _on(DEFAULT_INPUTS.get(name, {}), given)


def _on(default: Mapping[str, Any], given: Any) -> Any:
    """A table on top of another; another signal does not inherit the points of the first."""
    if not isinstance(given, Mapping):
        return given
    if given.get("signal", default.get("signal")) != default.get("signal"):
        default = {key: value for key, value in default.items() if key == "weight"}
    return {**default, **given}
