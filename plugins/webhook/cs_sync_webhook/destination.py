"""The connector: one signed POST per operation, at least once, under an id that repeats."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar

import httpx

from cs_sync import (
    Ack,
    Addresses,
    ConnectorConfig,
    CredentialRefused,
    FieldSpec,
    Finding,
    Found,
    Http,
    Limit,
    Op,
    PermissionMissing,
    Reject,
    RequestRefused,
    Unreachable,
    VendorError,
)
from cs_sync_webhook.config import WebhookConfig
from cs_sync_webhook.message import account_of, known, message_of
from cs_sync_webhook.signature import Signed


def _utc_now() -> datetime:
    return datetime.now(UTC)


class WebhookDestination:
    """Posts to one address; what it stands for is the receiver's business."""

    name: ClassVar[str] = "webhook"
    Config: ClassVar[type[ConnectorConfig]] = WebhookConfig
    limits: ClassVar[Sequence[Limit]] = ()
    addresses: ClassVar[Addresses] = "accounts"

    def __init__(
        self, config: WebhookConfig, http: Http, clock: Callable[[], datetime] = _utc_now
    ) -> None:
        headers = {name: value.get_secret_value() for name, value in config.headers.items()}
        self._url, self._clock = config.base_url, clock
        self._http = http.at(
            config.base_url,
            headers={**headers, "Content-Type": "application/json"},
            auth=Signed(config.signing_secret, clock),
            classify=partial(classify, config.section),
            timeout=config.timeout,
        )
        self._gone: str | None = None

    def prepare(self, fields: Sequence[FieldSpec]) -> Iterator[Finding]:  # noqa: ARG002 - has none
        """Nothing to create and nothing to ask: a call without a message would mean nothing."""
        address = httpx.URL(self._url).copy_with(query=None)
        yield Finding(True, "webhook", f"one signed message per change is posted to {address}")

    def write(self, ops: Sequence[Op]) -> Iterator[Ack | Reject]:
        """One POST after the other, each tried again until it is answered or the run gives up."""
        for op in ops:
            yield self._deliver(op)

    def find(self, keys: Sequence[str]) -> Iterator[Found]:  # noqa: ARG002 - nobody to ask
        """Nothing: what was not answered is sent again, under the same id."""
        return iter(())

    def _deliver(self, op: Op) -> Ack | Reject:
        if self._gone:
            return Reject(op.key, "HTTP_410", self._gone, lasting=False)
        done = Ack(op.key, account_of(op) or op.key if op.object == "account" else op.key)
        if not known(op):
            return replace(done, existed=True)
        message = message_of(op, self._clock())
        try:
            self._http.send(
                "POST",
                self._url,
                headers={"webhook-id": message.id},
                content=message.body,
                idempotent=True,
            )
        except RequestRefused as refusal:
            if refusal.status == 409:
                return replace(done, existed=True)
            return self._refused(op, refusal)
        except Unreachable as error:
            if not _was_taken(error):
                raise
        return done

    def _refused(self, op: Op, refusal: RequestRefused) -> Reject:
        """A refusal of this message; one that is no answer to it at all is raised."""
        status = refusal.status or 0
        if not 400 <= status < 500:
            raise refusal
        if status == 410:
            self._gone = refusal.message
        # Not even 410 is for good: it is about the address, and says nothing of the message.
        return Reject(op.key, f"HTTP_{status}", refusal.message, lasting=False)


def classify(section: str, response: httpx.Response, body: Any) -> VendorError | None:
    """Refusals that every message would meet, with what to do; None leaves it to the host."""
    status, facts = response.status_code, {"status": response.status_code, "body": body}
    said = f"webhook: the receiver answered {status} {response.reason_phrase}"
    if status == 401:
        remedy = f"compare signing_secret and headers of {section} with what the receiver expects"
        return CredentialRefused(said, remedy, **facts)
    if status == 403:
        remedy = f"let the receiver accept what is signed with signing_secret of {section}"
        return PermissionMissing(said, remedy, **facts)
    if 300 <= status < 400:
        target = response.headers.get("location", "nowhere")
        remedy = f"it points to {target}: if that is right, set url of {section} to it"
        return RequestRefused(said, remedy, **facts)
    return None


def _was_taken(error: Unreachable) -> bool:
    """A good status whose body is said to be JSON and is not: the message has arrived."""
    return error.status is not None and 200 <= error.status < 300
