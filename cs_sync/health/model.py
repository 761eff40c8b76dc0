"""The health model of a workspace: the validated `[health]` configuration section."""

import hashlib
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal

from pydantic import Field, PrivateAttr, ValidationError, field_validator, model_validator

from cs_sync.health.default_inputs import DEFAULT_INPUTS, USAGE, WEIGHTS_WITHOUT_USAGE
from cs_sync.health.profile_error import ProfileError
from cs_sync.health.signals.registry import get_signal
from cs_sync.settings import Settings

Point = tuple[float, float]
Band = Literal["red", "yellow", "green", "excellent"]


class InputConfig(Settings):
    """One input of the score, a `[health.inputs.NAME]` table."""

    weight: float = Field(
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
    bonus: bool = Field(
        default=False, description="Its points come on top of 100, and it is missed by nobody."
    )

    @field_validator("signal")
    @classmethod
    def _known(cls, signal: str) -> str:
        return get_signal(signal).name

    @model_validator(mode="after")
    def _monotone(self) -> "InputConfig":
        """Reject a map that turns around.

        More must always be better, or always worse.
        """
        better = get_signal(self.signal).better
        for (low, left), (high, right) in pairwise(self.points):
            if (better == "more" and right < left) or (better == "less" and right > left):
                verb = "fall" if better == "more" else "rise"
                raise ValueError(
                    f"points {verb} from {left:g} to {right:g} as {self.signal} grows from {low:g}"
                    f" to {high:g}, but {better} of it is better; turn the pairs around"
                )
        return self

    @field_validator("points")
    @classmethod
    def _ascending(cls, points: tuple[Point, ...]) -> tuple[Point, ...]:
        for (left, _), (right, _) in pairwise(points):
            if right <= left:
                raise ValueError(
                    f"values must ascend, but {right:g} follows {left:g}; sort the pairs by value"
                )
        return points


class BandEdges(Settings):
    """Lower edges of the bands on the unrounded score; a band ends where the next begins."""

    red: float = 0
    yellow: float = 41
    green: float = 71
    excellent: float = 101

    @model_validator(mode="after")
    def _apart(self) -> "BandEdges":
        edges = [(name, float(edge)) for name, edge in self.list_edges()]
        for (low, prev), (high, curr) in pairwise(edges):
            if curr <= prev:
                raise ValueError(
                    f"{high} = {curr:g} must be above {low} = {prev:g}; raise {high} or lower {low}"
                )
        return self

    def list_edges(self) -> list[tuple[Band, Fraction]]:
        """Return the bands with their lower edges, worst first."""
        names: tuple[Band, ...] = ("red", "yellow", "green", "excellent")
        return [(name, to_fraction(getattr(self, name))) for name in names]


class HealthProfile(Settings):
    """Another model for some accounts, a `[health.profiles.NAME]` table.

    It applies to accounts with the attributes of `when` and, with `first_days`, only in
    their first so many days. Its inputs override the workspace's as those override the
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
    def _for_some(self) -> "HealthProfile":
        if not self.when and self.first_days is None:
            raise ValueError("applies to nobody; say to whom with when = {…} or first_days = 90")
        return self

    def holds(self, attributes: Mapping[str, Any], age_days: int | None) -> bool:
        """Return whether the profile applies to an account.

        Args:
            attributes: The account's attributes.
            age_days: Days since its creation; an account of unknown age is not new.
        """
        if self.first_days is not None and (age_days is None or age_days >= self.first_days):
            return False
        return all(str(attributes.get(name)) == str(value) for name, value in self.when.items())


class HealthConfig(Settings):
    """Configuration of the health score.

    `weighted`: points of 0 to 100 per input, weighted by shares that total 100; a bonus comes
    on top. `points`: impact times frequency, summed without a ceiling. Weighted mode starts
    from the default inputs: a table overrides the one of its name or adds one; weight 0 removes
    one.
    """

    mode: Literal["weighted", "points"] = "weighted"
    minimum_coverage: float = Field(
        default=0.5, ge=0, le=1, description="Share of the weights that must be known."
    )
    inputs: Mapping[str, InputConfig] = Field(default_factory=dict, validate_default=True)
    bands: BandEdges = Field(default_factory=BandEdges)
    profiles: Mapping[str, HealthProfile] = Field(default_factory=dict)
    _models: dict[str, "HealthConfig"] = PrivateAttr(default_factory=dict)
    _left_out: tuple[str, ...] = PrivateAttr(default=())
    _digest: str = PrivateAttr(default="")
    _active: dict[str, InputConfig] | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _on_defaults(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or data.get("mode", "weighted") != "weighted":
            return data
        inputs = data.get("inputs", {})
        if not isinstance(inputs, Mapping):
            return data
        merged = {
            name: _merge_default(name, inputs.get(name, {})) for name in (*DEFAULT_INPUTS, *inputs)
        }
        return {**data, "inputs": merged}

    @model_validator(mode="after")
    def _sound(self) -> "HealthConfig":
        if self.mode == "weighted":
            self._check_weights()
        elif not self.active():
            raise ValueError("points mode has no default inputs; add [health.inputs.NAME] tables")
        elif any(config.bonus for config in self.active().values()):
            raise ValueError("bonus is for weighted mode: points have no ceiling; remove it")
        return self

    @model_validator(mode="after")
    def _profiled(self) -> "HealthConfig":
        """Validate the model of every profile like the workspace's."""
        own = self.model_dump(exclude={"profiles"})
        for name, profile in self.profiles.items():
            inputs = {
                n: _merge_input(own["inputs"].get(n, {}), override)
                for n, override in profile.inputs.items()
            }
            coverage = profile.minimum_coverage
            try:
                self._models[name] = HealthConfig.model_validate({
                    **own,
                    "inputs": {**own["inputs"], **inputs},
                    "minimum_coverage": self.minimum_coverage if coverage is None else coverage,
                })  # fmt: skip
            except ValidationError as error:
                raise ProfileError(name, error) from None
        return self

    def select_model(self, attributes: Mapping[str, Any], age_days: int | None) -> "HealthConfig":
        """Return the account's model: its first profile, else this one.

        Args:
            attributes: The account's attributes.
            age_days: Days since its creation; None if unknown.
        """
        for name, profile in self.profiles.items():
            if profile.holds(attributes, age_days):
                return self._models[name]
        return self

    def fit_sources(self, has_source: Callable[[str], bool]) -> "HealthConfig":
        """Return the model without inputs that no source provides.

        Without a source of use the default weights give way to those of billing and CRM;
        weights of your own stay as they are. A model that nothing would be left of stays
        whole: nothing was read yet.

        Args:
            has_source: Name of a signal → whether a source brings its records.
        """
        inputs = self._choose_inputs(has_source)
        left = {name: item for name, item in inputs.items() if has_source(item.signal)}
        if not any(item.weight and not item.bonus for item in left.values()):
            return self
        fitted = self.model_copy(update={"inputs": left})
        wanted = {n: i for some in (inputs, self.inputs) for n, i in some.items() if i.weight}
        absent = [name for name in self.inputs if name in wanted and name not in left]
        fitted._left_out, fitted._digest, fitted._active = tuple(absent), "", None
        fitted._models = {
            name: model.fit_sources(has_source) for name, model in self._models.items()
        }
        return fitted

    def _choose_inputs(self, has_source: Callable[[str], bool]) -> Mapping[str, InputConfig]:
        """Choose the inputs, with default weights where the sources exist.

        Else as given.
        """
        given = {name: item.weight for name, item in self.scored_inputs().items()}
        usual = {name: i["weight"] for name, i in DEFAULT_INPUTS.items() if not i.get("bonus")}
        as_usual = self.mode == "weighted" and given == {n: w for n, w in usual.items() if w}
        if not as_usual or has_source(self.inputs[USAGE].signal):
            return self.inputs
        return {
            name: item.model_copy(update={"weight": WEIGHTS_WITHOUT_USAGE.get(name, 0)})
            for name, item in self.inputs.items()
        }

    @property
    def left_out(self) -> tuple[str, ...]:
        """The inputs that left the model, as no source brings their records."""
        return self._left_out

    def _check_weights(self) -> None:
        total = sum((to_fraction(i.weight) for i in self.scored_inputs().values()), Fraction(0))
        for name, config in self.active().items():
            if config.weight < 0:
                raise ValueError(f"inputs.{name}.weight is negative; weights are shares of 100")
            if not config.points:
                raise ValueError(f"inputs.{name}.points is missing; give pairs [value, points]")
            if any(not 0 <= points <= 100 for _, points in config.points):
                raise ValueError(f"inputs.{name}.points must lie between 0 and 100")
        if total != 100:
            shares = ", ".join(f"{n} {i.weight:g}" for n, i in self.scored_inputs().items())
            raise ValueError(
                f"weights must total 100, these total {float(total):g} ({shares}); "
                f"{self._suggest_weights()}"
            )

    def _suggest_weights(self) -> str:
        """Suggest weights that total 100.

        Added inputs keep theirs, the others are scaled down.
        """
        weights = {name: to_fraction(i.weight) for name, i in self.scored_inputs().items()}
        usual = {name for name, default in DEFAULT_INPUTS.items() if default["weight"]}
        added = {name: w for name, w in weights.items() if name not in usual}
        room = 100 - sum(added.values())
        others = {name: w for name, w in weights.items() if name not in added}
        if room <= 0 or not others:
            others, room = weights, Fraction(100)
        scaled = {n: round(w * room / sum(others.values()), 2) for n, w in others.items()}
        largest = max(scaled, key=lambda name: scaled[name])
        scaled[largest] += room - sum(scaled.values())
        settings = ", ".join(f"inputs.{name}.weight = {float(w):g}" for name, w in scaled.items())
        return f"scale them: {settings}; or take an input out with weight = 0"

    def active(self) -> Mapping[str, InputConfig]:
        """Return the inputs with a weight."""
        if self._active is None:
            self._active = {name: item for name, item in self.inputs.items() if item.weight}
        return self._active

    def scored_inputs(self) -> dict[str, InputConfig]:
        """Return the inputs with a weight, without bonuses."""
        return {name: config for name, config in self.active().items() if not config.bonus}

    def list_signals(self) -> list[str]:
        """Return the signals to read, each once, also those of the profiles."""
        own = [config.signal for config in self.active().values()]
        others = [signal for model in self._models.values() for signal in model.list_signals()]
        return list(dict.fromkeys([*own, *others]))

    def digest(self) -> str:
        """Return a short hash of this model.

        It is stored with every score.
        """
        if not self._digest:
            content = self.model_dump_json(exclude={"profiles"})
            self._digest = hashlib.sha256(content.encode()).hexdigest()[:12]
        return self._digest

    def list_models(self) -> list["HealthConfig"]:
        """Return this model and those of its profiles."""
        return [self, *self._models.values()]


@lru_cache(maxsize=10_000)
def to_fraction(number: float) -> Fraction:
    """Convert a number exactly as written: 0.1 is one tenth."""
    return Fraction(Decimal(str(number)))


def _merge_default(name: str, override: Any) -> Any:
    """Merge a table over the default of its name."""
    return _merge_input(DEFAULT_INPUTS.get(name, {}), override)


def _merge_input(default: Mapping[str, Any], override: Any) -> Any:
    """Merge a table over another.

    Another signal does not inherit the first one's points.
    """
    if not isinstance(override, Mapping):
        return override
    if override.get("signal", default.get("signal")) != default.get("signal"):
        default = {key: value for key, value in default.items() if key in ("weight", "bonus")}
    return {**default, **override}
