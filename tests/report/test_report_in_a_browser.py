"""The page in a real browser, where one is installed: drawn, and alone with itself."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from cs_sync.report import ReportData, render_report

CHROMIUM = next(
    (found for name in ("chromium", "google-chrome") if (found := shutil.which(name))), ""
)
pytestmark = pytest.mark.skipif(
    not CHROMIUM, reason="needs Chromium; the page's source is checked without it"
)
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # whatever the browser itself would like to know
    "--disable-component-update", "--disable-sync", "--no-first-run", "--virtual-time-budget=2000",
)  # fmt: skip


@pytest.mark.parametrize("scheme", [0, 1], ids=["dark", "light"])
def test_it_is_drawn_and_asks_for_nothing(hostile: ReportData, tmp_path: Path, scheme: int) -> None:
    page, picture, log = tmp_path / "r.html", tmp_path / "r.png", tmp_path / "net.json"
    page.write_text(render_report(hostile), encoding="utf-8")
    subprocess.run(
        [
            CHROMIUM,
            *QUIET,
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--blink-settings=preferredColorScheme={scheme}",
            "--window-size=1200,3000",
            f"--screenshot={picture}",
            f"--log-net-log={log}",
            page.as_uri(),
        ],
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert picture.stat().st_size > 50_000
    asked = {
        event["params"]["url"]
        for event in json.loads(log.read_text(encoding="utf-8"))["events"]
        if "url" in event.get("params", {})
    }
    assert not [url for url in asked if "evil.test" in url or "crm.test" in url]
