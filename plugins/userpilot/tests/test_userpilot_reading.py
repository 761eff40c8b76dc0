"""What Userpilot exports, in its own shapes, is counted; jobs are waited for and adopted."""

import gzip
import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import jsonschema
import orjson
import pytest
import yaml

from cs_sync import CredentialRefused, Page, PermissionMissing, Unreachable, Window, WorkspaceInfo
from cs_sync.http import ManualClock, VendorHttp
from cs_sync_files.source import FilesConfig, FilesSource
from cs_sync_schemas import FeatureDay, SourceAccount, SourceContact, SurveyResponse, UsageDay
from cs_sync_userpilot import cs_sync_sources
from cs_sync_userpilot.config import UserpilotConfig
from cs_sync_userpilot.source import UserpilotSource

OPENAPI = Path(__file__).parents[3].parent / "shared" / "openapi" / "userpilot-appex.yaml"
README = Path(__file__).parents[1] / "README.md"
UNTIL = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
DAY = Window(datetime(2026, 11, 20, 0, 30, tzinfo=UTC), UNTIL, backfill=False)
KEY = "-".join(("not", "a", "key"))
FEATURES = [{"display_name": "Report exported", "key": "668", "data_type": "string"}]
CREATED = {
    "environment_app_token": "NX-00000000", "environment_name": "production", "job_id": "job:1",
    "links": "/jobs", "start_time": "2026-11-20T14:30:00Z",
}  # fmt: skip
RUNNING = {
    "app_token": "NX-00000000", "all_chunks": ["1"], "completed_chunks": [], "current_chunk": "1",
    "end_time": None, "job_id": "job:1", "presigned_urls": [], "progress": "0",
    "start_time": "2026-11-20T14:30:00Z", "status": "processing", "type": "export",
}  # fmt: skip
COMPLETED = {
    **RUNNING,
    "status": "completed",
    "presigned_urls": [
        {"filename": f"{n}.ndjson.gz", "url": f"https://files.example/{n}.ndjson.gz?sig=x"}
        for n in (1, 2)
    ],
}
SUMMARY = {
    "elapsed_time": "1 minute", "elapsed_time_seconds": "60", "end_time": None, "job_id": "job:0",
    "progress": "50", "start_time": "2026-11-20T14:00:00Z", "status": "processing",
}  # fmt: skip


def event(kind: str, at: str, name: str = "", **fields: Any) -> dict[str, Any]:
    """One line of the export, as the event schema states it."""
    known = {"app_token": "NX-00000000", "event_type": kind, "event_name": name, "source": "web"}
    place = {"user_id": "u-17", "company_id": "42", "hostname": "app.acme.example", "session": "9"}
    stamp = {"inserted_at": f"2026-11-{at}", "internal_event_id": f"{kind}{name}{at}"}
    return {**known, **place, **stamp, "metadata": {}, **fields}


EVENTS = [
    event("page_view", "20T09:00:00.000001Z"),
    event("track", "20T09:10:00Z", "Invited"),
    event("track_feature", "20T09:20:00Z", "668"),
    event("track_feature", "20T10:00:00", "668", user_id="u-18", session=None),
    event("interaction", "20T10:00:00Z", "checklist:2:SEEN"),
    event("track", "20T10:00:00Z", "Anonymous", company_id=""),
    event("identify_user", "20T09:00:00Z", metadata={"name": "Ana", "email": "old@acme.example"}),
    event("identify_user", "20T11:00:00Z", metadata={"email": "ana@acme.example", "plan": "pro"}),
    event("identify_company", "20T09:00:00Z", user_id="", metadata={"name": "Acme", "seats": 3}),
]


class Userpilot:
    """Answers requests by method and path; the last answer of a path stays."""

    def __init__(self, **answers: list[Any]) -> None:
        self.answers: dict[str, list[Any]] = {
            "features": [FEATURES], "start": [CREATED], "look": [RUNNING, COMPLETED],
            "file1": [EVENTS[:5]], "file2": [EVENTS[4:]], "jobs": [[]], **answers,
        }  # fmt: skip
        self.requests: list[httpx.Request] = []
        self.clock = ManualClock(UNTIL)

    def open(self, zone: str = "UTC", **settings: Any) -> UserpilotSource:
        client = httpx.Client(transport=httpx.MockTransport(self._answer))
        workspace = WorkspaceInfo(timezone=ZoneInfo(zone), section="userpilot")
        config = UserpilotConfig(api_key=KEY, workspace=workspace, **settings)
        http = VendorHttp(
            "userpilot", UserpilotSource.limits, now=self.clock.now, sleep=self.clock.sleep,
            client=client,
        )  # fmt: skip
        return UserpilotSource(config, http)

    def read(self, window: Window = DAY, **settings: Any) -> list[Page]:
        [stream] = self.open(**settings).streams()
        return list(stream.read(window))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = request.url.path
        name = "start" if request.method == "POST" else "look"
        name = "features" if "lookups" in path else "jobs" if path.endswith("jobs/") else name
        if request.url.host == "files.example":
            assert "authorization" not in request.headers
            name = f"file{path[1]}"
        given = self.answers[name]
        answer = given.pop(0) if len(given) > 1 else given[0]
        if isinstance(answer, httpx.Response):
            return answer
        if name.startswith("file"):
            lines = b"".join(orjson.dumps(line) + b"\n" for line in answer)
            return httpx.Response(200, content=gzip.compress(lines))
        return httpx.Response(201 if name == "start" else 200, json=answer)

    def asked(self, method: str, end: str) -> list[httpx.Request]:
        return [r for r in self.requests if r.method == method and r.url.path.endswith(end)]


