"""The text of a task: whom to call, why, what to say, and what else the account needs."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from cs_sync.follow_ups.company import CompanyView
from cs_sync.follow_ups.evidence import build_ticket_evidence
from cs_sync.follow_ups.people import choose_contact
from cs_sync.follow_ups.priority import URGENCY
from cs_sync.follow_ups.settings import PlaybookSettings, Priority
from cs_sync.follow_ups.templates import fill_template
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import (
    describe_account,
    describe_person,
    format_instant,
    format_list,
    join_paragraphs,
)
from cs_sync.health.wording import to_plain_line

MAX_LINKS, MAX_TICKETS = 8, 3


class Point(Struct, frozen=True):
    """What one follow-up says in a task."""

    key: str
    playbook: str
    title: str
    why: str
    priority: Priority
    kind: str
    due_at: datetime
    advice: tuple[str, ...] = ()
    contact_id: str | None = None
    evidence: tuple[Mapping[str, Any], ...] = ()


def sort_points(points: Iterable[Point]) -> list[Point]:
    """Sort points by urgency: priority, due time, key."""
    return sorted(points, key=lambda point: (URGENCY[point.priority], point.due_at, point.key))


def compose_task(
    points: Sequence[Point], view: AccountView, settings: Mapping[str, PlaybookSettings]
) -> dict[str, Any]:
    """Compose the task of several follow-ups of one account.

    The most urgent leads it.

    Args:
        points: The follow-ups, at least one.
        view: The account.
        settings: Playbook → settings, with the templates of its texts.

    Returns:
        title, body, priority, kind, due_at (ISO) and contact_id of the task.
    """
    first, *others = sort_points(points)
    further = [" ".join([point.why, *point.advice[:1]]) for point in others]
    also = f"{view.words('follow_up.also')}\n{format_list(*further)}" if further else ""
    body = compose_body(first, view, also, [f for point in points for f in point.evidence])
    chosen = settings.get(first.playbook)
    return {
        "title": first.title,
        "body": fill_body(chosen.body if chosen else None, body, first, view),
        "priority": first.priority,
        "kind": first.kind,
        "due_at": min(point.due_at for point in points).isoformat(),
        "contact_id": first.contact_id,
    }


def compose_body(
    point: Point,
    view: AccountView | CompanyView,
    also: str = "",
    evidence: Sequence[Mapping[str, Any]] | None = None,
) -> str:
    """Compose a task's body: person, reason, advice, further points, account, links.

    Args:
        point: The follow-up that leads.
        view: The account or the company.
        also: The further points.
        evidence: The facts to link to; by default those of the follow-up.
    """
    say = view.words
    advice = f"{say('follow_up.say')}\n{format_list(*point.advice)}" if point.advice else ""
    if not isinstance(view, AccountView):
        return join_paragraphs(point.why, advice)
    contact = choose_contact(view, point.contact_id, "user")
    links = list_links(view, point.evidence if evidence is None else evidence)
    return join_paragraphs(
        describe_person(contact, view),
        point.why,
        advice,
        also,
        describe_account(view),
        f"{say('follow_up.links')}\n{format_list(*links)}" if links else "",
    )


def fill_body(
    template: str | None, body: str, point: Point, view: AccountView | CompanyView
) -> str:
    """Fill the template of a body; without one return the body.

    Args:
        template: The template of the settings.
        body: The composed body.
        point: The follow-up that leads.
        view: The account or the company.
    """
    fields = build_template_fields(view, point.playbook, point.due_at)
    return fill_template(template, body, {**fields, "title": point.title, "body": body})


def build_template_fields(
    view: AccountView | CompanyView, playbook: str, due_at: datetime
) -> dict[str, str]:
    """Build the fields of a template besides title and body.

    Unknown ones are empty.
    """
    fields = {"playbook": playbook, "due": format_instant(due_at, view)}
    if not isinstance(view, AccountView):
        return {**fields, "account": "", "score": "", "band": "", "mrr": ""}
    return {
        **fields,
        "account": to_plain_line(view.label, 80),
        "score": "" if view.score is None else view.words.number(view.score),
        "band": view.words.band(view.band) if view.band else "",
        "mrr": view.words.mrr(view.mrr),
    }


def list_links(view: AccountView, evidence: Iterable[Mapping[str, Any]]) -> list[str]:
    """List `source name: URL` of evidence, newest tickets and account."""
    links: dict[str, str] = {}
    titles = view.titles
    tickets = (build_ticket_evidence(ticket, view) for ticket in view.tickets[:MAX_TICKETS])
    for fact in (*evidence, *tickets):
        url = fact.get("url")
        if url:
            label, source = fact.get("label") or fact.get("source_id") or "", fact.get("source", "")
            links.setdefault(str(url), to_plain_line(f"{titles.get(source, source)} {label}", 60))
    for source, url in sorted(view.links.items()):
        links.setdefault(url, titles.get(source, source))
    return [f"{label}: {url}" for url, label in links.items()][:MAX_LINKS]
