"""Bounds of an answer on a real socket: its time, its size once unpacked, and no proxy."""

import gzip
import threading
import tracemalloc
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from cs_sync.contracts.errors import AnswerUnknown, Unreachable
from cs_sync.contracts.http import is_loopback
from cs_sync.http import ManualClock, VendorHttp, bounds

MEGABYTE = 2**20


class Hostile(BaseHTTPRequestHandler):
    """Answers by its path; `seen` are the addresses that were asked for."""

    protocol_version = "HTTP/1.1"
    seen: list[str] = []  # noqa: RUF012 (one per test server, see the fixture)
    ended = threading.Event()

    def do_GET(self) -> None:
        self.seen.append(self.path)
        getattr(self, self.path.split("/")[-1])()

    do_POST = do_GET  # noqa: N815

    def good(self) -> None:
        self._send(b'{"fine": true}')

    def packed(self) -> None:
        self._send(gzip.compress(b'{"fine": true}'), "gzip")

    def deflated(self) -> None:
        self._send(zlib.compress(b'{"fine": true}'), "deflate")

    def bomb(self) -> None:
        self._send(bomb(200 * MEGABYTE), "gzip")

    def unasked(self) -> None:
        self._send(b"\x00\x01\x02", "br")

    def large(self) -> None:
        self._send(b" " * 20_000)

    def drips(self) -> None:
        """One byte at a time, well within every time-out of a single read."""
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self._drip()

    def drips_headers(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        self._drip()

    def _drip(self) -> None:
        while not self.ended.wait(0.02):
            try:
                self.wfile.write(b" ")
                self.wfile.flush()
            except OSError:
                break
        self.close_connection = True

    def _send(self, body: bytes, encoding: str = "") -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        if encoding:
            self.send_header("Content-Encoding", encoding)
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Tests are quiet."""


def bomb(size: int) -> bytes:
    """So many blanks as gzip, a thousandth of that."""
    packer = zlib.compressobj(9, wbits=31)
    parts = [packer.compress(b" " * MEGABYTE) for _ in range(size // MEGABYTE)]
    return b"".join((*parts, packer.flush()))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    handler = type("OneVendor", (Hostile,), {"seen": [], "ended": threading.Event()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    monkeypatch.setattr(server, "handle_error", lambda *_args: None)  # clients hang up here
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    handler.ended.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def vendor_http(server: ThreadingHTTPServer) -> Iterator[VendorHttp]:
    with VendorHttp("acme", sleep=lambda _seconds: None) as http:
        yield http.at(f"http://127.0.0.1:{server.server_port}")


@pytest.mark.parametrize("path", ["drips", "drips_headers"])
def test_an_answer_has_a_total_time(
    vendor_http: VendorHttp, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """The server goes on for as long as it is listened to: without that time this never ends."""
    monkeypatch.setattr(bounds, "MAX_SECONDS", 0.15)
    with pytest.raises(Unreachable, match="ReadTimeout"):
        vendor_http.get(path)


@pytest.mark.parametrize("path", ["good", "packed", "deflated"])
def test_a_packed_answer_is_unpacked(vendor_http: VendorHttp, path: str) -> None:
    assert vendor_http.get(path) == {"fine": True}


@pytest.mark.slow("unpacks a hundred megabytes")
def test_a_bomb_takes_no_more_memory_than_the_largest_answer(
    vendor_http: VendorHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "MAX_BYTES", 4 * MEGABYTE)
    tracemalloc.start()
    try:
        with pytest.raises(Unreachable, match="larger than 4 MB"):
            vendor_http.get("bomb")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * MEGABYTE
    assert vendor_http.requests == 1, "it would be as large the next time"


def test_a_large_answer_that_is_not_packed_is_refused(
    vendor_http: VendorHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "MAX_BYTES", 10_000)
    with pytest.raises(Unreachable, match="larger than"):
        vendor_http.get("large")
    with pytest.raises(AnswerUnknown):
        vendor_http.post("large", {"create": "it"})


def test_what_was_not_asked_for_is_not_unpacked(vendor_http: VendorHttp) -> None:
    with pytest.raises(Unreachable, match="packed as br"):
        vendor_http.get("unasked")


def test_a_stream_that_takes_too_long_by_the_hosts_clock_is_given_up() -> None:
    clock = ManualClock()

    class Slow(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                clock.sleep(5)
                yield b" "

    transport = httpx.MockTransport(lambda _request: httpx.Response(200, stream=Slow()))
    client = httpx.Client(transport=transport)
    with VendorHttp("acme", now=clock.now, sleep=clock.sleep, client=client) as http:
        began = clock.now()
        with pytest.raises(Unreachable, match="longer than 300 seconds"):
            http.at("https://api.example.com").get("a")
        assert (clock.now() - began).total_seconds() < 1500


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("127.0.0.2", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("[::1]", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("128.0.0.1", False),
        ("::2", False),
        ("127.1", False),
        ("localhost.evil.test", False),
        ("", False),
    ],
)
def test_loopback_is_one_definition(host: str, here: bool) -> None:
    assert is_loopback(host) is here


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost"])
def test_loopback_goes_past_every_proxy(
    server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("no_proxy", "")
    elsewhere = ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    elsewhere.server_close()  # nobody listens there
    with VendorHttp("acme", sleep=lambda _seconds: None) as http:
        closed = http.at(f"http://{host}:{elsewhere.server_port}", headers={"X-Key": "canary"})
        with pytest.raises(Unreachable, match="ConnectError"):
            closed.get("good")
    assert not server.RequestHandlerClass.seen  # type: ignore[attr-defined]
