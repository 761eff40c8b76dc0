"""Zendesk's objects: tickets with their metrics, users, organizations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cs_sync_sandbox.answers import Json
from cs_sync_sandbox.world.records import Company, Person, Ticket
from cs_sync_sandbox.world.words import AGENTS

ORGANIZATION, USER, AGENT = 36_000_000_000, 37_000_000_000, 38_000_000_000
GROUP, BRAND, TOPIC_FIELD, METRIC = 3, 1, 3600, 900_000
CLOSES_AFTER = timedelta(days=4)  # a rule of the system, which does not move `updated_at`


def format_instant(moment: datetime | None) -> str | None:
    """Return an instant as Zendesk writes it: UTC, whole seconds, Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def get_generated_at(ticket: Ticket) -> int:
    """Return when anything, the system included, last touched the ticket (unix seconds)."""
    moment = ticket.updated_at
    if ticket.status == "closed" and ticket.solved_at:
        moment = ticket.solved_at + CLOSES_AFTER
    elif ticket.status == "deleted":
        moment = get_deleted_at(ticket)
    return int(moment.timestamp())


def get_deleted_at(ticket: Ticket) -> datetime:
    """Return when a deleted ticket was deleted."""
    return ticket.updated_at + timedelta(minutes=3)


def get_user_id(person_key: str) -> int:
    """Return the Zendesk user of a person."""
    return USER + int(person_key.removeprefix("u-"))


def get_organization_id(company_key: str) -> int:
    """Return the Zendesk organization of an account."""
    return ORGANIZATION + int(company_key.removeprefix("acct_"))


def make_ticket(record: Ticket) -> Json:
    """Return a ticket as the export shows it, deleted ones included."""
    rating: Json = {"score": "unoffered"}
    if record.rating:
        rating = {
            "id": record.number, "score": record.rating, "comment": record.rating_comment,
        }  # fmt: skip
    organization = get_organization_id(record.account_key) if record.has_organization else None
    return {
        "id": record.number, "external_id": None, "subject": record.subject,
        "raw_subject": record.subject, "description": f"{record.subject} Please help.",
        "status": record.status, "custom_status_id": None, "priority": record.priority,
        "type": record.kind, "tags": list(record.tags),
        "requester_id": get_user_id(record.requester_key),
        "submitter_id": get_user_id(record.requester_key),
        "assignee_id": AGENT + 1 + record.number % len(AGENTS) if record.replies else None,
        "group_id": GROUP, "organization_id": organization, "brand_id": BRAND,
        "ticket_form_id": None, "via": {"channel": record.channel},
        "custom_fields": [{"id": TOPIC_FIELD, "value": record.topic}],
        "satisfaction_rating": rating, "is_public": True, "due_at": None,
        "created_at": format_instant(record.created_at),
        "updated_at": format_instant(record.updated_at),
        "generated_timestamp": get_generated_at(record),
    }  # fmt: skip


def make_metric_set(record: Ticket) -> Json:
    """Return a ticket's metrics; what has not happened yet is null."""
    solved = record.solved_at
    full = _calculate_minutes(record.created_at, solved)
    return {
        "id": METRIC + record.number, "ticket_id": record.number, "reopens": record.reopens,
        "replies": record.replies, "assignee_stations": 1 if record.replies else 0,
        "group_stations": 1,
        "reply_time_in_minutes": _calculate_minutes(record.created_at, record.first_reply_at),
        "first_resolution_time_in_minutes": full,
        "full_resolution_time_in_minutes": full,
        "requester_wait_time_in_minutes": full,
        "agent_wait_time_in_minutes": {"calendar": 0, "business": 0},
        "on_hold_time_in_minutes": {"calendar": 0, "business": 0},
        "solved_at": format_instant(solved),
        "initially_assigned_at": format_instant(record.first_reply_at),
        "latest_comment_added_at": format_instant(record.updated_at),
        "created_at": format_instant(record.created_at),
        "updated_at": format_instant(record.updated_at),
    }  # fmt: skip


def make_user(person: Person) -> Json:
    """Make an end user.

    Somebody with two addresses wrote to support from the second.
    """
    identified = person.in_product and person.number % 4
    body = _make_user(
        get_user_id(person.key), f"{person.first} {person.last}", get_email(person), "end-user",
        person.created_at,
    )  # fmt: skip
    return {
        **body, "external_id": person.key if identified else None,
        "organization_id": get_organization_id(person.account_key),
    }  # fmt: skip


def get_email(person: Person) -> str | None:
    """Return the address Zendesk knows first."""
    return person.emails[-1] if person.emails else None


def list_agents(since: datetime) -> list[Json]:
    """Return Acme's support agents; the first is the admin."""
    return [
        _make_user(
            AGENT + number, f"{first} {last}", f"{first.lower()}@acme.example",
            "admin" if number == 1 else "agent", since,
        )
        for number, (first, last) in enumerate(AGENTS, start=1)
    ]  # fmt: skip


def make_organization(company: Company) -> Json:
    """Return an organization; `external_id` is Acme's own account id for many."""
    domains = [company.domain, *company.extra_domains] if company.domain else []
    return {
        "id": get_organization_id(company.key), "name": company.name,
        "external_id": company.key if "zendesk" in company.key_in else None,
        "domain_names": domains, "tags": ["vip"] if company.size > 100 else [],
        "details": None, "notes": None, "group_id": None, "shared_tickets": False,
        "shared_comments": False, "organization_fields": {"industry": company.industry},
        "created_at": format_instant(company.created_at),
        "updated_at": format_instant(company.created_at),
    }  # fmt: skip


def list_identities(person: Person) -> list[Json]:
    """List every address of a user.

    The one Zendesk knows first is primary.
    """
    return [
        {
            "id": person.number * 10 + index, "user_id": get_user_id(person.key), "type": "email",
            "value": email, "verified": True, "primary": email == get_email(person),
            "created_at": format_instant(person.created_at),
            "updated_at": format_instant(person.created_at),
        }
        for index, email in enumerate(person.emails)
    ]  # fmt: skip


def _make_user(id_: int, name: str, email: str | None, role: str, since: datetime) -> Json:
    return {
        "id": id_, "name": name, "email": email, "external_id": None, "role": role,
        "organization_id": None, "active": True, "suspended": False, "verified": True,
        "time_zone": "Berlin", "iana_time_zone": "Europe/Berlin", "locale": "en-US",
        "tags": [], "user_fields": {}, "phone": None, "created_at": format_instant(since),
        "updated_at": format_instant(since),
    }  # fmt: skip


def _calculate_minutes(start: datetime, end: datetime | None) -> Json:
    minutes = int((end - start).total_seconds() // 60) if end else None
    business = minutes if minutes is None else minutes * 8 // 24
    return {"calendar": minutes, "business": business}
