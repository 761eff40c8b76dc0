"""Bad input, each kind: one message with the remedy, the right exit code, and nothing lost."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cs_sync_sandbox import keys
from tests.jobs.road import BOOKS, Acme, Place, Ran, small_company

pytestmark = pytest.mark.slow("syncs a whole workspace for each mistake")

CANARY = "canary0f7e"
SECRETS = (
    keys.STRIPE_KEY,
    keys.STRIPE_NARROW_KEY,
    keys.HUBSPOT_TOKEN,
    keys.HUBSPOT_NARROW_TOKEN,
    keys.ZENDESK_CLIENT_SECRET,
    keys.POSTHOG_KEY,
    keys.POSTHOG_NARROW_KEY,
    CANARY,
)
ALL_OF = {
    "stripe": {
        *("customers", "invoices", "products", "refunds", "subscriptions", "subscription_changes"),
    },
    "hubspot": {"associations", "companies", "contacts", "feedback_submissions", "owners"},
    "zendesk": {"organizations", "tickets", "users"},
    "posthog": {"features", "groups", "persons", "surveys", "usage"},
}


@pytest.fixture(autouse=True)
def _no_secret_gets_out(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test: no secret in any file of the folder, nor in anything that was printed."""
    yield
    given = request.node.funcargs
    place = next(given[name] for name in ("acme", "fresh", "place") if name in given)
    actual = [secret for secret in SECRETS if secret in place.everything()]
    assert actual == []


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = small_company(tmp_path)
    assert made.run("sync").code == 0
    return made


def failed(acme: Acme) -> set[str]:
    return {stream for stream, status in acme.streams().items() if status == "failed"}


def sync_keeps(acme: Acme, *line: str) -> Ran:
    """Sync; whatever comes of it, no stored record may be lost or changed by it."""
    before = acme.facts()
    ran = acme.run(*(line or ("sync",)))
    assert before - acme.facts() == frozenset()
    return ran


def one_message(ran: Ran, *words: str) -> None:
    """Every word is said, with a remedy, and nobody sees a traceback."""
    for word in words:
        assert word in ran.messages
    assert "→" in ran.messages
    assert "Traceback" not in ran.messages


# ------------------------------------------------------------------ the configuration


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"[connectors.stripe]": "[conectors.stripe]"}, ("conectors", "connectors")),
        ({"api_key = ": "api_kye = "}, ("connectors.stripe.api_kye", "api_key")),
        ({"[connectors.stripe]": "[connectors.strype]"}, ("strype", "stripe")),
        ({"[connectors.stripe]": "[connectors.salesforce]"}, ("salesforce",)),
        ({'currency = "EUR"': 'currency = "EURO"'}, ("workspace.currency",)),
        ({'timezone = "Europe/Warsaw"': 'timezone = "Warsaw"'}, ("workspace.timezone",)),
        ({'destination = "hubspot"': 'destination = "pipedrive"'}, ("write_back.destination",)),
        ({f'"{keys.STRIPE_KEY}"': '"env:NOT_SET_ANYWHERE"'}, ("NOT_SET_ANYWHERE",)),
        ({"/stripe": "/stripe", "http://127.0.0.1": "http://example.com"}, ("https",)),
    ],
)
def test_a_wrong_configuration(fresh: Acme, wrong: dict[str, str], words: tuple[str, ...]) -> None:
    fresh.connect("stripe", "hubspot", replace=wrong)
    for command in ("sync", "check", "run"):
        ran = fresh.run(command)
        assert ran.code == 2
        assert ran.out == ""
        one_message(ran, *words)


def test_a_range_without_a_day_in_it(place: Place) -> None:
    for line in (("2026-03-01", "--until", "2026-02-01"), ("2026-03-01", "--until", "2026-03-01")):
        ran = place.run("sync", "--since", *line)
        assert (ran.code, "no day lies between 2026-03-01 and" in ran.err) == (2, True)
    assert place.run("sync", "--since", "2027-01-01").code == 2
    assert place.run("sync", "--since", "2026-02-01", "--until", "2026-02-02").code == 0


