"""A line to PostgreSQL that is cut when it is told to: only one that is real loses answers."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from select import select

from sqlalchemy import make_url

COMMIT = b"COMMIT\0"
Cut = Callable[[bytes, socket.socket], bool]
"""Whether this request is where the line is cut; it may be passed on to the server first."""


class Line:
    """Carries what a client and its server say, until `cut` says that it breaks here."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.cut: Cut = lambda _said, _server: False
        self.cuts = 0
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take no more calls."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                threading.Thread(target=self._carry, args=[client], daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._server) as server, suppress(OSError):
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                for end in select([client, server], [], [])[0]:
                    data = end.recv(1 << 16)
                    if not data:
                        return
                    if end is server:
                        client.sendall(data)
                    elif self.cut(data, server):
                        self.cuts += 1
                        return
                    else:
                        server.sendall(data)


@contextmanager
def line_to(url: str) -> Iterator[tuple[str, Line]]:
    """The URL of the same database by way of a line, and the line."""
    parsed = make_url(url)
    line = Line((parsed.host or "127.0.0.1", parsed.port or 5432))
    relayed = parsed.set(host="127.0.0.1", port=line.port)
    try:
        yield relayed.render_as_string(hide_password=False), line
    finally:
        line.close()


class AtCommit:
    """Cuts the line once, at the n-th COMMIT from now on."""

    def __init__(self, *, stored: bool, number: int = 1) -> None:
        """`stored`: the server gets the COMMIT, and only its answer is lost."""
        self.stored, self.left = stored, number

    def __call__(self, data: bytes, server: socket.socket) -> bool:
        self.left -= COMMIT in data
        here = COMMIT in data and self.left == 0
        if here:
            (pass_on if self.stored else take_back)(data, server)
        return here


class Late:
    """Cuts the line once, at the next COMMIT, which reaches the server only when `go` is called."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.left = 1

    def __call__(self, data: bytes, server: socket.socket) -> bool:
        if COMMIT not in data or not self.left:
            return False
        self.left -= 1
        on_its_way = server.dup()  # the server does not see that the client has gone
        threading.Thread(target=self._deliver, args=[data, on_its_way], daemon=True).start()
        return True

    def _deliver(self, data: bytes, server: socket.socket) -> None:
        with server, suppress(OSError):
            assert self.go.wait(20)
            pass_on(data, server)


class AtRequest:
    """Cuts the line once, at its n-th request from now on."""

    def __init__(self, number: int, *, stored: bool) -> None:
        """`stored`: the server gets the request, and only its answer is lost."""
        self.stored, self.left = stored, number

    def __call__(self, data: bytes, server: socket.socket) -> bool:
        self.left -= 1
        if self.left == 0 and self.stored:
            pass_on(data, server)
        return self.left == 0


def take_back(_said: bytes, server: socket.socket) -> None:
    """Pass nothing on, and wait until the server has noticed it and undone the transaction.

    It would find that out later than the client on a busy machine, and answer that it is not done.
    """
    server.shutdown(socket.SHUT_WR)
    server.settimeout(60)
    while server.recv(1 << 16):
        pass


def pass_on(data: bytes, server: socket.socket) -> None:
    """Pass a request on, and wait until the server has answered it, if it does: not a COPY.

    A COMMIT is always answered: a slow machine may take its time until it is stored.
    """
    server.sendall(data)
    select([server], [], [], 60 if COMMIT in data else 0.2)
