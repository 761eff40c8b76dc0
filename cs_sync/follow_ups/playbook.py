"""What a playbook is."""

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
    """Something that should be done about one occasion.

    `occasion` names what happened so that it is proposed once: it must stay the same for as long
    as it is the same event, also after the database was lost. `of_record` says that it names one
    record of a source (an answer, a subscription): then it is one follow-up, whichever account the
    record is found to belong to. `since` is when the clock started
    (UTC); it is due `due_in` later. Title and body are plain text, `evidence` flat JSON objects:
    one with an `id` that turns up while the follow-up is open becomes a note on it, in the words
    of its `text`. `priority` overrules the settings where this one is more urgent than most.
    """

    occasion: str
    since: datetime
    title: str
    body: str
    kind: Kind = "todo"
    evidence: tuple[Mapping[str, Any], ...] = ()
    priority: Priority | None = None
    of_record: bool = False


def _nothing(_settings: Any) -> Iterable[Question]:
    return ()


@dataclass(frozen=True, slots=True)
class Playbook:
    """When something is true of an account, somebody should do something.

    `propose` gets the account and this playbook's settings, of the type that `defaults` has.
    `resolved` gets the account, an occasion and the settings, and says in words why the open
    follow-up of that occasion has become needless; None while it has not. A playbook of scope
    `company` gets a CompanyView instead, with the KPIs that it `asks` for, and its follow-ups go
    to one person.
    """

    name: str
    title: str
    description: str
    propose: Callable[[Any, Any], Iterable[Proposal]]
    defaults: PlaybookSettings = field(default_factory=PlaybookSettings)
    resolved: Callable[[AccountView, str, Any], str | None] | None = None
    scope: Literal["account", "company"] = "account"
    asks: Callable[[Any], Iterable[Question]] = _nothing
