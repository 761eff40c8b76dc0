"""Settings of playbooks: the `[playbooks.NAME]` tables of the configuration."""

import re
from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from cs_sync.follow_ups.templates import Template
from cs_sync.follow_ups.working_time import WorkingTime
from cs_sync.settings import Settings

Priority = Literal["low", "medium", "high"]
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_duration(text: object) -> object:
    """Parse a duration such as `"90m"`, `"24h"`, `"2d"` or `"1w"`.

    Other types are returned unchanged.

    Raises:
        ValueError: The text is not a duration.
    """
    if isinstance(text, timedelta):
        return text
    match = re.fullmatch(r"(\d{1,4})\s*([mhdw])", text.strip()) if isinstance(text, str) else None
    if not match:
        raise ValueError(f'{text!r} is not a duration; write "90m", "24h", "2d" or "1w"')
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def format_duration(span: timedelta) -> str:
    """Format a timedelta as written in the configuration file: `24h`, `5d`, `90m`."""
    hours = span / timedelta(hours=1)
    if not hours.is_integer():
        return f"{span // timedelta(minutes=1)}m"
    return f"{hours:g}h" if hours % 24 or hours == 24 else f"{hours / 24:g}d"


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]


def normalize_email(text: str) -> str:
    """Return an e-mail address in lower case.

    Raises:
        ValueError: The text is not an e-mail address.
    """
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text):
        raise ValueError(f"{text!r} is not an e-mail address; write it as name@example.com")
    return text.lower()


Email = Annotated[str, AfterValidator(normalize_email)]


class PlaybookSettings(Settings):
    """The settings common to all playbooks; a playbook may add its own."""

    enabled: bool = True
    due_in: Duration = Field(
        default=timedelta(hours=24), description="From the event itself, not from the sync."
    )
    priority: Priority = Field(
        default="medium", description="The highest; less where little money is at risk."
    )
    cool_down: Duration = Field(
        default=timedelta(0),
        description="Cool-down period of an account after a follow-up of this playbook.",
    )
    assignee: Email | None = Field(
        default=None, description="E-mail address of the assignee, instead of the owner."
    )
    holdout: float = Field(
        default=0.0, ge=0, lt=1, description="Share of accounts left alone, for comparison."
    )
    title: Template | None = Field(
        default=None, description='In your own words: "{account} ({mrr}): {title}".'
    )
    body: Template | None = Field(
        default=None, description="Likewise; {body} is what the playbook says itself."
    )


class FollowUpSettings(WorkingTime):
    """The `[follow_ups]` table: settings for the follow-ups of all playbooks."""

    start: date | None = Field(
        default=None,
        description="Events before it make no follow-up; none: before the first sync of their"
        " source.",
        examples=[date(2026, 12, 1)],
    )
    daily_cap: int | None = Field(
        default=10,
        ge=1,
        description="New tasks per colleague and day, most money at risk first; others wait.",
    )
    assignee: Email | None = Field(
        default=None,
        description="E-mail address of who gets those of accounts without an owner, and those about"
        " the company as a whole.",
        examples=["head.of.cs@example.com"],
    )
    high_from: float | None = Field(
        default=None,
        gt=0,
        description="Money per month from which a follow-up keeps its priority; none: half"
        " the customers' median MRR.",
        examples=[500],
    )
    low_below: float | None = Field(
        default=None,
        ge=0,
        description="Money per month below which its priority falls twice; none: a fifth"
        " of the customers' median MRR.",
        examples=[100],
    )
    ignored_after: Duration = Field(
        default=timedelta(days=14),
        description="Overdue for this long with no activity counts as ignored.",
    )
    recovered_within: Duration = Field(
        default=timedelta(days=60),
        description="Days after a follow-up in which an account has to do better.",
    )