@pytest.mark.parametrize("line", [("score",), ("explain", "alpha")])
def test_nobody_is_judged_by_a_day_that_lies_ahead(place: Place, line: tuple[str, ...]) -> None:
    ran = place.run(*line, "--as-of", "2026-03-11")
    assert (ran.code, "2026-03-11 is in the future" in ran.err) == (2, True)
    assert place.run(*line, "--as-of", "2026-03-10").code == 0


def test_the_report_is_its_owners_alone(place: Place) -> None:
    """There are people in it, as in the database."""
    (place.path / "cs_sync_report.part").touch(mode=0o644)
    for _ in range(2):
        assert place.run("report").code == 0
    assert (place.path / "cs_sync_report.html").stat().st_mode & 0o777 == 0o600


def test_a_connector_that_is_not_configured(acme: Acme) -> None:
    ran = sync_keeps(acme, "sync", "--only", "intercom")
    assert ran.code == 2
    one_message(ran, "intercom", "stripe, hubspot, zendesk, posthog")


# ------------------------------------------------------------------ the credentials

WRONG = [
    ("stripe", keys.STRIPE_KEY, f"sk_test_{CANARY}", "api_key"),
    ("hubspot", keys.HUBSPOT_TOKEN, f"pat-eu1-{CANARY}", "access_token"),
    ("zendesk", keys.ZENDESK_CLIENT_SECRET, CANARY, "client_secret"),
    ("posthog", keys.POSTHOG_KEY, f"phx_{CANARY}", "api_key"),
]


@pytest.mark.parametrize(("source", "right", "wrong", "setting"), WRONG)
def test_a_wrong_key_stops_its_source_alone(
    acme: Acme, source: str, right: str, wrong: str, setting: str
) -> None:
    other = "zendesk" if source != "zendesk" else "stripe"
    acme.connect(source, other, replace={right: wrong})
    ran = sync_keeps(acme)
    assert ran.code == 3
    one_message(ran, f"{source} ", setting)
    assert failed(acme) == {f"{source} {stream}" for stream in ALL_OF[source]}


@pytest.mark.parametrize(("source", "right", "wrong", "setting"), WRONG)
def test_a_wrong_key_alone_fails_the_run_and_the_check(
    acme: Acme, source: str, right: str, wrong: str, setting: str
) -> None:
    acme.connect(source, replace={right: wrong})
    ran = sync_keeps(acme)
    assert ran.code == 1
    checked = acme.run("--format", "json", "check")
    assert checked.code == 1
    assert all(not row["ok"] and row["message"] for row in checked.rows)
    assert setting in checked.rows[0]["remedy"]


def test_a_token_that_expires_during_the_run(acme: Acme) -> None:
    """HubSpot repeats the token in its answer; we do not."""
    body = {
        "status": "error",
        "message": f"The OAuth token used to make this call expired: {keys.HUBSPOT_TOKEN}",
        "category": "EXPIRED_AUTHENTICATION",
    }
    acme.disturb({"path": "contacts", "status": 401, "body": json.dumps(body), "times": 99})
    ran = sync_keeps(acme, "sync", "--full")
    assert ran.code == 3
    one_message(ran, "hubspot contacts", "expired", "access_token")
    assert "hubspot contacts" in failed(acme)
    assert not {s for s in failed(acme) if not s.startswith("hubspot")}
    acme.calm()
    assert acme.run("sync").code == 0


def test_zendesks_token_is_renewed_when_it_expires(acme: Acme) -> None:
    body = {"error": "invalid_token", "error_description": "The access token expired"}
    acme.disturb({"path": "incremental", "status": 401, "body": json.dumps(body)})
    assert sync_keeps(acme, "sync", "--only", "zendesk", "--full").code == 0


