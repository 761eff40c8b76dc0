"""A wrong configuration is one line with file, key and remedy, and exit code 2; no traceback."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

import pytest

from tests.jobs.road import Place

SECRET = "rk_live_4TqK2v9Zp1"
FILES = '[connectors.files]\npath = "data"\n'
STRIPE = '[connectors.stripe]\nbase_url = "http://127.0.0.1:9"\n'

WRONG_URLS = {
    "sqlite://x.db": "three slashes",
    "sqlite:x.db": "must begin with",
    "sqlite+foo:///x.db": "driver foo",
    "sqlite+aiosqlite:///x.db": "driver aiosqlite",
    "sqlite:///x.db?timeout=abc": "no options",
    "sqlite:///x.db?mode=ro": "no options",
    "sqlite:///file:x.db?mode=ro&uri=true": "no options",
    "sqlite:///": "names no file",
    "sqlite:///:memory:": "names no file",
    f"sqlite://user:{SECRET}@host/x.db": "three slashes",
    "sqlite:///folder": "is a folder",
    "sqlite:///notes.txt": "another kind",
    "sqlite:///nowhere/x.db": "does not exist",
    "sqlite:///x\\u0000.db": "NUL",
    "": "must begin with",
    "x.db": "must begin with",
    "mysql://a/b": "must begin with",
    "postgres://a/b": "must begin with",
    f"postgresql+psycopg://u:{SECRET}@127.0.0.1:abc/x": "port",
    f"postgresql+psycopg://u:{SECRET}@127.0.0.1:99999/x": "port",
    f"postgresql+psycopg://u:{SECRET}@[::1/x": "host",
    f"postgresql+psycopg2://u:{SECRET}@h/x": "driver psycopg2",
    f"postgresql+nope://u:{SECRET}@h/x": "driver nope",
    f"postgresql+psycopg://u:{SECRET}@127.0.0.1:1/x?nonsense=1": "no option nonsense",
    f"postgresql+psycopg://u:{SECRET}@127.0.0.1:1/x?connect_timeout=abc": "whole number",
    "env:CS_SYNC_TEST_NOT_SET": "is not set",
}
WRONG_KEYS = {
    "": "is empty",
    "  ": "is empty",
    "env:": "names nothing",
    "env: ": "names nothing",
    "env:NOT=SET": "is not set",
    "ENV:STRIPE_API_KEY": "looks like a variable",
    "$STRIPE_API_KEY": "looks like a variable",
    "${STRIPE_API_KEY}": "looks like a variable",
    "%STRIPE_API_KEY%": "looks like a variable",
    f"{SECRET}\\n": "line break",
    f" {SECRET}": "a blank",
    f"{SECRET}\\u0000": "NUL",
    "file:absent.key": "cannot be read",
    "file:folder": "cannot be read",
    "file:~nobody-of-this-name/key": "cannot be read",
    "file:binary.key": "not UTF-8",
    "file:empty.key": "is empty",
}
WRONG_ADDRESSES = {
    "https://": "https:// address",
    "ftp://host": "https:// address",
    "https://host:abc": "not an address",
    "https://[::1": "not an address",
    f"https://user:{SECRET}@host": "name or password",
    "http://127.0.0.1.evil.example": "in the clear",
}
LONG = "9" * 5000
WRONG_TABLES = {
    "[follow_ups]\ndaily_cap = true": "follow_ups.daily_cap: must be a whole number",
    "[write_back]\nmax_change = true": "write_back.max_change: must be a number",
    "[health]\nminimum_coverage = true": "health.minimum_coverage: must be a number",
    "[playbooks.csat_drop]\nanswers = true": "playbooks.csat_drop.answers: must be a whole number",
    '[connectors.hubspot]\naccess_token = "k"\nportal_id = true': "portal_id: must be a whole",
    '[connectors.posthog]\napi_key = "k"\nproject_id = 1\n[connectors.posthog.surveys]\n'
    'a = {kind = "csat", scale = [true, 5]}': "surveys.a.scale: item 1: must be a number",
    "[follow_ups]\nbusiness_hours = [9, 17]": "business_hours: item 1: must be a time",
    '[workspace]\nname = "env:"': "workspace.name: names nothing after the colon",
    '[workspace]\nname = "keyring: "': "workspace.name: names nothing after the colon",
    f"[schedule]\njitter = {LONG}": "schedule.jitter: is beyond 64 bits",
    f'[connectors.posthog]\napi_key = "k"\nproject_id = {LONG}': "project_id: is beyond 64 bits",
    f"[schedule]\njitter = 0x{'f' * 5000}": "schedule.jitter: is beyond 64 bits",
    "[write_back]\nmax_change = 1e400": "write_back.max_change: is not a finite number",
    '[health.inputs.usage]\nsignal = "active_days_28"\npoints = [[0, 0], [nan, 50]]': "a finite",
    "[metrics.settings.nps]\nwindow_days = 9999999999": "a number from 0 to 1000000",
    '[database]\nschema = "acme"': "schema is for PostgreSQL",
    '[workspace]\ntimezone = "/etc/localtime"': "unknown time zone",
    f"a{'.a' * 3000} = 1": "nested too deeply",
    f"a = {'[' * 5000}{']' * 5000}": "nested too deeply",
    '[workspace]\nname = "\\ud800"': "is not TOML",
}


_NUMBERS = count()


class _Refusing(BaseHTTPRequestHandler):
    """A vendor that knows nobody's key."""

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        body = json.dumps({"error": {"message": "Invalid API key"}}).encode()
        self.send_response(401)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("request-id", f"req_{next(_NUMBERS)}")
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer  # noqa: N815 - the standard library's names

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def refusing() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def folder(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    for name in ("data", "folder"):
        (tmp_path / name).mkdir()
    place.write("notes.txt", "what was said in the meeting of Monday\n")
    (tmp_path / "binary.key").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "empty.key").touch()
    return place


