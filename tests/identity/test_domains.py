"""Spellings of domains and addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_sync.identity.domains import DEFAULT_RULES, DomainRules, normalise_domain, normalise_email
from cs_sync.identity.free_mail import FREE_MAIL
from cs_sync.identity.relay_mail import RELAY_MAIL

company_domain, email_company_domain = (
    DEFAULT_RULES.to_company_domain,
    DEFAULT_RULES.to_email_company_domain,
)


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
    assert normalise_domain(text) == domain


@given(st.from_regex(r"(www\.)?[a-z0-9.-]{1,9}(\.[a-zA-Z]{2,3})?(/x)?", fullmatch=True))
def test_spaces_around_a_domain_change_nothing(text: str) -> None:
    assert normalise_domain(text) == normalise_domain(f" {text} ")


@pytest.mark.parametrize(
    ("text", "email"),
    [(" Ana@Acme.IO ", "ana@acme.io"), ("ana", None), ("@acme.io", None), ("a b@c.d", None)],
)
def test_email_of(text: str, email: str | None) -> None:
    assert normalise_email(text) == email


def test_free_mail_is_nobodys_company() -> None:
    assert company_domain("Gmail.com") is None
    assert email_company_domain("a@googlemail.com") is None
    assert email_company_domain("a@acme.io") == "acme.io"
    assert email_company_domain(None) is None


@pytest.mark.parametrize(
    "domain",
    [
        "privaterelay.appleid.com",
        "mozmail.com",
        "ana.mozmail.com",
        "duck.com",
        "aleeas.com",
        "passmail.net",
        "anonaddy.me",
        "ana.anonaddy.com",
        "33mail.com",
        "pobox.com",
        "sent.com",
        "mailinator.com",
        "in.mailinator.com",
        "marketplace.amazon.de",
        "users.noreply.github.com",
    ],
)
def test_a_relay_an_alias_and_disposable_mail_are_nobodys_company(domain: str) -> None:
    assert company_domain(domain) is None
    assert email_company_domain(f"ab12@{domain.upper()}") is None


def test_the_company_behind_a_relay_keeps_its_own_domain() -> None:
    assert company_domain("apple.com") == "apple.com"
    assert company_domain("github.com") == "github.com"
    assert company_domain("notduck.com") == "notduck.com"


def test_a_workspace_adds_domains_and_takes_them_off() -> None:
    rules = DomainRules.of(["Relay.Example", "no domain"], ["https://fastmail.fm", "duck.com"])
    assert rules.to_company_domain("eu.relay.example") is None
    assert rules.to_company_domain("myrelay.example") == "myrelay.example"
    assert rules.to_company_domain("fastmail.fm") == "fastmail.fm"
    assert rules.to_company_domain("mail.duck.com") == "mail.duck.com"
    assert rules.to_company_domain("gmail.com") is None
    assert rules.digest != DEFAULT_RULES.digest == DomainRules().digest


def test_the_list_is_written_as_domains_are_compared() -> None:
    assert len(FREE_MAIL) > 200
    assert {normalise_domain(domain) for domain in FREE_MAIL} == FREE_MAIL
    assert {normalise_domain(domain) for domain in RELAY_MAIL} == RELAY_MAIL
