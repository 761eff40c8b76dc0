"""The quick tests in forks: each test runs once and is counted, also if its process dies."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow("starts processes")
ROOT = Path(__file__).parents[1]


def run(folder: Path, *options: str, **files: str) -> tuple[int, str]:
    """The exit code and output of pytest in forks, on files of tests."""
    for name, text in files.items():
        (folder / f"test_{name}.py").write_text(f"import os, pytest\n{text}\n")
    line = [sys.executable, "-m", "pytest", "-q", "-p", "tests.forks", "-p", "no:cacheprovider"]
    ended = subprocess.run(
        [*line, *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


def test_each_test_runs_once_whatever_becomes_of_it(tmp_path: Path) -> None:
    note = "    (open('ran', 'a')).write('x')\n"
    code, output = run(
        tmp_path,
        many=f"@pytest.mark.parametrize('n', range(50))\ndef test_it(n):\n{note}",
        fails=f"def test_it():\n{note}    print('what it printed')\n    assert [1] == [2]",
        skips="def test_it():\n    pytest.skip('why')",
        raises="@pytest.fixture\ndef broken():\n    yield\n    raise ValueError('at the end')\n"
        f"def test_it(broken):\n{note}",
    )
    assert code == 1
    assert "1 failed, 51 passed, 1 skipped, 1 error" in output
    assert "assert [1] == [2]" in output
    assert "what it printed" in output
    assert "ValueError: at the end" in output
    assert (tmp_path / "ran").read_text() == "x" * 52


def test_what_is_shown_and_refused_is_as_without_forks(tmp_path: Path) -> None:
    code, output = run(
        tmp_path,
        *("-W", "error"),
        shows="import logging, threading, warnings\n"
        "def test_first():\n    print('of another')\n"
        "def test_second():\n    logging.warning('what it logged')\n    assert False\n"
        "def test_warns():\n    warnings.warn('old')\n"
        "def test_thread():\n    thread = threading.Thread(target=lambda: 1 / 0)\n"
        "    thread.start()\n    thread.join()\n"
        "def test_log():\n    logging.warning('%d', 'none')\n"
        "@pytest.mark.xfail(strict=True)\ndef test_expected():\n    assert False\n"
        "def test_output(capsys):\n    print('own')\n    assert 'own' in capsys.readouterr().out\n"
        "def test_folder(tmp_path):\n    assert tmp_path.is_dir()\n",
    )
    assert code == 1
    assert "4 failed, 3 passed, 1 xfailed" in output, output
    assert "what it logged" in output
    assert "of another" not in output
    assert "ZeroDivisionError" in output


def test_what_a_dead_process_did_not_run_is_named(tmp_path: Path) -> None:
    code, output = run(tmp_path, dies="def test_it():\n    os._exit(0)")
    assert code == 1
    assert "a process died: no result of test_dies.py::test_it" in output


def test_the_first_failure_ends_all_if_asked(tmp_path: Path) -> None:
    slow = "import time\ndef test_it():\n    time.sleep(60)"
    code, output = run(tmp_path, "-x", a="def test_it():\n    assert False", b=slow)
    assert code == 1
    assert "1 failed" in output
    assert "stopping after 1 failures" in output
