"""Settings of playbooks: the `[playbooks.NAME]` tables of the configuration."""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from cs_sync.follow_ups.templates import Template
from cs_sync.follow_ups.working_time import WorkingTime

Priority = Literal["low", "medium", "high"]
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_duration(text: object) -> object:
    """Parse `"90m"`, `"24h"`, `"2d"` or `"1w"` into a timedelta; return other types unchanged.

    Raises:
        ValueError: The text is no duration.
    """
    if isinstance(text, timedelta):
        return text
    match = re.fullmatch(r"(\d{1,4})\s*([mhdw])", text.strip()) if isinstance(text, str) else None
    if not match:
        raise ValueError(f'{text!r} is no duration; write "90m", "24h", "2d" or "1w"')
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
        ValueError: The text is no e-mail address.
    """
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text):
        raise ValueError(f"{text!r} is no e-mail address; write it as name@example.com")
    return text.lower()


Email = Annotated[str, AfterValidator(normalize_email)]


class PlaybookSettings(BaseModel):
    """The settings common to all playbooks; a playbook may add its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    due_in: Duration = Field(
        default=timedelta(hours=24), description="From the event itself, not from the sync."
    )
    priority: Priority = "medium"
    cool_down: Duration = Field(
        default=timedelta(0),
        description="How long an account has peace after a follow-up of this playbook.",
    )
    assignee: Email | None = Field(
        default=None, description="E-mail address of who gets them, instead of the owner."
    )
    holdout: float = Field(
        default=0.0, ge=0, lt=1, description="Share of accounts left alone, to compare with."
    )
    title: Template | None = Field(
        default=None, description='In your own words: "{account} ({mrr}): {title}".'
    )
    body: Template | None = Field(
        default=None, description="Likewise; {body} is what the playbook says itself."
    )


class FollowUpSettings(WorkingTime):
    """The `[follow_ups]` table: settings for the follow-ups of all playbooks."""

    daily_cap: int | None = Field(
        default=10,
        ge=1,
        description="New follow-ups a colleague gets per day; more wait, most money at risk first.",
    )
    assignee: Email | None = Field(
        default=None,
        description="E-mail address of who gets those of accounts without an owner, and those about"
        " the company as a whole.",
        examples=["head.of.cs@example.com"],
    )
    ignored_after: Duration = Field(
        default=timedelta(days=14),
        description="Overdue for so long, and touched by nobody: it was ignored.",
    )
    recovered_within: Duration = Field(
        default=timedelta(days=60),
        description="In how many days after a follow-up an account has to do better.",
    )


@dataclass(frozen=True, slots=True)
class SettingsProblem:
    """A problem in the tables: its key, message and remedy."""

    key: str
    message: str
    remedy: str


def read_settings(
    configured: Mapping[str, Any],
    defaults: Mapping[str, PlaybookSettings],
    unowned: Collection[str] = (),
) -> tuple[dict[str, PlaybookSettings], list[SettingsProblem]]:
    """Read the settings of every playbook, and all problems in the tables.

    Args:
        given: The `playbooks` table of the configuration.
        defaults: Name → default settings.
        unowned: Playbooks with follow-ups that have no owner; configuring one requires an
            assignee.

    Returns:
        Name → settings, and the problems.
    """
    mistakes = [
        SettingsProblem(
            f"playbooks.{name}", "there is no such playbook", _suggest_name(name, defaults)
        )
        for name in configured
        if name not in defaults
    ]
    settings = {}
    for name, default in defaults.items():
        parsed = _validate_settings(name, configured.get(name, {}), default)
        if not isinstance(parsed, PlaybookSettings):
            mistakes += parsed
            continue
        settings[name] = parsed
        if name in configured and name in unowned and parsed.enabled and parsed.assignee is None:
            mistakes.append(_report_missing_assignee(name))
    return settings, mistakes


def _report_missing_assignee(name: str) -> SettingsProblem:
    return SettingsProblem(
        f"playbooks.{name}.assignee",
        "is missing: these follow-ups belong to no account, and so to no owner",
        f'add assignee = "name@example.com" to [playbooks.{name}] or to [follow_ups]',
    )


def _validate_settings(
    name: str, configured: Any, default: PlaybookSettings
) -> PlaybookSettings | list[SettingsProblem]:
    if not isinstance(configured, Mapping):
        return [
            SettingsProblem(
                f"playbooks.{name}", "must be a table", f"write it as [playbooks.{name}]"
            )
        ]
    kind = type(default)
    try:
        return kind.model_validate({**default.model_dump(), **configured})
    except ValidationError as error:
        return [_to_problem(name, detail, kind) for detail in error.errors(include_url=False)]


def _to_problem(name: str, detail: Any, kind: type[PlaybookSettings]) -> SettingsProblem:
    key = ".".join(["playbooks", name, *map(str, detail["loc"])])
    if detail["type"] == "extra_forbidden":
        return SettingsProblem(
            key, "unknown key", _suggest_name(str(detail["loc"][-1]), kind.model_fields)
        )
    if detail["type"] == "missing":
        return SettingsProblem(key, "is missing", f"add {detail['loc'][-1]} = …")
    message, _, remedy = detail["msg"].removeprefix("Value error, ").partition("; ")
    return SettingsProblem(key, message, remedy or "correct the value")


def _suggest_name(word: str, candidates: Iterable[str]) -> str:
    names = list(candidates)
    close = difflib.get_close_matches(word, names, n=1)
    return f"did you mean {close[0]}?" if close else f"known here: {', '.join(names)}"
