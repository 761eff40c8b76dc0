"""Bounds of one answer: how long it may take in all, and how much it may be once unpacked.

A time-out of the client is for one read: a vendor, or what answers in its place, that sends a byte
every few seconds would hold a run for days. And a megabyte of gzip unpacks to a gigabyte.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx

LONGEST = 300.0
"""Seconds for one answer, from the connection to its last byte."""
LARGEST = 64 * 2**20
"""Bytes of one body, unpacked."""
ENCODINGS = "gzip, deflate"
PIECE = 2**18
_EITHER = 32 + zlib.MAX_WBITS
"""Tells zlib to find out by itself whether it is gzip or deflate."""

_left: ContextVar[Callable[[], float]] = ContextVar("_left")
"""How many seconds are left for the answer that this thread waits for."""


class TooLarge(httpx.DecodingError):
    """The body goes on beyond LARGEST."""


@contextmanager
def within(seconds: float, clock: Callable[[], float]) -> Iterator[None]:
    """Bound what this thread asks for inside, by a clock in seconds."""
    ends = clock() + seconds
    token = _left.set(lambda: ends - clock())
    try:
        yield
    finally:
        _left.reset(token)


def bound(client: httpx.Client) -> httpx.Client:
    """The same client, with bodies that are bounded and connections that keep to the time."""
    hooks = client.event_hooks
    client.event_hooks = {**hooks, "response": [*hooks["response"], _bound_body]}
    # httpx has no parameter for what httpcore takes: how its connections are opened.
    for transport in (client._transport, *client._mounts.values()):
        pool: Any = getattr(transport, "_pool", None)
        if pool is not None:
            pool._network_backend = _Timed(pool._network_backend)
    return client


def _bound_body(response: httpx.Response) -> None:
    """Take over the unpacking, before anybody has read the body."""
    if response.is_stream_consumed or response.is_closed:
        return  # it was made in this process, by a test
    encoding = response.headers.pop("content-encoding", "identity").strip().lower()
    stream = response.stream
    assert isinstance(stream, httpx.SyncByteStream)  # noqa: S101 - the client is none of asyncio
    response.stream = _Bounded(stream, encoding)


class _Bounded(httpx.SyncByteStream):
    """The unpacked bytes of a stream, as long as there are not too many and not too late."""

    def __init__(self, stream: httpx.SyncByteStream, encoding: str) -> None:
        self._stream, self._encoding = stream, encoding

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for piece in self._unpacked():
            size += len(piece)
            if size > LARGEST:
                raise TooLarge(f"the body is larger than {LARGEST // 2**20} MB")
            if (left := _left.get(None)) and left() <= 0:
                raise httpx.ReadTimeout(f"the answer took longer than {LONGEST:.0f} seconds")
            yield piece

    def close(self) -> None:
        self._stream.close()

    def _unpacked(self) -> Iterable[bytes]:
        if self._encoding == "identity":
            return self._stream
        if self._encoding in ("gzip", "x-gzip", "deflate"):
            return _inflated(self._stream)
        raise httpx.DecodingError(
            f"the body is packed as {self._encoding}, which was not asked for"
        )


def _inflated(packed: Iterable[bytes]) -> Iterator[bytes]:
    """A small piece at a time, however much is packed into it."""
    inflate = zlib.decompressobj(_EITHER)
    try:
        for rest in packed:
            while rest and not inflate.eof:
                yield inflate.decompress(rest, PIECE)
                rest = inflate.unconsumed_tail
        yield inflate.flush()
    except zlib.error as error:
        raise httpx.DecodingError(str(error)) from error


class _Timed(httpcore.NetworkBackend):
    """Opens connections that wait for no byte longer than is left for the whole answer."""

    def __init__(self, backend: httpcore.NetworkBackend) -> None:
        self._backend = backend

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *args: Any, **more: Any
    ) -> httpcore.NetworkStream:
        return _TimedStream(self._backend.connect_tcp(host, port, _shorter(timeout), *args, **more))

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


class _TimedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _shorter(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _shorter(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        inner = self._stream.start_tls(ssl_context, server_hostname, _shorter(timeout))
        return _TimedStream(inner)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _shorter(
    timeout: float | None, error: type[httpcore.TimeoutException] = httpcore.ReadTimeout
) -> float | None:
    """The time-out of one step, no longer than what is left of the whole."""
    if (left := _left.get(None)) is None:
        return timeout
    remaining = left()
    if remaining <= 0:
        raise error(f"the answer took longer than {LONGEST:.0f} seconds")
    return remaining if timeout is None else min(timeout, remaining)
