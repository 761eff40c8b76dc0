"""The compiled template is kept beside compiled modules, and read from there."""

import sys
from pathlib import Path

import pytest
from jinja2 import Environment

from cs_sync.report.template import load_template


def forbid_compiling(patch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise AssertionError("it was compiled again")

    patch.setattr(Environment, "compile", fail)


@pytest.mark.slow("renders the whole page")
def test_a_template_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    names = load_template("report.html.j2").blocks.keys()
    forbid_compiling(monkeypatch)
    assert load_template("report.html.j2").blocks.keys() == names
    for file in tmp_path.rglob("template.*"):
        file.write_bytes(b"cut off")
    with pytest.raises(AssertionError, match="compiled again"):
        load_template("report.html.j2")


@pytest.mark.slow("renders the whole page")
def test_nothing_is_written_where_no_bytecode_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    load_template("report.html.j2")
    assert not list(tmp_path.rglob("*"))