NARROW = [
    ("stripe", {keys.STRIPE_KEY: keys.STRIPE_NARROW_KEY}, {"invoices"}, "invoice"),
    ("hubspot", {keys.HUBSPOT_TOKEN: keys.HUBSPOT_NARROW_TOKEN}, {"feedback_submissions"},
     "crm.objects.feedback_submissions.read"),
    ("posthog", {keys.POSTHOG_KEY: keys.POSTHOG_NARROW_KEY}, {"features", "persons", "usage"},
     "query:read"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "replace", "streams", "scope"), NARROW)
def test_a_missing_scope_is_partial_and_never_an_empty_stream(
    acme: Acme, source: str, replace: dict[str, str], streams: set[str], scope: str
) -> None:
    acme.connect(source, replace=replace)
    ran = sync_keeps(acme, "sync", "--full")
    assert ran.code == 3
    one_message(ran, *(f"{source} {stream}" for stream in streams), scope)
    assert {stream.split()[1] for stream in failed(acme)} >= streams
    assert len(failed(acme)) < len(ALL_OF[source])
    checked = acme.run("--format", "json", "check")
    assert checked.code == 3
    refused = [row for row in checked.rows if not row["ok"]]
    assert any(scope in f"{row['message']} {row['remedy']}" for row in refused)


def test_the_report_of_a_run_with_a_wrong_key(acme: Acme) -> None:
    acme.connect("stripe", "zendesk", replace={keys.ZENDESK_CLIENT_SECRET: CANARY})
    ran = acme.run("run")
    assert ran.code == 3
    report = (acme.path / "cs_sync_report.html").read_text(encoding="utf-8")
    assert "client_secret" in report
    assert str(acme.path / "cs_sync_report.html") in ran.out
    (row,) = acme.json("metrics", "--metric", "open_tickets")
    assert row["status"] == "stale"


# ------------------------------------------------------------------ the network


def test_an_unreachable_host(acme: Acme) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}/zendesk"
    acme.connect("stripe", "zendesk", replace={f"{acme.url}/zendesk": nowhere})
    ran = sync_keeps(acme)
    assert ran.code == 3
    one_message(ran, "zendesk tickets", "127.0.0.1")
    assert failed(acme) == {f"zendesk {stream}" for stream in ALL_OF["zendesk"]}


def test_half_a_document_is_asked_for_again(acme: Acme) -> None:
    acme.disturb({"path": "/v1/invoices", "truncate": True, "times": 2})
    assert sync_keeps(acme, "sync", "--only", "stripe", "--full").code == 0


HALF = {"path": "/v1/invoices", "status": 200, "body": '{"object": "list", "data": [{"id": "in_',
        "headers": {"content-type": "application/json"}, "times": 9999}  # fmt: skip


@pytest.mark.parametrize("fault", [HALF, {"path": "/v1/invoices", "truncate": True, "times": 9999}])
def test_nothing_but_half_documents(acme: Acme, fault: dict[str, Any]) -> None:
    acme.disturb(fault)
    ran = sync_keeps(acme, "sync", "--only", "stripe", "--full")
    assert ran.code == 3
    one_message(ran, "stripe invoices")
    assert failed(acme) == {"stripe invoices"}
    acme.calm()
    assert acme.run("sync", "--only", "stripe").code == 0


@pytest.mark.parametrize(
    ("path", "stream"),
    [
        ("/v1/refunds", "stripe refunds"),
        ("objects/2026-03/contacts", "hubspot contacts"),
        ("incremental/.*tickets", "zendesk tickets"),
        ("surveys", "posthog surveys"),
    ],
)
def test_a_stream_that_answers_403(acme: Acme, path: str, stream: str) -> None:
    body = json.dumps({"message": f"no {keys.HUBSPOT_TOKEN}"})
    acme.disturb({"path": path, "status": 403, "body": body, "times": 9999})
    ran = sync_keeps(acme, "sync", "--full", "--only", stream.split()[0])
    assert ran.code == 3
    one_message(ran, stream)
    assert stream in failed(acme)
    assert len(failed(acme)) < len(ALL_OF[stream.split()[0]])


