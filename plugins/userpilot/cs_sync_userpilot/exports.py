"""Export jobs of one Userpilot environment through the host's Http."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from cs_sync import (
    CredentialRefused,
    Http,
    PermissionMissing,
    RequestRefused,
    Shape,
    Unreachable,
    VendorError,
)
from cs_sync_userpilot.config import UserpilotConfig

T = TypeVar("T")

ROOT = "/api/v1/analytics/exports"
BUSY = 409
"""One job at a time: another one runs."""
MAX_LOOKS = 60
"""Looks at a job, half a minute apart, before the next run goes on with it."""
_FAILED = ("failed", "error", "canceled", "cancelled", "expired")
_OVER = ("completed", *_FAILED)
_SHAPES = (
    Shape(r"/lookups/", list),
    Shape(r"/exports$", {"job_id": str}, "POST"),
    Shape(r"/jobs/$", list),
    Shape(r"/jobs/[^/]+$", {"job_id": str, "status": str}),
)


class ExportJobs:
    """Starts jobs, waits for them, and reads their files."""

    def __init__(self, config: UserpilotConfig, http: Http) -> None:
        key = config.api_key.get_secret_value()
        self._http = http.at(
            config.base_url,
            headers={"Authorization": f"Token {key}"},
            classify=partial(classify_response, config.section),
            shapes=_SHAPES,
        )
        self._files = http
        self._kinds = ["identify_user", "identify_company", *config.usage_events]

    def read_feature_names(self) -> Mapping[str, str]:
        """Return tagged features and events: key → name that people see."""
        features = self._http.get(f"{ROOT}/lookups/features_events")
        named = [item for item in features if isinstance(item, dict) and item.get("display_name")]
        return {str(item["key"]): str(item["display_name"]) for item in named if "key" in item}

    def start_job(self, begin: datetime, end: datetime) -> str:
        """Start the export of a span, once no other job runs.

        Returns:
            The id of the job.
        """
        span = {"from": f"{begin:%Y-%m-%dT%H:%M:%SZ}", "to": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
        asked = {**span, "event_type": self._kinds, "format": "ndjson"}
        while True:
            try:
                return str(self._http.post(ROOT, asked, idempotent=True)["job_id"])
            except RequestRefused as error:
                if error.status != BUSY:
                    raise
            self._wait_for_others()

    def _wait_for_others(self) -> None:
        for _ in range(MAX_LOOKS):
            jobs = self._http.get(f"{ROOT}/jobs/")
            stated = [str(job.get("status")).lower() for job in jobs if isinstance(job, dict)]
            if all(status in _OVER for status in stated):
                return
        raise Unreachable(
            "userpilot: another export job runs for more than half an hour",
            "Wait until it is over; an environment has one at a time.",
        )

    def wait_for_files(self, job: str) -> Sequence[str] | None:
        """Return the addresses of a job's files, once it is completed.

        None if it failed, or is no longer known: after three days.
        """
        for _ in range(MAX_LOOKS):
            try:
                answer = self._http.get(f"{ROOT}/jobs/{quote(job, safe='')}")
            except RequestRefused as error:
                if error.status == httpx.codes.NOT_FOUND:
                    return None
                raise
            status = str(answer["status"]).lower()
            if status in _FAILED:
                return None
            if status == "completed":
                return _list_files(job, answer)
        raise Unreachable(
            f"userpilot: export job {job} is {status} after half an hour",
            "Nothing is lost: the next run goes on with it.",
        )

    def read_file(self, url: str, fold: Callable[[Iterator[Any]], T]) -> T:
        """Return what a function makes of the events of a file.

        The key is not sent there.
        """
        return self._files.fold_lines(url, fold)


def _list_files(job: str, answer: Mapping[str, Any]) -> Sequence[str]:
    files = answer.get("presigned_urls")
    if not isinstance(files, list) or not all(isinstance(each, dict) for each in files):
        raise Unreachable(
            f"userpilot: export job {job} is completed and lists no files",
            "Nothing stored is lost; the next run looks again.",
        )
    return [str(each["url"]) for each in files if each.get("url")]


def classify_response(section: str, response: httpx.Response, body: Any) -> VendorError | None:
    """Return Userpilot's error with a remedy; None leaves it to the host."""
    facts: dict[str, Any] = {"status": response.status_code, "body": body}
    path = response.request.url.path
    if response.status_code == httpx.codes.UNAUTHORIZED:
        remedy = f"put the API key of this environment into api_key of {section}"
        return CredentialRefused(f"userpilot: {path} refuses the key", remedy, **facts)
    if response.status_code == httpx.codes.FORBIDDEN:
        remedy = "exports belong to the Enterprise plan, or are an add-on: ask Userpilot for them"
        return PermissionMissing(f"userpilot: {path} is not allowed", remedy, **facts)
    return None
