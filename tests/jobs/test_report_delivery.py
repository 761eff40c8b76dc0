"""A run's report is kept under its date and sent by e-mail; a failure of either stops no run."""

from datetime import timedelta
from pathlib import Path

import pytest

from cs_sync.report import extract_text
from tests.jobs.mail_server import open_mail_server
from tests.jobs.road import CONFIG, Place, small_company


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return small_company(tmp_path)


def configure(place: Place, text: str) -> None:
    place.configure(CONFIG)
    file = place.path / "cs_sync.toml"
    file.write_text(file.read_text() + text)


def copies(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_last_copies_are_kept_under_their_dates(place: Place) -> None:
    configure(place, "[report]\nkeep = 2\n")
    for day in range(3):
        assert place.run("run").code == 0
        place.now += timedelta(days=1)
        assert day >= 0
    folder = place.path / "cs_sync_reports"
    assert copies(folder) == ["cs_sync_report_2026-03-11.html", "cs_sync_report_2026-03-12.html"]
    newest = (folder / "cs_sync_report_2026-03-12.html").read_bytes()
    assert newest == (place.path / "cs_sync_report.html").read_bytes()
    assert (folder / "cs_sync_report_2026-03-12.html").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_copies_go_where_they_are_wanted_or_nowhere(place: Place) -> None:
    elsewhere = place.path / "shared" / "reports"
    configure(place, f'[report]\ncopy_to = "{elsewhere}"\n')
    assert place.run("run").code == 0
    assert copies(elsewhere) == ["cs_sync_report_2026-03-10.html"]
    assert not (place.path / "cs_sync_reports").exists()
    configure(place, "[report]\nkeep = 0\n")
    assert place.run("run").code == 0
    assert not (place.path / "cs_sync_reports").exists()


def test_a_folder_that_cannot_be_written_is_a_note(place: Place) -> None:
    (place.path / "taken").write_text("a file")
    configure(place, '[report]\ncopy_to = "taken"\n')
    ran = place.run("run")
    assert ran.code == 0
    assert "report: no copy could be kept in" in ran.said
    assert "set another [report] copy_to" in ran.said


def email(port: int, more: str = "") -> str:
    return (
        f'[report.email]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'
        f'from = "cs-sync@acme.example"\nto = ["head@acme.example", "ops@acme.example"]\n{more}'
    )


def test_the_summary_and_the_file_are_sent(place: Place) -> None:
    """Beta pays 75.00 a month and has an overdue invoice of 1,200.00; 345.00 is all MRR."""
    with open_mail_server() as server:
        configure(place, email(server.port))
        assert place.run("run").code == 0
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


def test_a_refused_or_unreachable_server_is_a_note(place: Place) -> None:
    with open_mail_server(refuse=True) as server:
        configure(place, email(server.port))
        ran = place.run("run")
        assert ran.code == 0
        assert "the recipients head@acme.example, ops@acme.example are refused" in ran.said
        assert not server.messages
    ran = place.run("run")
    assert ran.code == 0
    assert f"report: not sent by e-mail, 127.0.0.1:{server.port} says:" in ran.said
    assert "compare [report.email] with what the server expects" in ran.said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (email(25).replace("127.0.0.1", "mail.example.com"), 'security = "none" is for 127.0.0.1'),
        (email(25).replace("head@acme.example", "the head"), '"the head" is no e-mail address'),
        (email(25, 'user = "cs"\n'), "user and password belong together"),
        ("[report]\nkeep = -1\n", "keep"),
    ],
)
def test_wrong_settings_are_told(place: Place, text: str, message: str) -> None:
    configure(place, text)
    ran = place.run("check")
    assert ran.code == 2
    assert message in ran.said


def test_a_password_comes_from_the_environment_and_is_never_shown(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "hunter2-canary")
    with open_mail_server() as server:
        configure(place, email(server.port, 'user = "cs"\npassword = "env:SMTP_PASSWORD"\n'))
        ran = place.run("run")
    assert ran.code == 0
    assert "report: not sent by e-mail" in ran.said, "this server knows no way to log in"
    assert "hunter2-canary" not in place.everything()


def test_copies_that_name_an_erased_person_go(place: Place) -> None:
    assert place.run("run").code == 0
    copy = place.path / "cs_sync_reports" / "cs_sync_report_2026-03-10.html"
    assert "Cleo" in extract_text(copy.read_text(encoding="utf-8"))
    ran = place.run("forget", "cleo@beta.example")
    assert "1 dated copies named the person and were removed" in ran.said
    assert not copy.exists()