def test_the_plugin_offers_the_source() -> None:
    assert cs_sync_sources() == [UserpilotSource]


def test_events_become_usage_features_people_and_companies() -> None:
    """Hand-worked: u-17 from 9:00 to 9:20 in one session, u-18 once; one event in two files."""
    job, page = Userpilot().read()
    assert job.records == {UsageDay: []}
    assert page.records[UsageDay] == [
        {
            "source_id": "2026-11-20|42|u-17", "day": date(2026, 11, 20),
            "account_source_id": "42", "contact_source_id": "u-17", "events": 3, "sessions": 1,
            "seconds": 1199,
        },
        {
            "source_id": "2026-11-20|42|u-18", "day": date(2026, 11, 20),
            "account_source_id": "42", "contact_source_id": "u-18", "events": 1, "sessions": None,
            "seconds": None,
        },
    ]  # fmt: skip
    features = [(row["feature"], row["users"], row["events"]) for row in page.records[FeatureDay]]
    assert features == [("Invited", 1, 1), ("Report exported", 2, 2)]
    [person] = page.records[SourceContact]
    assert {name: value for name, value in person.items() if name != "raw"} == {
        "source_id": "u-17", "external_key": "u-17", "account_source_id": "42", "name": "Ana",
        "email": "ana@acme.example", "created_at": None,
    }  # fmt: skip
    [account] = page.records[SourceAccount]
    assert (account["source_id"], account["name"]) == ("42", "Acme")
    assert account["attributes"] == {"seats": 3}
    assert page.rejected == []


def test_a_job_is_asked_for_by_days_and_looked_at_every_half_minute() -> None:
    vendor = Userpilot(look=[RUNNING, RUNNING, COMPLETED])
    pages = vendor.read(zone="Europe/Warsaw")
    [start] = vendor.asked("POST", "/exports")
    assert orjson.loads(start.content) == {
        "from": "2026-11-19T00:00:00Z", "to": "2026-11-21T00:00:00Z", "format": "ndjson",
        "event_type": ["identify_user", "identify_company", "page_view", "track", "track_feature"],
    }  # fmt: skip
    assert start.headers["authorization"] == f"Token {KEY}"
    assert len(vendor.asked("GET", "/jobs/job:1")) == 3
    assert vendor.clock.now() - UNTIL >= timedelta(seconds=60)
    place = {"from": "2026-11-20", "job": "job:1", "stored": 0}
    assert [page.resume for page in pages] == [place, None]


def test_a_job_that_was_begun_is_gone_on_with() -> None:
    vendor = Userpilot()
    window = Window(DAY.since, UNTIL, {"from": "2026-11-20", "job": "job:1", "stored": 0})
    assert len(vendor.read(window)) == 1
    assert vendor.asked("POST", "/exports") == []


@pytest.mark.parametrize("lost", [httpx.Response(404, json={}), {**RUNNING, "status": "failed"}])
def test_a_job_that_is_lost_or_failed_is_begun_anew(lost: Any) -> None:
    vendor = Userpilot(look=[lost, COMPLETED])
    assert len(vendor.read()) == 3
    assert len(vendor.asked("POST", "/exports")) == 2
    with pytest.raises(Unreachable, match="3 export jobs failed"):
        Userpilot(look=[{**RUNNING, "status": "failed"}]).read()


def test_the_job_of_somebody_else_is_waited_for() -> None:
    busy = httpx.Response(409, json={"errors": [{"message": "Export job already in progress"}]})
    vendor = Userpilot(start=[busy, CREATED], jobs=[[SUMMARY], [{**SUMMARY, "status": "done"}], []])
    vendor.answers["jobs"][1][0]["status"] = "completed"
    assert len(vendor.read()) == 2
    assert len(vendor.asked("GET", "/jobs/")) == 2


def test_a_job_that_never_ends_is_left_to_the_next_run() -> None:
    with pytest.raises(Unreachable, match="is processing after half an hour"):
        Userpilot(look=[RUNNING]).read()


def test_a_file_that_breaks_off_is_read_again_and_counts_once() -> None:
    lines = b"".join(orjson.dumps(line) + b"\n" for line in EVENTS[:5])
    cut = httpx.Response(200, content=gzip.compress(lines)[:-9])
    _, page = Userpilot(file1=[cut, EVENTS[:5]]).read()
    assert [row["events"] for row in page.records[UsageDay]] == [3, 1]


