"""The client on a real socket: one connection is kept, a cut body is noticed."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from cs_sync.contracts.errors import Unreachable
from cs_sync.http import ManualClock, VendorHttp


class Vendor(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    peers: set[Any] = set()  # noqa: RUF012 (one per test server, see the fixture)
    cuts = 0

    def do_GET(self) -> None:
        vendor = type(self)
        vendor.peers.add(self.client_address)
        body = b'{"data": [1, 2, 3]}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if vendor.cuts:
            vendor.cuts -= 1
            body, self.close_connection = body[:7], True
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Tests are quiet."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    handler = type("OneVendor", (Vendor,), {"peers": set()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_one_connection_serves_many_requests(server: ThreadingHTTPServer) -> None:
    with VendorHttp("acme") as http:
        client = http.at(f"http://127.0.0.1:{server.server_port}")
        assert [client.get("/a")["data"] for _ in range(5)] == [[1, 2, 3]] * 5
    assert len(server.RequestHandlerClass.peers) == 1  # type: ignore[attr-defined]


def test_a_body_that_is_cut_on_the_wire_is_read_again(server: ThreadingHTTPServer) -> None:
    server.RequestHandlerClass.cuts = 2  # type: ignore[attr-defined]
    clock = ManualClock()
    with VendorHttp("acme", now=clock.now, sleep=clock.sleep) as http:
        client = http.at(f"http://127.0.0.1:{server.server_port}")
        assert client.get("/a") == {"data": [1, 2, 3]}
        assert http.requests == 3


def test_a_closed_port_is_unreachable(server: ThreadingHTTPServer) -> None:
    clock = ManualClock()
    with VendorHttp("acme", now=clock.now, sleep=clock.sleep) as http:
        client = http.at("http://127.0.0.1:1")
        with pytest.raises(Unreachable, match="ConnectError"):
            client.get("/a")
        assert http.requests == 6
