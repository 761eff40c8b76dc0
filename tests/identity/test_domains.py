"""Spellings of domains and addresses."""

import pytest

from cs_sync.identity.domains import company_domain, domain_of, email_company_domain, email_of
from cs_sync.identity.free_mail import FREE_MAIL


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("Acme.io", "acme.io"),
        (" https://www.acme.io:8443/de?x=1#y ", "acme.io"),
        ("www.de", "www.de"),
        ("acme.io.", "acme.io"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("localhost", None),
        ("two words.io", None),
        ("a@acme.io", None),
        (".io", None),
        ("", None),
        (None, None),
    ],
)
def test_domain_of(text: str | None, domain: str | None) -> None:
    assert domain_of(text) == domain


@pytest.mark.parametrize(
    ("text", "email"),
    [(" Ana@Acme.IO ", "ana@acme.io"), ("ana", None), ("@acme.io", None), ("a b@c.d", None)],
)
def test_email_of(text: str, email: str | None) -> None:
    assert email_of(text) == email


def test_free_mail_is_nobodys_company() -> None:
    assert company_domain("Gmail.com") is None
    assert email_company_domain("a@googlemail.com") is None
    assert email_company_domain("a@acme.io") == "acme.io"
    assert email_company_domain(None) is None


def test_the_list_is_written_as_domains_are_compared() -> None:
    assert len(FREE_MAIL) > 200
    assert {domain_of(domain) for domain in FREE_MAIL} == FREE_MAIL
