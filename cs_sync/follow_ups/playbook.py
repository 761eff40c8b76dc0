"""What a playbook is."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView

Kind = Literal["call", "email", "todo"]


@dataclass(frozen=True, slots=True)
class Proposal:
    """Something that should be done about one occasion.

    `occasion` names what happened so that it is proposed once: it must stay the same for as long
    as it is the same event, also after the database was lost. `since` is when the clock started
    (UTC); it is due `due_in` later. Title and body are plain text, `evidence` flat JSON objects.
    """

    occasion: str
    since: datetime
    title: str
    body: str
    kind: Kind = "todo"
    evidence: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Playbook:
    """When something is true of an account, somebody should do something.

    `propose` gets the account and this playbook's settings, of the type that `defaults` has.
    """

    name: str
    title: str
    description: str
    propose: Callable[[AccountView, Any], Iterable[Proposal]]
    defaults: PlaybookSettings = field(default_factory=PlaybookSettings)
