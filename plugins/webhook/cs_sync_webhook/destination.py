"""The destination: one signed POST per operation, at least once, with a stable id."""

from collections.abc import Callable, Iterable, Iterator, Sequence
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
    Http,
    Limit,
    Op,
    PermissionMissing,
    Reject,
    RemoteObject,
    ReportMessage,
    RequestRefused,
    Unreachable,
    VendorError,
    map_side_by_side,
)
from cs_sync_webhook.config import WebhookConfig
from cs_sync_webhook.message import (
    Message,
    build_message,
    build_report_message,
    get_account_id,
    get_known_fields,
)
from cs_sync_webhook.signature import WebhookAuth


def _utc_now() -> datetime:
    return datetime.now(UTC)


class WebhookDestination:
    """Posts messages to one URL."""

    name: ClassVar[str] = "webhook"
    Config: ClassVar[type[ConnectorConfig]] = WebhookConfig
    limits: ClassVar[Sequence[Limit]] = ()
    addresses: ClassVar[Addresses] = "accounts"

    def __init__(
        self, config: WebhookConfig, http: Http, clock: Callable[[], datetime] = _utc_now
    ) -> None:
        headers = {name: value.get_secret_value() for name, value in config.headers.items()}
        self._url, self._clock = config.base_url, clock
        self._lanes = config.concurrency
        pace = [Limit(config.max_per_second, 1.0)] if config.max_per_second else []
        self._http = http.at(
            config.base_url,
            headers={**headers, "Content-Type": "application/json"},
            auth=WebhookAuth(config.signing_secret, clock),
            classify=partial(classify_response, config.section),
            limits=pace,
            timeout=config.timeout,
        )
        self._gone: str | None = None

    def prepare(self, fields: Sequence[FieldSpec]) -> Iterator[Finding]:  # noqa: ARG002 - has none
        """Report the URL; nothing is created and no test call sent."""
        address = httpx.URL(self._url).copy_with(query=None)
        yield Finding(
            ok=True,
            subject="webhook",
            message=f"one signed message per change is posted to {address}",
        )

    def write(self, ops: Sequence[Op]) -> Iterator[Ack | Reject]:
        """Post the operations, those of one account in turn.

        Those of several side by side.
        """
        by_account: dict[str | None, list[Op]] = {}
        for op in ops:
            by_account.setdefault(get_account_id(op), []).append(op)
        yield from map_side_by_side(self._deliver_all, list(by_account.values()), self._lanes)

    def find(self, keys: Sequence[str]) -> Iterator[RemoteObject]:  # noqa: ARG002 - nobody to ask
        """Yield nothing: unanswered operations are sent again with the same id."""
        return iter(())

    def send_report(self, report: ReportMessage) -> None:
        """Post a report: its summary and the page."""
        try:
            self._post(build_report_message(report))
        except RequestRefused as refusal:
            if refusal.status != 409:
                raise
        except Unreachable as error:
            if not _is_delivered(error):
                raise

    def _post(self, message: Message) -> None:
        self._http.send(
            "POST",
            self._url,
            headers={"webhook-id": message.id},
            content=message.body,
            idempotent=True,
        )

    def _deliver_all(self, ops: Iterable[Op]) -> Iterator[Ack | Reject]:
        """Post each operation in turn, with retries.

        Until it is answered or the run gives up.
        """
        return map(self._deliver, ops)

    def _deliver(self, op: Op) -> Ack | Reject:
        if self._gone:
            return Reject(op.key, "HTTP_410", self._gone, lasting=False)
        done = Ack(op.key, get_account_id(op) or op.key if op.object == "account" else op.key)
        if not get_known_fields(op):
            return replace(done, existed=True)
        try:
            self._post(build_message(op, self._clock()))
        except RequestRefused as refusal:
            if refusal.status == 409:
                return replace(done, existed=True)
            return self._reject_or_raise(op, refusal)
        except Unreachable as error:
            if not _is_delivered(error):
                raise
        return done

    def _reject_or_raise(self, op: Op, refusal: RequestRefused) -> Reject:
        """Return the reject of a refused message; raise anything else."""
        status = refusal.status or 0
        if not 400 <= status < 500:
            raise refusal
        if status == 410:
            self._gone = refusal.message
        # Not even 410 is for good: it is about the address, and says nothing of the message.
        return Reject(op.key, f"HTTP_{status}", refusal.message, lasting=False)


def classify_response(section: str, response: httpx.Response, body: Any) -> VendorError | None:
    """Build the error that every message would meet.

    None leaves it to the host.
    """
    status, facts = response.status_code, {"status": response.status_code, "body": body}
    message = f"webhook: the receiver answered {status} {response.reason_phrase}"
    if status == 401:
        remedy = f"compare signing_secret and headers of {section} with what the receiver expects"
        return CredentialRefused(message, remedy, **facts)
    if status == 403:
        remedy = f"let the receiver accept what is signed with signing_secret of {section}"
        return PermissionMissing(message, remedy, **facts)
    if 300 <= status < 400:
        target = response.headers.get("location", "nowhere")
        remedy = f"it points to {target}: if that is right, set url of {section} to it"
        return RequestRefused(message, remedy, **facts)
    return None


def _is_delivered(error: Unreachable) -> bool:
    """Return whether only the body of a good answer was invalid.

    The status was good, and the body no JSON.
    """
    return error.status is not None and 200 <= error.status < 300
