"""The fault transport: a connection to the fake vendor with injected failures."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from threading import RLock

import httpx

READING: ContextVar[str] = ContextVar("READING", default="")
"""The stream that is being read by this thread."""


class ProcessKilled(BaseException):
    """The death of the process; only the database survives."""


@dataclass(frozen=True, slots=True)
class SentRequest:
    """One sent request; `again` if the same was sent before."""

    at: datetime
    stream: str
    request: httpx.Request
    again: bool


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request on its way, whose response a fault determines."""

    wire: "FaultTransport"
    sent: SentRequest
    number: int

    @property
    def request(self) -> httpx.Request:
        """The request itself."""
        return self.sent.request

    def answer(self) -> httpx.Response:
        """Let the vendor perform the request; return its response."""
        return self.wire.vendor_answers(self.request)

    def die(self) -> httpx.Response:
        """Kill the process; later requests of other threads go nowhere."""
        self.wire.dead = True
        raise ProcessKilled


Fault = Callable[[Exchange], httpx.Response]


def pass_through(exchange: Exchange) -> httpx.Response:
    """Deliver everything."""
    return exchange.answer()


@dataclass
class FaultTransport(httpx.BaseTransport):
    """Carries one request at a time, so that a case runs the same way every time."""

    vendor_answers: Callable[[httpx.Request], httpx.Response]
    now: Callable[[], datetime]
    fault: Fault = pass_through
    dead: bool = False
    sent: list[SentRequest] = field(default_factory=list)
    _seen: set[tuple[str, str, bytes]] = field(default_factory=set)
    _turn: RLock = field(default_factory=RLock)

    def start_process(self, fault: Fault) -> None:
        """Forget the sent requests and inject this fault from now on."""
        self.fault, self.dead = fault, False
        self.sent.clear()
        self._seen.clear()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Carry one request; faults may raise."""
        request.read()
        with self._turn:
            if self.dead:
                raise ProcessKilled
            same = (request.method, str(request.url), request.content)
            sent = SentRequest(self.now(), READING.get(), request, same in self._seen)
            self.sent.append(sent)
            self._seen.add(same)
            return self.fault(Exchange(self, sent, len(self.sent)))