# ------------------------------------------------------------------ the records


def stripe_subscriptions(acme: Acme) -> dict[str, Any]:
    answer = httpx.get(
        f"{acme.url}/stripe/v1/subscriptions",
        params={"status": "all", "limit": 100, "expand[]": "data.discounts"},
        headers={"authorization": f"Bearer {keys.STRIPE_KEY}"},
    )
    actual: dict[str, Any] = answer.raise_for_status().json()
    return {**actual, "has_more": False}


def unknown_currency(record: dict[str, Any]) -> str:
    record["currency"] = "zzz"
    return "currency"


def no_amount(record: dict[str, Any]) -> str:
    price = record["items"]["data"][0]["price"]
    price.update(unit_amount=None, unit_amount_decimal=None, billing_scheme="per_unit", tiers=None)
    return "price"


def negative_quantity(record: dict[str, Any]) -> str:
    record["items"]["data"][0]["quantity"] = -3
    return "quantity"


@pytest.mark.parametrize("spoil", [unknown_currency, no_amount, negative_quantity])
def test_a_stripe_record_that_cannot_be_true(acme: Acme, spoil: Any) -> None:
    answer = stripe_subscriptions(acme)
    active = [record for record in answer["data"] if record["status"] == "active"]
    schemes = [record["items"]["data"][0]["price"]["billing_scheme"] for record in active]
    bad = active[schemes.index("per_unit")]
    word = spoil(bad)
    acme.disturb({
        "path": "/v1/subscriptions$", "method": "GET", "status": 200, "times": 9999,
        "body": json.dumps(answer), "headers": {"content-type": "application/json"},
    })  # fmt: skip
    ran = sync_keeps(acme, "sync", "--full", "--only", "stripe")
    assert ran.code == 3
    assert "see `cs-sync rejects list`" in ran.messages
    assert {s for s, status in acme.streams().items() if status != "ok"} == {"stripe subscriptions"}
    rejected = acme.json("rejects", "list")
    assert {row["source_id"] for row in rejected} <= {bad["id"], bad["items"]["data"][0]["id"], *(
        item["id"] for item in bad["items"]["data"]
    )}  # fmt: skip
    assert any(word in f"{row['code']} {row['reason']}" for row in rejected)
    acme.calm()
    assert acme.run("rejects", "retry").code == 0
    assert acme.json("rejects", "list") == []


@pytest.mark.parametrize(
    ("file", "old", "new", "code", "word"),
    [
        ("subscriptions.csv", "s-delta,delta,active,2026-02-05,EUR",
         "s-delta,delta,active,2026-02-05,EURO", "bad_value", "currency"),
        ("subscription_items.csv", "i-delta,s-delta,2026-02-05,9000,",
         "i-delta,s-delta,2026-02-05,,", "impossible", "amount"),
        ("subscription_items.csv", "i-delta,s-delta,2026-02-05,9000,1,",
         "i-delta,s-delta,2026-02-05,9000,-1,", "bad_value", "quantity"),
        ("accounts.csv", "source_id,name,", "source_id,nmae,", "unknown_column", "name"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_true(
    place: Place, file: str, old: str, new: str, code: str, word: str
) -> None:
    before = place.records()
    assert old in BOOKS[file]
    place.write(f"data/{file}", BOOKS[file].replace(old, new))
    ran = place.run("sync")
    assert ran.code == 3
    assert "see `cs-sync rejects list`" in ran.messages
    assert place.records() == before
    rejected = place.json("rejects", "list")
    assert {row["code"] for row in rejected} == {code}
    for row in rejected:
        assert file in row["reason"]
        assert word in row["reason"]
        assert row["raw"]
