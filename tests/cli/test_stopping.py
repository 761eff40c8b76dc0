"""Asked to stop: by Ctrl-C, by SIGTERM, while working and while waiting for the next slot."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cs_sync.cli.signal_handling import StopRequest
from tests.cli.conftest import Jobs, Run

SCHEDULE = '[workspace]\ntimezone = "Europe/Warsaw"\n[schedule]\ncron = "0 0 1 1 *"\n'


@pytest.fixture(autouse=True)
def listening_to_ctrl_c() -> Iterator[None]:
    """A shell starts what runs in the background deaf to Ctrl-C, these tests as well."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_at_work_ends_with_a_word_on_how_to_go_on(
    run: Run, jobs: Jobs, number: signal.Signals
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    jobs("jobs.sync", sync_workspace=lambda _workspace, **_: os.kill(os.getpid(), number))
    ran = run("sync")
    assert ran.code == 130
    assert "stopped; run it again and it goes on where it was" in ran.err
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_command_that_does_no_job_says_only_that_it_stopped(run: Run, jobs: Jobs) -> None:
    jobs("jobs.healthcheck", run_healthcheck=lambda *_, **__: os.kill(os.getpid(), signal.SIGINT))
    ran = run("healthcheck")
    assert ran.code == 130
    assert ran.err == "stopped\n"


class Working:
    """As much of a workspace as is told to stop."""

    def __init__(self) -> None:
        self.stop = threading.Event()


def test_the_request_reaches_the_workspace_at_work() -> None:
    stopping, working = StopRequest(), Working()
    with stopping.listening(), stopping.attach(working):  # type: ignore[arg-type]
        os.kill(os.getpid(), signal.SIGTERM)
        assert working.stop.wait(5)
        with pytest.raises(KeyboardInterrupt):  # asked twice, it ends at once
            os.kill(os.getpid(), signal.SIGTERM)
    assert stopping.exit_code == 0
    late = Working()
    with stopping.attach(late):  # type: ignore[arg-type]
        assert late.stop.is_set()


@pytest.mark.slow("starts a process")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_the_schedule_waits_and_stops_when_asked(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    (tmp_path / "cs_sync.toml").write_text(SCHEDULE)
    command = [sys.executable, "-m", "cs_sync", "schedule"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        first = process.stderr.readline()
        process.send_signal(number)
        rest = process.stderr.read()
        ended = process.wait(20)
    assert first.startswith("next run at ")
    assert "-01-01 00:00:" in first
    assert first.rstrip().endswith("CET")
    assert rest == "stopped; run it again and it goes on where it was\n"
    assert ended == code
