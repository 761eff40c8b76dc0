"""The person to speak to: by use of the product, or by role."""

import re

from cs_sync.follow_ups.facts import PersonFact
from cs_sync.follow_ups.playbook import Audience
from cs_sync.follow_ups.view import AccountView

_DECIDERS = re.compile(
    r"\b(founder|owner|chief|c[efto]o|president|managing|director|head|vp|partner)\b"
    r"|właściciel|prezes|dyrektor|kierowni|fondator|director|proprietar|șef"
    r"|ผู้ก่อตั้ง|ผู้อำนวยการ|ผู้จัดการ|创始|总监|总经理|負責人|創辦|總監|總經理",
    re.IGNORECASE,
)
_PAYERS = re.compile(
    r"account(ant|ing|s payable)|financ|billing|controller|bookkeep|\bcfo\b|purchas|procure"
    r"|księgow|contabil|บัญชี|การเงิน|财务|会计|財務|會計",
    re.IGNORECASE,
)


def choose_contact(view: AccountView, contact: str | None, audience: Audience) -> PersonFact | None:
    """Return the person of an id, else the best for an audience.

    Who decides or pays is told by the role; among equals, and where no role says so, it is
    who used the product most.

    Args:
        view: The account with its people.
        contact: The id of a person.
        audience: Whom to look for.
    """
    own = next((person for person in view.people if person.id == contact), None)
    if own is not None:
        return own
    named = [person for person in view.people if person.name]
    return max(named, key=lambda person: _rank(person, audience), default=None)


def find_champion(view: AccountView) -> PersonFact | None:
    """Return who used the product most before the last 14 days."""
    used = [person for person in view.people if person.earlier_days]
    return max(used, key=lambda person: (person.earlier_days, person.id), default=None)


def _rank(person: PersonFact, audience: Audience) -> tuple[bool, bool, int, int, str]:
    role = person.role or ""
    pays = audience == "payer" and bool(_PAYERS.search(role))
    decides = audience != "user" and bool(_DECIDERS.search(role))
    last = person.last_day.toordinal() if person.last_day else 0
    return (pays, decides, person.recent_days * 4 + person.earlier_days, last, person.id)
