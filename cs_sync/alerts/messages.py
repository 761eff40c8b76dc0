"""Alerts as one message: plain text, and the JSON of Slack, Teams and programs; pure."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

from msgspec import Struct

from cs_sync.alerts.states import AlertState

_SLACK_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class AlertMessage(Struct, frozen=True):
    """What one channel is sent."""

    workspace: str
    subject: str
    text: str
    states: Sequence[AlertState]


def build_message(workspace: str, states: Sequence[AlertState], zone: tzinfo) -> AlertMessage:
    """Build the message about these causes, those that are over last.

    Args:
        workspace: The name of the workspace.
        states: The causes.
        zone: The zone of the times.
    """
    states = sorted(states, key=lambda state: (state.is_over, state.cause))
    titles = [_format_title(state) for state in states]
    more = f" (+{len(titles) - 1})" if len(titles) > 1 else ""
    subject = f"cs-sync {workspace}: {titles[0]}{more}"
    paragraphs = [_format_paragraph(state, zone) for state in states]
    return AlertMessage(workspace, subject, "\n\n".join([subject, *paragraphs]), states)


def format_slack(message: AlertMessage) -> dict[str, Any]:
    """Format for an incoming webhook of Slack, Mattermost or Rocket.Chat."""
    return {"text": message.text.translate(_SLACK_ESCAPES)}


def format_teams(message: AlertMessage) -> dict[str, Any]:
    """Format for a Teams workflow: an adaptive card of plain text."""
    first, *rest = message.text.splitlines()
    body = [_format_teams_line(first, weight="Bolder")]
    body += [_format_teams_line(line) for line in rest if line]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}


def format_json(message: AlertMessage) -> dict[str, Any]:
    """Format for programs."""
    return {
        "workspace": message.workspace,
        "subject": message.subject,
        "alerts": [
            {
                "cause": state.cause,
                "state": "over" if state.is_over else "failing",
                "since": state.since.isoformat(),
                "text": state.text,
            }
            for state in message.states
        ],
    }


def _format_title(state: AlertState) -> str:
    title = state.text.partition("\n")[0]
    return f"over: {title}" if state.is_over else title


def _format_paragraph(state: AlertState, zone: tzinfo) -> str:
    since = f"(since {state.since.astimezone(zone):%Y-%m-%d %H:%M %Z})"
    if state.is_over:
        return f"{_format_title(state)} {since}"
    _, _, details = state.text.partition("\n")
    return "\n".join([f"{_format_title(state)} {since}", *details.splitlines()])


def _format_teams_line(line: str, **style: str) -> dict[str, Any]:
    """Format a line as a run of text without Markdown."""
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": line, **style}]}
