"""Every kind of answer against the vendors' own API descriptions."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

TASKS = "/objects/2026-03/tasks"
COMPANIES = "/objects/2026-03/companies"
LONG_AGO = 1_600_000_000


def nullable_as_union(node: Any) -> Any:
    """Return OpenAPI 3.0's `nullable: true` as JSON Schema says it."""
    if isinstance(node, list):
        return [nullable_as_union(item) for item in node]
    if not isinstance(node, dict):
        return node
    actual = {key: nullable_as_union(value) for key, value in node.items()}
    return {"anyOf": [actual, {"type": "null"}]} if actual.pop("nullable", False) else actual


def without_nulls(node: Any) -> Any:
    """Return a document without its nulls."""
    if isinstance(node, list):
        return [without_nulls(item) for item in node]
    if isinstance(node, dict):
        return {key: without_nulls(value) for key, value in node.items() if value is not None}
    return node


class Description:
    """One vendor's OpenAPI file."""

    def __init__(self, path: Path) -> None:
        text = path.read_text()
        raw = json.loads(text) if path.suffix == ".json" else yaml.load(text, yaml.CSafeLoader)
        self.document = nullable_as_union(raw)

    def check(self, schema: dict[str, Any], body: Any) -> None:
        """Fail with the places where a body departs from a schema."""
        whole = {**schema, "components": self.document["components"]}
        errors = Draft202012Validator(whole).iter_errors(body)
        assert [f"{list(e.absolute_path)}: {e.message[:200]}" for e in errors] == []

    def check_object(self, name: str, body: Any) -> None:
        """Check a body against a component."""
        self.check({"$ref": f"#/components/schemas/{name}"}, body)

    def check_answer(self, method: str, path: str, answer: Any) -> None:
        """Check an answer against what its path promises for its status."""
        responses = self._operation(method, path)["responses"]
        response = responses.get(str(answer.status_code))
        if response is None:
            response = responses["default" if answer.status_code >= 400 else "200"]
        self.check(response["content"]["application/json"]["schema"], answer.json())

    def _operation(self, method: str, path: str) -> dict[str, Any]:
        fitting = [
            template
            for template, item in self.document["paths"].items()
            if method in item and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
        ]
        assert fitting, f"{method} {path} is not described"
        actual: dict[str, Any] = self.document["paths"][min(fitting, key=lambda t: t.count("{"))]
        operation: dict[str, Any] = actual[method]
        return operation


@pytest.fixture(scope="module")
def stripe_says(openapi: Path) -> Description:
    return Description(openapi / "stripe-2026-05-27.dahlia.json")


@pytest.fixture(scope="module")
def hubspot_says(openapi: Path) -> Description:
    return Description(openapi / "hubspot-crm-2026-03.json")


@pytest.fixture(scope="module")
def zendesk_says(openapi: Path) -> Description:
    return Description(openapi / "zendesk-support.yaml")


@pytest.mark.slow("builds a world")
@pytest.mark.parametrize(
    ("name", "component", "params"),
    [
        ("customers", "customer", {}),
        ("products", "product", {}),
        ("prices", "price", {"expand[]": ["data.tiers", "data.currency_options"]}),
        ("coupons", "coupon", {"expand[]": ["data.applies_to", "data.currency_options"]}),
        ("subscriptions", "subscription", {"status": "all"}),
        (
            "subscriptions",
            "subscription",
            {
                "status": "all",
                "expand[]": [
                    "data.discounts",
                    "data.items.data.discounts",
                    "data.customer",
                    "data.latest_invoice",
                ],
            },
        ),
        ("invoices", "invoice", {}),
        ("invoices", "invoice", {"status": "open"}),
        ("refunds", "refund", {}),
        ("credit_notes", "credit_note", {}),
        ("events", "event", {}),
    ],
)
def test_stripe_lists(
    stripe: Any, stripe_says: Description, name: str, component: str, params: dict[str, Any]
) -> None:
    rows = stripe.get(f"/{name}", limit=100, **params).json()["data"]
    assert rows
    for row in rows:
        stripe_says.check_object(component, row)
    first = stripe.get(f"/{name}/{rows[0]['id']}")
    stripe_says.check_answer("get", f"/v1/{name}/{rows[0]['id']}", first)


def test_stripe_nested_lists_account_and_errors(stripe: Any, stripe_says: Description) -> None:
    invoice = stripe.get("/invoices").json()["data"][0]["id"]
    subscription = stripe.get("/subscriptions").json()["data"][0]["id"]
    gone = stripe.get("/events", **{"types[]": "customer.deleted"}).json()["data"][0]
    customer = gone["data"]["object"]["id"]
    for path, params in (
        (f"/invoices/{invoice}/lines", {}),
        ("/subscription_items", {"subscription": subscription}),
        ("/account", {}),
        (f"/customers/{customer}", {}),
        ("/customers/nobody", {}),
    ):
        stripe_says.check_answer("get", f"/v1{path}", stripe.get(path, **params))


