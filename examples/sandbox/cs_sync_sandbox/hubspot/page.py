"""Plain pages of the portal: what a customer-success manager would see in HubSpot."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape, unescape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from cs_sync_sandbox.answers import Json
from cs_sync_sandbox.hubspot.portal import Portal, Record
from cs_sync_sandbox.hubspot.seed import OWNER

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem;
  background: Canvas; color: CanvasText; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .75rem .35rem 0; vertical-align: top;
  border-bottom: 1px solid color-mix(in srgb, CanvasText 18%, Canvas); }
.body { white-space: pre-line; }
.quiet { color: color-mix(in srgb, CanvasText 62%, Canvas); }
.band::before { content: "●"; margin-right: .35em; color: var(--band, GrayText); }
.red { --band: #d5383e; } .yellow { --band: #c98a00; } .green { --band: #2a9d58; }
.excellent { --band: #2f7fd1; }
a { color: LinkText; }
"""
SCORE, BAND = "cs_health_score", "cs_health_band"


class Pages:
    """The list of companies and the page of one."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal

    async def companies(self, _: Request) -> Response:
        """GET /hubspot/: every company, the worst score first, those without one last."""
        rows = sorted(self.portal.live("companies"), key=_get_score_order)
        cells = [
            (
                f'<a href="companies/{escape(r.id)}">{_render_text(r, "name")}</a>',
                _render_text(r, "domain"), _score(r), _render_band(r), escape(self._owner(r)),
                str(len(self._open_tasks(r))),
            )
            for r in rows
        ]  # fmt: skip
        head = ("Company", "Domain", "Health score", "Band", "Owner", "Open tasks")
        return _render_page("Companies", f"<h1>Companies</h1>{_render_table(head, cells)}")

    async def company(self, request: Request) -> Response:
        """GET /hubspot/companies/{id}: its properties and its tasks; also at HubSpot's own path."""
        record = self.portal.find("companies", request.path_params["id"])
        if record is None:
            return _render_page("Not found", "<h1>No such company</h1>", 404)
        name = _render_text(record, "name")
        ours = {n: v for n, v in record.properties.items() if n.startswith("cs_")}
        rest = {n: v for n, v in record.properties.items() if v and n not in ours}
        parts = [
            '<p><a href="/hubspot/">All companies</a></p>',
            f"<h1>{name}</h1><p>{_render_band(record)} {_score(record)}</p>",
            f"<h2>Tasks</h2>{self._tasks(record)}",
            f"<h2>Customer success</h2>{self._properties(ours)}",
            f"<h2>About this company</h2>{self._properties(rest)}",
        ]
        return _render_page(record.properties.get("name") or record.id, "".join(parts))

    def _tasks(self, record: Record) -> str:
        tasks = self._linked_tasks(record)
        if not tasks:
            return '<p class="quiet">No tasks.</p>'
        cells = [
            (
                f"<b>{_render_text(t, 'hs_task_subject')}</b>"
                f'<div class="body">{_render_rich_text(t, "hs_task_body")}</div>',
                self._contacts(t),
                _time(t.properties.get("hs_timestamp") or ""), _render_text(t, "hs_task_priority"),
                _render_text(t, "hs_task_status"), escape(self._owner(t)),
            )
            for t in tasks
        ]  # fmt: skip
        return _render_table(("Task", "Contact", "Due", "Priority", "Status", "Owner"), cells)

    def _contacts(self, task: Record) -> str:
        """Render the people a task is associated with: name and job title."""
        ids = self.portal.linked("tasks", task.id, "contacts")
        people = [person for id_ in ids if (person := self.portal.find("contacts", id_))]
        names = (
            ", ".join(filter(None, (_join_names(person), person.properties.get("jobtitle") or "")))
            for person in people
        )
        return escape("; ".join(names)) or "—"

    def _properties(self, values: Mapping[str, str | None]) -> str:
        if not values:
            return '<p class="quiet">Nothing yet.</p>'
        definitions = self.portal.definitions["companies"]
        cells = [
            (
                f"{escape(definitions[name]['label'] if name in definitions else name)} "
                f'<span class="quiet">{escape(name)}</span>',
                f'<div class="body">{_render_value(definitions.get(name), value or "")}</div>',
            )
            for name, value in sorted(values.items())
        ]
        return _render_table(("Property", "Value"), cells)

    def _linked_tasks(self, record: Record) -> list[Record]:
        ids = self.portal.linked("companies", record.id, "tasks")
        tasks = [self.portal.find("tasks", id_) for id_ in ids]
        return [task for task in tasks if task]

    def _open_tasks(self, record: Record) -> list[Record]:
        tasks = self._linked_tasks(record)
        return [t for t in tasks if t.properties.get("hs_task_status") != "COMPLETED"]

    def _owner(self, record: Record) -> str:
        id_ = record.properties.get("hubspot_owner_id")
        for owner in self.portal.owners:
            if str(OWNER + owner.number) == id_:
                return f"{owner.first} {owner.last}"
        return id_ or "—"


def list_page_routes(portal: Portal) -> list[Route]:
    """Return the paths of the pages."""
    pages = Pages(portal)
    return [
        Route("/hubspot/", pages.companies),
        Route("/hubspot/companies/{id}", pages.company),
        Route("/hubspot/contacts/{portal}/record/0-2/{id}", pages.company),
    ]


def _get_score_order(record: Record) -> tuple[bool, float, str]:
    score = record.properties.get(SCORE)
    return not score, float(score or 0), record.properties.get("name") or ""


def _render_rich_text(record: Record, name: str) -> str:
    """Render lines, links and characters of a rich text, nothing else."""
    lines = re.split(r"<br\s*/?>|</p>\s*<p>", record.properties.get(name) or "")
    return "<br>".join(map(_render_links, lines))


def _render_links(line: str) -> str:
    parts = [escape(unescape(part)) for part in _LINK.split(line)]
    return "".join(
        f'<a href="{part}">{part}</a>' if number % 2 else part for number, part in enumerate(parts)
    )


_LINK = re.compile(r'<a href="(https?://[^"<>]*)">[^<]*</a>')


def _join_names(person: Record) -> str:
    names = (person.properties.get(name) for name in ("firstname", "lastname"))
    return " ".join(filter(None, names))


def _render_text(record: Record, name: str) -> str:
    return escape(record.properties.get(name) or "")


def _render_value(definition: Json | None, value: str) -> str:
    return _time(value) if definition and definition["type"] == "datetime" else escape(value)


def _time(value: str) -> str:
    """Return an ISO time to the minute, without letters between its parts."""
    return f"{escape(value[:16].replace('T', ' '))} UTC" if value else ""


def _score(record: Record) -> str:
    return _render_text(record, SCORE) or "—"


def _render_band(record: Record) -> str:
    band = _render_text(record, BAND)
    return f'<span class="band {band}">{band}</span>' if band else "—"


def _render_table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table of cells that are HTML already."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _render_page(title: str, body: str, status: int = 200) -> Response:
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)} · Acme's HubSpot</title><style>{STYLE}</style></head>"
        f"<body>{body}</body></html>",
        status,
    )
