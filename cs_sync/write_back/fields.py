"""Our fields of CRM accounts, and the rules for when one has changed; pure."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from msgspec import Struct, field

from cs_sync.contracts.destination import FieldSpec, Kind, Value
from cs_sync.health.money_at_risk import BASES, RiskBasis
from cs_sync.i18n import ENGLISH, Translator

BANDS = ("red", "yellow", "green", "excellent", "insufficient")
"""In the order in which to show them."""
_CHOICES: Mapping[str, tuple[Sequence[str], str]] = {
    "health_band": (BANDS, "field.choice"),
    "priority_basis": (BASES, "priority_basis"),
}
"""Field → its choices, and where the catalogues name them."""

DEAD_BAND = {
    "health_score": 1.0,
    "health_change_30d": 1.0,
    "health_coverage": 0.05,
    "churn_probability": 0.01,
}
"""Smaller moves than these are noise in the CRM's history: they are not written."""
RELATIVE_DEAD_BAND = {"mrr": 0.005}
"""The same for amounts, as a share of what is shown: a cent of 9.00 counts more than of 9,000."""

COUPLED_FIELDS = {"health_band": "health_score", "mrr_currency": "mrr"}
"""Fields whose change writes another one, too, so that both always belong together."""

DEPENDENT_FIELDS = frozenset(
    {"churn_probability_at", "churn_outlook", "priority", "priority_basis", "updated_at"}
)
"""Once written only along with other fields: they follow from those, or say when they changed.

A text that is no longer true is taken back by itself.
"""
GROWING_FIELDS = frozenset({"health_history"})
"""They change for all accounts at once, by something new beside what is known."""
_EMPTY = frozenset({None, ""})


class AccountFields(Struct, frozen=True):
    """The values to show in the CRM for one account."""

    score: float | None
    band: str
    coverage: float
    reasons: Sequence[str]
    change_30d: float | None
    mrr: Mapping[str, float]
    """Currency → monthly recurring revenue in units of the currency, not in cents."""
    next_action: str | None
    """Empty when it is known that there is nothing to do."""
    updated_at: datetime
    churn_probability: float | None = None
    """None while no accepted model fits."""
    churn_outlook: str = ""
    """The probability in words; empty while no accepted model fits."""
    priority: float | None = None
    """The money at risk per month, in the currency of the MRR; None with several."""
    priority_basis: RiskBasis | None = None
    """What the priority rests on; None without one."""
    history: Mapping[str, float] = field(default_factory=dict)
    """Month → score at its end, oldest first."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Name of a source → URL of the account's record there."""


_KINDS: Mapping[str, Kind] = {
    "health_score": "number",
    "health_band": "choice",
    "health_reasons": "long_text",
    "health_change_30d": "number",
    "health_coverage": "number",
    "health_history": "long_text",
    "mrr": "number",
    "mrr_currency": "text",
    "churn_probability": "number",
    "churn_probability_at": "datetime",
    "churn_outlook": "text",
    "priority": "number",
    "priority_basis": "choice",
    "next_action": "text",
    "links": "long_text",
    "updated_at": "datetime",
}


def build_field_specs(prefix: str, words: Translator = ENGLISH) -> list[FieldSpec]:
    """Build the field definitions to create at the destination.

    Args:
        prefix: The prefix of our field names.
        words: The translator of labels, descriptions and choices.
    """
    choices = {
        name: tuple((code, words(f"{key}.{code}")) for code in codes)
        for name, (codes, key) in _CHOICES.items()
    }
    return [
        FieldSpec(
            prefix + name,
            words(f"field.{name}.label"),
            kind,
            words(f"field.{name}.description"),
            choices.get(name, ()),
        )
        for name, kind in _KINDS.items()
    ]


def build_field_values(portrait: AccountFields, prefix: str) -> dict[str, Value]:
    """Build the field values of one account.

    Args:
        portrait: The values to show.
        prefix: The prefix of our field names.

    Returns:
        Prefixed field name → value; None where it is unknown.
    """
    churn = portrait.churn_probability
    single = next(iter(portrait.mrr.items())) if len(portrait.mrr) == 1 else None
    values: dict[str, Value] = {
        "health_score": None if portrait.score is None else round(portrait.score, 1),
        "health_band": portrait.band,
        "health_reasons": "\n".join(portrait.reasons),
        "health_change_30d": None if portrait.change_30d is None else round(portrait.change_30d, 1),
        "health_coverage": round(portrait.coverage, 2),
        "health_history": _build_lines({m: f"{s:.0f}" for m, s in portrait.history.items()}),
        "mrr": single[1] if single else None,
        "mrr_currency": ", ".join(sorted(portrait.mrr)) or None,
        "churn_probability": None if churn is None else round(churn, 3),
        "churn_probability_at": None if churn is None else portrait.updated_at,
        "churn_outlook": portrait.churn_outlook,
        "priority": portrait.priority,
        "priority_basis": portrait.priority_basis,
        "next_action": portrait.next_action,
        "links": _build_lines(portrait.links),
        "updated_at": portrait.updated_at,
    }
    return {prefix + name: value for name, value in values.items()}


def _build_lines(values: Mapping[str, str]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in values.items())


def diff_fields(
    old: Mapping[str, Value],
    new: Mapping[str, Value],
    prefix: str,
    unsure: Collection[str] = (),
) -> dict[str, tuple[Value, Value]]:
    """Return the fields worth writing.

    Unknown values never overwrite known ones. An empty text clears an earlier value of
    ours; without one it is not written. A changed band also writes the score, and a changed
    currency the amount, however small their change. A dependent field is written by itself
    only where it has no value yet, or to clear it.

    Args:
        old: Field → the value last written.
        new: Field → the desired value.
        prefix: The prefix of our field names.
        unsure: Fields with an uncertain current value; they are always written.

    Returns:
        Field → (old, new).
    """
    differing: dict[str, tuple[Value, Value]] = {
        name: (old.get(name), value)
        for name, value in new.items()
        if value is not None
        if name.removeprefix(prefix) not in DEPENDENT_FIELDS or _EMPTY & {value, old.get(name)}
        if name in unsure or (old.get(name) != value and (old.get(name) is not None or value != ""))
    }
    taken_along = {COUPLED_FIELDS.get(name.removeprefix(prefix)) for name in differing}
    changed = {
        name: pair
        for name, pair in differing.items()
        if name.removeprefix(prefix) in taken_along
        or not _is_noise(name.removeprefix(prefix), *pair)
    }
    if changed:
        changed |= {
            name: (old.get(name), value)
            for name, value in new.items()
            if name.removeprefix(prefix) in DEPENDENT_FIELDS
            if value is not None and value != old.get(name)
            if value != "" or old.get(name) is not None
        }
    return changed


def is_same_attempt(before: Mapping[str, Value], now: Mapping[str, Value], prefix: str) -> bool:
    """Return whether two writes are equal within the dead bands.

    The earlier write comes from the ledger, which stores times as text.
    """

    def plain(fields: Mapping[str, Value]) -> dict[str, Value]:
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in fields.items()
            if value is not None and name.removeprefix(prefix) not in DEPENDENT_FIELDS
        }

    earlier, later = plain(before), plain(now)
    return earlier.keys() == later.keys() and not diff_fields(earlier, later, prefix)


def _is_noise(name: str, old: Value, new: Value) -> bool:
    if not (isinstance(old, int | float) and isinstance(new, int | float)):
        return False
    moved = abs(float(new) - float(old))
    return moved < DEAD_BAND.get(name, 0) or moved < RELATIVE_DEAD_BAND.get(name, 0) * abs(old)
