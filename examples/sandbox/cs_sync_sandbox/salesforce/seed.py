"""Fills an org: with Acme's accounts, or with a few records of each kind for tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from cs_sync_sandbox.salesforce.org import CustomField, Org
from cs_sync_sandbox.world.records import World

ACCOUNT_KEY = "Account_ID__c"
SOBJECTS = {"owners": "User", "accounts": "Account", "contacts": "Contact"}
"""List → type of its records."""


def build_org(world: World, now: Callable[[], datetime]) -> Org:
    """Build an org that knows Acme's owners, accounts and people."""
    org = Org(now)
    text = {"type": "Text", "length": 255}
    org.custom["Account"][ACCOUNT_KEY] = CustomField(ACCOUNT_KEY, text, visible=True)
    owners = {
        owner.number: org.insert(
            "User",
            {
                "Name": f"{owner.first} {owner.last}",
                "Email": owner.email,
                "IsActive": owner.active,
                "UserType": "Standard",
            },
        )["Id"]
        for owner in world.owners
    }
    accounts = {
        company.key: org.insert(
            "Account",
            {
                "Name": company.name,
                "Website": company.domain,
                "Industry": company.industry,
                "OwnerId": owners.get(company.owner_number or 0),
                ACCOUNT_KEY: company.key,
            },
            now() - company.created_at,
        )["Id"]
        for company in world.companies
    }
    for person in world.people:
        values = {
            "AccountId": accounts[person.account_key],
            "Name": f"{person.first} {person.last}",
            "Email": person.emails[0] if person.emails else None,
            "Title": person.job,
        }
        org.insert("Contact", values, now() - person.created_at)
    return org


def build_small_org(now: Callable[[], datetime], count: int) -> Org:
    """Build an org with so many records of each kind."""
    org = Org(now)
    for number in range(count):
        for name in SOBJECTS:
            add_record(org, name, timedelta(days=20 - number))
    for account in sorted(org.records["Account"])[:5]:
        renewal = {"AccountId": account, "Type": "Renewal", "CloseDate": "2027-03-01"}
        org.insert("Opportunity", renewal, timedelta(days=3))
    return org


def add_record(org: Org, name: str, ago: timedelta = timedelta(0)) -> str:
    """Add a record to a list and return its id."""
    number = len(org.records[SOBJECTS[name]])
    values: dict[str, dict[str, object]] = {
        "owners": {"Email": f"o{number}@us.example", "IsActive": True, "UserType": "Standard"},
        "accounts": {"Website": f"https://www.c{number}.example/", "Industry": "Energy"},
        "contacts": {"Email": f"p{number}@c{number}.example", "Title": "Queen"},
    }
    record = org.insert(SOBJECTS[name], {"Name": f"N {number}", **values[name]}, ago)
    return str(record["Id"])
