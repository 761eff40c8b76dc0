"""Limits on one response: total time, and unpacked size.

The client's time-out covers a single read: a vendor, or a proxy in its place, sending a
byte every few seconds would hold a run for days. And a megabyte of gzip unpacks to a
gigabyte.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx

MAX_SECONDS = 300.0
"""Seconds for one answer, from the connection to its last byte."""
MAX_BYTES = 64 * 2**20
"""Bytes of one body, unpacked."""
ENCODINGS = "gzip, deflate"
CHUNK_BYTES = 2**18
_DETECT_FORMAT = 32 + zlib.MAX_WBITS
"""Tells zlib to find out by itself whether it is gzip or deflate."""

_left: ContextVar[Callable[[], float]] = ContextVar("_left")
"""How many seconds are left for the answer that this thread waits for."""


_most: ContextVar[float] = ContextVar("_most")
"""How many bytes of a body are read, if not MAX_BYTES."""


class BodyTooLarge(httpx.DecodingError):
    """A body larger than MAX_BYTES."""


@contextmanager
def time_limit(seconds: float, clock: Callable[[], float]) -> Iterator[None]:
    """Limit the time of this thread's requests inside the block.

    Args:
        seconds: Time for the whole response.
        clock: A clock in seconds.
    """
    ends = clock() + seconds
    token = _left.set(lambda: ends - clock())
    try:
        yield
    finally:
        _left.reset(token)


@contextmanager
def any_size() -> Iterator[None]:
    """Lift the limit of bodies inside the block.

    Each of their lines has one.
    """
    token = _most.set(float("inf"))
    try:
        yield
    finally:
        _most.reset(token)


def limit_responses(client: httpx.Client) -> httpx.Client:
    """Limit a client's responses in size and total time; return the client."""
    hooks = client.event_hooks
    client.event_hooks = {**hooks, "response": [*hooks["response"], _limit_body]}
    # httpx has no parameter for what httpcore takes: how its connections are opened.
    for transport in (client._transport, *client._mounts.values()):
        pool: Any = getattr(transport, "_pool", None)
        if pool is not None:
            pool._network_backend = _DeadlineBackend(pool._network_backend)
    return client


def _limit_body(response: httpx.Response) -> None:
    """Take over the decompression before the body is read."""
    if response.is_stream_consumed or response.is_closed:
        return  # it was made in this process, by a test
    encoding = response.headers.pop("content-encoding", "identity").strip().lower()
    stream = response.stream
    assert isinstance(stream, httpx.SyncByteStream)  # noqa: S101 - the client is none of asyncio
    response.stream = _LimitedStream(stream, encoding)


class _LimitedStream(httpx.SyncByteStream):
    """The decompressed bytes of a stream, limited in size and time."""

    def __init__(self, stream: httpx.SyncByteStream, encoding: str) -> None:
        self._stream, self._encoding = stream, encoding

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for piece in self._decompress():
            size += len(piece)
            if size > _most.get(MAX_BYTES):
                raise BodyTooLarge(f"the body is larger than {MAX_BYTES // 2**20} MB")
            if (left := _left.get(None)) and left() <= 0:
                raise httpx.ReadTimeout(f"the answer took longer than {MAX_SECONDS:.0f} seconds")
            yield piece

    def close(self) -> None:
        self._stream.close()

    def _decompress(self) -> Iterable[bytes]:
        if self._encoding == "identity":
            return self._stream
        if self._encoding in ("gzip", "x-gzip", "deflate"):
            return _inflate(self._stream)
        raise httpx.DecodingError(
            f"the body is packed as {self._encoding}, which was not asked for"
        )


def _inflate(packed: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the decompressed bytes in small chunks, whatever the compression ratio."""
    inflate = zlib.decompressobj(_DETECT_FORMAT)
    try:
        for rest in packed:
            while rest and not inflate.eof:
                yield inflate.decompress(rest, CHUNK_BYTES)
                rest = inflate.unconsumed_tail
        yield inflate.flush()
    except zlib.error as error:
        raise httpx.DecodingError(str(error)) from error


class _DeadlineBackend(httpcore.NetworkBackend):
    """A network backend whose connections wait no longer than the time left for the response."""

    def __init__(self, backend: httpcore.NetworkBackend) -> None:
        self._backend = backend

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *args: Any, **more: Any
    ) -> httpcore.NetworkStream:
        return _DeadlineStream(
            self._backend.connect_tcp(host, port, _cap_timeout(timeout), *args, **more)
        )

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _cap_timeout(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _cap_timeout(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        inner = self._stream.start_tls(ssl_context, server_hostname, _cap_timeout(timeout))
        return _DeadlineStream(inner)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _cap_timeout(
    timeout: float | None, error: type[httpcore.TimeoutException] = httpcore.ReadTimeout
) -> float | None:
    """Return a step's time-out within the response's remaining time."""
    if (left := _left.get(None)) is None:
        return timeout
    remaining = left()
    if remaining <= 0:
        raise error(f"the answer took longer than {MAX_SECONDS:.0f} seconds")
    return remaining if timeout is None else min(timeout, remaining)
