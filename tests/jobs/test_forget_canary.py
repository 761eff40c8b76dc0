"""One person is put through every path that text takes; afterwards every byte is read."""

import html
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest
import respx

from cs_sync.report import extract_text
from cs_sync_sandbox.hubspot import Portal
from cs_sync_sandbox.keys import HUBSPOT_TOKEN
from tests.jobs.road import BOOKS, CONFIG, Place, small_company
from tests.known_failures.portal import answers_of

pytestmark = pytest.mark.slow("puts one person through every command, and reads every byte")

NAME, ADDRESS = "Quenby Zaleska", "quenby@zaleska.example"
COMMENT = "Our warehouse in Bydgoszcz waits for exports every single Thursday"
SUBJECT = "Bydgoszcz export stuck again, ask Quenby Zaleska"
TRACES = ("quenby", "zaleska", "bydgoszcz")
CRM = f"""
    [connectors.hubspot]
    access_token = "{HUBSPOT_TOKEN}"
    base_url = "http://127.0.0.1:8/hubspot"
    [connectors.webhook]
    url = "http://127.0.0.1:9/health"
    signing_secret = "whsec_bm90IGEgc2VjcmV0LCBub3QgYSBzZWNyZXQsIG5vdA=="
    [write_back]
    destination = ["hubspot", "webhook"]
    max_change = 1
    [database]
    keep_raw = true
    [follow_ups]
    assignee = "{ADDRESS}"
    start = 2026-01-01
"""


@pytest.fixture
def place(tmp_path: Path, respx_mock: respx.MockRouter) -> Place:
    """Beta's person writes everywhere; Quenby is also a customer with an address of their own."""
    made = small_company(tmp_path)
    made.configure(CONFIG + CRM)
    spelled = f"“{ADDRESS}”, {ADDRESS}。 联系{ADDRESS}谢谢 {quote(ADDRESS)} {ADDRESS.upper()}"
    more = {
        "contacts.csv": f"qz,beta,{ADDRESS},{NAME}\n",
        "accounts.csv": f"{ADDRESS},{NAME},,solo\n",
        "tickets.csv": f"90,beta,qz,{SUBJECT},export,open,2026-02-20T10:00,\n"
        f'91,beta,,"Fwd: {spelled}",export,open,2026-03-05T10:00,\n'
        f'92,beta,,"Moved by {ADDRESS}",export,open,not a day,\n',
        "survey_responses.csv": f"n8,nps,qz,1,0,10,2026-03-09T09:00,{COMMENT}\n"
        f"n9,nps,qz,99,0,10,2026-03-09T09:00,{COMMENT} {ADDRESS}\n",
        "usage_days.csv": f"beta,{ADDRESS},2026-03-02,4\n",
    }
    for name, rows in more.items():
        made.write(f"data/{name}", BOOKS[name] + rows)
    portal = Portal(lambda: made.now, search_lag=timedelta(0))
    for name in ("alpha", "beta", "gamma", "delta"):
        portal.create("companies", {"name": name.title(), "domain": f"{name}.example"})
    respx_mock.route(port=8).mock(side_effect=answers_of(portal, portal.now))
    respx_mock.route(port=9).mock(return_value=httpx.Response(204))
    made.portal = portal  # type: ignore[attr-defined]
    return made


def company(place: Place) -> Any:
    companies: dict[str, Any] = place.portal.objects["companies"]  # type: ignore[attr-defined]
    return next(c for c in companies.values() if c.properties["domain"] == "beta.example")


def traces_in(place: Place) -> list[str]:
    """Where something of the person stands in what we wrote, in whatever spelling."""
    actual = []
    for file in sorted(place.path.rglob("*")):
        if not file.is_file() or "data" in file.parts or file.name == "cs_sync.toml":
            continue
        content = file.read_bytes()
        if file.suffix == ".html":
            content += extract_text(content.decode()).encode()
        for text in (content.decode("utf-8", "replace"), content.decode("utf-16-le", "replace")):
            read = html.unescape(text).casefold()
            actual += [f"{file.name}: {trace}" for trace in TRACES if trace in read]
    return actual


def test_every_byte_that_we_wrote(place: Place) -> None:
    assert place.run("run", "--yes").code == 3, "a ticket and an answer are rejected"
    place.run("metrics", "--by", "account", "--metric", "nps", "--metric", "mrr")
    place.run("analyse", "topics")
    place.run("rejects", "retry")
    place.run("accounts", "--conflicts")
    assert any(actual.startswith("cs_sync_report.html") for actual in traces_in(place))
    quoted = [
        table
        for table, column in QUOTING
        if any(
            trace in str(row[column]).casefold()
            for row in place.select(f"SELECT {column} FROM {table}")
            for trace in TRACES
        )
    ]
    assert quoted == [table for table, _ in QUOTING], "the canary went through every one of them"

    ran = place.run("forget", ADDRESS)
    assert ran.code == 0, ran
    assert traces_in(place) == []
    (task, *_) = place.portal.live("tasks")  # type: ignore[attr-defined]
    assert "outside: hubspot" in ran.err, "what is in the CRM's tasks is people's to erase"
    assert task.id

    (before,) = [orjson.loads(row["fields"]) for row in place.select(LEDGER)]
    shown = company(place).properties
    assert any(trace in str(shown).casefold() for trace in TRACES), "the CRM shows it until then"
    ran = place.run("run", "--yes")
    assert ran.code in (0, 3), ran
    assert "edited by someone" not in ran.out + ran.err
    for name, value in company(place).properties.items():
        assert not any(trace in str(value).casefold() for trace in TRACES), name
    (after,) = [orjson.loads(row["fields"]) for row in place.select(LEDGER)]
    assert set(after) > set(before)
    assert traces_in(place) == []


LEDGER = """
    SELECT fields FROM write_ledger JOIN account_link USING (account_id)
    WHERE object = 'account' AND destination = 'hubspot' AND source_id = 'beta'
"""
QUOTING = (
    ("source_contact", "raw"),
    ("ticket", "subject"),
    ("survey_response", "comment"),
    ("follow_up", "body"),
    ("follow_up", "evidence"),
    ("rejected_record", "raw"),
    ("write_ledger", "fields"),
    ("contact", "name"),
    ("account", "name"),
)


def test_a_copy_of_the_report_is_the_owners_to_find(place: Place) -> None:
    place.run("run", "--yes")
    shutil.copy(place.path / "cs_sync_report.html", place.path / "last_week.html")
    ran = place.run("forget", ADDRESS)
    assert "copies of it still do" in ran.err
