"""Mapping of Zendesk's objects to records: pure functions."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cs_sync import Row
from cs_sync_schemas import Membership, Record, SourceAccount, SourceContact, SurveyResponse, Ticket

Raw = Mapping[str, Any]
Mapped = Iterator[tuple[type[Record], Row]]

RATINGS = {"good": 1.0, "bad": 0.0}
"""What Zendesk keeps of both of its survey systems; `offered` and `unoffered` are not answers."""

SURVEY = "Zendesk satisfaction"


def map_organization(raw: Raw, base_url: str) -> Mapped:
    """Yield an organization as an account."""
    domains = [str(name).lower() for name in raw.get("domain_names") or ()]
    fields = {k: v for k, v in (raw.get("organization_fields") or {}).items() if v is not None}
    tags = list(raw.get("tags") or ())
    yield (
        SourceAccount,
        {
            "source_id": format_id(raw["id"]),
            "name": raw.get("name"),
            "domain": domains[0] if domains else None,
            "extra_domains": domains[1:],
            "external_key": raw.get("external_id") or None,
            "attributes": {**fields, "tags": tags} if tags else fields,
            "created_at": parse_time(raw.get("created_at")),
            "updated_at": parse_time(raw.get("updated_at")),
            "url": f"{base_url}/agent/organizations/{raw['id']}",
            "raw": raw,
        },
    )


def map_user(raw: Raw) -> Mapped:
    """Yield an end user, and the membership in their primary organization."""
    id, account = format_id(raw["id"]), format_id(raw.get("organization_id"))
    updated_at = parse_time(raw.get("updated_at"))
    yield (
        SourceContact,
        {
            "source_id": id,
            "account_source_id": account,
            "email": raw.get("email") or None,
            "external_key": raw.get("external_id") or None,
            "name": raw.get("name"),
            "created_at": parse_time(raw.get("created_at")),
            "updated_at": updated_at,
            "raw": raw,
        },
    )
    if account:
        yield (
            Membership,
            {
                "source_id": id,  # one for each user, so that a move replaces it
                "contact_source_id": id,
                "account_source_id": account,
                "is_primary": True,
                "updated_at": updated_at,
                "raw": raw,
            },
        )


def map_ticket(raw: Raw, metrics: Raw, base_url: str, topic_field: int | None) -> Mapped:
    """Yield a ticket with its metrics, and the customer's rating of it."""
    opened = parse_time(raw["created_at"])
    closed = raw.get("status") == "closed"
    yield (
        Ticket,
        {
            "source_id": format_id(raw["id"]),
            **_map_people(raw),
            "subject": raw.get("subject"),
            "topic": _find_topic(raw, topic_field),
            "tags": list(raw.get("tags") or ()),
            "channel": (raw.get("via") or {}).get("channel"),
            "priority": raw.get("priority"),
            "status": raw["status"],
            "opened_at": opened,
            "first_reply_at": _find_first_reply(opened, metrics),
            "solved_at": parse_time(metrics.get("solved_at")),
            "closed_at": parse_time(metrics.get("status_updated_at")) if closed else None,
            "agent_replies": metrics.get("replies"),
            "reopens": metrics.get("reopens"),
            "transfers": _count_transfers(metrics),
            "updated_at": parse_time(raw.get("updated_at")),
            "url": f"{base_url}/agent/tickets/{raw['id']}",
            "raw": {**raw, "metric_set": dict(metrics)} if metrics else raw,
        },
    )
    yield from _map_rating(raw, metrics)


def _count_transfers(metrics: Raw) -> int | None:
    """Count the agents, or groups, less one.

    None if Zendesk has none.
    """
    stations = [metrics.get("assignee_stations"), metrics.get("group_stations")]
    numbers = [number for number in stations if number is not None]
    return max(0, *(number - 1 for number in numbers)) if numbers else None


def _map_rating(raw: Raw, metrics: Raw) -> Mapped:
    """Yield the rating good or bad, with its date.

    Dated by the solution if the ticket has no date.
    """
    rating = raw.get("satisfaction_rating") or {}
    score = RATINGS.get(str(rating.get("score")))
    if score is None:
        return
    answered = rating.get("created_at") or metrics.get("solved_at") or raw.get("updated_at")
    yield (
        SurveyResponse,
        {
            "source_id": format_id(
                raw["id"]
            ),  # one for each ticket, so that a changed mind replaces it
            **_map_people(raw),
            "kind": "csat",
            "survey": SURVEY,
            "score": score,
            "scale_min": 0.0,
            "scale_max": 1.0,
            "comment": rating.get("comment") or None,
            "answered_at": parse_time(answered),
            "raw": rating,
        },
    )


def _map_people(raw: Raw) -> dict[str, str | None]:
    """Return account and contact; without an organization the requester's is used."""
    return {
        "account_source_id": format_id(raw.get("organization_id")),
        "contact_source_id": format_id(raw.get("requester_id")),
    }


def _find_topic(raw: Raw, field: int | None) -> str | None:
    if field is None:
        return next(iter(raw.get("tags") or ()), None)
    values = (f.get("value") for f in raw.get("custom_fields") or () if f.get("id") == field)
    value = next(values, None)
    if isinstance(value, list):
        value = next(iter(value), None)
    return None if value in (None, "") else str(value)


def _find_first_reply(opened: datetime | None, metrics: Raw) -> datetime | None:
    """Find the first reply's time.

    Zendesk gives minutes, lately seconds, from the start.
    """
    seconds = (metrics.get("reply_time_in_seconds") or {}).get("calendar")
    if seconds is None:
        minutes = (metrics.get("reply_time_in_minutes") or {}).get("calendar")
        seconds = None if minutes is None else minutes * 60
    return None if seconds is None or opened is None else opened + timedelta(seconds=seconds)


def parse_time(text: str | None) -> datetime | None:
    """Parse an ISO 8601 time to aware UTC."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def format_id(id: int | None) -> str | None:
    """Return an id as text, the form of references between records."""
    if isinstance(id, float):  # JSON reads a number beyond 64 bits as one that is near it
        raise ValueError(f"{id} is not an id")
    return None if id is None else str(id)


def index_by_ticket(metric_sets: Iterable[Raw]) -> dict[Any, Raw]:
    """Return metric sets by ticket id, without invalid ones."""
    valid_sets = (metrics for metrics in metric_sets if isinstance(metrics, dict))
    return {metrics.get("ticket_id"): metrics for metrics in valid_sets}
