"""No English is left between the messages: each of them is masked, and then no letter may be seen.

Masked, a message has signs in the place of its letters, and dates, lists and durations have none.
What is left are the data: names, ids, and words of programs like the names of metrics.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from string import Formatter
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from cs_sync.cli.render.outcomes import COUNTS, playbooks_table
from cs_sync.cli.render.plan import plan_table
from cs_sync.cli.render.run_output import print_run_report
from cs_sync.cli.render.tables import reconcile_table, rejects_table
from cs_sync.i18n import LANGUAGES, Translator, get_translator
from cs_sync.i18n.catalogue import Message
from cs_sync.metrics.registry import list_builtin_metrics
from cs_sync.runtime.run_result import RunReport, RunSummary
from tests.jobs.road import BOOKS, Place, synced_company

SIGN = "¤"
NAMES = [
    *(
        "small",
        "files",
        "alpha",
        "beta",
        "gamma",
        "delta",
        "team",
        "solo",
        "ann",
        "cleo",
        "dan",
        "B",
        "plan",
        "EUR",
        "UTC",
    ),
    *sorted((metric.name for metric in list_builtin_metrics()), key=len, reverse=True),
    *(name.removesuffix(".csv") for name in BOOKS),
]
"""Words of the books, and of programs."""


class Masked(Translator):
    """A language without letters."""

    def __init__(self) -> None:
        super().__init__("en")
        self._messages = {key: mask(message) for key, message in self._messages.items()}

    def format_month(self, day: date) -> str:
        return f"{day:%Y}{SIGN}{day:%m}"

    def format_duration(self, seconds: float) -> str:
        return f"{seconds:.0f}{SIGN}"

    def enumeration(self, items: Sequence[str]) -> str:
        return SIGN.join(items)


def mask(message: Message) -> Message:
    if isinstance(message, Mapping):
        return {form: str(mask(text)) for form, text in message.items()}
    parts = []
    for literal, name, _, _ in Formatter().parse(message):
        parts.append(re.sub(r"[^\W\d_]", SIGN, literal))
        parts.append("" if name is None else f"{{{name}}}")
    return "".join(parts)


MASKED = Masked()


def find_letters(text: str, *names: str) -> set[str]:
    """The words that are neither names nor texts of customers, which stand in quotes."""
    text = re.sub(r"“[^”]*”|https?://\S+|`[^`]+`", "", text)
    for name in (*names, *NAMES):
        text = re.sub(rf"(?i)(?<![^\W\d_]){re.escape(name)}(?![^\W\d_])", "", text)
    return set(re.findall(r"[^\W\d_]+", text))


def show(content: Any) -> str:
    console = Console(width=300)
    with console.capture() as captured:
        console.print(content)
    return captured.get()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return synced_company(tmp_path_factory.mktemp("masked"))


@pytest.fixture(scope="module")
def names(place: Place) -> list[str]:
    """Playbooks and topics of the books."""
    playbooks = [row["playbook"] for row in place.json("playbooks")]
    topics = [row["topic"] for row in place.json("analyse", "topics")]
    return [*playbooks, *filter(None, topics)]


@pytest.fixture
def masked(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("cs_sync.i18n", "cs_sync.runtime.workspace"):
        monkeypatch.setattr(f"{module}.get_translator", lambda _language: MASKED)


@pytest.mark.slow("runs whole commands")
@pytest.mark.parametrize(
    "line",
    [
        "score",
        "score --since 2026-02-01",
        "explain alpha",
        "explain gamma",
        "explain beta --since 2026-02-20",
        "mrr --since 2026-01-01",
        "mrr --by plan",
        "metrics",
        "metrics --by plan",
        "metrics --metric churn_by_reason --metric churn_hazard --metric mrr_moved_by_cause",
        "accounts",
        "reconcile --all --month 2026-02",
        "playbooks",
        "analyse topics",
        "analyse cohorts",
        "analyse causes --horizon 30",
        "analyse load",
        "analyse load --moves",
        "analyse loss --horizon 30",
        "rejects list",
    ],
)
def test_tables_of_commands(place: Place, names: list[str], masked: None, line: str) -> None:
    ran = place.run(*line.split())
    assert ran.code == 0, ran
    assert SIGN in ran.out
    assert find_letters(ran.out, *names) == set()


@pytest.mark.slow("runs whole commands")
def test_the_checks_headings_and_marks(place: Place, masked: None) -> None:
    """What a connector finds is its own sentence."""
    ran = place.run("check")
    findings = [row["message"] for row in place.json("check")]
    text = ran.out
    for finding in findings:
        text = text.replace(finding, "")
    assert find_letters(text, *(row["stream"] for row in place.json("check"))) == set()


@pytest.mark.slow("runs whole commands")
def test_a_whole_run(place: Place, masked: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its notes are for the engineer, and in English; the report has tests of its own."""
    report = place.path / "cs_sync_report.html"
    monkeypatch.setattr(
        "cs_sync.jobs.run.write_report", lambda *_: SimpleNamespace(path=report, summary=None)
    )
    ran = place.run("run")
    assert ran.code == 0, ran
    lines = [line for line in ran.out.splitlines() if not line.startswith("! ")]
    text = "\n".join(lines).replace(str(place.path), "")
    run = place.select("SELECT id FROM run ORDER BY started_at DESC")[0]["id"]
    assert find_letters(text, run, "cs_sync_report.html") == set()


