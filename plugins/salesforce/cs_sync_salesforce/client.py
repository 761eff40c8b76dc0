"""Salesforce's API on the host's client: tokens, queries, and how much of the quota is used."""

import re
from collections.abc import Iterator
from typing import Any

import orjson

from cs_sync import Http, PaginationGuard, Shape
from cs_sync.rest import OAuthToken
from cs_sync_salesforce.config import API_VERSION, SalesforceConfig
from cs_sync_salesforce.errors import classify, make_quota_error

Json = dict[str, Any]

TOKEN = "/services/oauth2/token"  # noqa: S105 - a path
USER = "/services/oauth2/userinfo"
DATA = f"/services/data/{API_VERSION}"
SHAPES = (
    Shape(r"/query(All)?(/[^/]+)?$", {"records": list, "done": bool}),
    Shape(r"/composite/sobjects", list),
    Shape(r"/describe$", {"fields": list}),
    Shape(r"/tooling/sobjects/CustomField$", {"id": str, "success": bool}),
    Shape(r"/userinfo$", {"user_id": str}),
)
_USAGE = re.compile(r"api-usage=(\d+)/(\d+)")
_ACCEPT = {"Accept": "application/json"}
_JSON = {**_ACCEPT, "Content-Type": "application/json"}
_SAVE_DUPLICATES = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
"""A rule against duplicates that only warns a person is no reason to refuse a score."""


class SalesforceClient:
    """The calls that this connector makes; before each it looks at what the last one used."""

    def __init__(self, config: SalesforceConfig, http: Http) -> None:
        self._share = config.max_api_share
        self._http = http.at(
            config.base_url, auth=_make_auth(config), classify=classify, shapes=SHAPES
        )
        self._used, self._allowed = 0, 0

    def query(self, query: str, *, everything: bool = False) -> Json:
        """Run a query and return its first records.

        Args:
            query: The query in SOQL.
            everything: Whether deleted and archived records are among them.
        """
        path = f"{DATA}/queryAll" if everything else f"{DATA}/query"
        answer: Json = self._send("GET", path, params={"q": query})
        return answer

    def query_to_end(self, query: str, *, everything: bool = False) -> Iterator[Json]:
        """Yield all records of a query, page by page."""
        watch = PaginationGuard("query")
        answer = self.query(query, everything=everything)
        while True:
            yield from answer["records"]
            if answer["done"]:
                return
            following = str(answer["nextRecordsUrl"])
            watch.check_next_page(following, len(answer["records"]))
            locator = following.rsplit("/", 1)[-1]
            answer = self._send("GET", f"{DATA}/query/{locator}")

    def read_user_id(self) -> str:
        """Return the id of the user as whom the app acts."""
        return str(self._send("GET", USER)["user_id"])

    def describe_object(self, sobject: str) -> dict[str, Json]:
        """Return the fields that the user may see, by name."""
        fields = self._send("GET", f"{DATA}/sobjects/{sobject}/describe")["fields"]
        return {str(each["name"]): each for each in fields}

    def describe_access(self, sobject: str) -> dict[str, bool]:
        """Return what the user may do with an object: queryable, createable, updateable."""
        answer = self._send("GET", f"{DATA}/sobjects/{sobject}/describe")
        return {
            name: answer.get(name) is True for name in ("queryable", "createable", "updateable")
        }

    def create_field(self, full_name: str, metadata: Json) -> None:
        """Create a custom field.

        Its name is its key, so a repetition is a refusal.
        """
        body = {"FullName": full_name, "Metadata": metadata}
        path = f"{DATA}/tooling/sobjects/CustomField"
        self._send("POST", path, body, idempotent=True)

    def insert(self, records: list[Json]) -> list[Json]:
        """Create records, each by itself."""
        body = {"allOrNone": False, "records": records}
        answers: list[Json] = self._send("POST", f"{DATA}/composite/sobjects", body)
        return answers

    def update(self, records: list[Json]) -> list[Json]:
        """Change records by their ids, each by itself."""
        body = {"allOrNone": False, "records": records}
        path = f"{DATA}/composite/sobjects"
        answers: list[Json] = self._send("PATCH", path, body, idempotent=True)
        return answers

    def upsert(
        self, sobject: str, key: str, records: list[Json], *, idempotent: bool
    ) -> list[Json]:
        """Create or change records by an external id, each by itself.

        Args:
            sobject: The type of the records.
            key: The field with the external id.
            records: The records.
            idempotent: Whether a lost answer may be asked for again.
        """
        body = {"allOrNone": False, "records": records}
        path = f"{DATA}/composite/sobjects/{sobject}/{key}"
        answers: list[Json] = self._send("PATCH", path, body, idempotent=idempotent)
        return answers

    def _send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: dict[str, str] | None = None,
        idempotent: bool | None = None,
    ) -> Any:
        self._require_quota()
        writes = {} if body is None else {**_JSON, **_SAVE_DUPLICATES}
        response = self._http.send(
            method,
            path,
            params=params,
            headers=writes or _ACCEPT,
            content=None if body is None else orjson.dumps(body),
            idempotent=idempotent,
        )
        self._note_usage(response.headers.get("sforce-limit-info", ""))
        return response.extensions["json"]

    def _note_usage(self, header: str) -> None:
        usage = _USAGE.search(header)
        if usage:
            self._used, self._allowed = int(usage[1]), int(usage[2])

    def _require_quota(self) -> None:
        if self._allowed and self._used >= self._share * self._allowed:
            raise make_quota_error(
                f"{self._used} of {self._allowed} API calls of the last 24 hours are used,"
                f" and max_api_share is {self._share:g}"
            )


def _make_auth(config: SalesforceConfig) -> OAuthToken:
    """Return the app's own grant, or that of a user."""
    grant = {
        "grant_type": "client_credentials",
        "client_id": config.client_id,
        "client_secret": config.client_secret.get_secret_value(),
    }
    if config.refresh_token is not None:
        token = config.refresh_token.get_secret_value()
        grant |= {"grant_type": "refresh_token", "refresh_token": token}
    return OAuthToken(
        config.base_url.rstrip("/") + TOKEN,
        grant,
        remedy=f"Check base_url, client_id and client_secret of {config.section}, and that the"
        " external client app has the client credentials flow enabled, with a user to run as.",
        keep=config.workspace.secret_writers.get("refresh_token"),
    )
