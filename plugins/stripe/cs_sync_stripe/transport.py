"""Stripe's API through the host's client: objects by the official SDK, lists without it."""

import contextvars
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast
from urllib.parse import quote

import stripe

from cs_sync import Http, PaginationGuard, RequestRefused, Unreachable
from cs_sync_stripe.api import MAX_LIST_ROWS, PAGE_SIZE, VERSION, Endpoint, NestedList

Raw = dict[str, Any]
PageCursor = dict[str, Any]
"""Where a list goes on: `after` the id of an object, `created` in this second (None: unknown).

`gone` is the last object after which it could not go on. With it a place is never the same twice,
although one second may be read again and again: what is gone does not come back.
"""
T = TypeVar("T")
R = TypeVar("R")

WORKERS = 8
"""Single reads at once; the budget of the host decides how fast they go."""


class _HostHttpClient(stripe.HTTPClient):
    """Sends the SDK's requests through the host's client, and returns its responses.

    A response is checked by then: refusals are raised through the SDK as the host's errors.
    """

    name = "cs-sync"

    def __init__(self, http: Http) -> None:
        super().__init__()
        self._http = http

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        request_headers = {**(headers or {}), "Accept": "application/json"}
        response = self._http.send(method.upper(), url, headers=request_headers, content=post_data)
        return response.content.decode(), response.status_code, response.headers

    def close(self) -> None:
        """Do nothing: the host owns the connections."""


class StripeApi:
    """Reads objects through the SDK and lists without it, as plain dictionaries.

    The SDK builds and authenticates the requests for single objects, in the pinned version, and
    decodes the answers. Its decoding of lists would cost as much as mapping them (see README).
    """

    def __init__(self, http: Http, api_key: str, base_url: str, account: str | None) -> None:
        # The SDK would write an id into the home directory and send it, with the platform's name.
        stripe.enable_telemetry = False
        self._http = http
        self._list_headers = {
            "Accept": "application/json",
            "Authorization": f"Bearer {api_key}",
            "Stripe-Version": VERSION,
            **({"Stripe-Account": account} if account else {}),
        }
        self._client = stripe.StripeClient(
            api_key,
            stripe_account=account,
            stripe_version=VERSION,
            base_addresses={"api": base_url.rstrip("/")},
            max_network_retries=0,  # the host retries
            http_client=_HostHttpClient(http),
        )

    def get(self, path: str, **params: Any) -> Raw:
        """Return one object, decoded by the SDK."""
        return cast(Raw, self._client.raw_request("get", path, **params).data)

    def _read_list(self, path: str, params: Mapping[str, Any]) -> Raw:
        """Return one page of a list, decoded by the host."""
        response = self._http.send(
            "GET", path, params=list(_flatten_params(params)), headers=self._list_headers
        )
        page: Raw = response.extensions["json"]
        return page

    def read_pages(
        self, path: str, params: Mapping[str, Any], place: PageCursor | None = None
    ) -> Iterator[tuple[list[Any], PageCursor | None]]:
        """Yield (objects, next cursor) of each page; the last cursor is None.

        If the object at the cursor was deleted meanwhile, a list limited by `created` continues
        from that object's second; other objects of this second are repeated.

        Args:
            path: The list's path.
            params: Its parameters.
            place: The cursor to resume from.
        """
        watch = PaginationGuard(f"Stripe: {path}")
        while True:
            answer, deleted = self._read_page(path, params, place)
            rows = answer["data"]
            place = _make_cursor(path, rows, deleted) if answer["has_more"] else None
            if place is not None:
                watch.check_next_page((place["after"], place["gone"]), len(rows))
            yield rows, place
            if place is None:
                return

    def _read_page(
        self, path: str, params: Mapping[str, Any], place: PageCursor | None
    ) -> tuple[Raw, str | None]:
        """Read one page; also return the last deleted cursor object so far."""
        query = {"limit": PAGE_SIZE, **params}
        if place is None:
            return self._read_list(path, query), None
        try:
            return self._read_list(path, {**query, "starting_after": place["after"]}), place["gone"]
        except RequestRefused as error:
            by_time = "created" in params and place["created"] is not None
            if not (by_time and _is_cursor_deleted(error)):
                raise
        created = {**params["created"], "lt": place["created"] + 1}
        return self._read_list(path, {**query, "created": created}), place["after"]

    def list_all(self, path: str, params: Mapping[str, Any]) -> list[Any]:
        """Read every object of a list.

        Once more if the cursor's object was deleted.
        """
        try:
            return self._read_all(path, params)
        except RequestRefused as error:
            if not _is_cursor_deleted(error):
                raise
        return self._read_all(path, params)

    def _read_all(self, path: str, params: Mapping[str, Any]) -> list[Any]:
        whole: list[Any] = []
        for rows, _ in self.read_pages(path, params):
            whole += rows
            if len(whole) > MAX_LIST_ROWS:
                raise Unreachable(f"Stripe: {path} has no end after {MAX_LIST_ROWS} rows")
        return whole

    def read(self, endpoint: Endpoint, id: str) -> Raw | None:
        """Read one object with all nested rows; None if it was deleted."""
        expand = {"expand": list(endpoint.expand)} if endpoint.expand else {}
        try:
            body = self.get(f"{endpoint.path}/{quote(id, safe='')}", **expand)
        except RequestRefused as error:
            if error.status == 404:
                return None
            raise
        return None if body.get("deleted") else self.complete(endpoint.nested, body)

    def complete(self, nested: NestedList | None, owner: Raw) -> Raw | None:
        """Return the object with its whole nested list.

        None if it was deleted meanwhile.
        """
        inside = owner.get(nested.name) if nested else None
        if nested is None or not isinstance(inside, dict) or not inside.get("has_more"):
            return owner
        path, params = nested.call(owner["id"])
        try:
            rows = self.list_all(path, params)
        except RequestRefused as error:
            if error.status == 404:
                return None
            raise
        return {**owner, nested.name: {**inside, "data": rows, "has_more": False}}


def _flatten_params(params: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield lists and mappings as Stripe's query parameters: `name[0]`, `name[key]`."""
    for name, value in params.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}[{key}]", part) for key, part in value.items())
        elif isinstance(value, list):
            yield from ((f"{name}[{place}]", part) for place, part in enumerate(value))
        else:
            yield name, value


def _make_cursor(path: str, rows: list[Any], deleted: str | None) -> PageCursor:
    try:
        after, created = str(rows[-1]["id"]), rows[-1].get("created")
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise Unreachable(f"Stripe: {path} promises more rows but names no last one") from error
    second = created if isinstance(created, int) else None
    return {"after": after, "created": second, "gone": deleted}


def _is_cursor_deleted(error: RequestRefused) -> bool:
    """Return whether a list cannot continue because the cursor's object was deleted."""
    body = error.body if isinstance(error.body, dict) else {}
    details = body.get("error")
    return (
        error.status == 400
        and isinstance(details, dict)
        and details.get("param") == "starting_after"
    )


def read_in_parallel(read: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Read the items in parallel; return results in order.

    The first error cancels the calls that have not started.
    """
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="stripe")
    try:
        # A copy of the context for each: what the host counts per stream follows the calls.
        calls = [pool.submit(contextvars.copy_context().run, read, item) for item in items]
        return [call.result() for call in calls]
    finally:
        pool.shutdown(cancel_futures=True)
