"""Assignment of follow-ups by e-mail address, which all systems share; pure."""

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from cs_sync.follow_ups.plan import FollowUpDraft


class OwnerFact(Struct, frozen=True):
    """A colleague as known to one source."""

    email: str | None
    is_active: bool = True


Owners = Mapping[tuple[str, str], OwnerFact]


def assign_drafts(
    drafts: Iterable[FollowUpDraft], owners: Owners, fallback: str | None
) -> list[FollowUpDraft]:
    """Assign the drafts to the playbook's assignee, the owner or the fallback.

    A former owner counts as none; without a fallback the draft stays unassigned. An owner
    without an address keeps the draft by owner id.

    Args:
        drafts: The drafts to assign.
        owners: (source, owner id) → owner.
        fallback: The e-mail address for drafts without an owner.

    Returns:
        The drafts in the same order.
    """
    return [_assign_draft(draft, owners, fallback) for draft in drafts]


def _assign_draft(draft: FollowUpDraft, owners: Owners, fallback: str | None) -> FollowUpDraft:
    if draft.assignee:
        return draft
    owner = owners.get((draft.owner_source or "", draft.owner_source_id or ""))
    if owner is None or not owner.is_active:
        return replace(draft, assignee=fallback, owner_source=None, owner_source_id=None)
    return replace(draft, assignee=owner.email.lower() if owner.email else None)