def test_hubspot_reads(hubspot: Any, hubspot_says: Description) -> None:
    kinds = ("companies", "contacts", "feedback_submissions", "tasks")
    reads: tuple[tuple[str, dict[str, Any]], ...] = (
        *((f"/objects/2026-03/{kind}", {"limit": 100}) for kind in kinds),
        (COMPANIES, {"archived": "true"}),
        (COMPANIES, {"associations": "contacts", "properties": "name,industry"}),
        (f"{COMPANIES}/31000000001", {}),
        (f"{COMPANIES}/1", {}),
        ("/owners/2026-03", {}),
        ("/owners/2026-03", {"archived": "true"}),
        ("/owners/2026-03/77000001", {}),
        ("/properties/2026-03/companies", {}),
        ("/properties/2026-03/companies/name", {}),
        ("/properties/2026-03/companies/groups", {}),
    )
    for path, params in reads:
        hubspot_says.check_answer("get", f"/crm{path}", hubspot.get(path, **params))


def test_hubspot_batches_and_writes(hubspot: Any, hubspot_says: Description) -> None:
    key = {
        "name": "cs_sync_key",
        "label": "Key",
        "groupName": "task_information",
        "type": "string",
        "fieldType": "text",
        "hasUniqueValue": True,
    }
    link = {
        "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}],
        "to": {"id": "31000000001"},
    }
    due = {"hs_timestamp": "2026-11-25T09:00:00Z", "cs_sync_key": "a"}
    task = {"properties": due, "associations": [link]}
    named = {"id": "31000000001", "properties": {"name": "A & B"}}
    nobody = {"id": "1", "properties": {}}
    by_key = {"idProperty": "cs_sync_key"}
    pair = "/associations/2026-03/companies/contacts/batch/read"
    calls: list[tuple[int, str, dict[str, Any]]] = [
        (201, "/properties/2026-03/tasks", key),
        (409, "/properties/2026-03/tasks", key),
        (207, "/properties/2026-03/tasks/batch/create", {"inputs": [key]}),
        (201, "/properties/2026-03/tasks/groups", {"name": "cs", "label": "CS"}),
        (201, f"{TASKS}/batch/create", {"inputs": [task]}),
        (409, f"{TASKS}/batch/create", {"inputs": [task]}),
        (207, f"{TASKS}/batch/read", {**by_key, "inputs": [{"id": "a"}, {"id": "b"}]}),
        (200, f"{TASKS}/batch/upsert", {"inputs": [{**by_key, "id": "a", "properties": due}]}),
        (200, f"{TASKS}/search", {"limit": 1}),
        (200, f"{COMPANIES}/batch/update", {"inputs": [named]}),
        (207, f"{COMPANIES}/batch/update", {"inputs": [named, nobody]}),
        (400, f"{COMPANIES}/batch/update", {"inputs": [named, named]}),
        (200, f"{COMPANIES}/search", {"limit": 200}),
        (207, pair, {"inputs": [{"id": "31000000001"}, {"id": "1"}]}),
    ]
    for status, path, body in calls:
        answer = hubspot.post(path, body)
        assert answer.status_code == status, answer.text
        hubspot_says.check_answer("post", f"/crm{path}", answer)
    id_ = hubspot.get(TASKS).json()["results"][0]["id"]
    again = {"inputs": [{"from": {"id": id_}, **link}]}
    path = "/associations/2026-03/tasks/companies/batch/create"
    hubspot_says.check_answer("post", f"/crm{path}", hubspot.post(path, again))


@pytest.mark.slow("builds a world")
def test_zendesk_answers(zendesk: Any, zendesk_says: Description) -> None:
    """Nulls are left out first: the API sends them, its description hardly ever allows them."""
    for path, params, component in (
        (
            "/incremental/tickets/cursor",
            {"include": "metric_sets"},
            "CursorBasedExportIncrementalTicketsResponse",
        ),
        ("/incremental/users/cursor", {}, "CursorBasedExportIncrementalUsersResponse"),
        ("/incremental/organizations", {}, "ExportIncrementalOrganizationsResponse"),
        ("/incremental/tickets/sample", {}, "TimeBasedExportIncrementalTicketsResponse"),
        ("/deleted_tickets", {}, "ListDeletedTicketsResponse"),
        ("/deleted_users", {}, "DeletedUsersResponse"),
        ("/users/me", {}, "CurrentUserResponse"),
        ("/users/37000000001/identities", {}, "UserIdentitiesResponse"),
    ):
        body = without_nulls(zendesk.get(path, start_time=LONG_AGO, **params).json())
        # The description forgets that the export shows deleted tickets too.
        tickets = [t for t in body.get("tickets", []) if t["status"] != "deleted"]
        zendesk_says.check_object(component, {**body, "tickets": tickets})
        for metrics in body.get("metric_sets", []):
            zendesk_says.check_object("TicketMetricObject", metrics)
