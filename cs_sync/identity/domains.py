"""Normalisation of domains and e-mail addresses, and the rules for company domains."""

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from hashlib import sha256

from msgspec import Struct

from cs_sync.identity.free_mail import FREE_MAIL
from cs_sync.identity.relay_mail import RELAY_MAIL

_PLAIN_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
"""What most domains look like, which are returned as they are."""


def normalise_domain(text: str | None) -> str | None:
    """Return the host of a domain or web address.

    Lower-case, ASCII, without `www.`.

    Returns:
        The host; None if there is none.
    """
    if not text:
        return None
    if _PLAIN_HOST.fullmatch(text) and not text.startswith("www."):
        return text
    host = text.strip().lower().split("://")[-1]
    for end in "/?#:":
        host = host.split(end, 1)[0]
    host = _to_ascii(host.rstrip("."))
    if host.startswith("www.") and "." in host[4:]:
        host = host[4:]
    good = "." in host and not host.startswith(".") and not set(host) & set(" @,;\t\n")
    return host if good else None


class DomainRules(Struct, frozen=True):
    """Which domains a company can own: the built-in lists and the workspace's additions.

    No company owns free mail, or relays, disposable mail and `shared`, each with its
    subdomains; `companies` are always owned, whatever the lists say.
    """

    shared: frozenset[str] = frozenset()
    companies: frozenset[str] = frozenset()

    @classmethod
    def of(cls, shared: Iterable[str], companies: Iterable[str]) -> "DomainRules":
        """Build the rules from domains in any spelling.

        Invalid ones are left out.
        """
        return cls(
            *(
                frozenset(filter(None, map(normalise_domain, names)))
                for names in (shared, companies)
            )
        )

    @property
    def digest(self) -> str:
        """Return a short hash of the lists; a new one renews decisions."""
        return _hash_rules(self)

    def is_ownable(self, domain: str) -> bool:
        """Return whether a company can own the domain."""
        over = set(_list_parents(domain))
        if over & self.companies:
            return True
        if domain in FREE_MAIL or over & self.shared:
            return False
        return not over & _list_shared_domains()

    def to_company_domain(self, text: str | None) -> str | None:
        """Return the domain in `text` if a company can own it."""
        domain = normalise_domain(text)
        return domain if domain and self.is_ownable(domain) else None

    def to_email_company_domain(self, text: str | None) -> str | None:
        """Return an e-mail address's domain if a company can own it."""
        email = normalise_email(text)
        return self.to_company_domain(email.rpartition("@")[2]) if email else None


@cache
def _list_shared_domains() -> frozenset[str]:
    """List relays and disposable mail, loaded when first needed."""
    from disposable_email_domains import blocklist

    return RELAY_MAIL | blocklist


@lru_cache(16)
def _hash_rules(rules: DomainRules) -> str:
    lists = (FREE_MAIL | _list_shared_domains() | rules.shared, rules.companies)
    content = "|".join(" ".join(sorted(names)) for names in lists)
    return sha256(content.encode()).hexdigest()[:12]


def _list_parents(domain: str) -> Iterator[str]:
    """Yield the domain and its parents, without the top level."""
    while "." in domain:
        yield domain
        domain = domain.partition(".")[2]


DEFAULT_RULES = DomainRules()
"""The rules of a workspace that adds nothing."""


def normalise_email(text: str | None) -> str | None:
    """Return the address in lower case.

    None if it is not an address.
    """
    email = (text or "").strip().lower()
    local, at, domain = email.rpartition("@")
    has_space = " " in email or "\t" in email or "\n" in email
    return email if local and at and domain and not has_space else None


def _to_ascii(host: str) -> str:
    """Encode an international name as ASCII.

    A name that cannot be encoded is unchanged.
    """
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host