def refusal(place: Place, text: str) -> str:
    """What `check` prints about it; whatever is wrong, it ends with 2 and repeats no secret."""
    place.configure(text)
    ran = place.run("check")
    message = [line for line in ran.err.splitlines() if not line.startswith("warning")]
    assert ran.code == 2, ran
    assert message[0].startswith("error: cs_sync.toml"), message
    assert message[1].startswith("  → "), message
    assert len(message) == 2, message
    assert len(ran.err) < 2000
    assert "Traceback" not in ran.err
    assert SECRET not in ran.err + ran.out
    return message[0]


@pytest.mark.parametrize(("url", "why"), WRONG_URLS.items())
def test_an_address_at_which_no_database_can_be(folder: Place, url: str, why: str) -> None:
    message = refusal(folder, f'[database]\nurl = "{url}"\n{FILES}')
    assert "database.url" in message
    assert why in message


@pytest.mark.parametrize(("key", "why"), WRONG_KEYS.items())
def test_a_key_that_is_none(folder: Place, key: str, why: str) -> None:
    message = refusal(folder, f'{STRIPE}api_key = "{key}"\n')
    assert "connectors.stripe.api_key" in message
    assert why in message


@pytest.mark.parametrize(("url", "why"), WRONG_ADDRESSES.items())
def test_an_address_of_a_vendor_that_is_none(folder: Place, url: str, why: str) -> None:
    message = refusal(folder, f'[connectors.stripe]\napi_key = "{SECRET}"\nbase_url = "{url}"\n')
    assert "connectors.stripe.base_url" in message
    assert why in message


@pytest.mark.parametrize(("text", "why"), WRONG_TABLES.items(), ids=list(WRONG_TABLES.values()))
def test_a_value_that_no_table_holds(folder: Place, text: str, why: str) -> None:
    assert why in refusal(folder, f"{text}\n")


def test_the_password_of_a_database_is_in_no_message(folder: Place) -> None:
    folder.configure(f'[database]\nurl = "postgresql+psycopg://u:{SECRET}@127.0.0.1:1/x"\n')
    ran = folder.run("check")
    assert ran.code == 1
    assert "Connection refused" in ran.err
    assert SECRET not in ran.err


def test_a_file_that_windows_marks_as_utf_8_is_read(folder: Place) -> None:
    folder.configure("\ufeff[workspace]\nname = 'acme'\n")
    assert folder.run("runs").code == 0


@pytest.mark.slow("syncs and runs whole commands")
def test_a_file_that_holds_nothing_but_references_holds_no_secret(
    folder: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", SECRET)
    for key, warned in (("env:STRIPE_API_KEY", False), (SECRET, True)):
        folder.configure(f'{STRIPE}api_key = "{key}"\n')
        (folder.path / "cs_sync.toml").chmod(0o644)
        assert ("holds secrets" in folder.run("runs").err + folder.run("check").err) is warned


@pytest.mark.slow("syncs and runs whole commands")
def test_one_wrong_key_is_told_once(folder: Place, refusing: str) -> None:
    folder.configure(
        f'[connectors.stripe]\napi_key = "{SECRET}"\nbase_url = "{refusing}"\n'
        f'[connectors.posthog]\napi_key = "{SECRET}"\nbase_url = "{refusing}"\n'
        "project_id = 1\n"
    )
    checked = folder.run("--format", "json", "check").rows
    assert [row["source"] for row in checked] == ["stripe", "posthog", "health"]
    assert [row["ok"] for row in checked] == [False, False, True]
    assert checked[-1]["message"].endswith("no connected source brings it: tickets")
    ran = folder.run("sync")
    assert ran.code == 1
    for printed in (ran.err, ran.out):  # while it reads, and at the end
        text = re.sub(r"\s+", " ", printed)
        for remedy in ("valid restricted key", "put a personal API key"):
            assert text.count(remedy) == 1, printed
