"""Inputs of the model: ratios, changes and ages as known at a month end."""

import hashlib
import math
from collections.abc import Collection
from typing import Literal

from msgspec import Struct

from cs_sync.foresight.observations import TENURE

SCORE = "score"
"""The value of an observation that is its health score."""

CONTACT = "days_since_contact"
"""The input that needs the past of the CRM: without it, it is refused."""

DEFINITION = 1
"""Counts up when any input means something else: models fitted before are not used then."""


class Input(Struct, frozen=True):
    """An input: a value of an observation, limited to a range and put on a scale."""

    name: str
    low: float = -math.inf
    high: float = math.inf
    scale: Literal["plain", "log1p", "log2"] = "plain"


INPUTS = (
    Input("days_since_use", 0, 365, "log1p"),
    Input("usage_trend_28", 1 / 8, 8, "log2"),
    Input(TENURE, 0, 240, "log1p"),
    Input("mrr_change_90", 1 / 8, 8, "log2"),
    Input("active_days_28", 0, 28),
    Input("tickets_30", 0, 100, "log1p"),
    Input("nps", 0, 10),
    Input("csat_90", 0, 1),
)
"""At most eight, the ones to keep first: a change counts by its doublings and halvings."""
ALL_INPUTS = (*INPUTS, Input(CONTACT, 0, 365, "log1p"))
"""Those that need the past of the CRM, too."""

REFUSED = {
    "billing_standing": "an end that is set and an unpaid invoice are the leaving itself",
    "days_to_renewal": "a term that does not go on is the leaving itself",
    "late_payments_365": "an invoice's status is that of now, not of then",
    CONTACT: "the CRM tells only the last contact, which replaces the earlier ones",
    "seat_use_28": "of seats only the last state is kept",
    "open_tickets": "a ticket's status wins over its times, and is that of now",
}
"""Signal → why no model may use it: each can know what came after its day."""


def transform_value(item: Input, value: float | None) -> float | None:
    """Put a value on the scale of its input; unknown stays unknown."""
    if value is None:
        return None
    limited = min(max(value, item.low), item.high)
    if item.scale == "plain":
        return limited
    return math.log1p(limited) if item.scale == "log1p" else math.log2(limited)


def find_input(name: str) -> Input:
    """Return the input of a value's name, else a plain one."""
    return next((item for item in ALL_INPUTS if item.name == name), Input(name))


def name_definition(active_features: Collection[str]) -> str:
    """Name what a model's inputs rest on, as stored with it.

    Args:
        active_features: The features that make somebody active; empty means any use.
    """
    if not active_features:
        return f"inputs-{DEFINITION}"
    features = "\n".join(sorted(active_features))
    return f"inputs-{DEFINITION}-{hashlib.sha256(features.encode()).hexdigest()[:12]}"
