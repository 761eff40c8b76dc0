"""Identity resolution: which source records are one account; pure."""

from typing import TYPE_CHECKING

from cs_sync_schemas.names import make_name_loader

if TYPE_CHECKING:
    from cs_sync.identity.domains import DomainRules
    from cs_sync.identity.facts import (
        AccountFact,
        AliasFact,
        Answer,
        ContactFact,
        IdentityFacts,
        KnownAccount,
        KnownContact,
        KnownIdentity,
        KnownLink,
        MembershipFact,
        RecordRef,
        StayFact,
    )
    from cs_sync.identity.resolution import (
        Conflict,
        Resolution,
        ResolvedAccount,
        ResolvedContact,
        ResolvedLink,
    )
    from cs_sync.identity.resolve import resolve_identities

__all__ = [
    "AccountFact",
    "AliasFact",
    "Answer",
    "Conflict",
    "ContactFact",
    "DomainRules",
    "IdentityFacts",
    "KnownAccount",
    "KnownContact",
    "KnownIdentity",
    "KnownLink",
    "MembershipFact",
    "RecordRef",
    "Resolution",
    "ResolvedAccount",
    "ResolvedContact",
    "ResolvedLink",
    "StayFact",
    "resolve_identities",
]

if not TYPE_CHECKING:
    __getattr__ = make_name_loader(__name__, {
        "cs_sync.identity.domains": "DomainRules",
        "cs_sync.identity.facts": (
            "AccountFact AliasFact Answer ContactFact IdentityFacts KnownAccount "
            "KnownContact KnownIdentity KnownLink MembershipFact RecordRef StayFact"
        ),
        "cs_sync.identity.resolution": (
            "Conflict Resolution ResolvedAccount ResolvedContact ResolvedLink"
        ),
        "cs_sync.identity.resolve": "resolve_identities",
    })  # fmt: skip
