"""Erasing a person from the store: the same on both databases, and what each rule is for."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, true, update

from cs_sync.contracts.source import Page, Rejection
from cs_sync.store.engine import Store
from cs_sync.store.privacy.data_subject import find_data_subject, suppress_data_subject
from cs_sync.store.privacy.erase import erase_data_subject
from cs_sync.store.privacy.redact_record import WITHHELD_REASON, RecordRedactor
from cs_sync.store.privacy.redact_text import TextRedactor
from cs_sync.store.privacy.suppression import (
    SuppressionList,
    create_stand_in_address,
    read_suppression_list,
)
from cs_sync.store.privacy.table_scan import list_searched_tables, select_rows
from cs_sync.store.privacy.verify_erased import count_remaining_traces
from cs_sync.store.records.history import archive_rows
from cs_sync.store.records.validate import validate_rows
from cs_sync.store.records.write import WriteContext, store_rows
from cs_sync.store.upserts import upsert_rows
from cs_sync_schemas import (
    Account,
    AccountLink,
    Contact,
    ContactLink,
    KeptResult,
    Record,
    SourceAccount,
    SourceContact,
    StreamState,
    SurveyResponse,
    Ticket,
    UsageDay,
    get_table,
)
from tests.conftest import NOW

pytestmark = pytest.mark.slow("erases on both databases in each test")

ANN = "ann@acme.example"
DAY = date(2026, 11, 20)


def put(store: Store, record: type[Record], *rows: dict[str, Any], source: str = "crm") -> None:
    admitted, refused = validate_rows(record, rows)
    assert refused == []
    with store.write() as connection:
        store_rows(connection, record, admitted, WriteContext(source, NOW, keep_raw=True))


def read(store: Store, model: Any) -> list[dict[str, Any]]:
    with store.read() as connection:
        return select_rows(connection, get_table(model))


def forget(store: Store, address: str) -> dict[str, int]:
    with store.write() as connection:
        person, suppressed = (
            find_data_subject(connection, address),
            read_suppression_list(connection),
        )
        suppress_data_subject(connection, suppressed, person, NOW)
        rows = erase_data_subject(connection, suppressed, person)
        left, searched = count_remaining_traces(connection, person)
        assert not left
        assert searched > 100
    return rows


@pytest.fixture
def known(store: Store) -> Store:
    """Ann in two sources, one of which calls her by her address; Bob beside her."""
    put(store, SourceAccount, {"source_id": "a1", "name": "Acme", "domain": "acme.example"})
    put(
        store,
        SourceContact,
        {"source_id": "7", "email": ANN, "name": "Ann Lee", "raw": {"to": ANN}},
        {"source_id": "8", "email": "joann@acme.example", "name": "Jo"},
    )
    put(store, SourceContact, {"source_id": ANN, "external_key": "u7"}, source="app")
    put(
        store,
        UsageDay,
        {"source_id": f"2026-11-20|a1|{ANN}", "contact_source_id": ANN, "day": DAY, "events": 3},
        {"source_id": "2026-11-20|a1|bob", "contact_source_id": "bob", "day": DAY, "events": 2},
        source="app",
    )
    ticket = {"contact_source_id": "7", "subject": "Ann here", "opened_at": NOW}
    put(store, Ticket, {"source_id": "1007", **ticket})
    links = [("crm", "7", "p1"), ("app", ANN, "p1"), ("crm", "8", "p2")]
    with store.write() as connection:
        upsert_rows(
            connection,
            get_table(ContactLink),
            [
                {
                    "source": source,
                    "source_id": source_id,
                    "contact_id": contact,
                    "rule": "email",
                    "reason": f"Same e-mail address as {ANN}",
                    "decided_by": "cs-sync",
                    "since": NOW,
                }
                for source, source_id, contact in links
            ],
        )
        upsert_rows(
            connection,
            get_table(Contact),
            [
                Contact(id=id, email=email, first_seen_at=NOW, changed_at=NOW).model_dump()
                for id, email in (("p1", ANN), ("p2", "joann@acme.example"))
            ],
        )
    return store


def test_a_person_is_erased_under_every_name_and_the_rows_stay(known: Store) -> None:
    rows = forget(known, ANN)
    assert rows == {
        "contact": 1, "contact_link": 3, "source_contact": 2, "ticket": 1, "usage_day": 1,
    }  # fmt: skip
    use = {row["events"]: row for row in read(known, UsageDay)}
    contacts = {(r["source"], r["email"]): r for r in read(known, SourceContact)}
    (ann,) = [row for (source, _), row in contacts.items() if source == "app"]
    assert use[3]["contact_source_id"] == ann["source_id"] != ANN
    assert use[3]["source_id"] == f"2026-11-20|a1|{ann['source_id']}"
    assert use[2]["contact_source_id"] == "bob"
    links = {(r["source"], r["source_id"]): r["contact_id"] for r in read(known, ContactLink)}
    assert len(links) == 3
    assert links[("app", ann["source_id"])] not in ("p1", "p2")
    assert len(set(links.values())) == 2, "still one person with two records"
    assert contacts[("crm", "joann@acme.example")]["name"] == "Jo"
    (ticket,) = read(known, Ticket)
    assert (ticket["source_id"], ticket["subject"]) == ("1007", None)
    (crm,) = [r for (s, e), r in contacts.items() if s == "crm" and not e.startswith("joann")]
    assert (crm["name"], crm["raw"]) == (None, None)
    assert crm["email"].startswith("erased-")
    assert crm["email"].endswith("@acme.example"), "the company's domain still finds the account"


def test_forgetting_twice_changes_nothing_more(known: Store) -> None:
    forget(known, ANN)
    before = read(known, SourceContact)
    assert forget(known, ANN) == {}
    assert read(known, SourceContact) == before


def test_a_place_to_go_on_from_that_names_the_person_is_dropped(known: Store) -> None:
    with known.write() as connection:
        state = StreamState(
            source="app", stream="use", partition="000", resume={"after": ANN},
            opened_at=NOW, updated_at=NOW, run_id="r",
        )  # fmt: skip
        upsert_rows(connection, get_table(StreamState), [state.model_dump()])
    forget(known, ANN)
    with known.read() as connection:
        assert connection.scalar(select(get_table(StreamState).c.resume)) is None


def suppressed(*addresses: str, **contacts: str) -> SuppressionList:
    made = SuppressionList()
    for address in addresses:
        made.add("address", address, f"gone-{address.partition('@')[0]}@erased.invalid")
    for source_id, stands in contacts.items():
        made.add("contact", f"app|{source_id}", stands)
    return made


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("ann@acme.example", "gone-ann@erased.invalid"),
        ("Ann Lee <Ann@Acme.Example>, urgent", "Ann Lee <gone-ann@erased.invalid>, urgent"),
        ("mailto:ann@acme.example?x", "mailto:gone-ann@erased.invalid?x"),
        ("write to ann@acme.example.", "write to gone-ann@erased.invalid."),
        ("“ann@acme.example”", "“gone-ann@erased.invalid”"),
        ("ann@acme.example。", "gone-ann@erased.invalid。"),
        ("请联系ann@acme.example谢谢", "请联系gone-ann@erased.invalid谢谢"),
        ("อีเมลann@acme.exampleครับ", "อีเมลgone-ann@erased.invalidครับ"),
        ("ann＠acme.example、", "gone-ann@erased.invalid、"),
        ("ann&#64;acme.example's", "gone-ann@erased.invalid's"),
        ("*ann@acme.example*…", "*gone-ann@erased.invalid*…"),
        ("thanks. -ann@acme.example.Please call", "thanks. -gone-ann@erased.invalid.Please call"),
        ("jo.ann@acme.example, o'ann@acme.example", "jo.ann@acme.example, o'ann@acme.example"),
        ("żann@acme.example", "żann@acme.example"),
        ("/u/ann%40acme.example/x", "/u/gone-ann@erased.invalid/x"),
        ("joann@acme.example", "joann@acme.example"),
        ("ann@acme.example.org", "ann@acme.example.org"),
        ("no address", "no address"),
    ],
)
def test_addresses_are_found_in_any_text(text: str, becomes: str) -> None:
    assert suppressed(ANN).text(text) == becomes


@given(st.recursive(st.text() | st.none() | st.integers(), st.lists, max_leaves=5))
def test_what_has_no_suppressed_address_stays_as_it_is(value: Any) -> None:
    assert suppressed(ANN).value(value) == value


def test_only_digests_are_kept_and_they_depend_on_the_salt() -> None:
    first, other = suppressed(ANN), suppressed(ANN)
    assert ANN not in repr(first)
    assert first.known.keys() != other.known.keys()


def test_a_domain_of_nobody_we_know_is_not_kept() -> None:
    assert create_stand_in_address("ann@acme.example", {"acme.example"}).endswith("@acme.example")
    assert create_stand_in_address("ann@lee.example", {"acme.example"}).endswith("@erased.invalid")
    assert create_stand_in_address("ann@gmail.com", {"gmail.com"}).endswith("@erased.invalid")


def test_a_page_loses_the_person_and_nobody_else() -> None:
    eraser = RecordRedactor(suppressed(ANN, u7="erased-1"), "app")
    page = Page(
        {
            SourceContact: [
                {"source_id": "u7", "email": "new@lee.example", "name": "Ann", "raw": {"a": 1}},
                {"source_id": "u8", "email": "bob@acme.example", "name": "Bob"},
            ],
            SurveyResponse: [
                {"source_id": "r1", "contact_source_id": "u7", "score": 3, "comment": "bad"},
                {"source_id": "r2", "contact_source_id": "u8", "score": 9, "comment": f"as {ANN}"},
            ],
            SourceAccount: [{"source_id": "c", "email": "ann@gmail.com", "name": "Ann Lee"}],
        },
        deleted={SourceContact: ["u7", "u8"]},
        rejected=[
            Rejection(Ticket, "t1", "invalid", f"subject: {ANN}", {"who": {"id": "u7"}}),
            Rejection(Ticket, "t2", "invalid", "no time", {"who": {"id": "u8"}}),
        ],
    )
    clean = eraser.page(page)
    ann, bob = clean.records[SourceContact]
    assert ann == {"source_id": "erased-1", "email": None, "name": None, "raw": None}
    assert bob == page.records[SourceContact][1]
    first, second = clean.records[SurveyResponse]
    assert (first["contact_source_id"], first["score"], first["comment"]) == ("erased-1", 3, None)
    assert second["comment"] == "as gone-ann@erased.invalid"
    assert clean.records[SourceAccount][0]["name"] == "Ann Lee"
    assert clean.deleted == {SourceContact: ["erased-1", "u8"]}
    assert [(r.reason, r.raw) for r in clean.rejected] == [
        (WITHHELD_REASON, None),
        ("no time", {"who": {"id": "u8"}}),
    ]


def test_a_customer_with_a_private_address_loses_the_name_too() -> None:
    eraser = RecordRedactor(suppressed("ann@gmail.com", ANN), "billing")
    private = {"source_id": "c1", "email": "ann@gmail.com", "name": "Ann Lee"}
    company = {"source_id": "c2", "email": ANN, "name": "Acme"}
    assert eraser.row(SourceAccount, private)["name"] is None
    assert eraser.row(SourceAccount, company)["name"] == "Acme"


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("Call Ann Lee at Acme", "Call [erased] at Acme"),
        ("ann lee, again", "[erased], again"),
        ("Joann Leeds", "Joann Leeds"),
        ("NPS 3 from somebody: “It is  TOO slow\nfor what we pay every mon…", "[erased]"),
        ("It is fine", "It is fine"),
    ],
)
def test_names_go_where_they_stand_and_quotations_whole(text: str, becomes: str) -> None:
    words = TextRedactor({"Ann Lee"}, {"It is too slow for what we pay every month."})
    assert words.redact_value([{"text": text}]) == [{"text": becomes}]


def relinked(store: Store, source_id: str, contact: str, on: datetime) -> None:
    """What identity decides later: this record is another contact."""
    table = get_table(ContactLink)
    with store.write() as connection:
        archive_rows(connection, table, table.c.source_id == source_id, on)
        moved = table.c.source_id == source_id
        values = {"contact_id": contact, "since": on}
        connection.execute(update(table).where(moved).values(values))


def test_what_was_known_before_is_erased_too(known: Store) -> None:
    later = NOW + timedelta(days=1)
    with known.write() as connection:
        ticket = {"source_id": "1007", "contact_source_id": "7", "opened_at": NOW}
        admitted, _ = validate_rows(Ticket, [{**ticket, "subject": "Second thoughts"}])
        store_rows(connection, Ticket, admitted, WriteContext("crm", later))
        once = Contact(id="p0", name="Ann Once", first_seen_at=NOW, changed_at=NOW).model_dump()
        upsert_rows(connection, get_table(Contact), [once])
    relinked(known, "7", "p0", later)
    relinked(known, "7", "p1", later + timedelta(days=1))
    rows = forget(known, ANN)
    assert rows["ticket_history"] == 1
    assert rows["contact_link_history"] == 2
    assert rows["contact"] == 2, "also the contact that the record was for a day"
    with known.read() as connection:
        stored = [
            str(row) for table in list_searched_tables() for row in select_rows(connection, table)
        ]
    for trace in ("Ann here", "Second thoughts", "Ann Once", f"'{ANN}", "'7'", "p0", "p1"):
        assert not any(trace in row for row in stored), trace


def test_what_is_kept_packed_is_searched_and_erased(known: Store) -> None:
    kept = {"kind": "people", "key": "acme", "content": f'[["p1","{ANN}"]]'}
    with known.write() as connection:
        upsert_rows(connection, get_table(KeptResult), [kept])
        person = find_data_subject(connection, ANN)
        assert count_remaining_traces(connection, person)[0]["kept_result.content"] == 1
    assert forget(known, ANN)["kept_result"] == 1


def test_the_name_of_an_account_that_is_one_person_goes_from_its_past_too(store: Store) -> None:
    private = {"source_id": "c1", "email": "ann@gmail.com", "name": "Ann Lee"}
    put(store, SourceAccount, private, source="billing")
    row = Account(id="c1", name="Ann Lee", first_seen_at=NOW, changed_at=NOW).model_dump()
    link = {"source": "billing", "source_id": "c1", "account_id": "c1", "since": NOW}
    decided = {"rule": "own", "reason": "The first", "decided_by": "cs-sync"}
    with store.write() as connection:
        upsert_rows(connection, get_table(Account), [row])
        upsert_rows(connection, get_table(AccountLink), [{**link, **decided}])
        archive_rows(connection, get_table(Account), true(), NOW + timedelta(days=1))
    rows = forget(store, "ann@gmail.com")
    assert rows["account"] == rows["account_history"] == rows["source_account"] == 1
    assert [account["name"] for account in read(store, Account)] == [None]
