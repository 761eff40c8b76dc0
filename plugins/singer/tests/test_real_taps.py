"""Real taps beside each other: tap-rest-api-msdk over loopback, and one with singer-python."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy import create_engine, text

pytestmark = pytest.mark.slow("runs real taps")

BRIDGES = Path(__file__).parents[3] / ".venv"
TAP = BRIDGES / "tap" / "bin" / "tap-rest-api-msdk"
SINGER_PYTHON = BRIDGES / "singer-python" / "bin" / "python"
KEY = "-".join(("not", "a", "real", "key"))
OWNERS = """
import json, sys
import singer

options = dict(zip(sys.argv[1:], sys.argv[2:] + [""]))
schema = {"type": "object", "properties": {"id": {"type": "integer"}, "mail": {"type": "string"}}}
if "--discover" in options:
    entry = {"tap_stream_id": "crm-agents", "stream": "agents", "schema": schema}
    print(json.dumps({"streams": [entry]}))
    sys.exit()
people = json.load(open(json.load(open(options["--config"]))["file"]))
assert "--state" not in options
version = len(people)
singer.write_schema("agents", schema, ["id"])
singer.write_version("agents", version)
for person in people:
    singer.write_message(singer.RecordMessage("agents", person, version=version))
singer.write_version("agents", version)
singer.write_state({"done": True})
"""


def require_tap(program: Path) -> None:
    if not program.exists():
        pytest.skip("`make test-bridges` installs it, as it is large")


@contextmanager
def serve(rows: list[dict[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    """A vendor of three a page, changes by `since`, with a key."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            query = dict(parse_qsl(urlsplit(self.path).query))
            good = self.headers["Authorization"] == f"Bearer {KEY}"
            changed = [row for row in rows if row["changed"] >= query.get("since", "")[:10]]
            page = int(query.get("page", 1))
            body: Any = {"data": changed[page * 3 - 3 : page * 3], "next": None}
            if page * 3 < len(changed):
                body["next"] = page + 1
            text = json.dumps(body if good else {"message": "no"}).encode()
            self.send_response(200 if good else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


def write_config(folder: Path, url: str) -> None:
    """Two taps, each a section of its own."""
    (folder / "tap_owners.py").write_text(OWNERS)
    (folder / "cs_sync.toml").write_text(
        f"""
[connectors.shop]
type = "singer"
command = "{TAP}"
[connectors.shop.settings]
api_url = "{url}"
auth_method = "bearer_token"
next_page_token_path = "$.next"
[[connectors.shop.settings.streams]]
name = "customers"
path = "/customers"
records_path = "$.data[*]"
primary_keys = ["id"]
replication_key = "changed"
start_date = "2020-01-01T00:00:00Z"
source_search_field = "since"
source_search_query = "$last_run_date"
[connectors.shop.secrets]
bearer_token = "env:SHOP_TOKEN"
[connectors.shop.streams.customers]
record = "source_account"
[connectors.shop.streams.customers.fields]
source_id = "id"
name = "name"
updated_at = {{ path = "changed", as = "iso", zone = "UTC" }}

[connectors.crm]
type = "singer"
command = ["{SINGER_PYTHON}", "tap_owners.py"]
settings = {{ file = "people.json" }}
[connectors.crm.streams.crm-agents]
record = "owner"
replication = "full_table"
fields = {{ source_id = "id", email = "mail" }}
"""
    )
    (folder / "cs_sync.toml").chmod(0o600)


def run(folder: Path, *words: str) -> tuple[int, str]:
    """Run a command as a user would; return its exit code, and what it says."""
    command = [sys.executable, "-m", "cs_sync", "--format", "csv", *words]
    env = {**os.environ, "SHOP_TOKEN": KEY}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def read_table(folder: Path, table: str) -> list[tuple[Any, ...]]:
    engine = create_engine(f"sqlite:///{folder / 'cs_sync.db'}")
    with engine.connect() as connection:
        query = f"select source, source_id, deleted_at is null from {table} order by 1, 2"
        rows = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return rows


def test_two_real_taps_run_beside_each_other(tmp_path: Path) -> None:
    """What changed is read from the STATE on; a full table's deletions are found."""
    require_tap(TAP)
    require_tap(SINGER_PYTHON)
    rows = [{"id": n, "name": f"No. {n}", "changed": f"2026-01-0{n}"} for n in range(1, 6)]
    people = [{"id": n, "mail": f"p{n}@acme.example"} for n in (1, 2, 3)]
    (tmp_path / "people.json").write_text(json.dumps(people))
    with serve(rows) as (url, asked):
        write_config(tmp_path, url)
        code, output = run(tmp_path, "check")
        assert code == 0, output
        assert "shop,customers,true,readable,\n" in output, output
        assert "crm,crm-agents,true,readable,\n" in output, output
        code, output = run(tmp_path, "sync")
        assert code == 0, output
        assert read_table(tmp_path, "source_account") == [("shop", str(n), 1) for n in range(1, 6)]
        assert read_table(tmp_path, "owner") == [("crm", str(n), 1) for n in (1, 2, 3)]
        rows.append({"id": 6, "name": "New", "changed": "2026-01-06"})
        (tmp_path / "people.json").write_text(json.dumps(people[:2]))
        asked.clear()
        code, output = run(tmp_path, "sync")
        assert code == 0, output
        assert KEY not in output
    assert read_table(tmp_path, "source_account")[-1] == ("shop", "6", 1)
    assert read_table(tmp_path, "owner") == [("crm", "1", 1), ("crm", "2", 1), ("crm", "3", 0)]
    since = [dict(parse_qsl(urlsplit(path).query)).get("since", "")[:10] for path in asked]
    assert "2026-01-05" in since
    assert since[-1] == "2026-01-05"
