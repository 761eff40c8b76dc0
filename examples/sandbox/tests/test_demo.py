"""`cs-sync demo` as a person sees it: two runs, what stands in the CRM then, and Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from cs_sync_sandbox import keys

PATIENCE = 120.0
COMPANIES = "/hubspot/crm/objects/2026-03/companies"
TASKS = "/hubspot/crm/objects/2026-03/tasks"

pytestmark = [
    pytest.mark.slow("starts the demo as a process"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to a group"),
]


@dataclass
class Demo:
    """A demo at work in a process group of its own, and what it said so far."""

    process: subprocess.Popen[str]
    out: list[str]
    err: list[str]

    def wait_for(self, text: str) -> str:
        """Wait for a line of either stream that contains a text; the line."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for line in [*self.out, *self.err]:
                if text in line:
                    return line
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        pytest.fail(f"the demo never said {text!r}:\n{''.join(self.out)}\n{''.join(self.err)}")

    def interrupt(self) -> int:
        """Ctrl-C, as a terminal sends it to everything in the foreground; the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(20)


@contextmanager
def playing(folder: Path, *options: str) -> Iterator[Demo]:
    """Start `cs-sync demo` and listen to it; whatever is left of it is killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cs_sync", "demo", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "TMPDIR": str(folder)},
    )
    demo = Demo(process, [], [])
    listeners = [
        threading.Thread(target=_listen, args=pair)
        for pair in ((process.stdout, demo.out), (process.stderr, demo.err))
    ]
    for listener in listeners:
        listener.start()
    try:
        yield demo
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for listener in listeners:
            listener.join()


def _listen(stream: Any, lines: list[str]) -> None:
    with stream:
        lines.extend(stream)


def url_of(demo: Demo) -> str:
    return demo.wait_for("answer at ").split("answer at ")[1].strip()


