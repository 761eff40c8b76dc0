"""Set-up of an org: our fields, who sees them, what is missing, what is left by hand."""

from typing import Any

import httpx
import orjson
import pytest

from cs_sync import FieldSpec, SupportsSetup
from cs_sync_salesforce.destination import SalesforceDestination
from cs_sync_sandbox.salesforce import Org

pytestmark = pytest.mark.slow("opens an org for each test")

Fields = tuple[FieldSpec, ...]


def list_bodies(sent: list[httpx.Request], ending: str) -> list[Any]:
    return [orjson.loads(each.content) for each in sent if each.url.path.endswith(ending)]


def test_our_fields_are_made_and_shown_to_the_user(
    bare: SalesforceDestination, org: Org, sent: list[httpx.Request], fields: Fields
) -> None:
    findings = {finding.subject: finding for finding in bare.prepare(fields)}
    assert all(finding.ok for finding in findings.values())
    assert findings["Account.cs_health_score__c"].message == "created"
    assert "refuses a second one" in findings["Task.cs_sync_key__c"].message
    made = {body["FullName"]: body["Metadata"] for body in list_bodies(sent, "/CustomField")}
    assert made["Account.cs_health_band__c"] == {
        "type": "Picklist",
        "label": "Band",
        "description": "In words.",
        "inlineHelpText": "In words.",
        "valueSet": {
            "valueSetDefinition": {
                "sorted": False,
                "value": [
                    {"valueName": "red", "label": "Red", "default": False},
                    {"valueName": "green", "label": "Green", "default": False},
                ],
            }
        },
    }
    assert made["Account.cs_health_reasons__c"]["length"] == 32_768
    assert made["Activity.cs_sync_key__c"]["externalId"]
    assert made["Activity.cs_sync_key__c"]["unique"]
    permissions = org.list_live("FieldPermissions")
    assert {each["Field"] for each in permissions} == findings.keys()
    assert org.list_live("PermissionSetAssignment")[-1]["AssigneeId"] == org.user_id
    sent.clear()
    assert {finding.message for finding in bare.prepare(fields[:4])} == {
        "exists",
        findings["Task.cs_sync_key__c"].message,
    }
    assert not list_bodies(sent, "/CustomField")


def test_a_field_that_nobody_sees_is_shown(
    bare: SalesforceDestination, org: Org, fields: Fields
) -> None:
    org.create_field("Account.cs_health_score__c", {"type": "Number"})
    assert all(finding.ok for finding in bare.prepare(fields[:1]))


def test_what_may_not_be_made_is_said_with_how_to_make_it(
    bare: SalesforceDestination, org: Org, fields: Fields
) -> None:
    org.may_customize = False
    score_field, key = bare.prepare(fields[:1])
    assert not score_field.ok
    assert "insufficient access rights" in score_field.message
    assert "give the user of the external client app Customize Application" in score_field.remedy
    assert "Object Manager → Account as Number" in score_field.remedy
    assert "Object Manager → Activity as Text" in key.remedy


def test_a_field_of_another_type_is_left_alone(
    bare: SalesforceDestination, org: Org, fields: Fields
) -> None:
    org.create_field("Account.cs_health_score__c", {"type": "Text", "length": 255})
    org.create_field("Activity.cs_sync_key__c", {"type": "Text", "length": 255})
    taken, key = bare.prepare(fields[:1])
    assert (taken.ok, taken.message) == (
        False,
        "exists, and is of type string, where double is needed",
    )
    assert (key.ok, key.message) == (False, "exists, and is not an external id")


def test_an_org_without_unique_keys_is_told_to_let_one_run_write(
    bare: SalesforceDestination, org: Org
) -> None:
    org.unique_activity_fields = False
    [key] = bare.prepare(())
    assert key.ok
    assert "two runs on two databases at once can still make a twin" in key.message
    assert key.remedy == "nothing to do: let one run at a time write"


def test_set_up_says_what_the_user_may_do(bare: SalesforceDestination, org: Org) -> None:
    assert isinstance(bare, SupportsSetup)
    assert all(finding.ok for finding in bare.check_permissions())
    for each in org.list_live("PermissionSet"):
        each["PermissionsAssignPermissionSets"] = False
    [missing] = [finding for finding in bare.check_permissions() if not finding.ok]
    assert missing.subject == "Assign Permission Sets"
    assert missing.remedy == "give it to the user of the external client app, in a permission set"
    steps = list(bare.list_manual_steps("cs_"))
    assert "Setup → Permission Sets → cs-sync → Manage Assignments" in steps[0]
