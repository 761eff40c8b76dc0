"""The accounts as data for the page's script: compact, compressed, and safe to embed."""

import base64
import gzip
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from html import unescape
from typing import Any

import orjson
from msgspec import Struct, field

from cs_sync.report.cells import round_points
from cs_sync.report.data import RISK_KINDS, HistoryPoint, ReportData, ReportedAccount, TaskLine
from cs_sync.report.formats import Formats
from cs_sync.report.risk import calculate_attention, rank_mrr, sum_owed

_EMBEDDED = re.compile(r'id="payload">([A-Za-z0-9+/=]*)<')
LEVEL = 6
"""Of compression: the highest, 9, takes three times as long for 6 % less."""
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
    return base64.b64encode(gzip.compress(orjson.dumps(payload), LEVEL, mtime=0)).decode()


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
    owed, points = sum_owed(data.agenda), PointTexts(list(data.inputs), bands, formats)
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
                _build_detail(account, points, formats),
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


class PointTexts(Struct, frozen=True):
    """What the table says of points in time; what is said of one object is made once."""

    inputs: Sequence[str]
    bands: Sequence[str]
    formats: Formats
    _texts: dict[int, tuple[Any, ...]] = field(default_factory=dict)

    def build(self, point: HistoryPoint) -> tuple[Any, ...]:
        """Build the cells of a point.

        MRR, its text, score, the place of its band, and what each input cost.
        """
        if id(point) not in self._texts:
            self._texts[id(point)] = (
                point.mrr,
                self.formats.format_money(point.mrr),
                round_points(point.score),
                _get_band_place(point.band, self.bands),
                [round_points(point.lost.get(name)) for name in self.inputs],
            )
        return self._texts[id(point)]


def _build_detail(account: ReportedAccount, points: PointTexts, formats: Formats) -> list[Any]:
    cells = account.read_cells()
    return [
        *zip(*map(points.build, (*account.past, account.now)), strict=True),
        cells.reasons,
        [
            [task.title, formats.day(formats.local_day(task.due_at)), task.assignee]
            for task in sorted(account.tasks, key=lambda task: task.due_at)
        ],
        cells.use,
        cells.tickets,
        cells.answers,
        cells.links,
        cells.features,
        account.chance,
    ]


def _count_paths(accounts: Sequence[ReportedAccount], bands: Sequence[str]) -> dict[str, int]:
    """Count accounts by their bands over time, one letter a day."""
    letters: dict[str | None, str] = {band: str(place) for place, band in enumerate(bands)}
    paths = (
        "".join([letters.get(point.band, ".") for point in (*account.past, account.now)])
        for account in accounts
    )
    return dict(Counter(paths))
