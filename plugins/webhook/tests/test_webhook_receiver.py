"""A real receiver on this machine, with the code of the README, at the end of a real push."""

import re
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from cs_sync.contracts.destination import Op, Value
from cs_sync.http import ManualClock, VendorHttp
from cs_sync.store.engine import open_store
from cs_sync.store.leases import LeasedStore, acquire_lease
from cs_sync.store.migrate import migrate_schema
from cs_sync.write_back.plan import DesiredRecord, make_plan
from cs_sync.write_back.receipts import WriteResult
from cs_sync.write_back.writer import DestinationWriter
from cs_sync_webhook import signature
from cs_sync_webhook.config import WebhookConfig
from cs_sync_webhook.destination import WebhookDestination

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
README = Path(__file__).parents[1] / "README.md"

Check = Callable[[Any, bytes, str], bool]


@pytest.fixture(scope="module")
def is_ours() -> Check:
    """The function that the README gives to whoever writes a receiver."""
    [code] = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    actual: Check = names["is_ours"]
    return actual


class Receiver(ThreadingHTTPServer):
    """Keeps what it was sent; `lose` answers are swallowed after the message was taken."""

    def __init__(self, is_ours: Check) -> None:
        super().__init__(("127.0.0.1", 0), Post)
        self.is_ours = is_ours
        self.received: list[str] = []
        self.kept: dict[str, dict[str, Any]] = {}
        self.lose = 0


class Post(BaseHTTPRequestHandler):
    """Takes a message that is signed and new, and says so."""

    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.server.is_ours(self.headers, body, SECRET):
            return self._answer(401)
        name = self.headers["webhook-id"]
        self.server.received.append(name)
        known = name in self.server.kept
        self.server.kept[name] = orjson.loads(body)
        if self.server.lose:
            self.server.lose -= 1
            self.close_connection = True
            return None
        return self._answer(409 if known else 200)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Tests are quiet."""


@pytest.fixture
def receiver(is_ours: Check) -> Iterator[Receiver]:
    with Receiver(is_ours) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


Push = Callable[..., WriteResult]


@pytest.fixture
def push(receiver: Receiver, tmp_path: Path) -> Iterator[Push]:
    """Runs of a push to the receiver, an hour apart, with a score for two accounts and a call."""
    clock = ManualClock()
    url = f"http://127.0.0.1:{receiver.server_port}/hook?team=cs"
    settings = {"url": url, "signing_secret": SECRET}
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    migrate_schema(store, clock.now())
    with store.write() as connection:
        held = acquire_lease(connection, "run", clock.now())
    http = VendorHttp("webhook", sleep=lambda _seconds: None, rng=lambda: 0.0)

    def run(score: float = 38.5, **more: Any) -> WriteResult:
        clock.sleep(3600)
        config = WebhookConfig.model_validate({**settings, **more})
        fields: dict[str, Value] = {"cs_health_score": score, "cs_updated_at": clock.now()}
        wishes = [
            DesiredRecord(Op("account", name, fields, remote_id=name), name)
            for name in ("acme", "beta")
        ]
        wishes.append(
            DesiredRecord(
                Op("follow_up", "call", {"title": "Call"}, account_remote_id="acme"), "acme"
            )
        )
        webhook = WebhookDestination(config, http)
        pusher = DestinationWriter(
            LeasedStore(store, held), "webhook", webhook, "run", clock.now, lambda _event: None
        )
        pusher.reconcile_pending()
        return pusher.push(make_plan(wishes, pusher.entries(), "cs_"))

    yield run
    http.close()
    store.close()


@pytest.mark.slow("sends over the wire")
def test_every_change_is_sent_once_when_all_is_well(push: Push, receiver: Receiver) -> None:
    first = push()
    assert (first.create, first.update, first.problems) == (1, 2, [])
    assert push().counts()["unchanged"] == 3
    assert [m["object"] for m in receiver.kept.values()] == ["account", "account", "follow_up"]
    assert push(score=30.0).update == 2
    assert len(receiver.received) == len(receiver.kept) == 5
    last = list(receiver.kept.values())[-1]
    assert last["before"]["cs_health_score"] == 38.5


@pytest.mark.slow("sends over the wire")
def test_a_lost_answer_repeats_the_message_in_the_same_run(push: Push, receiver: Receiver) -> None:
    receiver.lose = 2
    writes = push()
    assert writes.problems == []
    assert len(receiver.kept) == 3
    assert len(receiver.received) == 5


@pytest.mark.slow("sends over the wire")
def test_answers_lost_to_the_end_repeat_the_message_in_the_next_run(
    push: Push, receiver: Receiver
) -> None:
    push()
    receiver.lose = 6
    assert len(push(score=30.0, concurrency=1).problems) == 1
    lost = receiver.received[-1]
    assert receiver.received.count(lost) == 6
    assert push(score=30.0).problems == []
    assert receiver.received.count(lost) == 7
    assert len(receiver.kept) == 5
    received = len(receiver.received)
    push(score=30.0)
    assert len(receiver.received) == received


@pytest.mark.slow("sends over the wire")
def test_a_score_that_falls_twice_is_news_twice(push: Push, receiver: Receiver) -> None:
    for score in (62.0, 38.5, 62.0, 38.5):
        push(score=score)
    accounts = [m for m in receiver.kept.values() if m["account"] == "beta"]
    assert [m["fields"]["cs_health_score"] for m in accounts] == [62.0, 38.5, 62.0, 38.5]


@pytest.mark.slow("sends over the wire")
def test_another_secret_is_refused_by_the_receiver(push: Push, receiver: Receiver) -> None:
    other = "whsec_" + "A" * 32
    writes = push(signing_secret=other)
    assert receiver.kept == {}
    [problem] = writes.problems
    assert "compare signing_secret" in problem
    assert other not in problem


def test_an_altered_or_old_message_is_not_ours(is_ours: Check) -> None:
    key = signature.decode_signing_key(SecretStr(SECRET))

    def headers(age: int) -> dict[str, str]:
        sent = str(int(time.time()) - age)
        signed = signature.sign_message(key, "m", sent, b"{}")
        return {"webhook-id": "m", "webhook-timestamp": sent, "webhook-signature": signed}

    fresh = headers(age=0)
    rotated = {**fresh, "webhook-signature": f"v1,AAAA {fresh['webhook-signature']}"}
    assert is_ours(fresh, b"{}", SECRET)
    assert is_ours(rotated, b"{}", SECRET)
    assert not is_ours(fresh, b"{ }", SECRET)
    assert not is_ours({**fresh, "webhook-id": "n"}, b"{}", SECRET)
    assert not is_ours(headers(age=301), b"{}", SECRET)
