"""Domains and e-mail addresses in one spelling, so that equal means equal."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from disposable_email_domains import blocklist as disposable_mail

from cs_sync.identity.free_mail import FREE_MAIL
from cs_sync.identity.relay_mail import RELAY_MAIL


def domain_of(text: str | None) -> str | None:
    """The host in a domain or web address: lower-case, ASCII, without `www.`; None when none."""
    if not text:
        return None
    host = text.strip().lower().split("://")[-1]
    for end in "/?#:":
        host = host.split(end, 1)[0]
    host = _ascii(host.rstrip("."))
    if host.startswith("www.") and "." in host[4:]:
        host = host[4:]
    good = "." in host and not host.startswith(".") and not set(host) & set(" @,;\t\n")
    return host if good else None


@dataclass(frozen=True)
class DomainRules:
    """Which domains a company can own: what the lists say, and what a workspace adds to them.

    Nobody's are free mail, and relays, disposable mail and `shared` with everything below them;
    `companies` are somebody's, whatever the lists say.
    """

    shared: frozenset[str] = frozenset()
    companies: frozenset[str] = frozenset()

    @classmethod
    def of(cls, shared: Iterable[str], companies: Iterable[str]) -> "DomainRules":
        """The rules with these domains in one spelling; what is no domain is left out."""
        return cls(*(frozenset(filter(None, map(domain_of, some))) for some in (shared, companies)))

    @property
    def digest(self) -> str:
        """Says in a few characters which lists and additions decide: another one decides anew."""
        lists = (FREE_MAIL | _NOBODYS | self.shared, self.companies)
        told = "|".join(" ".join(sorted(some)) for some in lists)
        return sha256(told.encode()).hexdigest()[:12]

    def ownable(self, domain: str) -> bool:
        """True when a company can own the domain."""
        over = set(_with_parents(domain))
        if over & self.companies:
            return True
        return domain not in FREE_MAIL and not over & (_NOBODYS | self.shared)

    def company_domain(self, text: str | None) -> str | None:
        """The domain in `text` when a company can own it."""
        domain = domain_of(text)
        return domain if domain and self.ownable(domain) else None

    def email_company_domain(self, text: str | None) -> str | None:
        """The domain of an e-mail address when a company can own it."""
        email = email_of(text)
        return self.company_domain(email.rpartition("@")[2]) if email else None


_NOBODYS = RELAY_MAIL | disposable_mail


def _with_parents(domain: str) -> Iterator[str]:
    """The domain and those above it, but for the top level."""
    while "." in domain:
        yield domain
        domain = domain.partition(".")[2]


BUILT_IN = DomainRules()
"""The rules of a workspace that adds nothing."""


def email_of(text: str | None) -> str | None:
    """The address in lower case; None when it is none."""
    email = (text or "").strip().lower()
    local, at, domain = email.rpartition("@")
    return email if local and at and domain and not set(email) & set(" \t\n") else None


def _ascii(host: str) -> str:
    """An international name as it travels; one that cannot be encoded stays as it is."""
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host