PLAN: dict[str, Any] = {
    "destination": "files", "object": "account", "account": "alpha", "key": "alpha",
    "action": "update", "changes": {"cs_health_band": ["green", "insufficient"]}, "reason": "",
    "name": "Alpha",
}  # fmt: skip


@pytest.mark.parametrize("everything", [False, True])
def test_the_plan(everything: bool) -> None:
    fields = {"title": [None, "1"], "due_at": [None, datetime(2026, 3, 2, 9, tzinfo=UTC)]}
    more = {"body": [None, "2"], "priority": [None, "3"], "kind": [None, "4"]}
    rows = [
        *[PLAN] * 7,
        {**PLAN, "object": "follow_up", "action": "create", "changes": {**fields, **more}},
        {**PLAN, "object": "note", "action": "create", "changes": {**fields, "at": [None, "5"]}},
        {**PLAN, "action": "refused", "changes": {}},
        {**PLAN, "action": "unchanged", "changes": {}},
    ]
    assert find_letters(show(plan_table(rows, MASKED, everything=everything))) == set()


def test_tables_that_the_books_leave_empty() -> None:
    outcome = {
        **dict.fromkeys((*COUNTS, "judged", "recovered", "held_out", "held_out_judged"), 2),
        "held_out_recovered": 1, "effect": 0.1, "effect_low": -0.1, "effect_high": 0.2,
        "playbook": "solo", "enabled": False, "holdout_verdict": "not_yet", "holdout_needed": 2,
        "holdout_eligible": 1, "holdout_answer_on": None,
    }  # fmt: skip
    dated = {**outcome, "holdout_answer_on": date(2026, 3, 2)}
    unknown = {**outcome, "holdout_needed": None}
    change = {"churn_effect": 0.1, "churn_effect_low": -0.1, "churn_effect_high": 0.2}
    actual = {**outcome, "holdout_verdict": "no_difference", **change}
    tied = {"account": None, "month": "2026-02", "currency": "EUR", "mrr": 5, "invoiced": 4}
    tied |= {"difference": 1, "unexplained": 1, "tied": 4, "cause": "unknown"}
    reject = {"source": "files", "record": "team", "source_id": 7, "code": "solo", "reason": "1"}
    reject |= {"attempts": 1, "rejected_at": datetime(2026, 3, 2, 9, tzinfo=UTC)}
    for table in (
        playbooks_table([outcome, dated, unknown, actual], MASKED),
        reconcile_table([tied], MASKED),
        rejects_table([reject], MASKED),
    ):
        assert find_letters(show(table)) == set()


def test_a_run_that_wrote() -> None:
    stream = {"source": "files", "stream": "solo", "status": "partial", "records": 7}
    stream |= {"rejected": 1, "deleted": 1, "waited_seconds": 70.0}
    writes = {"create": 2, "update": 3, "unchanged": 4, "rejected": 1, "unknown": 1}
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    summary = RunSummary("1", "partial", at, at, [stream], writes, "")
    report = RunReport(
        summary, [], [], [], bands={"red": 1, "insufficient": 2}, notes=[], report_path=Path("7")
    )
    console = Console(width=200)
    with console.capture() as captured:
        print_run_report(console, report, MASKED)
    assert find_letters(captured.get()) == set()


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_codes_of_sources_are_never_printed(language: Any) -> None:
    """A reason that cs-sync knows has a name in every language."""
    words = get_translator(language)
    for key in words.keys():  # noqa: SIM118 - no mapping
        if key.startswith(("cancel_reason.", "topic.", "segment.")):
            code = key.rsplit(".", 1)[1].replace("_", " ")
            assert words(key).casefold() != code or key == "topic.onboarding", key
