"""Domains and e-mail addresses in one spelling, so that equal means equal."""

from cs_sync.identity.free_mail import FREE_MAIL


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


def company_domain(text: str | None) -> str | None:
    """The domain in `text` when a company can own it; None for free-mail providers."""
    domain = domain_of(text)
    return None if domain in FREE_MAIL else domain


def email_of(text: str | None) -> str | None:
    """The address in lower case; None when it is none."""
    email = (text or "").strip().lower()
    local, at, domain = email.rpartition("@")
    return email if local and at and domain and not set(email) & set(" \t\n") else None


def email_company_domain(text: str | None) -> str | None:
    """The domain of an e-mail address when a company can own it."""
    email = email_of(text)
    return company_domain(email.rpartition("@")[2]) if email else None


def _ascii(host: str) -> str:
    """An international name as it travels; one that cannot be encoded stays as it is."""
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host
