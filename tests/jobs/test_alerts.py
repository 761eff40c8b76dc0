"""Alerts arrive on loopback: once per cause, again when it is over, and never with a secret."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cs_sync.alerts.causes import Judgement, RunOutcome, judge_run
from cs_sync.config import load_config
from cs_sync.jobs.alert import send_alerts
from cs_sync.plugins import load_plugins
from cs_sync.runtime.workspace import Workspace, open_workspace
from cs_sync.store.runs import begin_run, end_run, save_run_streams
from cs_sync.testing.databases import make_empty_database
from tests.jobs.mail_server import open_mail_server
from tests.jobs.road import Place, small_company

KEY = "sk_live_canary_7731"
FAILED = judge_run(RunOutcome("failed", ["the key is refused"]))
WELL = judge_run(RunOutcome("ok"))


class Hook(ThreadingHTTPServer):
    """An incoming webhook that answers with these statuses in turn, then with 200."""

    def __init__(self, *statuses: int) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.statuses = list(statuses)
        self.bodies: list[Any] = []
        self.url = f"http://127.0.0.1:{self.server_port}/hook/{KEY}"


class _Answer(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        if status == 200:
            self.server.bodies.append(json.loads(body))
        self.send_response(status)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None: ...


@contextmanager
def open_hook(*statuses: int) -> Iterator[Hook]:
    with Hook(*statuses) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _seconds: None)
    (tmp_path / "cs_sync.db").write_bytes(make_empty_database())
    return Place(tmp_path)


def configure(place: Place, alerts: str) -> None:
    place.configure(f'[workspace]\nname = "acme"\n[connectors.files]\npath = "data"\n{alerts}')


@contextmanager
def opened(place: Place) -> Iterator[Workspace]:
    plugins = load_plugins()
    config = load_config(place.path / "cs_sync.toml", plugins)
    with open_workspace(config, plugins, clock=lambda: place.now) as workspace:
        yield workspace


def alert(place: Place, *judgements: Judgement) -> list[str]:
    """Judge once a day; the notes of the last day."""
    notes: list[str] = []
    for judgement in judgements:
        with opened(place) as workspace:
            notes = send_alerts(workspace, judgement)
        place.now += timedelta(days=1)
    return notes


def texts(hook: Hook) -> list[str]:
    return [body["text"].splitlines()[0] for body in hook.bodies]


def test_a_webhook_hears_of_a_cause_once_and_when_it_is_over(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_hook() as hook:
        monkeypatch.setenv("ALERT_URL", hook.url)
        configure(place, '[alerts]\nwebhook = "env:ALERT_URL"\n')
        assert alert(place, FAILED, FAILED, FAILED) == []
        assert texts(hook) == ["cs-sync acme: the run failed"]
        assert alert(place, WELL, WELL) == []
        assert texts(hook)[1:] == ["cs-sync acme: over: the run failed"]
    assert place.select("SELECT * FROM alert") == []


def test_a_webhook_that_refuses_is_tried_next_time_and_its_address_is_not_shown(
    place: Place,
) -> None:
    with open_hook(404) as hook:
        configure(place, f'[alerts]\nwebhook = "{hook.url}"\n')
        (note,) = alert(place, FAILED)
        assert note.startswith("alert: not sent by webhook: 127.0.0.1 answered 404")
        assert "create the webhook again" in note
        (row,) = place.select("SELECT waiting, knowing FROM alert")
        assert row == {"waiting": '["webhook"]', "knowing": "[]"}
        assert alert(place, FAILED) == []
        assert texts(hook) == ["cs-sync acme: the run failed"]
    assert KEY not in note
    assert KEY not in place.everything()


@pytest.mark.slow("syncs and runs whole commands")
def test_a_failure_that_passes_is_tried_again_at_once(place: Place) -> None:
    with open_hook(503, 429) as hook:
        configure(place, f'[alerts]\nwebhook = "{hook.url}"\n')
        assert alert(place, FAILED) == []
        assert len(hook.bodies) == 1
    with open_hook(503, 503, 503) as hook:
        configure(place, f'[alerts]\nwebhook = "{hook.url}"\n')
        (note,) = alert(place, WELL)
        assert "127.0.0.1 answered 503" in note
    (note,) = alert(place, WELL)
    assert "127.0.0.1 cannot be reached (ConnectError)" in note


@pytest.mark.parametrize("form", ["teams", "json"])
def test_the_other_forms_are_posted(form: str, place: Place) -> None:
    with open_hook() as hook:
        configure(place, f'[alerts]\nwebhook = "{hook.url}"\nwebhook_form = "{form}"\n')
        assert alert(place, FAILED) == []
    (body,) = hook.bodies
    assert (
        set(body)
        == {"teams": {"type", "attachments"}, "json": {"workspace", "subject", "alerts"}}[form]
    )


def test_an_email_is_sent_with_the_password_of_the_environment(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_mail_server(password="hunter2-canary") as server:
        configure(
            place,
            f'[alerts.email]\nhost = "127.0.0.1"\nport = {server.port}\nsecurity = "none"\n'
            'user = "cs"\npassword = "env:SMTP_PASSWORD"\n'
            'from = "cs-sync@acme.example"\nto = ["ops@acme.example"]\n',
        )
        (note,) = alert(place, FAILED)
        assert "environment variable SMTP_PASSWORD is not set" in note
        monkeypatch.setenv("SMTP_PASSWORD", "hunter2-canary")
        assert alert(place, FAILED) == []
    (message,) = server.messages
    assert server.recipients == ["ops@acme.example"]
    assert str(message["Subject"]) == "cs-sync acme: the run failed"
    assert "the key is refused" in message.get_content()


def test_a_command_reads_the_text_and_its_failure_is_a_note(place: Place) -> None:
    configure(place, "[alerts]\ncommand = \"sh -c 'cat > alert.txt'\"\n")
    assert alert(place, FAILED) == []
    written = (place.path / "alert.txt").read_text()
    assert written.splitlines()[0] == "cs-sync acme: the run failed"
    assert "the key is refused" in written
    configure(place, "[alerts]\ncommand = \"sh -c 'echo no such pager >&2; exit 3'\"\n")
    assert "sh ended with 3: no such pager" in alert(place, WELL)[0]
    configure(place, '[alerts]\ncommand = "no-such-program --now"\n')
    assert "no-such-program cannot be run: No such file" in alert(place, WELL)[0]


def test_no_secret_is_in_an_alert_whatever_the_message_repeats(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", KEY)
    monkeypatch.setenv("SMTP_PASSWORD", "hunter2-canary")
    with open_hook() as hook:
        configure(
            place,
            f'[connectors.stripe]\napi_key = "env:KEY"\n[alerts]\nwebhook = "{hook.url}"\n'
            '[report.email]\nhost = "127.0.0.1"\nsecurity = "none"\nuser = "cs"\n'
            'password = "env:SMTP_PASSWORD"\nfrom = "a@acme.example"\nto = ["b@acme.example"]\n',
        )
        text = f"{KEY} was sent to {hook.url} with hunter2-canary as Bearer abcdefgh"
        assert alert(place, judge_run(RunOutcome("failed", [text]))) == []
        sent = json.dumps(hook.bodies)
    assert "••• was sent to ••• with ••• as Bearer •••" in hook.bodies[0]["text"]
    for secret in (KEY, "hunter2-canary", "abcdefgh"):
        assert secret not in sent
        assert secret not in place.everything()


@pytest.mark.slow("syncs and runs whole commands")
def test_a_run_that_cannot_begin_alerts_and_ends_as_before(place: Place) -> None:
    configure(place, "[alerts]\ncommand = \"sh -c 'cat >> alert.txt'\"\n")
    place.configure(
        (place.path / "cs_sync.toml").read_text().replace('"data"', '"env:NO_SUCH_PATH"')
    )
    ran = place.run("run")
    assert ran.code == 2
    assert "NO_SUCH_PATH" in (place.path / "alert.txt").read_text()
    assert place.run("run").code == 2
    assert (place.path / "alert.txt").read_text().count("the run failed (since") == 1
    assert place.run("run", "--dry-run").code == 2
    (place.path / "alert.txt").unlink()
    (place.path / "cs_sync.db").write_text("no database at all")
    assert place.run("run").code == 2
    assert "a file of another kind" in (place.path / "alert.txt").read_text()


def record(place: Place, status: str, *, error: str | None = None) -> None:
    """A run of the scheduled job that ended now, of two streams."""
    run = f"run-{place.now:%d%H%M}"
    stream = {"run_id": run, "source": "files", "tables": [], "ended_at": place.now}
    rows = [
        {**stream, "stream": "accounts", "status": "ok", "error": None},
        {**stream, "stream": "tickets", "status": "failed" if error else "ok", "error": error},
    ]
    counts = dict.fromkeys(("records", "changed", "rejected", "deleted", "requests"), 0)
    with opened(place) as workspace, workspace.store.write() as connection:
        begin_run(connection, run, "run", place.now)
        save_run_streams(connection, [{**row, **counts, "waited_seconds": 0.0} for row in rows])
        end_run(connection, run, status, place.now)


def check(place: Place) -> tuple[int, dict[str, dict[str, Any]]]:
    ran = place.run("--format", "json", "healthcheck")
    return ran.code, {row["check"]: row for row in ran.rows}


def test_a_health_check_says_when_what_was_last_well(place: Place) -> None:
    configure(place, "")
    code, rows = check(place)
    assert code == 1
    assert rows["overdue"] == {
        "check": "overdue",
        "ok": False,
        "message": "no run for 26 h; no run has ended yet; "
        "→ look at the scheduler, then start `cs-sync run`",
        "since": None,
    }
    record(place, "ok")
    code, rows = check(place)
    assert code == 0, rows
    assert set(rows) == {"database", "run", "overdue", "streams", "alerts"}
    well = datetime.fromisoformat(rows["streams"]["since"])
    place.now += timedelta(hours=1)
    record(place, "partial", error="no scope\n  → add it")
    code, rows = check(place)
    assert code == 1
    assert rows["files tickets"]["message"] == "no scope → add it"
    assert datetime.fromisoformat(rows["files tickets"]["since"]) == well
    assert (rows["run"]["ok"], rows["run"]["message"]) == (True, "partial")
    ran = place.run("--quiet", "healthcheck")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "files tickets: no scope → add it\n"


@pytest.mark.slow("syncs and runs whole commands")
def test_a_health_check_alerts_once_when_no_run_comes(place: Place) -> None:
    with open_hook() as hook:
        configure(place, f'[alerts]\nwebhook = "{hook.url}"\noverdue_after = "90m"\n')
        record(place, "ok")
        place.now += timedelta(minutes=80)
        assert check(place)[0] == 0
        place.now += timedelta(minutes=10)
        for _ in range(3):
            code, rows = check(place)
            assert code == 1
            assert "no run for 1.5 h" in rows["overdue"]["message"]
        assert texts(hook) == ["cs-sync acme: no run for 1.5 h"]
        record(place, "ok")
        assert check(place)[0] == 0
        assert texts(hook)[1:] == ["cs-sync acme: over: no run for 1.5 h"]


def test_a_health_check_names_what_it_cannot_open_and_makes_nothing(tmp_path: Path) -> None:
    place = Place(tmp_path)
    code, rows = check(place)
    assert (code, list(rows)) == (1, ["configuration"])
    configure(place, "")
    code, rows = check(place)
    assert (code, list(rows)) == (1, ["database"])
    assert "there is no database yet" in rows["database"]["message"]
    assert not (tmp_path / "cs_sync.db").exists()
    (tmp_path / "cs_sync.db").write_text("")
    assert "the database is empty" in check(place)[1]["database"]["message"]


def test_a_health_check_leaves_an_older_database_as_it_is(place: Place) -> None:
    configure(place, "[alerts]\ncommand = \"sh -c 'cat > alert.txt'\"\n")
    record(place, "ok")
    place.write_row("DROP TABLE alert")
    place.write_row("UPDATE alembic_version SET version_num = '0005'")
    code, rows = check(place)
    assert code == 0
    assert "schema 0005; the next run updates it" in rows["database"]["message"]
    place.write_row("UPDATE alembic_version SET version_num = '9999'")
    assert check(place)[0] == 1
    assert not (place.path / "alert.txt").exists()


def test_an_alert_that_waits_is_in_the_health_check(place: Place) -> None:
    configure(place, '[alerts]\ncommand = "false"\n')
    record(place, "ok")
    alert(place, FAILED)
    code, rows = check(place)
    assert code == 1
    assert "false ended with 1" in rows["alerts"]["message"]
    ran = place.run("--quiet", "healthcheck")
    assert ran.err.startswith("alerts: not sent by command: false ended with 1")
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("alerts", "message"),
    [
        ('[alerts]\ncomand = "x"\n', "did you mean command?"),
        ('[alerts]\ncommand = "mail \'x"\n', "close the quotes"),
        ('[alerts]\ncommand = " "\n', "names no program"),
        ('[alerts]\nwebhook = "http://hooks.example.com/x"\n', "must begin with https://"),
        ('[alerts]\nwebhook = "hooks.example.com"\n', "copy the whole address"),
        ('[alerts]\nwebhook_form = "discord"\n', "'slack', 'teams' or 'json'"),
        ('[alerts]\noverdue_after = "a day"\n', 'write "90m", "24h"'),
        ('[alerts]\noverdue_after = "0h"\n', "above zero"),
        ("[alerts]\nmoney_at_risk_above = 0\n", "greater than 0"),
        ('[alerts.email]\nhost = "mail.example.com"\n', "alerts.email.from: is missing"),
        ('[metrics_file]\npath = "metrics.txt"\n', "end the name with .prom"),
    ],
)
def test_a_mistake_is_named_with_its_remedy(alerts: str, message: str, place: Place) -> None:
    configure(place, alerts)
    ran = place.run("accounts")
    assert ran.code == 2
    assert message in ran.messages


@pytest.mark.slow("syncs and runs whole commands")
def test_check_tries_each_channel_and_compares_the_schedule(place: Place) -> None:
    (place.path / "data").mkdir()
    with open_hook(403) as hook:
        configure(
            place,
            f'[alerts]\ncommand = "no-such-program"\nwebhook = "{hook.url}"\n'
            '[schedule]\ncron = "15 5 * * 1-5"\n[metrics_file]\npath = "no/such/cs_sync.prom"\n',
        )
        rows = {row["stream"]: row for row in place.run("--format", "json", "check").rows}
        assert rows["command"]["message"] == "no-such-program is not a program of this machine"
        assert rows["webhook"]["ok"]
        assert rows["overdue_after"]["remedy"] == "set [alerts] overdue_after to more than 72h"
        assert not rows["metrics_file"]["ok"]
        sent = place.run("--format", "json", "check", "--send-alerts").rows
        rows = {row["stream"]: row for row in sent}
        assert rows["webhook"]["message"] == "127.0.0.1 answered 403"
        assert place.run("--format", "json", "check", "--send-alerts").code == 3
    assert texts(hook) == ["cs-sync acme: this is a test"]


def test_a_missing_address_stops_no_other_command(place: Place) -> None:
    configure(place, '[alerts]\nwebhook = "env:NO_SUCH_URL"\n')
    assert place.run("accounts").code == 0
    assert "NO_SUCH_URL is not set" in alert(place, FAILED)[0]


@pytest.mark.slow("runs the whole job four times")
def test_runs_alert_to_money_and_rejected_records_and_to_their_end(tmp_path: Path) -> None:
    """Beta pays 75.00 and has not paid its invoice: the MRR at risk is 75.00 EUR."""
    place = small_company(tmp_path)
    contacts = place.path / "data" / "contacts.csv"
    good = contacts.read_text()
    with open_hook() as hook:
        text = (place.path / "cs_sync.toml").read_text()
        alerts = f'[alerts]\nwebhook = "{hook.url}"\nmoney_at_risk_above = 74.99\n'
        place.configure(f'{text}{alerts}[metrics_file]\npath = "measured.prom"\n')
        assert place.run("run").code == 0
        assert [body["text"].splitlines()[2:] for body in hook.bodies] == [
            [
                "MRR at risk: 75 EUR (since 2026-03-10 09:00 CET)",
                "more than the 74.99 EUR of [alerts] money_at_risk_above",
                "→ open `cs-sync report`",
            ]
        ]
        contacts.write_text(good + "eve,nobody,eve@,Eve\n")
        assert place.run("run").code == 3
        measured = (place.path / "measured.prom").read_text()
        assert 'cs_sync_run_status{workspace="small",status="partial"} 1' in measured
        assert 'cs_sync_alert{workspace="small",cause="partial"} 1' in measured
        assert texts(hook)[1:] == ["cs-sync small: the run is partial"]
        contacts.write_text(good)
        assert place.run("run").code == 0
        assert texts(hook)[2:] == ["cs-sync small: over: the run is partial"]
        (place.path / "data").rename(place.path / "elsewhere")
        ran = place.run("run")
        assert ran.code == 1, ran
        assert texts(hook)[3:] == ["cs-sync small: the run failed"]
    measured = (place.path / "measured.prom").read_text()
    assert 'cs_sync_run_status{workspace="small",status="failed"} 1' in measured
    assert 'cs_sync_run_last_ok_time_seconds{workspace="small"} 17731' in measured
