"""With the real dlt: its `rest_api` source against a vendor on loopback, and what goes wrong."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from cs_sync import CredentialRefused, CsSyncError, Event, PermissionMissing, Window, WorkspaceInfo
from cs_sync.http import VendorHttp, collect_secrets
from cs_sync_dlt.config import DltConfig
from cs_sync_dlt.source import DltSource
from cs_sync_schemas import SourceAccount

pytest.importorskip("dlt.version", reason="`make test-bridges` runs it, as dlt is large")
pytestmark = pytest.mark.slow("runs dlt")

KEY = "-".join(("not", "a", "real", "key"))
UNTIL = datetime(2026, 11, 20, tzinfo=UTC)
ROWS = [
    {"id": n, "name": f"No. {n}", "changed": f"2026-01-0{n}T00:00:00Z", "plan": {"name": "pro"}}
    for n in range(1, 8)
]
FIELDS = {"source_id": "id", "name": "name", "updated_at": "changed"}
MAPPED = {
    "record": "source_account",
    "fields": {**FIELDS, "attributes": {"path": "{plan: plan.name}"}},
}


@contextmanager
def serve_accounts() -> Iterator[tuple[str, list[str]]]:
    """A vendor of three a page, changes by `since`, with a key."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            query = dict(parse_qsl(urlsplit(self.path).query))
            good = self.headers["Authorization"] == f"Bearer {KEY}"
            rows = [row for row in ROWS if str(row["changed"]) >= query.get("since", "")]
            begin = int(query.get("after", 0))
            body: Any = {"data": rows[begin : begin + 3], "next": None}
            if begin + 3 < len(rows):
                body["next"] = begin + 3
            body = body if good else {"message": f"{self.headers['Authorization']} is refused"}
            text = json.dumps(body).encode()
            self.send_response(200 if good else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/", asked
        server.shutdown()


@contextmanager
def open_source(folder: Path, **settings: Any) -> Iterator[tuple[DltSource, list[Event]]]:
    given = {
        "workspace": WorkspaceInfo(folder=folder, section="shop"),
        "streams": {"accounts": MAPPED},
        "secrets": {"key": KEY},
    }
    config = DltConfig.model_validate({**given, **settings})
    events: list[Event] = []
    with VendorHttp("shop", emit=events.append, secrets=collect_secrets(config)) as http:
        yield DltSource(config, http), events


def describe_api(url: str) -> dict[str, Any]:
    """The settings of dlt's own source; what it is to find by time is in the stream."""
    incremental = {"cursor_path": "changed", "initial_value": "2001-01-01T00:00:00Z"}
    endpoint = {
        "path": "accounts",
        "data_selector": "data",
        "params": {"since": "{incremental.start_value}"},
        "incremental": incremental,
    }
    paginator = {"type": "cursor", "cursor_path": "next", "cursor_param": "after"}
    client = {"base_url": url, "paginator": paginator, "auth": {"type": "bearer"}}
    return {"config": {"client": client, "resources": [{"name": "accounts", "endpoint": endpoint}]}}


def read_ids(source: DltSource, window: Window) -> list[str]:
    [stream] = source.streams()
    pages = list(stream.read(window))
    assert [page.ends_window for page in pages] == [False] * (len(pages) - 1) + [True]
    assert all(page.resume is None and not page.rejected for page in pages)
    return [row["source_id"] for page in pages for row in page.records[SourceAccount]]


def test_the_rest_api_source_of_dlt_is_read_from_our_window_on(tmp_path: Path) -> None:
    with serve_accounts() as (url, asked):
        settings = {
            "source": "dlt.sources.rest_api:rest_api_source",
            "settings": describe_api(url),
            "secrets": {"config.client.auth.token": KEY},
        }
        since = {"cursor": "changed", "start": "2020-01-01T00:00:00Z"}
        streams = {"accounts": {**MAPPED, "since": since}}
        with open_source(tmp_path, **settings, streams=streams) as (source, events):
            assert read_ids(source, Window(None, UNTIL)) == ["1", "2", "3", "4", "5", "6", "7"]
            later = Window(datetime(2026, 1, 5, tzinfo=UTC), UNTIL, backfill=False)
            assert read_ids(source, later) == ["5", "6", "7"]
            [finding] = source.check()
            assert (finding.ok, finding.message) == (True, "readable")
    assert asked[0] == "/accounts?since=2020-01-01T00%3A00%3A00Z"
    assert asked[3] == "/accounts?since=2026-01-04T23%3A59%3A59Z"
    assert events == []


def test_a_refused_key_is_said_without_it(tmp_path: Path) -> None:
    with serve_accounts() as (url, _asked):
        settings = {
            "source": "dlt.sources.rest_api:rest_api_source",
            "settings": describe_api(url),
            "secrets": {"config.client.auth.token": f"{KEY}-of-another"},
        }
        with open_source(tmp_path, **settings) as (source, _):
            with pytest.raises(CredentialRefused, match="401") as raised:
                read_ids(source, Window(None, UNTIL))
            [finding] = source.check()
    assert not finding.ok
    assert "401" in finding.message
    assert KEY not in str(raised.value) + repr(finding)


def copy_source(folder: Path, key: str = KEY) -> None:
    """Put a source of the user's own, and its data, beside the configuration."""
    shutil.copy(Path(__file__).parent / "shop_source.py", folder / "shop_source.py")
    lists = {"accounts": [{"id": 1, "updated_at": "2026-01-01"}], "owners": []}
    (folder / "shop.json").write_text(json.dumps({"key": key, "refusal": 403, "lists": lists}))


@pytest.mark.parametrize(
    ("source", "settings", "words"),
    [
        ("shop.py:shop", {}, "cannot be loaded: FileNotFoundError: no file"),
        ("shop_source.py:shopp", {}, "cannot be loaded: AttributeError"),
        ("nowhere.at_all:shop", {}, "cannot be loaded: ModuleNotFoundError"),
        ("shop_source.py:shop", {"fil": "x"}, "does not take its settings: TypeError"),
        ("shop_source.py:make_nothing", {}, "does not take its settings"),
        ("shop_source.py:shop", {"file": "shop.json"}, "has no resource acounts"),
    ],
)
def test_mistakes_name_the_source_and_the_remedy(
    tmp_path: Path, source: str, settings: Any, words: str
) -> None:
    copy_source(tmp_path)
    streams = {"acounts": MAPPED}
    with open_source(tmp_path, source=source, settings=settings, streams=streams) as (made, _):
        [finding] = made.check()
        assert words in finding.message
        assert finding.remedy
        with pytest.raises(CsSyncError, match=words.partition(":")[0]):
            read_ids(made, Window(None, UNTIL))


def test_a_resource_that_fails_or_lacks_a_field(tmp_path: Path) -> None:
    copy_source(tmp_path, key="another")
    file = {"file": str(tmp_path / "shop.json")}
    with (
        open_source(tmp_path, source="shop_source.py:shop", settings=file) as (made, _),
        pytest.raises(PermissionMissing, match="403") as raised,
    ):
        read_ids(made, Window(None, UNTIL))
    assert KEY not in str(raised.value)
    streams = {"broken": MAPPED}
    with (
        open_source(tmp_path, source="shop_source.py:break_down", streams=streams) as (made, _),
        pytest.raises(CsSyncError, match="broken: ValueError: no luck with •••"),
    ):
        read_ids(made, Window(None, UNTIL))
    copy_source(tmp_path)
    with open_source(tmp_path, source="shop_source.py:shop", settings=file) as (made, events):
        [finding] = made.check()
        assert "has what is mapped: fields.name: there is no name" in finding.message
        assert finding.remedy == "correct [connectors.shop.streams.accounts]"
        assert read_ids(made, Window(None, UNTIL)) == ["1"]
    warnings = [event.detail["message"] for event in events if event.name == "warning"]
    assert [each.partition(";")[0] for each in warnings] == [
        "accounts: no record has what is mapped: fields.attributes: there is no plan",
        "accounts: no record has what is mapped: fields.name: there is no name",
        "accounts: no record has what is mapped: fields.updated_at: there is no changed",
    ]
