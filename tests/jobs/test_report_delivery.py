"""A run's report is kept under its date and sent by e-mail; a failure of either stops no run."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine

from cs_sync.config import load_config
from cs_sync.jobs.deliver_report import deliver_report
from cs_sync.plugins import load_plugins
from cs_sync.queries.report import WrittenReport
from cs_sync.report import ReportSummary, extract_text
from cs_sync.runtime.workspace import open_workspace
from tests.jobs.mail_server import MailServer, open_mail_server
from tests.jobs.road import CONFIG, Place, small_company


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return small_company(tmp_path)


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, MailServer]]:
    """After one run, and the server that was sent its report."""
    made = small_company(tmp_path_factory.mktemp("delivered"))
    with open_mail_server() as server:
        configure(made, email(server.port))
        assert made.run("run").code == 0
        yield made, server


def configure(place: Place, text: str) -> None:
    place.configure(CONFIG)
    file = place.path / "cs_sync.toml"
    file.write_text(file.read_text() + text)


def copies(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def deliver(place: Place, page: str = "<p>Beta</p>") -> str:
    """Deliver a report that is written already; the notes."""
    report, plugins = place.path / "cs_sync_report.html", load_plugins()
    report.write_text(page, encoding="utf-8")
    config = load_config(place.path / "cs_sync.toml", plugins)
    summary = ReportSummary("75.00 EUR MRR at risk", ("Beta is at risk.",))
    with (
        time_machine.travel(place.now, tick=True),
        open_workspace(config, plugins, emit=plugins.emit) as workspace,
    ):
        return " ".join(deliver_report(workspace, WrittenReport(report, summary)))


def test_the_last_copies_are_kept_under_their_dates(place: Place) -> None:
    configure(place, "[report]\nkeep = 2\n")
    for day in range(3):
        assert deliver(place, f"<p>{day}</p>") == ""
        place.now += timedelta(days=1)
    folder = place.path / "cs_sync_reports"
    assert copies(folder) == ["cs_sync_report_2026-03-11.html", "cs_sync_report_2026-03-12.html"]
    assert (folder / "cs_sync_report_2026-03-12.html").read_text() == "<p>2</p>"
    assert (folder / "cs_sync_report_2026-03-12.html").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_copies_go_where_they_are_wanted_or_nowhere(place: Place) -> None:
    elsewhere = place.path / "shared" / "reports"
    configure(place, f'[report]\ncopy_to = "{elsewhere}"\n')
    assert deliver(place) == ""
    assert copies(elsewhere) == ["cs_sync_report_2026-03-10.html"]
    assert not (place.path / "cs_sync_reports").exists()
    configure(place, "[report]\nkeep = 0\n")
    assert deliver(place) == ""
    assert not (place.path / "cs_sync_reports").exists()


def test_a_folder_that_cannot_be_written_is_a_note(place: Place) -> None:
    (place.path / "taken").write_text("a file")
    configure(place, '[report]\ncopy_to = "taken"\n')
    notes = deliver(place)
    assert "report: no copy could be kept in" in notes
    assert "set another [report] copy_to" in notes


def email(port: int, more: str = "") -> str:
    return (
        f'[report.email]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'
        f'from = "cs-sync@acme.example"\nto = ["head@acme.example", "ops@acme.example"]\n{more}'
    )


@pytest.mark.slow("syncs and runs whole commands")
def test_the_summary_and_the_file_are_sent_and_kept(delivered: tuple[Place, MailServer]) -> None:
    """Beta pays 75.00 a month and has an overdue invoice of 1,200.00; 345.00 is all MRR."""
    place, server = delivered
    (message,) = server.messages
    assert server.recipients == ["head@acme.example", "ops@acme.example"]
    subject = str(message["Subject"]).replace("\u00a0", " ")
    assert subject == "small, 10 Mar 2026: 75.00 EUR MRR at risk"
    assert str(message["From"]) == "cs-sync@acme.example"
    body = message.get_body(("plain",))
    assert body is not None
    text = body.get_content().replace("\u00a0", " ")
    assert "MRR at risk: 75.00 EUR, 21.7% of MRR; +75.00 EUR in 30 days." in text
    assert "1,200 EUR is unpaid." in text
    (attached,) = message.iter_attachments()
    assert attached.get_filename() == "cs_sync_report.html"
    page = attached.get_content()
    assert page == (place.path / "cs_sync_report.html").read_text(encoding="utf-8")
    assert "Beta" in extract_text(page)
    (copy,) = (place.path / "cs_sync_reports").iterdir()
    assert copy.name == "cs_sync_report_2026-03-10.html"
    assert copy.read_text(encoding="utf-8") == page


def test_a_refused_or_unreachable_server_is_a_note(place: Place) -> None:
    with open_mail_server(refuse=True) as server:
        configure(place, email(server.port))
        refused = deliver(place)
        assert "the recipients head@acme.example, ops@acme.example are refused" in refused
        assert not server.messages
    unreachable = deliver(place)
    assert f"report: not sent by e-mail, 127.0.0.1:{server.port} says:" in unreachable
    assert "compare [report.email] with what the server expects" in unreachable


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (email(25).replace("127.0.0.1", "mail.example.com"), 'security = "none" is for 127.0.0.1'),
        (email(25).replace("head@acme.example", "the head"), '"the head" is not an e-mail address'),
        (email(25, 'user = "cs"\n'), "user and password belong together"),
        ("[report]\nkeep = -1\n", "keep"),
    ],
)
def test_wrong_settings_are_told(place: Place, text: str, message: str) -> None:
    configure(place, text)
    ran = place.run("check")
    assert ran.code == 2
    assert message in ran.messages


@pytest.mark.slow("syncs and runs whole commands")
def test_no_failure_stops_a_run_and_a_password_is_never_shown(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "hunter2-canary")
    (place.path / "taken").write_text("a file")
    with open_mail_server() as server:
        password = email(server.port, 'user = "cs"\npassword = "env:SMTP_PASSWORD"\n')
        configure(place, f'[report]\ncopy_to = "taken"\n{password}')
        ran = place.run("run")
    assert ran.code == 0
    assert "report: no copy could be kept in" in ran.messages
    assert "report: not sent by e-mail" in ran.messages, "this server knows no way to log in"
    assert "hunter2-canary" not in place.everything()


def test_the_password_is_looked_up_when_the_report_is_sent(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_mail_server(password="hunter2-canary") as server:
        configure(place, email(server.port, 'user = "cs"\npassword = "env:SMTP_PASSWORD"\n'))
        assert "environment variable SMTP_PASSWORD is not set" in deliver(place)
        monkeypatch.setenv("SMTP_PASSWORD", "another-password")
        assert "535 wrong password" in deliver(place)
        monkeypatch.setenv("SMTP_PASSWORD", "hunter2-canary")
        assert deliver(place) == ""
    assert len(server.messages) == 1


@pytest.mark.slow("syncs and runs whole commands")
def test_copies_that_name_an_erased_person_go(
    delivered: tuple[Place, MailServer], tmp_path: Path
) -> None:
    place = delivered[0].copy_to(tmp_path)
    copy = place.path / "cs_sync_reports" / "cs_sync_report_2026-03-10.html"
    assert "Cleo" in extract_text(copy.read_text(encoding="utf-8"))
    ran = place.run("forget", "cleo@beta.example")
    assert "report: 1 dated copy of reports removed, which named the person" in ran.messages
    assert not copy.exists()
