"""The server over loopback HTTP with its token, and on standard input and output."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from cs_sync.contracts.errors import ConfigError
from cs_sync.runtime.workspace import Workspace
from tests.jobs.road import Place

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def address(reading: Workspace) -> Iterator[str]:
    """A server on a free port of this machine."""
    from cs_sync.mcp.server import build_http_server

    server = build_http_server(reading, TOKEN, 0)
    serving = threading.Thread(target=server.run, daemon=True)
    serving.start()
    while not server.started:
        time.sleep(0.01)
    [listening] = server.servers[0].sockets
    host, port = listening.getsockname()
    assert host == "127.0.0.1"
    yield f"http://127.0.0.1:{port}/mcp"
    server.should_exit = True
    serving.join(timeout=10)
    assert not serving.is_alive()


def ask_over_http(address: str, token: str | None, statuses: list[int]) -> Any:
    """The answer of one tool, by the package's own client; every status of HTTP is noted."""
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    async def note(response: Any) -> None:
        statuses.append(response.status_code)

    async def call() -> Any:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(headers=headers, event_hooks={"response": [note]}) as http,
            Client(streamable_http_client(address, http_client=http)) as client,
        ):
            return await client.call_tool("metrics", {"names": ["mrr"]})

    return anyio.run(call)


def test_with_the_token_it_answers(address: str) -> None:
    result = ask_over_http(address, TOKEN, [])
    assert result.structured_content["rows"][0]["value"]["amount"] == "345.00"


@pytest.mark.parametrize("token", [None, "wrong", TOKEN[:-1], TOKEN + "0"])
def test_without_the_token_it_answers_nothing(address: str, token: str | None) -> None:
    statuses: list[int] = []
    with pytest.raises(ExceptionGroup):
        ask_over_http(address, token, statuses)
    assert set(statuses) == {401}


def test_a_page_of_another_host_is_refused(address: str) -> None:
    import httpx

    headers = {
        "Authorization": f"Bearer {TOKEN}", "Host": "evil.example",
        "Accept": "application/json, text/event-stream",
    }  # fmt: skip
    assert httpx.post(address, json={}, headers=headers).status_code == 421
    assert httpx.post(address, json={}).status_code == 401


def test_a_short_token_is_refused(reading: Workspace) -> None:
    from cs_sync.mcp.server import build_http_server

    with pytest.raises(ConfigError, match="fewer than 16") as caught:
        build_http_server(reading, "secret", 0)
    assert "openssl rand" in str(caught.value)


def test_http_needs_a_token(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CS_SYNC_MCP_TOKEN", raising=False)
    ran = place.run("mcp", "--http", "8123")
    assert ran.code == 2
    assert "CS_SYNC_MCP_TOKEN" in ran.messages


def test_there_is_nothing_to_serve_before_the_first_run(place: Place) -> None:
    place.write_row("UPDATE alembic_version SET version_num = '0001'")
    ran = place.run("mcp")
    assert ran.code == 1
    assert "schema 0001" in ran.messages
    (place.path / "cs_sync.db").unlink()
    ran = place.run("mcp")
    assert ran.code == 1
    assert "run `cs-sync run` once" in ran.messages
    assert not (place.path / "cs_sync.db").exists()


def test_without_the_package_it_says_what_to_install(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mcp.server", None)
    ran = place.run("mcp")
    assert ran.code == 2
    assert "pip install 'customer-success-sync[mcp]'" in ran.messages


@pytest.mark.slow("starts a process")
@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_it_speaks_on_standard_input_and_output(place: Place, mode: str) -> None:
    from mcp import Client, StdioServerParameters, stdio_client

    line = ["-m", "cs_sync", "--config", str(place.path / "cs_sync.toml"), "mcp"]

    async def call() -> Any:
        server = stdio_client(StdioServerParameters(command=sys.executable, args=line))
        async with Client(server, mode=mode) as client:
            return await client.call_tool("accounts", {"search": "alpha"})

    result = anyio.run(call)
    assert [row["account"] for row in result.structured_content["rows"]] == ["alpha"]


@pytest.mark.slow("starts a process")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
@pytest.mark.parametrize("way", ["standard input", "HTTP"])
def test_a_server_that_is_stopped_says_that_and_ends(
    place: Place, monkeypatch: pytest.MonkeyPatch, way: str, number: signal.Signals, code: int
) -> None:
    """It does no job, so there is nothing to go on with; its client may still hold the line."""
    import mcp.types

    monkeypatch.setenv("CS_SYNC_MCP_TOKEN", TOKEN)
    line = [sys.executable, "-m", "cs_sync", "--config", str(place.path / "cs_sync.toml"), "mcp"]
    pipe = subprocess.PIPE
    port: list[str] = [] if way == "standard input" else ["--http", str(find_free_port())]
    with subprocess.Popen(
        [*line, *port], text=True, stdin=pipe, stdout=pipe, stderr=pipe
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        if port:
            process.stderr.readline()
        else:
            ask = mcp.types.LATEST_PROTOCOL_VERSION
            process.stdin.write(
                '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{},'
                f'"protocolVersion":"{ask}","clientInfo":{{"name":"a","version":"1"}}}}}}\n'
            )
            process.stdin.flush()
            process.stdout.readline()
        process.send_signal(number)
        assert process.wait(20) == code
        assert process.stderr.read() == "stopped\n"


def find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
