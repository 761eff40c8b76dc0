"""The page and the notebook are run as they stand."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.road import Place

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "python.md"
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))


@pytest.fixture
def here(synced: Place, tmp_path: Path, today: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The synced workspace as the current folder."""
    synced.copy_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow("syncs and runs whole commands")
@pytest.mark.parametrize(
    "script", re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
)
def test_every_script_of_the_page_runs(script: str, here: Path) -> None:
    pytest.importorskip("polars")
    exec(compile(script, PAGE.name, "exec"), {})


@pytest.mark.slow("syncs and runs whole commands")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_every_notebook_runs_from_top_to_bottom(
    path: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = json.loads(path.read_text("utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(ids) == len(set(ids))
    names: dict[str, Any] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [], "results of somebody's customers are not committed"
            exec(compile("".join(cell["source"]), path.name, "exec"), names)
    assert "Alpha" in capsys.readouterr().out
    assert names["retention"].metric.nunique() == 3
    february = names["bridge"].set_index("period_start").loc["2026-02-01"]
    assert (february.opening, february.closing) == (35_000, 34_500)
    assert dict(zip(names["by_plan"]["segment.plan"], names["by_plan"]["value"], strict=True)) == {
        "team": 31_500,
        "solo": 3_000,
    }
