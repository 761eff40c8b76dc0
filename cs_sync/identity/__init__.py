"""Identity resolution: which source records are one account; pure."""

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
