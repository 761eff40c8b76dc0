"""Reference page of the playbooks: `python -m cs_sync.follow_ups.document`."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cs_sync.follow_ups.playbook import Playbook
from cs_sync.follow_ups.playbooks import PLAYBOOKS
from cs_sync.follow_ups.settings import FollowUpSettings, PlaybookSettings, format_duration
from cs_sync.markdown import wrap_markdown

_INTRODUCTION = """\
# Playbooks

This page is written from the registry of playbooks; `cs-sync playbooks` shows what they led to.

A playbook turns something that happened to an account into one follow-up for the colleague who
looks after it: one per account, playbook and occasion, also after a repeated run or a lost
database. While a follow-up is open, news is added as a note. If its cause is gone before anybody
began it, it is closed with the reason. Once ended, it never opens again for the same occasion. A
colleague gets at most `daily_cap` new tasks a day, most money at risk first (MRR × the missing
share of the health score); the others are deferred. What concerns the whole company is one
follow-up for one person, named by `assignee`.

**A first run is not a flood.** What happened before the first successful sync of its source, or
before `start`, makes no follow-up. What is still going on does (a cancellation ahead, an unpaid
invoice, a red account), and so does what became known late: it is due the next working day, with
the date since when. Nothing is overdue when it is created.

**One account, one plan.** All that an account is asked for is one task: the most urgent reason
first, the others as points of it. What comes later joins the open task as a point and a note; as
long as nobody began the task, its title, due time and priority follow. It is done, deleted or
closed for all of them. A playbook with an `assignee` of its own has tasks of its own.

**Priority follows money.** `priority` is the highest that a playbook gives; it is lower where
little money is in question (what leaves, renews or fell; else the money at risk). One that you set
yourself is kept.

**What excludes what.** Nobody asks for a referral or offers a larger plan while an invoice is
unpaid, the account is red or leaves, or a detractor of the last 90 days is unanswered; nobody
teaches features to an account that has cancelled.

With `holdout = 0.1` a tenth of the accounts, always the same ones, gets no follow-up of that
playbook, so that the two groups show whether it helps. [Churn](churn.md) says how many accounts
that needs, and how `cs-sync playbooks` answers.

Durations are written "90m", "24h", "2d" or "1w".
"""
_EXAMPLE = """\
```toml
[follow_ups]
daily_cap = 8
assignee = "head.of.cs@example.com"
start = 2026-12-01
business_hours = ["09:00", "17:00"]
holidays = [2026-12-25]

[playbooks.detractor_call]
due_in = "4h"

[playbooks.exit_surveys]
target = {rate = 0.03, per = "month"}

[playbooks.passive_value]
enabled = false
```
"""


_OWN = """\
## A playbook of your own

A module with this is a plugin once its package names it as an entry point of the group `cs_sync`.
It is switched and set like ours, with the fields that its settings have.

```python
from cs_sync import Playbook, PlaybookSettings, Proposal, hookimpl


class Settings(PlaybookSettings):
    months: int = 11


def propose(view, settings):
    if view.created_at and (view.now - view.created_at).days >= settings.months * 30:
        yield Proposal("first year", view.now, f"Plan {view.label}'s second year", "Book a call.")


@hookimpl
def cs_sync_playbooks():
    return [Playbook("second_year", "Plan the second year", "", propose, Settings())]
```

`propose` gets one account as it stands (`cs_sync.AccountView`) and gives what should be done: the
occasion names what happened, so that it is asked for once, and `since` is when the clock started.
The third text says why; `advice` adds what to say, `contact` names a person of `view.people`,
`stake` the money per month in question, and with `ongoing` a cause from before the connection
counts, too.
Evidence with an `id` and a `text` that turns up while a follow-up is open becomes a note on it, and
with `resolved` a playbook says when one has become needless. With `scope="company"` it gets a
`cs_sync.CompanyView` with the KPIs that it `asks` for.
"""


def render_playbooks(playbooks: Iterable[Playbook]) -> str:
    """Render the page as Markdown.

    Args:
        playbooks: The playbooks in the order of the page.
    """
    parts = [
        _INTRODUCTION,
        "## `[follow_ups]`\n",
        *_render_settings(FollowUpSettings()),
        "",
        _EXAMPLE,
        "## `[playbooks.NAME]`\n\nEvery playbook has these; their defaults are its own.\n",
        *_render_settings(PlaybookSettings()),
        "",
    ]
    return wrap_markdown("\n".join([*parts, *map(_render_playbook, playbooks), _OWN]))


def _render_playbook(playbook: Playbook) -> str:
    chosen = playbook.defaults
    lines = [f"## `{playbook.name}`\n", f"{playbook.description}\n"]
    if playbook.scope == "company":
        lines.append("It is about the company as a whole and needs an assignee.\n")
    common = PlaybookSettings()
    for name, field in type(chosen).model_fields.items():
        own = name not in PlaybookSettings.model_fields
        if getattr(chosen, name) is None and own:
            lines.append(f"- `{name}`, not set{_format_description(field, own=own)}")
        elif own or getattr(chosen, name) != getattr(common, name):
            lines.append(
                f"- `{name} = "
                f"{_format_value(getattr(chosen, name))}`{_format_description(field, own=own)}"
            )
    if playbook.unless:
        names = ", ".join(holds.__name__.replace("_", " ") for holds in playbook.unless)
        lines.append(f"- never while the account {names}")
    if playbook.resolved:
        lines.append("- closed when its cause is gone before anybody began it")
    return "\n".join([*lines, ""])


def _render_settings(settings: BaseModel) -> Iterator[str]:
    yield "| key | default | |\n| --- | --- | --- |"
    for name, field in type(settings).model_fields.items():
        yield (
            f"| `{name}` | `{_format_value(getattr(settings, name))}` | {field.description or ''} |"
        )


def _format_description(field: FieldInfo, *, own: bool) -> str:
    return f": {field.description}" if own and field.description else ""


def _format_value(value: Any) -> str:
    """Format a default as written in the configuration file."""
    if isinstance(value, timedelta):
        return f'"{format_duration(value)}"'
    if isinstance(value, BaseModel):
        inside = (f"{name} = {_format_value(part)}" for name, part in value.model_dump().items())
        return "{" + ", ".join(inside) + "}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | frozenset):
        return f"[{', '.join(map(_format_value, value))}]"
    return "none" if value is None else f'"{value}"' if isinstance(value, str) else f"{value:g}"


if __name__ == "__main__":
    print(render_playbooks(PLAYBOOKS.values()), end="")
