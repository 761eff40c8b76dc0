"""The accounts as data for the page's script: compact, compressed, and safe to embed."""

import base64
import gzip
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from html import unescape
from typing import Any

from cs_sync.health.wording import name_answer
from cs_sync.report.data import RISK_KINDS, AnswerLine, ReportData, ReportedAccount, TaskLine
from cs_sync.report.formats import Formats, round_half_up
from cs_sync.report.links import sanitize_link
from cs_sync.report.risk import calculate_attention, rank_mrr, sum_owed

_EMBEDDED = re.compile(r'id="payload">([A-Za-z0-9+/=]*)<')
MAX_ACCOUNTS = 10_000
"""Accounts in the table; of more, those that matter most."""
NO_BAND = "insufficient"
_WORDS = (
    "none", "found", "more", "close", "health", "reasons", "tasks", "use", "tickets", "answers",
    "features", "not_customer", "open", "days_28", "people", "seats", "history", "day",
    "no_reason", "no_use",
)  # fmt: skip


def build_anchors(accounts: Sequence[ReportedAccount]) -> dict[str, str]:
    """Map account id → its deep link's fragment: acct_0263 → acct-0263."""
    anchors: dict[str, str] = {}
    taken: set[str] = set()
    for account in accounts:
        base = re.sub(r"[^a-z0-9]+", "-", account.id.lower()).strip("-") or "account"
        base = base if base[0].isalpha() else f"a-{base}"
        anchor, n = base, 1
        while anchor in taken:
            n += 1
            anchor = f"{base}-{n}"
        taken.add(anchor)
        anchors[account.id] = anchor
    return anchors


def encode_payload(payload: Mapping[str, Any]) -> str:
    """Encode data for the page: JSON, compressed with gzip, as base64."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def extract_text(page: str) -> str:
    """Extract all text of a report.

    Its page unescaped, and its compressed data.
    """
    embedded = _EMBEDDED.search(page)
    data = gzip.decompress(base64.b64decode(embedded[1])).decode() if embedded else ""
    return f"{unescape(page)}\n{data}"


def build_payload(
    data: ReportData,
    accounts: Sequence[ReportedAccount],
    anchors: Mapping[str, str],
    formats: Formats,
) -> dict[str, Any]:
    """Build the data of the account table.

    Args:
        data: The data of the report.
        accounts: The customers, those that matter first.
        anchors: Account id → the fragment of its deep link.
        formats: The formats of the report.
    """
    bands = [*data.bands, NO_BAND]
    shown = accounts[:MAX_ACCOUNTS]
    names: dict[str, list[str]] = {
        field: sorted({getattr(account, field) for account in shown} - {""})
        for field in ("owner", "plan", "segment")
    }
    places = {field: {name: n for n, name in enumerate(of)} for field, of in names.items()}
    owed = sum_owed(data.agenda)
    return {
        **_build_labels(data, bands, formats),
        **names,
        "rows": [
            [
                anchors[account.id],
                account.name,
                account.id,
                *(places[field].get(getattr(account, field), -1) for field in names),
                _get_band_place(account.now.band, bands),
                None if account.now.score is None else round(account.now.score, 1),
                account.change_30d and round(account.change_30d, 1),
                rank_mrr(account),
                formats.purse(account.mrr),
                -1 if account.now.risk is None else RISK_KINDS.index(account.now.risk),
                round(calculate_attention(account, owed.get(account.id, 0))),
                *_build_next(account.tasks, formats),
                _build_detail(data, account, bands, formats),
            ]
            for account in shown
        ],
        "paths": _count_paths(data.accounts, bands),
    }


def _build_labels(data: ReportData, bands: Sequence[str], formats: Formats) -> dict[str, Any]:
    """Build the texts that the rows refer to by their place."""
    words, ends = formats.words, [*data.months, data.as_of]
    return {
        "words": {name: words(f"report.js.{name}") for name in _WORDS},
        "bands": bands,
        "bandNames": [words.band(band) for band in bands],
        "risks": [words(f"report.risk.{kind}") for kind in RISK_KINDS],
        "days": [formats.day(end) for end in ends],
        "months": [formats.format_short_month(end) for end in ends],
        "inputs": list(data.inputs.values()),
    }


def _get_band_place(band: str | None, bands: Sequence[str]) -> int:
    return bands.index(band) if band in bands else -1


def _build_next(tasks: Sequence[TaskLine], formats: Formats) -> tuple[str, str]:
    """Return the first open follow-up's title, and its day for sorting."""
    first = min(tasks, key=lambda task: task.due_at, default=None)
    return (first.title, formats.local_day(first.due_at).isoformat()) if first else ("", "")


def _build_detail(
    data: ReportData, account: ReportedAccount, bands: Sequence[str], formats: Formats
) -> list[Any]:
    points, details = [*account.past, account.now], account.read_details()
    money = {mrr: formats.format_money(mrr) for mrr in {point.mrr for point in points}}
    return [
        [point.mrr for point in points],
        [money[point.mrr] for point in points],
        [_round(point.score) for point in points],
        [_get_band_place(point.band, bands) for point in points],
        [[_round(point.lost.get(n)) for n in data.inputs] for point in points],
        [[text, _round(loss)] for text, loss in details.reasons],
        [
            [task.title, formats.day(formats.local_day(task.due_at)), task.assignee]
            for task in sorted(account.tasks, key=lambda task: task.due_at)
        ],
        [details.use.recent_days, details.use.earlier_days, formats.day(details.use.last_day),
         details.use.people, details.use.seats] if details.use else None,
        [
            [formats.day(ticket.day), ticket.subject, ticket.is_open, sanitize_link(ticket.link)]
            for ticket in details.tickets
        ],
        [
            [formats.day(answer.day), _name_answer(answer, formats),
             answer.person, answer.comment]
            for answer in details.answers
        ],
        [[label, link] for label, url in details.links if (link := sanitize_link(url))],
        list(details.features.items())[:8],
        account.chance,
    ]  # fmt: skip


def _name_answer(answer: AnswerLine, formats: Formats) -> str:
    highest = None if answer.scale_max is None else formats.number(answer.scale_max)
    return name_answer(answer.kind, formats.number(answer.score), highest, formats.words)


@lru_cache(maxsize=50_000)
def _round(value: float | None) -> int | None:
    return None if value is None else int(round_half_up(value))


def _count_paths(accounts: Sequence[ReportedAccount], bands: Sequence[str]) -> dict[str, int]:
    """Count accounts by their bands over time, one letter a day."""

    def write(account: ReportedAccount) -> str:
        points = [*account.past, account.now]
        places = (_get_band_place(point.band, bands) for point in points)
        return "".join("." if place < 0 else str(place) for place in places)

    return dict(Counter(map(write, accounts)))
