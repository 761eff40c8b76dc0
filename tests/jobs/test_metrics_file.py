"""The file for Prometheus: its grammar, its escapes, and one step from old to new."""

import os
import re
from pathlib import Path

import pytest

from cs_sync.config import load_config
from cs_sync.export.prometheus import Gauge, Sample, format_gauges
from cs_sync.jobs.metrics_file import write_metrics_file
from cs_sync.plugins import load_plugins
from cs_sync.runtime.workspace import open_workspace
from cs_sync.testing.databases import make_empty_database

LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"[a-z_]+\{{(?:{LABEL}(?:,{LABEL})*)?\}} -?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
"""A line of the exposition format with labels (prometheus.io, text format 0.0.4)."""


def check_grammar(text: str) -> None:
    """Each measure stands together, below its HELP and TYPE; the file ends with a line end."""
    assert text.endswith("\n")
    current, seen = "", set()
    for line in text.splitlines():
        if line.startswith("# HELP "):
            current = line.split()[2]
            assert current not in seen, line
            seen.add(current)
        elif line.startswith("# TYPE "):
            assert line == f"# TYPE {current} gauge"
        else:
            assert SAMPLE.fullmatch(line), line
            assert line.startswith(f"{current}{{"), line


def test_labels_are_escaped_and_a_measure_without_samples_is_left_out() -> None:
    odd = 'a "quoted" \\ back\nslash'
    text = format_gauges(
        [Gauge("of_one", "One.", [Sample(0.5, {"stream": odd})]), Gauge("of_none", "None.", [])],
        {"workspace": "acme"},
    )
    check_grammar(text)
    assert text.splitlines()[2:] == [
        'of_one{workspace="acme",stream="a \\"quoted\\" \\\\ back\\nslash"} 0.5'
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cs_sync.db").write_bytes(make_empty_database())
    (tmp_path / "cs_sync.toml").write_text('[metrics_file]\npath = "out/cs_sync.prom"\n')
    return tmp_path


def write(folder: Path) -> list[str]:
    plugins = load_plugins()
    with open_workspace(load_config(folder / "cs_sync.toml", plugins), plugins) as workspace:
        return write_metrics_file(workspace)


def test_the_file_is_replaced_and_others_may_read_it(folder: Path) -> None:
    (folder / "out").mkdir()
    path = folder / "out" / "cs_sync.prom"
    path.write_text("old\n")
    with path.open() as reader:
        assert write(folder) == []
        assert reader.read() == "old\n", "who reads the old file reads it to its end"
    check_grammar(path.read_text())
    assert path.stat().st_mode & 0o444 == 0o444
    assert os.listdir(folder / "out") == ["cs_sync.prom"]


def test_a_folder_that_cannot_be_written_is_a_note(folder: Path) -> None:
    (note,) = write(folder)
    assert "cannot be written: No such file or directory" in note
    assert "set another [metrics_file] path" in note