@dataclass(frozen=True, repr=False)
class Played:
    """A demo that came to its end: its words, its files, and Acme's CRM as it was then."""

    code: int
    out: str
    err: str
    report: str
    companies: list[dict[str, Any]]
    tasks: list[dict[str, Any]]
    page: str
    url: str
    group: int


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The demo, played once and served, looked at, and ended with Ctrl-C."""
    with playing(tmp_path_factory.mktemp("demo"), "--serve") as demo:
        url = url_of(demo)
        demo.wait_for("Ctrl-C ends it")
        report = Path(demo.wait_for("Report: ").removeprefix("Report: ").strip())
        with httpx.Client(base_url=url) as client:
            page = client.get("/hubspot/").raise_for_status().text
            properties = "cs_health_score,cs_health_band,cs_health_reasons,cs_mrr,cs_next_action"
            companies = _all(client, COMPANIES, properties)
            tasks = _all(client, TASKS, "cs_sync_key,hs_task_subject,hs_task_status,hs_timestamp")
        code = demo.interrupt()
        text = report.read_text(encoding="utf-8")
    output = ("".join(demo.out), "".join(demo.err))
    return Played(code, *output, text, companies, tasks, page, url, demo.process.pid)


def _all(client: httpx.Client, path: str, properties: str) -> list[dict[str, Any]]:
    headers = {"authorization": f"Bearer {keys.HUBSPOT_TOKEN}"}
    params = {"limit": "100", "properties": properties, "associations": "companies"}
    actual: list[dict[str, Any]] = []
    while True:
        answer = client.get(path, params=params, headers=headers).raise_for_status().json()
        actual += answer["results"]
        if "paging" not in answer:
            return actual
        params["after"] = answer["paging"]["next"]["after"]


def test_it_ends_well_and_the_second_run_wrote_nothing(played: Played) -> None:
    assert played.code == 0, played.err
    written = re.search(r"([\d,]+) created, ([\d,]+) updated", played.out)
    assert written, played.out
    assert int(written[1]) > 0
    assert int(written[2]) > 200
    again = re.search(
        r"20 streams, \d+ requests, \d+ s: 0 written, (\d+) unchanged \(ok\)", played.out
    )
    assert again, played.out
    assert int(again[1]) == int(written[1]) + int(written[2])


def test_it_shows_progress_numbers_and_the_watch_list(played: Played) -> None:
    for source in ("stripe", "hubspot", "zendesk", "posthog"):
        assert re.search(rf"{source}: \d+ streams, [\d,]+ records in ", played.err), source
    for metric in ("Net revenue retention", "Customer churn rate", "DAU/MAU", "Open tickets"):
        assert re.search(rf"^{metric}( [A-Z]{{3}})? +[\d.,]+", played.out, re.MULTILINE), metric
    watched = played.out.split("Watch list\n")[1].split("Written to the CRM")[0]
    accounts = re.findall(
        r"^\S.* acct_\d{4} +(?:[\d,.]+ (?:EUR|USD)|–) +[\d.]+ +\w+ ", watched, re.M
    )
    assert len(accounts) >= 10
    assert "Active on " in watched
    assert "→ Call " in watched


def test_the_report_needs_no_network(played: Played) -> None:
    assert len(played.report) > 50_000
    assert "<svg" in played.report
    loaded = re.findall(r"<(?!a\s)[a-z]+\b[^>]*?\b(?:src|href)=[\"']([^\"']+)", played.report)
    loaded += re.findall(r"(?:url\(|@import)\s*[\"']?([^\"')]+)", played.report)
    assert [place for place in loaded if not place.startswith(("data:", "#"))] == []
    links = set(re.findall(r"<a\b[^>]*href=\"([^\"#]+)\"", played.report))
    assert all(link.startswith(f"{played.url}/") for link in links), links


def test_scores_stand_on_the_companies(played: Played) -> None:
    scored = [c["properties"] for c in played.companies if c["properties"]["cs_health_band"]]
    assert len(scored) > 200
    assert {item["cs_health_band"] for item in scored} >= {"red", "yellow", "green"}
    for item in scored:
        assert item["cs_health_reasons"]
        if item["cs_health_band"] != "insufficient":
            assert 0 <= float(item["cs_health_score"]) <= 105
    assert len(scored) < len(played.companies)  # leads and former customers are left alone
    assert 'href="' in played.page


def test_every_task_exists_once_with_its_company_and_due_date(played: Played) -> None:
    ours = [task for task in played.tasks if task["properties"].get("cs_sync_key")]
    created = re.search(r"([\d,]+) created", played.out)
    assert created
    assert len(ours) == int(created[1])
    assert len({task["properties"]["cs_sync_key"] for task in ours}) == len(ours)
    for task in ours:
        assert task["properties"]["hs_task_status"] == "NOT_STARTED"
        assert task["properties"]["hs_timestamp"]
        assert task["associations"]["companies"]["results"], task


def test_no_secret_is_shown(played: Played) -> None:
    for secret in (
        keys.STRIPE_KEY,
        keys.HUBSPOT_TOKEN,
        keys.ZENDESK_CLIENT_SECRET,
        keys.POSTHOG_KEY,
    ):
        for text in (played.out, played.err, played.report):
            assert secret not in text


def test_serving_ends_with_ctrl_c_and_leaves_nothing(played: Played) -> None:
    assert "Traceback" not in played.err
    assert "stopped" not in played.err  # nothing was cut short
    assert_gone(played.url, played.group)


def test_ctrl_c_in_the_middle_leaves_nothing_running(tmp_path: Path) -> None:
    with playing(tmp_path) as demo:
        url = url_of(demo)
        demo.wait_for(" records in ")
        assert demo.interrupt() == 130
        assert_gone(url, demo.process.pid)
    err = "".join(demo.err)
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("stopped")


def assert_gone(url: str, group: int) -> None:
    """Nobody answers any more, and no process of the demo is left."""
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/hubspot/", timeout=5)
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)
