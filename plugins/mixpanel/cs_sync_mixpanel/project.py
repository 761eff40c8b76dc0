"""One Mixpanel project through the host's Http: exports, pages of profiles, errors."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlencode

import httpx
import orjson

from cs_sync import (
    CredentialRefused,
    Http,
    PermissionMissing,
    RequestRefused,
    Shape,
    Unreachable,
    VendorError,
)
from cs_sync_mixpanel.config import MixpanelConfig

T = TypeVar("T")

_PROFILES = {"results": list, "page": int, "page_size": int, "session_id": str, "total": int}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class MixpanelProject:
    """The export and the queries of one project, on a host each."""

    def __init__(self, config: MixpanelConfig, http: Http) -> None:
        at = partial(
            http.at,
            auth=httpx.BasicAuth(config.username, config.secret.get_secret_value()),
            classify=partial(classify_response, config.section),
        )
        self._events = at(config.base_url)
        self._queries = at(config.query_url, shapes=(Shape(r"/engage$", _PROFILES),))
        self._project = {"project_id": config.project_id}
        self._where = f'boolean(properties["{config.account_property}"])'

    def export(
        self, first: date, last: date, fold: Callable[[Iterator[Any]], T], limit: int | None = None
    ) -> T:
        """Return what a function makes of some days' events with an account."""
        asked = {"from_date": first.isoformat(), "to_date": last.isoformat()}
        params: dict[str, Any] = {**self._project, **asked, "where": self._where}
        params |= {} if limit is None else {"limit": limit}
        return self._events.fold_lines("/api/2.0/export", fold, params)

    def read_profiles(
        self, fields: Mapping[str, str], place: Mapping[str, Any] | None
    ) -> Iterator[tuple[Sequence[Any], dict[str, Any] | None]]:
        """Yield each page of profiles with where to go on.

        None after the last. Mixpanel keeps the list of a query for a while: where it is over, all
        is read again.

        Args:
            fields: What is asked for.
            place: Where to go on; None at the beginning.
        """
        resumed = place is not None
        while True:
            try:
                answer = self.ask_profiles({**fields, **_write_place(place)})
            except RequestRefused:
                if not resumed:
                    raise
                place, resumed = None, False
                continue
            resumed = False
            place = find_next_page(answer, place)
            yield answer["results"], place
            if place is None:
                return

    def ask_profiles(self, fields: Mapping[str, str]) -> Mapping[str, Any]:
        """Return one page of profiles."""
        response = self._queries.send(
            "POST",
            "/api/query/engage",
            params=self._project,
            headers={**_FORM, "Accept": "application/json"},
            content=urlencode(fields),
            idempotent=True,
        )
        answer: Mapping[str, Any] = response.extensions["json"]
        return answer


def write_names(names: Sequence[str]) -> str:
    """Return names as the list that Mixpanel reads."""
    return orjson.dumps(list(names)).decode()


def _write_place(place: Mapping[str, Any] | None) -> dict[str, str]:
    return {} if place is None else {"session_id": place["session"], "page": str(place["page"])}


def find_next_page(
    answer: Mapping[str, Any], place: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """Return where the list goes on after a page.

    None at its end.

    A page of fewer profiles than `page_size` is the last; `total` counts those of the list, or of
    the page.

    Raises:
        Unreachable: It is another page, or profiles are missing at the end.
    """
    before = place or {"page": 0, "seen": 0}
    number, shown = before["page"], len(answer["results"])
    if answer["page"] != number:
        raise Unreachable(
            f"mixpanel: page {number} of the profiles was asked for and {answer['page']} came",
            _AGAIN,
        )
    seen = before["seen"] + shown
    if shown >= answer["page_size"]:
        return {"session": answer["session_id"], "page": number + 1, "seen": seen}
    if answer["total"] not in (shown, seen):
        raise Unreachable(f"mixpanel: the profiles end after {seen} of {answer['total']}", _AGAIN)
    return None


_AGAIN = "Nothing stored is lost; the next run reads them again."


def classify_response(section: str, response: httpx.Response, body: Any) -> VendorError | None:
    """Return Mixpanel's error with a remedy; None leaves it to the host."""
    error = body if isinstance(body, dict) else {}
    detail = str(error.get("error") or body or "")[:300]
    path, facts = response.request.url.path, {"status": response.status_code, "body": body}
    if response.status_code == 401:
        remedy = f"check username and secret of {section}: those of a service account"
        return CredentialRefused(f"mixpanel: {path} refuses them: {detail}", remedy, **facts)
    if response.status_code in (402, 403):
        remedy = (
            f"add the service account to the project of {section} and see that the plan has"
            " access to the export"
        )
        return PermissionMissing(f"mixpanel: {path} is not allowed: {detail}", remedy, **facts)
    if response.status_code in (400, 404):
        remedy = f"check project_id, base_url (US, EU or India) and account_group_id of {section}"
        return RequestRefused(f"mixpanel: {path} was refused: {detail}", remedy, **facts)
    return None
