"""HubSpot's portal: reading, searching, writing back and its refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette

from cs_sync_sandbox import World, keys

OBJECTS = "/objects/2026-03"
KEY = {
    "groupName": "task_information",
    "name": "cs_sync_key",
    "label": "Key",
    "type": "string",
    "fieldType": "text",
    "hasUniqueValue": True,
}
BAND = {
    "groupName": "companyinformation",
    "name": "cs_health_band",
    "label": "Band",
    "type": "enumeration",
    "fieldType": "select",
    "options": [{"label": "Red", "value": "red", "displayOrder": 0, "hidden": False}],
}


def every(hubspot: Any, kind: str, **params: Any) -> list[dict[str, Any]]:
    """Return all records of a kind, page by page."""
    rows: list[dict[str, Any]] = []
    while True:
        body = hubspot.get(f"{OBJECTS}/{kind}", limit=100, **params).json()
        rows += body["results"]
        if "paging" not in body:
            return rows
        params["after"] = body["paging"]["next"]["after"]


def task(key: str, company: str = "31000000001") -> dict[str, Any]:
    """Return an input of tasks/batch/create."""
    return {
        "properties": {
            "hs_timestamp": "2026-11-25T09:00:00Z",
            "hs_task_subject": "Call",
            "cs_sync_key": key,
        },
        "associations": [
            {
                "to": {"id": company},
                "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}],
            }
        ],
    }


def create_tasks(hubspot: Any, *keys_: str) -> Any:
    """Create tasks and return the answer."""
    return hubspot.post(f"{OBJECTS}/tasks/batch/create", {"inputs": [task(k) for k in keys_]})


@pytest.mark.slow("builds a world")
def test_lists_are_complete_and_hold_only_what_was_asked_for(hubspot: Any, world: World) -> None:
    rows = every(hubspot, "companies", properties="account_id")
    live = [c for c in world.companies if not c.archived_at]
    assert len(rows) == len(live)
    assert set(rows[0]["properties"]) == {
        "account_id",
        "createdate",
        "hs_lastmodifieddate",
        "hs_object_id",
    }
    assert all(v is None or isinstance(v, str) for r in rows for v in r["properties"].values())


@pytest.mark.slow("builds a world")
def test_archived_records_have_their_own_list(hubspot: Any, world: World) -> None:
    gone = every(hubspot, "companies", archived="true")
    assert len(gone) == sum(c.archived_at is not None for c in world.companies) > 0
    assert all(row["archived"] and row["archivedAt"] for row in gone)


@pytest.mark.slow("builds a world")
def test_a_merged_id_means_its_winner(hubspot: Any) -> None:
    rows = every(hubspot, "companies", properties="hs_merged_object_ids")
    winner = next(r for r in rows if r["properties"]["hs_merged_object_ids"])
    loser = winner["properties"]["hs_merged_object_ids"].split(";")[0]
    assert hubspot.get(f"{OBJECTS}/companies/{loser}").json()["id"] == winner["id"]


def test_contacts_are_read_by_mail_too(hubspot: Any) -> None:
    contact = next(c for c in every(hubspot, "contacts") if c["properties"]["email"])
    answer = hubspot.post(
        f"{OBJECTS}/contacts/batch/read",
        {"idProperty": "email", "inputs": [{"id": contact["properties"]["email"]}]},
    )
    assert answer.json()["results"][0]["id"] == contact["id"]


def test_survey_answers_hang_on_contacts(hubspot: Any) -> None:
    rows = every(
        hubspot,
        "feedback_submissions",
        properties="hs_survey_type,hs_value,hs_contact_id",
        associations="contacts",
    )
    assert {r["properties"]["hs_survey_type"] for r in rows} == {"NPS", "CSAT", "CES"}
    for row in rows[:50]:
        (contact,) = row["associations"]["contacts"]["results"]
        assert contact["id"] == row["properties"]["hs_contact_id"]


def test_owners_at_work_and_gone(hubspot: Any) -> None:
    at_work = hubspot.get("/owners/2026-03").json()["results"]
    gone = hubspot.get("/owners/2026-03", archived="true").json()["results"]
    assert (len(at_work), len(gone)) == (4, 1)
    assert "userId" not in gone[0]


def test_associations_are_read_in_a_batch(hubspot: Any) -> None:
    body = {"inputs": [{"id": "31000000001"}, {"id": "999"}]}
    answer = hubspot.post("/associations/2026-03/companies/contacts/batch/read", body)
    assert answer.status_code == 207
    (actual,), (error,) = answer.json()["results"], answer.json()["errors"]
    assert actual["from"]["id"] == "31000000001"
    assert error["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"


def test_search_filters_by_time_and_refuses_beyond_ten_thousand(hubspot: Any) -> None:
    search = f"{OBJECTS}/companies/search"
    name = "hs_lastmodifieddate"
    since = {"propertyName": name, "operator": "GTE", "value": "1788000000000"}
    body = {"filterGroups": [{"filters": [since]}], "sorts": [name], "limit": 200}
    actual = hubspot.post(search, {**body, "properties": ["name"]}).json()
    times = [row["properties"][name] for row in actual["results"]]
    assert 0 < actual["total"] < 408
    assert times == sorted(times)
    assert times[0] >= "2026-08-29"
    assert hubspot.post(search, {"limit": 200, "after": "9801"}).status_code == 400
    assert hubspot.post(search, {"limit": 201}).status_code == 400
    unknown = {"filters": [{"propertyName": "x", "operator": "EQ", "value": "1"}]}
    assert hubspot.post(search, {"filterGroups": [unknown]}).status_code == 400


def test_the_search_index_lags_behind_writes(hubspot: Any, clock: Any) -> None:
    hubspot.post("/properties/2026-03/tasks", KEY)
    create_tasks(hubspot, "a")
    wanted = {"filters": [{"propertyName": "cs_sync_key", "operator": "EQ", "value": "a"}]}
    search = f"{OBJECTS}/tasks/search"
    assert hubspot.post(search, {"filterGroups": [wanted]}).json()["total"] == 0
    clock.pass_time(3)
    assert hubspot.post(search, {"filterGroups": [wanted]}).json()["total"] == 1


def test_groups_and_properties_are_created_once(hubspot: Any) -> None:
    at = "/properties/2026-03/companies"
    group = {"name": "cs_sync", "label": "CS sync"}
    codes = [hubspot.post(f"{at}/groups", group).status_code for _ in range(2)]
    assert codes == [201, 409]
    assert [hubspot.post(at, BAND).status_code for _ in range(2)] == [201, 409]
    other = {**BAND, "name": "cs_other"}
    answer = hubspot.post(f"{at}/batch/create", {"inputs": [BAND, other]})
    assert answer.status_code == 207
    assert answer.json()["numErrors"] == 1
    assert answer.json()["results"][0]["name"] == "cs_other"
    assert hubspot.post(at, {**BAND, "name": "Bad-Name"}).status_code == 400
    assert hubspot.post(at, {**BAND, "name": "x", "groupName": "nowhere"}).status_code == 400


def test_company_updates_answer_each_record(hubspot: Any) -> None:
    inputs = [
        {"id": id_, "properties": {"industry": "media"}, "objectWriteTraceId": f"t{id_}"}
        for id_ in ("31000000001", "31000000002", "404")
    ]
    answer = hubspot.post(f"{OBJECTS}/companies/batch/update", {"inputs": inputs})
    body = answer.json()
    assert answer.status_code == 207
    assert [r["id"] for r in body["results"]] == ["31000000002", "31000000001"], "not input order"
    assert body["results"][0]["objectWriteTraceId"] == "t31000000002"
    assert body["numErrors"] == 1
    assert body["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    assert body["errors"][0]["context"] == {"ids": ["404"]}


@pytest.mark.parametrize(
    "inputs",
    [
        [{"id": "31000000001", "properties": {"nothing_like_it": "1"}}],
        [{"id": "31000000001", "properties": {"numberofemployees": "many"}}],
        [{"id": "31000000001", "properties": {"lifecyclestage": "friend"}}],
        [{"id": "31000000001", "properties": {"hs_object_id": "7"}}],
        [{"id": "31000000001", "idProperty": "hs_object_id", "properties": {}}],
        [{"id": "31000000001", "properties": {"name": "A"}}] * 2,
        [],
        [{"id": str(n), "properties": {}} for n in range(101)],
    ],
)
def test_one_wrong_input_refuses_the_whole_batch(hubspot: Any, inputs: list[Any]) -> None:
    good = {"id": "31000000002", "properties": {"name": "Changed"}}
    batch = {"inputs": [*inputs, good] if inputs else []}
    answer = hubspot.post(f"{OBJECTS}/companies/batch/update", batch)
    assert answer.status_code == 400
    assert answer.json()["category"] == "VALIDATION_ERROR"
    kept = hubspot.get(f"{OBJECTS}/companies/31000000002").json()
    assert kept["properties"]["name"] != "Changed"


def test_a_task_exists_once_per_unique_key(hubspot: Any) -> None:
    hubspot.post("/properties/2026-03/tasks", KEY)
    made = create_tasks(hubspot, "a", "b")
    assert made.status_code == 201
    assert [r["properties"]["cs_sync_key"] for r in made.json()["results"]] == ["b", "a"]
    again = create_tasks(hubspot, "c", "b")
    assert again.status_code == 409
    assert again.json()["category"] == "CONFLICT"
    assert create_tasks(hubspot, "d", "d").status_code == 409
    assert len(every(hubspot, "tasks")) == 2, "a refused batch leaves nothing behind"
    body = {"idProperty": "cs_sync_key", "inputs": [{"id": "a"}, {"id": "c"}]}
    read = hubspot.post(f"{OBJECTS}/tasks/batch/read", body)
    assert read.status_code == 207
    assert len(read.json()["results"]) == 1
    assert read.json()["errors"][0]["context"] == {"ids": ["c"]}


def test_upsert_says_what_is_new(hubspot: Any) -> None:
    hubspot.post("/properties/2026-03/tasks", KEY)
    create_tasks(hubspot, "a")
    due = {"hs_timestamp": "2026-11-25T09:00:00Z"}
    inputs = [{"idProperty": "cs_sync_key", "id": k, "properties": due} for k in ("a", "b")]
    rows = hubspot.post(f"{OBJECTS}/tasks/batch/upsert", {"inputs": inputs}).json()["results"]
    assert sorted(row["new"] for row in rows) == [False, True]


@pytest.mark.parametrize(
    "broken",
    [
        {"properties": task("x")["properties"]},
        {**task("x"), "properties": {"hs_task_subject": "no due date"}},
        {**task("x"), "properties": {**task("x")["properties"], "hs_task_status": "DONE"}},
        {"properties": task("x")["properties"], "associations": [{"to": {"id": "1"}, "types": []}]},
    ],
)
def test_an_incomplete_task_is_refused(hubspot: Any, broken: dict[str, Any]) -> None:
    hubspot.post("/properties/2026-03/tasks", KEY)
    answer = hubspot.post(f"{OBJECTS}/tasks/batch/create", {"inputs": [broken]})
    assert answer.status_code == 400


def test_a_task_is_linked_changed_and_archived(hubspot: Any) -> None:
    hubspot.post("/properties/2026-03/tasks", KEY)
    id_ = create_tasks(hubspot, "a").json()["results"][0]["id"]
    at = f"{OBJECTS}/tasks/{id_}"
    done = hubspot.send("PATCH", at, {"properties": {"hs_task_status": "COMPLETED"}})
    assert done.json()["properties"]["hs_task_status"] == "COMPLETED"
    link = {
        "from": {"id": id_},
        "to": {"id": "31000000002"},
        "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}],
    }
    linking = "/associations/2026-03/tasks/companies/batch/create"
    assert [hubspot.post(linking, {"inputs": [link]}).status_code for _ in "ab"] == [201, 201]
    shown = hubspot.get(at, associations="companies", properties="hs_task_completion_date").json()
    assert [c["id"] for c in shown["associations"]["companies"]["results"]] == [
        "31000000001",
        "31000000002",
    ]
    assert shown["properties"]["hs_task_completion_date"]
    assert hubspot.send("DELETE", at).status_code == 204
    assert hubspot.get(at).status_code == 404
    assert create_tasks(hubspot, "a").status_code == 201, "an archived task frees its key"


def test_an_archived_task_is_read_when_archived_ones_are_asked_for(hubspot: Any) -> None:
    hubspot.post("/properties/2026-03/tasks", KEY)
    id_ = create_tasks(hubspot, "a").json()["results"][0]["id"]
    question = {"idProperty": "cs_sync_key", "inputs": [{"id": "a"}], "properties": []}
    read = f"{OBJECTS}/tasks/batch/read"
    assert hubspot.post(f"{read}?archived=true", question).status_code == 207
    hubspot.send("DELETE", f"{OBJECTS}/tasks/{id_}")
    assert hubspot.post(read, question).json()["results"] == []
    assert [r["id"] for r in hubspot.post(f"{read}?archived=true", question).json()["results"]] == [
        id_
    ]


def test_choices_are_added_to_a_property_and_its_type_stays(hubspot: Any) -> None:
    hubspot.post("/properties/2026-03/companies", BAND)
    at = f"/properties/2026-03/companies/{BAND['name']}"
    options = [{"label": "New", "value": "new"}]
    changed = hubspot.send("PATCH", at, {"options": options, "type": "string"}).json()
    assert [option["value"] for option in changed["options"]] == ["new"]
    assert changed["type"] == "enumeration"
    assert hubspot.send("PATCH", "/properties/2026-03/companies/name", {}).status_code == 400


def test_an_admins_rule_refuses_the_batch_and_lists_properties_as_json(
    app: Starlette, hubspot: Any, call: Callable[..., Any]
) -> None:
    rule = {"action": "rule", "kind": "companies", "property": "name", "pattern": "^[A-Z]"}
    expected = {**rule, "message": "begins with a capital"}
    assert call(app, "/_sandbox").post("/edit", expected).status_code == 200
    first = {"id": "31000000002", "properties": {"name": "acme"}}
    refused = hubspot.post(f"{OBJECTS}/companies/batch/update", {"inputs": [first]})
    assert refused.status_code == 400
    assert refused.json()["message"] == (
        'Property values were not valid: [{"isValid":false,"message":"begins with a capital",'
        '"error":"RULE_VIOLATION","name":"name"}]'
    )
    call(app, "/_sandbox").post("/edit", rule | {"pattern": ""})
    assert hubspot.post(f"{OBJECTS}/companies/batch/update", {"inputs": [first]}).status_code == 200


def test_what_does_not_change_leaves_no_trace(hubspot: Any, clock: Any) -> None:
    at = f"{OBJECTS}/companies/31000000002"
    before = hubspot.get(at).json()
    clock.pass_time(60)
    same = {"properties": {"name": before["properties"]["name"]}}
    hubspot.send("PATCH", at, same)
    assert hubspot.get(at).json() == before


def test_tokens_are_checked_and_may_lack_a_scope(app: Starlette, call: Callable[..., Any]) -> None:
    wrong = call(app, "/hubspot/crm", "pat-wrong").get("/owners/2026-03")
    assert wrong.status_code == 401
    assert wrong.json()["category"] == "INVALID_AUTHENTICATION"
    narrow = call(app, "/hubspot/crm", keys.HUBSPOT_NARROW_TOKEN)
    assert narrow.get(f"{OBJECTS}/companies").status_code == 200
    refused = narrow.get(f"{OBJECTS}/feedback_submissions")
    assert refused.status_code == 403
    assert refused.json()["category"] == "MISSING_SCOPES"
    assert refused.json()["errors"][0]["context"]["requiredGranularScopes"] == [
        "crm.objects.feedback_submissions.read"
    ]
    assert narrow.post("/properties/2026-03/companies", BAND).status_code == 403


def test_undated_paths_are_not_there(app: Starlette, call: Callable[..., Any]) -> None:
    hubspot = call(app, "/hubspot/crm", keys.HUBSPOT_TOKEN)
    assert hubspot.get("/v3/objects/companies").status_code == 404


@pytest.mark.slow("builds a world")
def test_limits_by_ten_seconds_by_second_for_search_and_by_day(
    limited_app: Starlette, call: Callable[..., Any], clock: Any
) -> None:
    hubspot = call(limited_app, "/hubspot/crm", keys.HUBSPOT_TOKEN)
    first = hubspot.get("/owners/2026-03")
    assert first.headers["x-hubspot-ratelimit-max"] == "190"
    assert first.headers["x-hubspot-ratelimit-remaining"] == "189"
    searches = [hubspot.post(f"{OBJECTS}/tasks/search", {}) for _ in range(6)]
    assert [s.status_code for s in searches] == [200] * 5 + [429]
    assert searches[-1].json()["policyName"] == "SECONDLY"
    assert "x-hubspot-ratelimit-max" not in searches[0].headers
    codes = [hubspot.get("/owners/2026-03").status_code for _ in range(190)]
    assert codes.count(429) > 0
    call(limited_app, "/_sandbox").post("/edit", {"action": "portal", "daily_limit": 0})
    clock.pass_time(10)
    daily = hubspot.get("/owners/2026-03")
    assert (daily.status_code, daily.json()["policyName"]) == (429, "DAILY")


def test_the_page_shows_a_task_as_people_read_it_and_runs_nothing(
    portal_page: Any, hubspot: Any
) -> None:
    entry = task("page")
    del entry["properties"]["cs_sync_key"]  # the property is not there yet
    entry["properties"]["hs_task_body"] = "First<br>“&lt;b&gt;slow”<script>alert(1)</script>"
    hubspot.post(f"{OBJECTS}/tasks/batch/create", {"inputs": [entry]})
    page = portal_page.get("/companies/31000000001").text
    assert "First<br>“&lt;b&gt;slow”&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_company_s_page_shows_whom_a_task_is_about_and_its_links(
    app: Starlette, hubspot: Any, call: Callable[..., Any]
) -> None:
    hubspot.post("/properties/2026-03/tasks", KEY)
    (person,) = hubspot.get(f"{OBJECTS}/contacts", limit=1).json()["results"]
    given = task("a")
    given["properties"]["hs_task_body"] = (
        '- stripe: <a href="https://pay.example/1">https://pay.example/1</a><br>&lt;b&gt;no&lt;/b&gt;'
    )
    kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 204}
    given["associations"].append({"to": {"id": person["id"]}, "types": [kind]})
    made = hubspot.post(f"{OBJECTS}/tasks/batch/create", {"inputs": [given]})
    assert made.status_code < 300
    page = call(app, "/hubspot").get("/companies/31000000001").text
    assert "<th>Contact</th>" in page
    assert person["properties"]["lastname"] in page
    assert '<a href="https://pay.example/1">https://pay.example/1</a><br>&lt;b&gt;no' in page
