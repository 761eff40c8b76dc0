"""The source: streams, limits, and the check of the credential's permissions."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import ClassVar

from cs_sync import (
    ConnectorConfig,
    CredentialRefused,
    Finding,
    Http,
    Limit,
    Stream,
    VendorError,
)
from cs_sync_zendesk.api import LIMITS, ME, NAMES, SAMPLE, SHAPES, classify_response
from cs_sync_zendesk.config import ZendeskConfig

LAG = timedelta(minutes=2)
"""Exports hold back the last minute and refuse to start within it."""
LOOKBACK = timedelta(minutes=5)
CHECKED_BACK = timedelta(days=1)
SCOPE = "read, with an admin as the owner of the OAuth client"


class ZendeskSource:
    """Reads organizations, users and tickets."""

    name: ClassVar[str] = "zendesk"
    title: ClassVar[str] = "Zendesk"
    Config: ClassVar[type[ConnectorConfig]] = ZendeskConfig
    limits: ClassVar[Sequence[Limit]] = LIMITS
    concurrency: ClassVar[int] = 3

    def __init__(self, config: ZendeskConfig, http: Http) -> None:
        from cs_sync_zendesk.auth import make_auth

        self._base_url = config.base_url.rstrip("/")
        self._topic_field = config.topic_field_id
        self._http = http.at(
            config.base_url,
            auth=make_auth(config),
            classify=classify_response,
            shapes=SHAPES,
            names=NAMES,
        )

    def streams(self) -> Sequence[Stream]:
        """Return organizations, users, tickets."""
        from cs_sync_schemas import Membership, SourceAccount, SourceContact, SurveyResponse, Ticket
        from cs_sync_zendesk import reading

        return (
            Stream(
                "organizations",
                SourceAccount,
                partial(reading.read_organizations, self._http, self._base_url),
                cursor="time",
                lookback=LOOKBACK,
                lag=LAG,
                deletes="flag",
                scope=SCOPE,
            ),
            Stream(
                "users",
                SourceContact,
                partial(reading.read_users, self._http),
                cursor="token",
                deletes="feed",
                scope=SCOPE,
                extra=(Membership,),
            ),
            Stream(
                "tickets",
                Ticket,
                partial(reading.read_tickets, self._http, self._base_url, self._topic_field),
                cursor="token",
                deletes="feed",
                scope=SCOPE,
                children={SurveyResponse: "source_id"},
            ),
        )

    def check(self) -> Iterator[Finding]:
        """Check the identity and the exports with one sample.

        All three exports need the same role, and Zendesk gives only ten samples in twenty
        minutes.
        """
        try:
            yield self._read_identity()
            yield self._check_exports()
        except CredentialRefused as error:
            yield Finding(
                ok=False, subject="credential", message=error.message, remedy=error.remedy
            )
        except VendorError as error:
            yield Finding(ok=False, subject="exports", message=error.message, remedy=error.remedy)

    def _read_identity(self) -> Finding:
        user = self._http.get(ME)["user"]
        role = user.get("role")
        if role != "admin":
            return Finding(
                ok=False,
                subject="role",
                message=f"Zendesk takes us for {role or 'nobody'}, and exports only for admins",
                remedy="Let an admin own the OAuth client (or the API token).",
            )
        return Finding(ok=True, subject="role", message="admin")

    def _check_exports(self) -> Finding:
        since = datetime.now(UTC) - CHECKED_BACK
        self._http.get(SAMPLE, {"start_time": int(since.timestamp())})
        names = ", ".join(stream.name for stream in self.streams())
        return Finding(ok=True, subject="exports", message=f"{names} can be read")
