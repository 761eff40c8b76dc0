"""Who a follow-up goes to, by e-mail address, as colleagues are known to several systems; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from cs_sync.follow_ups.plan import FollowUpDraft


@dataclass(frozen=True, slots=True)
class OwnerFact:
    """A colleague as one source knows them."""

    email: str | None
    is_active: bool = True


Owners = Mapping[tuple[str, str], OwnerFact]


def assigned(
    drafts: Iterable[FollowUpDraft], owners: Owners, fallback: str | None
) -> list[FollowUpDraft]:
    """The drafts with their assignee: the playbook's own, else the owner's, else the fallback.

    An owner who has left is none, and so it is then nobody's when there is no fallback. One without
    an address keeps the follow-up by their id.
    """
    return [_assigned(draft, owners, fallback) for draft in drafts]


def _assigned(draft: FollowUpDraft, owners: Owners, fallback: str | None) -> FollowUpDraft:
    if draft.assignee:
        return draft
    owner = owners.get((draft.owner_source or "", draft.owner_source_id or ""))
    if owner is None or not owner.is_active:
        return replace(draft, assignee=fallback, owner_source=None, owner_source_id=None)
    return replace(draft, assignee=owner.email.lower() if owner.email else None)
