"""MRR policies: every choice on which billing tools differ, in one frozen object."""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from cs_sync.metrics.fx import FxRate
from cs_sync.settings import Settings

_VERSION = 1
"""Part of the hash: raise it when a default or the meaning of a switch changes."""

PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "stripe": {
        "repeating_discounts": False,
        "unpaid_trials": "counted",
        "running_trials": "excluded",
        "cancellation": "request",
        "switch_netting": "none",
        "churn_denominator": "start_plus_new",
        "churn_rate_without_churn": 0.0167,
    },
    "chartmogul": {
        "once_discounts": True,
        "unpaid": "counted",
        "switch_netting": "hour",
        "free_plan": "customer",
    },
    "profitwell": {
        "once_discounts": True,
        "draft_pause": "excluded",
        "came_and_left": "dropped",
    },
    "baremetrics": {
        "past_due_churn_days": 30,
        "unpaid": "counted",
        "net_churn_counts_reactivation": False,
    },
    "recurly": {
        "unpaid_trials": "counted",
        "unpaid": "counted",
        "draft_pause": "excluded",
        "proration": "invoiced",
        "renewal_grace_days": 30,
    },
}
"""Where a tool publishes how it differs from our default. Sources: Stripe's Billing analytics
glossary and support pages, ChartMogul's and Baremetrics' help centres, ProfitWell's and Recurly's
metric documentation; what they leave open keeps our default."""

PRESET_DIFFERENCES: dict[str, str] = {
    "stripe": "What it calls the impact of exchange is our row `fx`. Collection that is paused "
    "“can affect MRR”, without saying how.",
    "chartmogul": "It spreads invoice lines, we read subscriptions, so an account that is overdue "
    "counts until it is cancelled; its own automatic churn after 1 to 90 days is "
    "`past_due_churn_days`. Its rate of exchange is that of each service period's first day, ours "
    "one for all. It shows a lifetime value of 0 where nobody left, we none.",
    "profitwell": "How long its dunning window is depends on the account: `past_due_churn_days`. "
    "Its pages disagree on metered revenue; it stays in `usage_mrr`. Rates of exchange are those "
    "of each purchase there.",
    "baremetrics": "What it says of trials, pauses and weekly plans was not found.",
    "recurly": "It reads invoices: refunds of recurring lines lower its MRR and can not lower "
    "ours, which rests on what was agreed. An overdue account is kept, as its default is. Rates "
    "of exchange are those of each day there. Its month without MRR is 30 days here.",
}
"""What a preset does not follow, and why."""