@pytest.mark.parametrize("junk", [[{"message": "expired"}], [event("track", "01T09:00:00Z", "A")]])
def test_a_file_of_something_else_is_no_export(junk: Any) -> None:
    with pytest.raises(Unreachable, match="has no event from 2026-11-20"):
        Userpilot(file1=[junk]).read()


def test_a_backfill_is_read_in_parts() -> None:
    vendor = Userpilot(file1=[[]], file2=[[]])
    pages = vendor.read(Window(None, UNTIL), backfill_days=40)
    spans = [orjson.loads(r.content) for r in vendor.asked("POST", "/exports")]
    assert [(span["from"][:10], span["to"][:10]) for span in spans] == [
        ("2026-10-11", "2026-11-10"), ("2026-11-10", "2026-11-21"),
    ]  # fmt: skip
    assert [page.resume["from"] if page.resume else None for page in pages] == [
        "2026-10-11", "2026-11-10", "2026-11-10", None,
    ]  # fmt: skip


def test_what_cannot_be_read_is_rejected_by_reason() -> None:
    odd = [event("track", "20T09:00:00Z", "A", user_id=None), {"event_type": "track"}, None]
    born = event("identify_user", "20T09:00:00Z", metadata={"created_at": "soon"})
    _, page = Userpilot(file1=[[*EVENTS[:2], *odd]], file2=[[born]]).read()
    assert [(each.record, each.source_id, each.reason) for each in page.rejected] == [
        (SourceContact, "u-17", "not shaped as documented: ValueError Invalid isoformat string:"
         " 'soon'"),
        (UsageDay, None, "an event: track without user_id"),
        (UsageDay, None, "an event: not shaped as documented: KeyError"),
        (UsageDay, None, "an event: not shaped as documented: TypeError"),
    ]  # fmt: skip
    assert [row["events"] for row in page.records[UsageDay]] == [2]


@pytest.mark.parametrize(
    ("status", "error", "remedy"),
    [(401, CredentialRefused, "api_key of"), (403, PermissionMissing, "Enterprise")],
)
def test_refusals_say_what_to_do(status: int, error: Any, remedy: str) -> None:
    with pytest.raises(error) as refused:
        Userpilot(features=[httpx.Response(status, json={"errors": []})]).read()
    assert remedy in refused.value.remedy
    [finding] = Userpilot(features=[httpx.Response(status, json={})]).open().check()
    assert (finding.ok, remedy in finding.remedy) == (False, True)


@pytest.mark.slow("reads a whole description")
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ExportCreated", CREATED), ("Job", RUNNING), ("Job", COMPLETED), ("JobSummary", SUMMARY),
        ("KeyedItem", FEATURES[0]),
    ],
)  # fmt: skip
def test_these_shapes_are_those_that_userpilot_publishes(name: str, shown: Any) -> None:
    if not OPENAPI.exists():
        pytest.skip("Userpilot's description is not here")
    schemas = yaml.load(OPENAPI.read_text("utf-8"), yaml.CSafeLoader)["components"]["schemas"]
    assert set(shown) <= set(schemas[name]["properties"])
    present = {key: value for key, value in shown.items() if value is not None}
    jsonschema.validate(present, {"$ref": f"#/definitions/{name}", "definitions": schemas})


def read_files_of_readme(folder: Path) -> Mapping[str, list[Page]]:
    """Read the files of a folder by the section that the README shows."""
    text = README.read_text("utf-8").split("```toml\n")[-1].split("```")[0]
    section = tomllib.loads(text)["connectors"]["userpilot_files"]
    del section["type"]
    workspace = WorkspaceInfo(folder=folder, section="userpilot_files")
    config = FilesConfig.model_validate({**section, "workspace": workspace})
    source = FilesSource(config, VendorHttp("files"))
    return {each.name: list(each.read(Window(None, UNTIL))) for each in source.streams()}


def test_the_files_of_the_readme_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "userpilot-exports"
    folder.mkdir()
    (folder / "nps-responses.csv").write_text(
        "User ID,Company ID,Email,Score,Feedback,Date\n"
        "u-17,42,ana@acme.example,9,Fast,2026-11-20T09:00:00Z\n"
    )
    (folder / "companies.csv").write_text("Company ID,Name\n42,Acme\n")
    pages = read_files_of_readme(tmp_path)
    [answer] = pages["survey_responses"][0].records[SurveyResponse]
    shown = {name: answer[name] for name in ("kind", "score", "account_source_id", "comment")}
    assert shown == {"kind": "nps", "score": 9, "account_source_id": "42", "comment": "Fast"}
    [person] = pages["contacts"][0].records[SourceContact]
    assert (person["external_key"], person["email"]) == ("u-17", "ana@acme.example")
    assert pages["accounts"][0].records[SourceAccount][0]["name"] == "Acme"
