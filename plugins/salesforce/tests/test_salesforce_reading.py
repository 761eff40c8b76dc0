"""What Salesforce answers, in its own shapes, becomes records; its queries are the documented."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from pydantic import ValidationError

from cs_sync import CredentialRefused, Page, PermissionMissing, Throttled, Unreachable, Window
from cs_sync.contracts.source import WorkspaceInfo
from cs_sync.http import ManualClock, VendorHttp
from cs_sync_salesforce.client import SalesforceClient
from cs_sync_salesforce.config import SalesforceConfig
from cs_sync_salesforce.soql import MAX_LENGTH, quote_text, split_values
from cs_sync_salesforce.source import SalesforceSource
from cs_sync_schemas import Alias, Owner, SourceAccount, SourceContact

UNTIL = datetime(2026, 11, 20, 9, tzinfo=UTC)
ALL = Window(None, UNTIL)
CHANGED = Window(datetime(2026, 11, 19, 8, 0, 0, 500_000, UTC), UNTIL, backfill=False)
DATA = "/services/data/v67.0"
SECRET = "-".join(("not", "a", "secret"))
SETTINGS = {
    "base_url": "https://acme.my.salesforce.com/",
    "client_id": "3MVG9",
    "client_secret": SECRET,
}

STAMPS = {
    "CreatedDate": "2026-01-12T08:35:06.000+0000",
    "SystemModstamp": "2026-11-18T08:35:06.000+0000",
    "IsDeleted": False,
    "MasterRecordId": None,
}
ACCOUNT = {
    "attributes": {"type": "Account", "url": f"{DATA}/sobjects/Account/001D000000IRFmaIAH"},
    "Id": "001D000000IRFmaIAH", "Name": "Burlington Textiles", "Website": "www.Burlington.com",
    "OwnerId": "005D0000001QX8WIAW", "Industry": "Apparel", "Type": None, "BillingCountry": "USA",
    "NumberOfEmployees": 9000, **STAMPS,
    "Opportunities": {
        "totalSize": 1, "done": True,
        "records": [{"attributes": {"type": "Opportunity"}, "CloseDate": "2027-03-01"}],
    },
}  # fmt: skip
CONTACT = {
    "attributes": {"type": "Contact", "url": f"{DATA}/sobjects/Contact/003D000000QOMqwIAH"},
    "Id": "003D000000QOMqwIAH", "AccountId": "001D000000IRFmaIAH", "Name": "Jack Rogers",
    "Email": "jrogers@burlington.com", "Title": "VP, Facilities", **STAMPS,
}  # fmt: skip
USER = {
    "attributes": {"type": "User", "url": f"{DATA}/sobjects/User/005D0000001QX8WIAW"},
    "Id": "005D0000001QX8WIAW", "Name": "Ana Lopez", "Email": "ana@us.example", "IsActive": False,
    "SystemModstamp": STAMPS["SystemModstamp"],
}  # fmt: skip
CREATED, CHANGED_AT = (
    datetime(2026, 1, 12, 8, 35, 6, tzinfo=UTC),
    datetime(2026, 11, 18, 8, 35, 6, tzinfo=UTC),
)

Answers = Callable[..., SalesforceSource]


@pytest.fixture
def sent() -> list[httpx.Request]:
    return []


@pytest.fixture
def open_source(sent: list[httpx.Request]) -> Answers:
    """A source of an org that gives these answers, one after the other."""

    def open_with(
        *answers: httpx.Response, granted: dict[str, str] | None = None, **settings: Any
    ) -> SalesforceSource:
        given = iter(answers)

        def answer(request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/token"):
                sent.append(request)
                return httpx.Response(
                    200, json={"access_token": "00D!" + "x" * 20} | (granted or {})
                )
            sent.append(request)
            return next(given)

        clock, client = ManualClock(), httpx.Client(transport=httpx.MockTransport(answer))
        http = VendorHttp("salesforce", now=clock.now, sleep=clock.sleep, client=client)
        return SalesforceSource(SalesforceConfig.model_validate(SETTINGS | settings), http)

    return open_with


def show(*records: Any, done: bool = True, **headers: str) -> httpx.Response:
    body = {"totalSize": len(records), "done": done, "records": list(records)}
    if not done:
        body["nextRecordsUrl"] = f"{DATA}/query/01gD0000002HU6KIAW-2000"
    return httpx.Response(200, json=body, headers=headers)


def refuse(status: int, code: str, message: str) -> httpx.Response:
    return httpx.Response(status, json=[{"message": message, "errorCode": code}])


def read(source: SalesforceSource, name: str, window: Window = ALL) -> list[Page]:
    [stream] = [stream for stream in source.streams() if stream.name == name]
    return list(stream.read(window))


def only_row(page: Page, record: Any) -> dict[str, Any]:
    [row] = page.records[record]
    return {name: value for name, value in row.items() if name != "raw" and value is not None}


def queries(sent: list[httpx.Request]) -> list[str]:
    return [request.url.params["q"] for request in sent if "q" in request.url.params]


def test_an_account_with_its_next_renewal(open_source: Answers) -> None:
    [page] = read(open_source(show(ACCOUNT)), "accounts")
    assert only_row(page, SourceAccount) == {
        "source_id": "001D000000IRFmaIAH",
        "name": "Burlington Textiles",
        "domain": "www.burlington.com",
        "owner_source_id": "005D0000001QX8WIAW",
        "attributes": {
            "Industry": "Apparel",
            "BillingCountry": "USA",
            "NumberOfEmployees": 9000,
            "renewal_date": "2027-03-01",
        },
        "created_at": CREATED,
        "updated_at": CHANGED_AT,
        "url": "https://acme.my.salesforce.com/001D000000IRFmaIAH",
    }


def test_an_account_without_renewals_and_with_our_own_number(open_source: Answers) -> None:
    account = {**ACCOUNT, "Opportunities": None, "Account_No__c": 42.0}
    source = open_source(show(account), account_key_field="Account_No__c", account_fields=[])
    row = only_row(read(source, "accounts")[0], SourceAccount)
    assert (row["external_key"], row["attributes"]) == ("42", {})


def test_a_contact(open_source: Answers) -> None:
    [page] = read(open_source(show(CONTACT)), "contacts")
    assert only_row(page, SourceContact) == {
        "source_id": "003D000000QOMqwIAH",
        "account_source_id": "001D000000IRFmaIAH",
        "email": "jrogers@burlington.com",
        "name": "Jack Rogers",
        "role": "VP, Facilities",
        "created_at": CREATED,
        "updated_at": CHANGED_AT,
    }


def test_a_user_who_left(open_source: Answers, sent: list[httpx.Request]) -> None:
    [page] = read(open_source(show(USER)), "owners")
    assert only_row(page, Owner) == {
        "source_id": "005D0000001QX8WIAW",
        "name": "Ana Lopez",
        "email": "ana@us.example",
        "is_active": False,
        "updated_at": CHANGED_AT,
    }
    assert queries(sent) == [
        "SELECT Id, SystemModstamp, Name, Email, IsActive FROM User"
        " WHERE (UserType = 'Standard') ORDER BY SystemModstamp, Id"
    ]


def test_a_deleted_and_a_merged_account(open_source: Answers) -> None:
    gone = {**ACCOUNT, "Id": "001D000000IRFmbIAH", "IsDeleted": True}
    merged = {**gone, "Id": "001D000000IRFmcIAH", "MasterRecordId": ACCOUNT["Id"]}
    [page] = read(open_source(show(gone, merged)), "accounts")
    assert page.records[SourceAccount] == []
    assert page.deleted == {SourceAccount: [gone["Id"], merged["Id"]]}
    assert only_row(page, Alias) == {
        "source_id": "001D000000IRFmcIAH",
        "record": "source_account",
        "survivor_source_id": "001D000000IRFmaIAH",
        "updated_at": CHANGED_AT,
    }


def test_what_is_asked_for_at_first(open_source: Answers, sent: list[httpx.Request]) -> None:
    read(open_source(show(ACCOUNT)), "accounts")
    token, asked = sent
    assert parse_qs(token.content.decode()) == {
        "grant_type": ["client_credentials"], "client_id": ["3MVG9"], "client_secret": [SECRET],
    }  # fmt: skip
    assert str(token.url) == "https://acme.my.salesforce.com/services/oauth2/token"
    assert asked.url.path == f"{DATA}/queryAll"
    assert queries(sent) == [
        "SELECT Id, SystemModstamp, Name, Website, OwnerId, CreatedDate, IsDeleted,"
        " MasterRecordId, Industry, Type, BillingCountry, NumberOfEmployees,"
        " (SELECT CloseDate FROM Opportunities WHERE (Type IN ('Renewal')) AND"
        " (IsClosed = FALSE) AND (IsDeleted = FALSE) AND (CloseDate != NULL)"
        " ORDER BY CloseDate LIMIT 1) FROM Account ORDER BY SystemModstamp, Id"
    ]


def test_a_list_goes_on_behind_its_last_record(
    open_source: Answers, sent: list[httpx.Request]
) -> None:
    later = {**CONTACT, "Id": "003D000000QOMqxIAH"}
    first, last = read(open_source(show(CONTACT, done=False), show(later)), "contacts")
    assert first.resume == {
        "list": 0, "at": "2026-11-18T08:35:06+00:00", "id": "003D000000QOMqwIAH",
    }  # fmt: skip
    assert last.resume is None
    assert (
        "WHERE (SystemModstamp > 2026-11-18T08:35:06.000Z OR (SystemModstamp =" in queries(sent)[1]
    )
    assert "= 2026-11-18T08:35:06.000Z AND Id > '003D000000QOMqwIAH'))" in queries(sent)[1]


def test_a_list_that_shows_one_page_twice_ends(open_source: Answers) -> None:
    source = open_source(*[show(CONTACT, done=False)] * 2)
    with pytest.raises(Unreachable, match="with no later record"):
        read(source, "contacts")


def test_accounts_are_asked_for_by_their_changed_renewals_too(
    open_source: Answers, sent: list[httpx.Request]
) -> None:
    source = open_source(show(), show(ACCOUNT))
    changed, renewed = read(source, "accounts", CHANGED)
    assert changed.resume == {"list": 1, "at": None, "id": ""}
    assert [row["source_id"] for row in renewed.records[SourceAccount]] == [ACCOUNT["Id"]]
    assert "FROM Account WHERE (SystemModstamp >= 2026-11-19T08:00:00.500Z)" in queries(sent)[0]
    inside = "SELECT AccountId FROM Opportunity WHERE (SystemModstamp >= 2026-11-19T08:00:00.500Z)"
    assert f"FROM Account WHERE (Id IN ({inside})) ORDER BY" in queries(sent)[1]
    assert len(read(open_source(show(), renewal_types=[]), "accounts", CHANGED)) == 1


def test_a_time_without_an_offset_costs_its_record(open_source: Answers) -> None:
    naive = {**CONTACT, "CreatedDate": "2026-01-12T08:35:06"}
    [page] = read(open_source(show(naive, CONTACT)), "contacts")
    assert [(each.source_id, each.code) for each in page.rejected] == [(CONTACT["Id"], "BAD_TIME")]
    assert len(page.records[SourceContact]) == 1


def test_a_refresh_token_is_granted_for(open_source: Answers, sent: list[httpx.Request]) -> None:
    read(open_source(show(), refresh_token="-".join(("refresh", "me"))), "owners")
    form = parse_qs(sent[0].content.decode())
    assert (form["grant_type"], form["refresh_token"]) == (["refresh_token"], ["refresh-me"])


def test_a_refresh_token_that_is_replaced_is_written_to_its_place(open_source: Answers) -> None:
    kept: list[str] = []
    workspace = WorkspaceInfo(secret_writers={"refresh_token": kept.append})
    first, second = "-".join(("refresh", "me")), "-".join(("refresh", "next"))
    granted = {"refresh_token": second}
    read(open_source(show(), granted=granted, refresh_token=first, workspace=workspace), "owners")
    assert kept == [second]


def test_a_run_ends_before_the_org_has_no_calls_left(
    open_source: Answers, sent: list[httpx.Request]
) -> None:
    used = {"Sforce-Limit-Info": "api-usage=90000/100000; api-bursts=1/750"}
    source = open_source(show(CONTACT, done=False, **used))
    with pytest.raises(Throttled, match=r"90000 of 100000 API calls .* max_api_share is 0\.9"):
        read(source, "contacts")
    assert len(queries(sent)) == 1


def test_a_quota_that_is_used_up_is_said(open_source: Answers) -> None:
    over = refuse(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    with pytest.raises(Throttled, match="are used up, by all its integrations together"):
        read(open_source(over), "contacts")


def test_check_says_of_each_stream_what_is_missing(open_source: Answers) -> None:
    hidden = refuse(400, "INVALID_FIELD", "No such column 'Seats__c' on entity 'Account'.")
    source = open_source(
        show(), hidden, refuse(403, "API_DISABLED_FOR_ORG", "API is not enabled"),
        account_fields=["Seats__c"],
    )  # fmt: skip
    owners, accounts, contacts = source.check()
    assert owners.ok
    assert "No such column 'Seats__c' on entity 'Account'" in accounts.message
    assert accounts.remedy == (
        "correct its name, or give the user of the external client app read access to it"
    )
    assert (contacts.ok, "API is not enabled" in contacts.message) == (False, True)


def test_a_client_that_gets_no_token_is_said_once() -> None:
    refusal = {"error": "invalid_client", "error_description": "invalid client credentials"}
    transport = httpx.MockTransport(lambda _request: httpx.Response(400, json=refusal))
    http = VendorHttp("salesforce", client=httpx.Client(transport=transport))
    [finding] = SalesforceSource(SalesforceConfig.model_validate(SETTINGS), http).check()
    assert not finding.ok
    assert "client credentials flow enabled, with a user to run as" in finding.remedy


def test_errors_that_are_no_matter_of_permission(open_source: Answers) -> None:
    with pytest.raises(CredentialRefused, match="Session expired"):
        read(
            open_source(*[refuse(401, "INVALID_SESSION_ID", "Session expired or invalid")] * 2),
            "owners",
        )
    with pytest.raises(PermissionMissing, match="INVALID_TYPE"):
        read(
            open_source(refuse(400, "INVALID_TYPE", "sObject type 'X' is not supported")), "owners"
        )


@pytest.mark.parametrize("host", ["login.salesforce.com", "acme.lightning.force.com"])
def test_an_address_that_gives_no_tokens_is_refused(host: str) -> None:
    with pytest.raises(ValidationError, match="write your My Domain"):
        SalesforceConfig.model_validate(SETTINGS | {"base_url": f"https://{host}"})


def test_values_are_quoted_and_fit_into_an_address() -> None:
    assert quote_text("O'Neil\\ & Söhne\n") == "'O\\'Neil\\\\ & Söhne\\n'"
    keys = ["k" * 255] * 300
    parts = list(split_values(keys))
    assert sum(map(len, parts)) == 300
    assert max(len(part) * (255 + 12) for part in parts) <= MAX_LENGTH
    assert [len(part) for part in split_values(["k"] * 401)] == [200, 200, 1]
    assert list(split_values([])) == []


def test_a_query_is_read_to_its_end_by_its_locator(sent: list[httpx.Request]) -> None:
    answers = iter([show({"Id": "1"}, done=False), show({"Id": "2"})])

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            return httpx.Response(200, json={"access_token": "00D!" + "x" * 20})
        sent.append(request)
        return next(answers)

    http = VendorHttp("salesforce", client=httpx.Client(transport=httpx.MockTransport(answer)))
    client = SalesforceClient(SalesforceConfig.model_validate(SETTINGS), http)
    assert [each["Id"] for each in client.query_to_end("SELECT Id FROM Task")] == ["1", "2"]
    assert sent[1].url.path == f"{DATA}/query/01gD0000002HU6KIAW-2000"
