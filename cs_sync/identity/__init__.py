"""Which records of the sources are one account: pure."""

from cs_sync.identity.domains import DomainRules
from cs_sync.identity.facts import (
    AccountFact,
    AliasFact,
    Answer,
    ContactFact,
    Facts,
    Known,
    KnownAccount,
    KnownContact,
    KnownLink,
    MembershipFact,
    Ref,
)
from cs_sync.identity.resolution import (
    Conflict,
    Resolution,
    ResolvedAccount,
    ResolvedContact,
    ResolvedLink,
)
from cs_sync.identity.resolve import resolve

__all__ = [
    "AccountFact",
    "AliasFact",
    "Answer",
    "Conflict",
    "ContactFact",
    "DomainRules",
    "Facts",
    "Known",
    "KnownAccount",
    "KnownContact",
    "KnownLink",
    "MembershipFact",
    "Ref",
    "Resolution",
    "ResolvedAccount",
    "ResolvedContact",
    "ResolvedLink",
    "resolve",
]
