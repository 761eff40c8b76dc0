"""Definition of a playbook."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from cs_sync.follow_ups.company import Question
from cs_sync.follow_ups.settings import PlaybookSettings, Priority
from cs_sync.follow_ups.view import AccountView

Kind = Literal["call", "email", "todo"]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A follow-up proposed for one occasion.

    `occasion` identifies the event, so that it is proposed once. It must stay the same for
    the same event, also after a loss of the database. `of_record` marks an occasion that
    names one record of a source (an answer, a subscription): it is one follow-up, whatever
    account the record belongs to. `since` is when the clock started (UTC); the follow-up is
    due `due_in` later. Title and body are plain text, `evidence` flat JSON objects: new
    evidence with an `id` becomes a note with its `text` while the follow-up is open.
    `priority` overrides the settings for an especially urgent proposal.
    """

    occasion: str
    since: datetime
    title: str
    body: str
    kind: Kind = "todo"
    evidence: tuple[Mapping[str, Any], ...] = ()
    priority: Priority | None = None
    of_record: bool = False


def _request_no_kpis(_settings: Any) -> Iterable[Question]:
    return ()


@dataclass(frozen=True, slots=True)
class Playbook:
    """A rule that proposes follow-ups for an account or the company.

    `propose` gets the account and the playbook's settings, of the type of `defaults`.
    `resolved` returns the reason why an open follow-up is no longer needed, else None. A
    playbook of scope `company` gets a CompanyView with the KPIs it `asks` for; its
    follow-ups go to one person.
    """

    name: str
    title: str
    description: str
    propose: Callable[[Any, Any], Iterable[Proposal]]
    defaults: PlaybookSettings = field(default_factory=PlaybookSettings)
    resolved: Callable[[AccountView, str, Any], str | None] | None = None
    scope: Literal["account", "company"] = "account"
    asks: Callable[[Any], Iterable[Question]] = _request_no_kpis