class MrrPolicy(Settings):
    """The switches of MRR; equal switches give an equal `hash`, stored with every figure."""

    name: str = Field(default="default", description="The preset it derives from; not hashed.")
    zone: str = Field(default="UTC", description="Reporting zone: where a day begins.")

    weeks_per_year: int = Field(default=52, gt=0, description="Weekly prices: × 52/12 a month.")
    days_per_year: int = Field(default=365, gt=0, description="Daily prices: × 365/12 a month.")
    inclusive_tax: Literal["removed", "kept"] = Field(
        default="removed", description="Tax that is contained in a price."
    )
    proration: Literal["run_rate", "invoiced"] = Field(
        default="run_rate",
        description="What a change within a billing interval counts for until its end: the new "
        "price at once, or the share that is invoiced.",
    )
    usage_months: int = Field(
        default=3, ge=1, description="Metered revenue is not MRR; usage_mrr is its mean over these."
    )
    fx_rate: FxRate = Field(
        default="period_end",
        description="The day whose rates convert: the period's last, the last of the last whole "
        "month, or the first of the month.",
    )

    forever_discounts: bool = Field(
        default=True, description="Do discounts without an end lower MRR?"
    )
    repeating_discounts: bool = Field(
        default=True, description="Do discounts of some months, while they run?"
    )
    once_discounts: bool = Field(
        default=False, description="Do discounts of one invoice, for its interval?"
    )

    trials: Literal["excluded", "counted"] = Field(
        default="excluded", description="Subscriptions on trial."
    )
    unpaid_trials: Literal["excluded", "counted"] = Field(
        default="excluded",
        description="Trials that ended without a payment so far: they count from the first payment "
        "on, if ever; or from the trial's end, and leave as churn. Neither has converted.",
    )
    running_trials: Literal["excluded", "counted"] = Field(
        default="counted",
        description="Trials given to a running subscription that was paid for: a gift that counts "
        "on, as a discount of one invoice does, or a pause.",
    )
    free_plan: Literal["no_customer", "customer"] = Field(
        default="no_customer",
        description="Who subscribes for nothing: none, so that going there is churn and leaving it "
        "new or reactivation; or a customer, who contracts and expands.",
    )
    past_due_churn_days: int | None = Field(
        default=None, ge=0, description="Days after which an overdue account counts as lost."
    )
    unpaid: Literal["churn", "counted"] = Field(
        default="churn",
        description="Dunning has given up; the subscription is not cancelled. Churn when its next "
        "invoice would fall due, at the latest two months after it was due: no dunning is longer.",
    )
    pause: Literal["excluded", "counted"] = Field(
        default="excluded",
        description="Subscriptions whose collection is paused, invoices void or uncollectible.",
    )
    draft_pause: Literal["excluded", "counted"] = Field(
        default="counted",
        description="Subscriptions whose collection is paused, invoices kept as drafts.",
    )
    cancellation: Literal["period_end", "request", "paid_until"] = Field(
        default="period_end",
        description="When a cancelled subscription stops to count: when it ends, when that was "
        "asked for, or when the time is over that was paid for.",
    )
    renewal_grace_days: int = Field(
        default=0, ge=0, description="A gap of up to so many days is none: MRR runs on."
    )
    reactivation_within_days: int | None = Field(
        default=None, ge=0, description="After a longer gap MRR is new, and no reactivation."
    )
    switch_netting: Literal["day", "hour", "none"] = Field(
        default="day", description="Changes this close together are one change."
    )
    switch_within_hours: float | None = Field(
        default=None,
        ge=0,
        description="A subscription that ends and one that begins so close together are a switch "
        "of plans and no churn; without it as `switch_netting`: 24 hours, 1 or none.",
    )

    came_and_left: Literal["both", "dropped"] = Field(
        default="both",
        description="Who joins and leaves within a period: new and churn of it, or nothing. Never "
        "in a rate.",
    )
    churn_denominator: Literal["start", "start_plus_new"] = Field(
        default="start", description="What customers who left are divided by."
    )
    net_churn_counts_reactivation: bool = Field(
        default=True, description="Does it lower net MRR churn?"
    )
    churn_rate_without_churn: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Monthly rate for a lifetime value where nobody left; none: it is undefined.",
    )

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
        """Return the preset of that name with single switches overridden.

        Raises:
            ValueError: The name is unknown.
        """
        if name not in PRESETS:
            raise ValueError(f"unknown MRR policy {name!r}; known: {', '.join(PRESETS)}")
        return cls(**{"name": name, **PRESETS[name], **overrides})

    @property
    def switch_span(self) -> timedelta:
        """The longest time between a cancellation and its replacement."""
        netted = {"day": 24, "hour": 1, "none": 0}[self.switch_netting]
        hours = netted if self.switch_within_hours is None else self.switch_within_hours
        return timedelta(hours=hours)

    def are_one_change(self, earlier: datetime, later: datetime) -> bool:
        """Return whether a change and a later one are one change."""
        if self.switch_netting == "none":
            return earlier == later
        if self.switch_netting == "hour":
            return later - earlier <= timedelta(hours=1)
        zone = ZoneInfo(self.zone)
        return earlier.astimezone(zone).date() == later.astimezone(zone).date()

    @property
    def hash(self) -> str:
        """The hash of the non-default switches; new switches keep old hashes."""
        switches = self.model_dump(exclude={"name"}, exclude_defaults=True)
        text = json.dumps([_VERSION, switches], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]
