"""The tutorial is typed as it stands, and shows what it says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "tutorial.md").read_text("utf-8")


@pytest.mark.slow("starts eight processes")
def test_the_tutorial_ends_with_its_watch_list(tmp_path: Path) -> None:
    script = "\n".join(re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-c", f"{script}\ncs-sync --format json score"],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr, "a newcomer has nothing to mend"
    listed = re.findall(r"(?m)^\| ([A-Z]\w+ \w+) \| ([\d.]+ EUR) \|", PAGE)
    shown = re.findall(r"(?m)^(\w+ \w+) \w+ +([\d.]+ EUR) ", done.stdout)
    assert shown == listed
    assert (tmp_path / "cs_sync_report.html").exists()
    scores = json.loads(done.stdout[done.stdout.index("\n[") :])
    assert scores[0]["account"] == "cedar"
