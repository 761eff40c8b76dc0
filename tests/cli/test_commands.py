"""Commands: what reaches the jobs, and what comes out."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import asdict

from cs_sync.runtime.run_result import RunReport, RunSummary

Run = Callable[..., Any]
Jobs = Callable[..., None]
START = datetime(2026, 3, 1, 5, 15, tzinfo=UTC)
STREAM = {
    "source": "stripe",
    "stream": "customers",
    "status": "ok",
    "records": 1200,
    "rejected": 0,
    "deleted": 2,
    "requests": 13,
    "waited_seconds": 0.0,
}
METRIC = {
    "metric": "nrr",
    "period_start": date(2026, 2, 1),
    "period_end": date(2026, 3, 1),
    "segment": {},
    "currency": "EUR",
    "value": 1.043,
    "unit": "ratio",
    "numerator": 10430,
    "denominator": 10000,
    "n": 30,
    "low": None,
    "high": None,
    "policy": "default",
    "status": "final",
    "stale_since": None,
}


def summary(status: str = "ok", message: str = "", **writes: int) -> RunSummary:
    return RunSummary(
        run="r1",
        status=status,
        started_at=START,
        ended_at=START + timedelta(seconds=90),
        streams=[STREAM],
        writes={"create": 0, "update": 0, "unchanged": 0, "rejected": 0, "unknown": 0, **writes},
        message=message,
    )


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("failed", 1), ("partial", 3)])
def test_a_run_ends_with_its_exit_code(run: Run, jobs: Jobs, status: str, code: int) -> None:
    jobs("jobs.sync", sync_workspace=lambda workspace, **_: summary(status))
    assert run("sync").code == code


def test_options_of_sync_reach_the_job(run: Run, jobs: Jobs) -> None:
    asked: dict[str, Any] = {}
    jobs(
        "jobs.sync", sync_workspace=lambda workspace, **options: asked.update(options) or summary()
    )
    line = "--only stripe --only files --since 2026-01-01 --until 2026-02-01"
    assert run("sync", *line.split()).code == 0
    assert asked == {
        "only": ["stripe", "files"],
        "full": False,
        "allow_deletions": False,
        "since": date(2026, 1, 1),
        "until": date(2026, 2, 1),
    }
    assert run("sync", "--full").code == 0
    assert asked["full"] is True


def test_a_run_in_json_is_one_object_and_alone_on_standard_output(run: Run, jobs: Jobs) -> None:
    jobs(
        "jobs.sync",
        sync_workspace=lambda workspace, **_: summary("partial", "zendesk tickets: no scope"),
    )
    ran = run("--format", "json", "sync")
    (row,) = json.loads(ran.out)
    assert list(row) == ["run", "started_at", "ended_at", "status", "streams", "writes"]
    assert row["started_at"] == "2026-03-01T05:15:00+00:00"
    assert row["streams"] == [STREAM]
    assert "zendesk tickets: no scope" in ran.err


def test_a_run_in_words(run: Run, jobs: Jobs) -> None:
    jobs("jobs.sync", sync_workspace=lambda workspace, **_: summary("ok", create=3))
    out = run("sync").out
    assert "stripe  customers  ok        1,200         0        2       –" in out
    assert "Run r1: ok, 2 min" in out
    assert "3 created" in out


def test_metrics_in_json_have_the_fixed_fields_in_order(run: Run, jobs: Jobs) -> None:
    shuffled = dict(sorted(METRIC.items()))
    jobs("queries.metrics", query_metrics=lambda workspace, request: [shuffled])
    (row,) = json.loads(run("--format", "json", "metrics").out)
    assert list(row) == list(METRIC)
    assert row["value"] == 1.043
    assert row["period_start"] == "2026-02-01"
    assert row["segment"] == {}
    assert row["stale_since"] is None


def test_an_empty_answer_is_an_empty_array(run: Run, jobs: Jobs) -> None:
    jobs(
        "queries.metrics",
        query_metrics=lambda workspace, request: [],
        query_mrr=lambda workspace, **_: [],
    )
    assert json.loads(run("--format", "json", "metrics").out) == []
    assert run("--format", "csv", "mrr").out.startswith("account,currency,period_start,")


def test_options_of_metrics_reach_the_job(run: Run, jobs: Jobs, configured: Path) -> None:
    asked: dict[str, Any] = {}
    (configured / "cs_sync.toml").write_text('[workspace]\ntimezone = "Europe/Warsaw"')
    jobs(
        "queries.metrics",
        query_metrics=lambda workspace, request: asked.update(asdict(request)) or [],
    )
    line = "--metric nrr --metric grr --grain quarter --by plan --policy stripe --as-of 2026-03-01"
    assert run("metrics", *line.split(), "--known-at", "2026-02-03").code == 0
    assert asked["names"] == ["nrr", "grr"]
    assert asked["grain"] == "quarter"
    assert asked["by"] == ["plan"]
    assert asked["policies"] == ["stripe"]
    assert asked["as_of"] == date(2026, 3, 1)
    assert asked["known_at"] == datetime(2026, 2, 3, tzinfo=ZoneInfo("Europe/Warsaw"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-02-03T04:05:06+01:00", datetime(2026, 2, 3, 3, 5, 6, tzinfo=UTC)),
        ("2026-02-03T04:05", datetime(2026, 2, 3, 4, 5, tzinfo=UTC)),
    ],
)
def test_an_instant_may_name_its_zone(run: Run, jobs: Jobs, text: str, expected: datetime) -> None:
    asked: dict[str, Any] = {}
    jobs(
        "queries.metrics",
        query_metrics=lambda workspace, request: asked.update(asdict(request)) or [],
    )
    assert run("metrics", "--known-at", text).code == 0
    assert asked["known_at"] == expected


@pytest.mark.parametrize(("oks", "code"), [([True], 0), ([True, False], 3), ([False], 1), ([], 0)])
def test_check_ends_by_what_it_found(run: Run, jobs: Jobs, oks: list[bool], code: int) -> None:
    rows = [
        {
            "source": "stripe",
            "stream": f"s{i}",
            "ok": ok,
            "message": "no permission" if not ok else "read 1 record",
            "remedy": "add the scope" if not ok else "",
        }
        for i, ok in enumerate(oks)
    ]
    jobs("queries.check", check_workspace=lambda workspace: rows)
    ran = run("check")
    assert ran.code == code
    assert ("→ add the scope" in ran.out) == (False in oks)


def test_each_line_of_a_finding_is_a_line_of_the_table(run: Run, jobs: Jobs) -> None:
    row = {"source": "files", "stream": "invoices", "ok": False, "remedy": "correct them"}
    jobs("queries.check", check_workspace=lambda _: [row | {"message": "row 2: one\nrow 3: two"}])
    lines = [line.strip() for line in run("check").out.splitlines()]
    assert lines[-2:] == ["row 3: two", "→ correct them"]
    assert lines[-3].endswith("row 2: one")


@pytest.mark.parametrize("command", ["run", "sync", "push", "rejects retry"])
def test_quiet_prints_what_went_wrong_and_nothing_else(
    run: Run, jobs: Jobs, tmp_path: Path, command: str
) -> None:
    done = [summary("ok", "7 questions are open"), summary("partial", "hubspot: no scope")]
    jobs("jobs.sync", sync_workspace=lambda _, **__: done[0])
    jobs("jobs.push", push_to_destinations=lambda _, **__: done[0])
    jobs("jobs.retry_rejects", retry_rejects=lambda _: done[0])
    jobs(
        "jobs.run",
        run_pipeline=lambda _, **__: RunReport(
            done[0], kpis=[METRIC], watch_list=[], plan=[], report_path=tmp_path, notes=["slow"]
        ),
    )
    ran = run("--quiet", *command.split())
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    done.reverse()
    ran = run("--quiet", *command.split())
    assert (ran.code, ran.out, ran.err) == (3, "", "hubspot: no scope\n")
    ran = run("--quiet", "--format", "json", *command.split())
    assert json.loads(ran.out)[0]["status"] == "partial"
    assert ran.err == "hubspot: no scope\n"


def test_a_quiet_run_prints_what_could_not_be_sent(run: Run, jobs: Jobs, tmp_path: Path) -> None:
    lost = "alert: not sent by webhook: 127.0.0.1 answered 404"
    report = RunReport(
        summary("ok"), [METRIC], [], [], tmp_path, notes=["slow", lost], failures=[lost]
    )
    jobs("jobs.run", run_pipeline=lambda _, **__: report)
    ran = run("--quiet", "run")
    assert (ran.code, ran.out, ran.err) == (0, "", f"{lost}\n"), "cron mails it"
    assert f"! {lost}" in run("run").out


def test_push_passes_its_options_on(run: Run, jobs: Jobs) -> None:
    asked: list[tuple[bool, bool]] = []

    def push(workspace: Any, *, yes: bool, retry: bool) -> RunSummary:
        asked.append((yes, retry))
        return summary()

    jobs("jobs.push", push_to_destinations=push)
    assert run("push").code == 0
    assert run("push", "--yes").code == 0
    assert run("push", "--retry-refused").code == 0
    assert asked == [(False, False), (True, False), (False, True)]


def report_of_a_run(tmp: Path) -> RunReport:
    before = {**METRIC, "period_start": date(2026, 1, 1), "period_end": date(2026, 2, 1)}
    account = {
        "account": "acct_7",
        "name": "Bolt [red]GmbH[/red]",
        "mrr": {"EUR": 120000, "USD": 5000},
        "score": 31.26,
        "band": "red",
        "reasons": ["3 tickets in the last 30 days", "Invoice A-7 is 12 days past due"],
        "churn_probability": 0.25,
        "churn_from": date(2026, 3, 25),
        "churn_until": date(2026, 4, 23),
        "churn_alike_rate": 0.26,
        "churn_alike_n": 118,
        "priority_basis": "churn_probability",
        "next_action": "Review Bolt: health is red",
    }
    return RunReport(
        summary=summary("partial", unchanged=4),
        kpis=[METRIC, {**before, "value": 1.0}],
        watch_list=[account],
        plan=[],
        report_path=tmp / "report.html",
        notes=["HubSpot is slow today"],
    )


def test_run_shows_kpis_watch_list_writes_and_the_report(
    run: Run, jobs: Jobs, tmp_path: Path
) -> None:
    jobs("jobs.run", run_pipeline=lambda workspace, **_: report_of_a_run(tmp_path))
    ran = run("run", "--dry-run")
    assert ran.code == 3
    assert "KPIs, Feb 2026" in ran.out
    assert "Net revenue retention EUR" in ran.out
    assert "104.3%" in ran.out
    assert "+4.3 pp" in ran.out
    assert "n=30" in ran.out
    assert "Bolt [red]GmbH[/red] acct_7" in ran.out
    assert "1,200.00 EUR + 50.00 USD" in ran.out
    assert "1 in 4 leaves within 30 days from 25 Mar 2026" in ran.out
    assert "of accounts like this 26% did (n = 118)" in ran.out
    assert "Order: Churn probability × MRR" in ran.out
    assert "3 tickets in the last 30 days" in ran.out
    assert "→ Review Bolt: health is red" in ran.out
    assert "No changes (4 unchanged)" in ran.out
    assert "! HubSpot is slow today" in ran.out
    assert str(tmp_path / "report.html") in ran.out.replace("\n", "")


def test_run_in_json_keeps_notes_apart(run: Run, jobs: Jobs, tmp_path: Path) -> None:
    jobs("jobs.run", run_pipeline=lambda workspace, **_: report_of_a_run(tmp_path))
    ran = run("--format", "json", "run")
    assert [row["status"] for row in json.loads(ran.out)] == ["partial"]
    assert "HubSpot is slow today" in ran.err


def test_explain_shows_contributions_and_reasons(run: Run, jobs: Jobs) -> None:
    detail = {
        "account": "acct_7",
        "name": "Bolt",
        "as_of": date(2026, 3, 1),
        "score": 66.67,
        "band": "yellow",
        "coverage": 0.6,
        "mode": "weighted",
        "contributions": [
            {"input": "usage", "value": 22, "points": 100.0, "weight": 0.667, "contribution": 66.67}
        ],
        "reasons": ["Active on 22 of the last 28 days"],
        "change_30d": None,
        "left_out": [],
        "is_customer": True,
        "mrr": {"EUR": 1200},
        "trend": [
            {"since": "2026-01-09", "band": "green", "score": 80.0},
            {"since": "2026-02-11", "band": "yellow", "score": 66.67},
        ],
        "change": {
            "since": "2026-01-30",
            "total": -13.3,
            "parts": [{"what": "usage", "points": -20.0}, {"what": "support", "points": 6.7}],
        },
        "follow_ups": [
            {"title": "Call [red]Ana[/red]\x1b[2J", "due_at": datetime(2026, 3, 2, 9, tzinfo=UTC),
             "assignee": None, "state": "waiting"},
        ],
        "links": [{"source": "hubspot", "source_id": "9001", "url": "https://crm.example/9001"}],
    }  # fmt: skip
    jobs(
        "queries.explain",
        explain_score=lambda workspace, account, **_: {**detail, "account": account},
    )
    out = run("explain", "acct_7").out
    assert "66.7 yellow" in out
    assert "data coverage 60.0%, MRR 12.00 EUR" in out
    assert "green since 9 Jan 2026 → yellow since 11 Feb 2026" in out
    assert "-13.3 since 30 Jan 2026: Usage -20.0, Support +6.7" in out
    assert "- Call [red]Ana[/red][2J  due 2 Mar 2026, 09:00 UTC, unassigned, deferred" in out
    assert "- hubspot 9001: https://crm.example/9001" in out
    assert "Active on 22 of the last 28 days" in out
    (row,) = json.loads(run("--format", "json", "explain", "acct_7").out)
    assert list(row) == list(detail)


def test_state_is_shown_and_reset(run: Run, jobs: Jobs) -> None:
    gone: list[tuple[str, str | None]] = []
    rows = [{"source": "stripe", "stream": "customers", "cursor": {"at": 3}}]
    jobs("queries.stream_states", list_stream_states=lambda workspace: rows)
    jobs(
        "jobs.reset_state",
        reset_stream_state=lambda workspace, source, stream: gone.append((source, stream)),
    )
    assert json.loads(run("--format", "json", "state", "show").out) == rows
    assert run("state", "reset", "stripe").code == 0
    assert run("state", "reset", "stripe", "customers").code == 0
    assert gone == [("stripe", None), ("stripe", "customers")]


def test_rejects_are_listed_without_what_was_received(run: Run, jobs: Jobs) -> None:
    row = {
        "source": "files",
        "stream": "accounts",
        "record": "source_account",
        "source_id": "7",
        "code": "bad_value",
        "reason": "currency: unknown",
        "attempts": 2,
        "first_rejected_at": START,
        "rejected_at": START,
        "raw": {"name": "as received"},
    }
    jobs("queries.rejects", list_rejects=lambda workspace: [row])
    jobs("jobs.retry_rejects", retry_rejects=lambda _: summary())
    assert "as received" not in run("rejects", "list").out
    assert "currency: unknown" in run("rejects", "list").out
    assert json.loads(run("--format", "json", "rejects", "list").out)[0]["raw"] == row["raw"]
    assert run("rejects", "retry").code == 0


def test_accounts_and_runs_and_report(run: Run, jobs: Jobs, tmp_path: Path) -> None:
    jobs(
        "queries.accounts",
        list_accounts=lambda workspace, conflicts: [{"account": "a", "new": conflicts}],
    )
    jobs(
        "queries.report",
        create_report=lambda workspace: SimpleNamespace(path=tmp_path / "r.html", figures={}),
        get_first_reported_month=lambda today: today,
    )
    row = {
        "run": "r1",
        "command": "sync",
        "started_at": START,
        "ended_at": None,
        "status": "running",
        "streams": [STREAM],
        "writes": {"create": 2},
        "error": None,
    }
    jobs("queries.runs", list_runs=lambda workspace, limit: [row] * limit)
    assert json.loads(run("--format", "json", "accounts", "--conflicts").out)[0]["new"] is True
    assert run("report").out.strip() == str(tmp_path / "r.html")
    assert "running" in run("runs", "--limit", "1").out
    (actual,) = json.loads(run("--format", "json", "runs", "--limit", "1").out)
    assert list(actual)[:6] == ["run", "started_at", "ended_at", "status", "streams", "writes"]


def test_version_and_connectors(run: Run) -> None:
    assert run("--version").out.startswith("cs-sync 0.")
    ran = run("--format", "csv", "connectors")
    assert (ran.code, ran.out) == (0, "name,kind,distribution,version,status\n")
