"""The fields of ours that the CRM's accounts get, and when one of them counts as changed; pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cs_sync.contracts.destination import FieldSpec, Kind, Value
from cs_sync.words import ENGLISH, Words

BANDS = ("red", "yellow", "green", "excellent", "insufficient")
"""In the order in which to show them."""

DEAD_BAND = {"health_score": 1.0, "health_change_30d": 1.0, "health_coverage": 0.05}
"""Smaller moves than these are noise in the CRM's history: they are not written."""
RELATIVE_DEAD_BAND = {"mrr": 0.005}
"""The same for amounts, as a share of what is shown: a cent of 9.00 counts more than of 9,000."""

TAKES_ALONG = {"health_band": "health_score", "mrr_currency": "mrr"}
"""Fields whose change writes another one, too, so that both always belong together."""

FOLLOWERS = frozenset({"updated_at"})
"""Written along with other fields, never on their own."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """What the CRM is to show of one account."""

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


_KINDS: Mapping[str, Kind] = {
    "health_score": "number",
    "health_band": "choice",
    "health_reasons": "long_text",
    "health_change_30d": "number",
    "health_coverage": "number",
    "mrr": "number",
    "mrr_currency": "text",
    "next_action": "text",
    "updated_at": "datetime",
}


def field_specs(prefix: str, words: Words = ENGLISH) -> list[FieldSpec]:
    """The fields as the destination has to create them, called by their names in a language."""
    choices = tuple((band, words(f"field.choice.{band}")) for band in BANDS)
    return [
        FieldSpec(
            prefix + name,
            words(f"field.{name}.label"),
            kind,
            words(f"field.{name}.description"),
            choices if kind == "choice" else (),
        )
        for name, kind in _KINDS.items()
    ]


def field_values(portrait: Portrait, prefix: str) -> dict[str, Value]:
    """The fields of one account; None is what is not known."""
    single = next(iter(portrait.mrr.items())) if len(portrait.mrr) == 1 else None
    values: dict[str, Value] = {
        "health_score": None if portrait.score is None else round(portrait.score, 1),
        "health_band": portrait.band,
        "health_reasons": "\n".join(portrait.reasons),
        "health_change_30d": None if portrait.change_30d is None else round(portrait.change_30d, 1),
        "health_coverage": round(portrait.coverage, 2),
        "mrr": single[1] if single else None,
        "mrr_currency": ", ".join(sorted(portrait.mrr)) or None,
        "next_action": portrait.next_action,
        "updated_at": portrait.updated_at,
    }
    return {prefix + name: value for name, value in values.items()}


def changes(
    old: Mapping[str, Value],
    new: Mapping[str, Value],
    prefix: str,
    unsure: Collection[str] = (),
) -> dict[str, tuple[Value, Value]]:
    """What is worth writing: field → (old, new). Unknown values are never written over known ones.

    An empty text takes back what we wrote before, and says nothing where nothing was written.
    Fields of which nobody is sure what they show are written in any case.
    A band that changes takes the score along, and a currency its amount, however little it moved.
    """
    differing: dict[str, tuple[Value, Value]] = {
        name: (old.get(name), value)
        for name, value in new.items()
        if value is not None and name.removeprefix(prefix) not in FOLLOWERS
        if name in unsure or (old.get(name) != value and (old.get(name) is not None or value != ""))
    }
    taken_along = {TAKES_ALONG.get(name.removeprefix(prefix)) for name in differing}
    kept = {
        name: pair
        for name, pair in differing.items()
        if name.removeprefix(prefix) in taken_along
        or not _is_noise(name.removeprefix(prefix), *pair)
    }
    if kept:
        followers = {prefix + name for name in FOLLOWERS} & new.keys()
        kept.update((name, (old.get(name), new[name])) for name in followers)
    return kept


def is_same_attempt(before: Mapping[str, Value], now: Mapping[str, Value], prefix: str) -> bool:
    """Whether two writes say the same: the same fields, with values that differ by noise only.

    The earlier one comes from the ledger, which keeps times as text.
    """

    def plain(fields: Mapping[str, Value]) -> dict[str, Value]:
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in fields.items()
            if value is not None and name.removeprefix(prefix) not in FOLLOWERS
        }

    one, other = plain(before), plain(now)
    return one.keys() == other.keys() and not changes(one, other, prefix)


def _is_noise(name: str, old: Value, new: Value) -> bool:
    if not (isinstance(old, int | float) and isinstance(new, int | float)):
        return False
    moved = abs(float(new) - float(old))
    return moved < DEAD_BAND.get(name, 0) or moved < RELATIVE_DEAD_BAND.get(name, 0) * abs(old)
