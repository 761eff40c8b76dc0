"""The keys of four vendors, which all repeat them in their errors: no file and no line has one."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cs_sync_sandbox import Sandbox, keys
from tests.jobs.conftest import acme_in
from tests.jobs.road import DAY, Acme

pytestmark = pytest.mark.slow("runs every command against four vendors that fail")

SECRETS = {
    "customers": keys.STRIPE_KEY,
    "companies": keys.HUBSPOT_TOKEN,
    "incremental/tickets": keys.ZENDESK_CLIENT_SECRET,
    "query": keys.POSTHOG_KEY,
}
"""A path of each vendor's, and the key that we send it."""
JSON = {"content-type": "application/json"}
CUSTOMER = {"object": "customer", "created": 1767225600, "email": "ann@acme.example"}
STATUSES = (400, 401, 403, 404, 429, 500)


def refusals(status: int) -> list[dict[str, object]]:
    """Every vendor answers one of its paths with this, and its errors repeat our key."""
    return [refusal(status, path, secret) for path, secret in SECRETS.items()]


def refusal(status: int, path: str, secret: str) -> dict[str, object]:
    words = f"{secret} was sent as Bearer {secret}"
    body = json.dumps({"message": words, "error": {"message": words}, "detail": [{"k": words}]})
    headers = {"content-type": "application/json", "x-request-id": secret}
    more = {"Retry-After": "99999"} if status == 429 else {}
    return {
        "path": path,
        "status": status,
        "body": body,
        "times": 8,
        "headers": {**headers, **more},
    }


@pytest.fixture(params=["text", "json"])
def log_format(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_no_key_in_any_log_report_export_or_file(acme: Acme, log_format: str) -> None:
    options = ("--debug", "--log-format", log_format)
    for status in STATUSES:
        acme.disturb(*refusals(status))
        ran = acme.run(*options, "sync", "--full")
        assert ran.code in (1, 3), ran
        acme.disturb(*refusals(status))
        assert acme.run(*options, "check").code != 2
    acme.disturb(*refusals(400))
    acme.run(*options, "run", "--dry-run")
    acme.calm()
    exported = str(acme.path / "out")
    for line in (("plan",), ("runs",), ("rejects", "list"), ("report",), ("export", exported)):
        acme.run(*options, "--format", "json", *line)
    assert (acme.path / "cs_sync_report.html").exists()
    assert (acme.path / "out" / "source_account.csv").exists()
    nothing_shows(acme)


def test_no_key_in_a_traceback_of_ours(
    acme: Acme, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake of a connector's, with its key at hand, under --debug."""

    def broken(source: object, _window: object) -> None:
        config = vars(source)
        raise RuntimeError(f"it broke with {config!r}")

    monkeypatch.setattr("cs_sync_hubspot.reader.CrmReader._read_owners", broken)
    ran = acme.run("--debug", "sync", "--only", "hubspot")
    assert "it broke with" in ran.messages
    nothing_shows(acme)


@pytest.fixture
def leaking(tmp_path: Path) -> Iterator[Acme]:
    """An Acme of its own, as no other test shall see what is done to its companies."""
    with Sandbox(seed=7, today=DAY, accounts=16, limits=False) as box:
        yield acme_in(tmp_path, box)


def test_no_key_that_stands_in_a_record(leaking: Acme, log_format: str) -> None:
    """Somebody put our keys into a company's and a customer's fields; one record is a bad one."""
    acme = leaking
    acme.configure(acme.config.replace("[database]", "[database]\nkeep_raw = true"))
    token, key = keys.HUBSPOT_TOKEN, keys.STRIPE_KEY
    names = {"name": f"Ask with {token}", "domain": f"{token}.example"}
    acme.edit(action="set_properties", kind="companies", id="31000000001", properties=names)
    good = {**CUSTOMER, "id": "cus_good", "name": f"Ask with {key}", "metadata": {key: key}}
    bad = {**good, "id": "cus_bad", "created": f"on the day of {key}"}
    page = {"object": "list", "url": "/v1/customers", "has_more": False, "data": [good, bad]}
    body = json.dumps(page).replace("_", "\\u005f").replace("/", "\\/")
    acme.disturb({"path": "customers", "status": 200, "body": body, "headers": JSON})
    options = ("--debug", "--log-format", log_format)
    ran = acme.run(*options, "sync", "--full", "--only", "stripe", "--only", "hubspot")
    assert ran.code == 3, ran
    for name in ("stripe", "hubspot"):
        assert ran.messages.count(f"{name} repeats the key that we send it") == 1
    rows = acme.select("SELECT name, raw FROM source_account WHERE name LIKE 'Ask with%'")
    assert [row["name"] for row in rows] == ["Ask with •••"] * 2
    assert all("•••" in row["raw"] for row in rows)
    (rejected,) = acme.select("SELECT * FROM rejected_record WHERE source_id = 'cus_bad'")
    assert "•••" in rejected["raw"]
    for line in (("rejects", "list"), ("report",), ("export", str(acme.path / "out"))):
        acme.run(*options, "--format", "json", *line)
    nothing_shows(acme)


def nothing_shows(acme: Acme) -> None:
    everything = acme.everything()
    for secret in SECRETS.values():
        place = everything.find(secret)
        assert place < 0, everything[max(0, place - 200) : place]
    assert Path(acme.path, "cs_sync.toml").read_text().count(keys.STRIPE_KEY) == 1
