"""The connection between a connector and its fake vendor, which fails as it is told."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from threading import RLock

import httpx

READING: ContextVar[str] = ContextVar("READING", default="")
"""The stream that is being read by this thread."""


class Killed(BaseException):
    """The process dies here: nothing but the database survives it."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One request that reached the wire; `again` when the same had been sent before."""

    at: datetime
    stream: str
    request: httpx.Request
    again: bool


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request on its way: a fault decides what becomes of it, and of its answer."""

    wire: "Wire"
    sent: Sent
    number: int

    @property
    def request(self) -> httpx.Request:
        """The request itself."""
        return self.sent.request

    def answer(self) -> httpx.Response:
        """What the vendor answers, having done what was asked."""
        return self.wire.vendor_answers(self.request)

    def die(self) -> httpx.Response:
        """End the process; what other threads send from now on goes nowhere."""
        self.wire.dead = True
        raise Killed


Fault = Callable[[Exchange], httpx.Response]


def no_fault(exchange: Exchange) -> httpx.Response:
    """Everything arrives."""
    return exchange.answer()


@dataclass
class Wire(httpx.BaseTransport):
    """Carries one request at a time, so that a case runs the same way every time."""

    vendor_answers: Callable[[httpx.Request], httpx.Response]
    now: Callable[[], datetime]
    fault: Fault = no_fault
    dead: bool = False
    sent: list[Sent] = field(default_factory=list)
    _seen: set[tuple[str, str, bytes]] = field(default_factory=set)
    _turn: RLock = field(default_factory=RLock)

    def new_process(self, fault: Fault) -> None:
        """Forget what was sent, and fail like this from now on."""
        self.fault, self.dead = fault, False
        self.sent.clear()
        self._seen.clear()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Carry one request; raises what the fault raises."""
        request.read()
        with self._turn:
            if self.dead:
                raise Killed
            same = (request.method, str(request.url), request.content)
            sent = Sent(self.now(), READING.get(), request, same in self._seen)
            self.sent.append(sent)
            self._seen.add(same)
            return self.fault(Exchange(self, sent, len(self.sent)))
