"""What counts as MRR: every choice on which billing tools differ, in one frozen object."""

import hashlib
import json
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

_VERSION = 1
"""Part of the hash: raise it when a default or the meaning of a switch changes."""

PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "stripe": {
        "repeating_discounts": False,
        "cancellation": "request",
        "switch_netting": "none",
        "churn_denominator": "start_plus_new",
    },
    "chartmogul": {"once_discounts": True, "unpaid": "counted", "switch_netting": "hour"},
    "profitwell": {"once_discounts": True, "draft_pause": "excluded"},
    "baremetrics": {"past_due_churn_days": 30, "net_churn_counts_reactivation": False},
    "recurly": {"unpaid": "counted", "draft_pause": "excluded"},
}
"""Where a tool publishes how it differs from our default. Sources: Stripe's Billing analytics
glossary and support pages, ChartMogul's and Baremetrics' help centres, ProfitWell's and Recurly's
metric documentation; what they leave open keeps our default."""


class MrrPolicy(BaseModel):
    """The switches of MRR; equal switches give an equal `hash`, which stands with every figure."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(default="default", description="The preset it derives from; not hashed.")
    zone: str = Field(default="UTC", description="Reporting zone: where a day begins.")

    weeks_per_year: int = Field(default=52, gt=0, description="Weekly prices: × 52/12 a month.")
    days_per_year: int = Field(default=365, gt=0, description="Daily prices: × 365/12 a month.")
    inclusive_tax: Literal["removed", "kept"] = "removed"

    forever_discounts: bool = Field(default=True, description="Do they lower MRR?")
    repeating_discounts: bool = Field(default=True, description="Do they, while they run?")
    once_discounts: bool = Field(default=False, description="Do they, for one interval?")

    trials: Literal["excluded", "counted"] = "excluded"
    past_due_churn_days: int | None = Field(
        default=None, ge=0, description="Days after which an overdue account counts as lost."
    )
    unpaid: Literal["churn", "counted"] = "churn"
    pause: Literal["excluded", "counted"] = Field(
        default="excluded", description="Collection paused, invoices void or uncollectible."
    )
    draft_pause: Literal["excluded", "counted"] = Field(
        default="counted", description="Collection paused, invoices kept as drafts."
    )
    cancellation: Literal["period_end", "request"] = Field(
        default="period_end", description="When a cancelled subscription stops to count."
    )
    switch_netting: Literal["day", "hour", "none"] = Field(
        default="day", description="Changes this close together are one change."
    )

    churn_denominator: Literal["start", "start_plus_new"] = "start"
    net_churn_counts_reactivation: bool = True

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(
                f"unknown time zone {value!r}; use an IANA name such as Europe/Warsaw"
            ) from error
        return value

    @classmethod
    def preset(cls, name: str, **overrides: Any) -> Self:
        """The policy of that name with single switches overridden; ValueError when unknown."""
        if name not in PRESETS:
            raise ValueError(f"unknown MRR policy {name!r}; known: {', '.join(PRESETS)}")
        return cls(**{"name": name, **PRESETS[name], **overrides})

    @property
    def hash(self) -> str:
        """Digest of the switches that differ from the default, so new switches keep old hashes."""
        switches = self.model_dump(exclude={"name"}, exclude_defaults=True)
        text = json.dumps([_VERSION, switches], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]
