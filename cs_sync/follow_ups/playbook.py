"""Definition of a playbook."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from cs_sync.follow_ups.company import Question
from cs_sync.follow_ups.settings import PlaybookSettings, Priority
from cs_sync.follow_ups.view import AccountView

Kind = Literal["call", "email", "todo"]
Audience = Literal["user", "decider", "payer"]
"""Whom a follow-up is for: who uses it most, who decides, or who pays the invoices."""
Condition = Callable[[AccountView], bool]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A follow-up proposed for one occasion.

    `occasion` identifies the event, so that it is proposed once. It must stay the same for
    the same event, also after a loss of the database. `of_record` marks an occasion that
    names one record of a source (an answer, a subscription): it is one follow-up, whatever
    account the record belongs to. `since` is when the clock started (UTC); the follow-up is
    due `due_in` later. An event before the connection of its source makes no follow-up;
    with `ongoing` the cause still holds, whenever it began. Title and body are plain text,
    `body` says why in a sentence, `advice` what to say. `evidence` are flat JSON objects:
    new evidence with an `id` becomes a note with its `text` while the follow-up is open.
    `stake` is the money per month in question, in currency units; by default the account's
    money at risk. `priority` overrides the settings for an especially urgent proposal.
    `contact` is the id of the person to speak to; without one, `audience` chooses.
    """

    occasion: str
    since: datetime
    title: str
    body: str
    kind: Kind = "todo"
    evidence: tuple[Mapping[str, Any], ...] = ()
    priority: Priority | None = None
    of_record: bool = False
    ongoing: bool = False
    advice: tuple[str, ...] = ()
    stake: float | None = None
    contact: str | None = None
    audience: Audience = "user"


def _request_no_kpis(_settings: Any) -> Iterable[Question]:
    return ()


@dataclass(frozen=True, slots=True)
class Playbook:
    """A rule that proposes follow-ups for an account or the company.

    `propose` gets the account and the playbook's settings, of the type of `defaults`.
    `resolved` returns the reason why an open follow-up is no longer needed, else None. A
    playbook of scope `company` gets a CompanyView with the KPIs it `asks` for; its
    follow-ups go to one person. While one of the conditions of `unless` holds, it proposes
    nothing.
    """

    name: str
    title: str
    description: str
    propose: Callable[[Any, Any], Iterable[Proposal]]
    defaults: PlaybookSettings = field(default_factory=PlaybookSettings)
    resolved: Callable[[AccountView, str, Any], str | None] | None = None
    scope: Literal["account", "company"] = "account"
    asks: Callable[[Any], Iterable[Question]] = _request_no_kpis
    unless: tuple[Condition, ...] = ()
