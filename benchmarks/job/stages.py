"""`python -m benchmarks.job.stages FILE TIME run`: a command of cs-sync, and what its stages cost.

The command takes TIME (`2026-11-28T06:00+00:00`) for the time at which it begins. The stages are
the calls of `jobs/run.py`; their user CPU seconds, and the peak of the process's memory during each
in MB, are written to FILE as JSON.
"""

import functools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cs_sync.cli import main as run_command
from cs_sync.jobs import run as job

STAGES = {
    "sync_in_run": "reading",
    "derive_accounts_and_mrr": "accounts and MRR",
    "_score_and_store": "scores",
    "_write_to_crm": "follow-ups and writing",
    "close_months": "closing months",
    "query_figures": "KPIs",
    "publish_figures": "figures for BI",
    "write_report": "report",
}
"""Functions that the job calls, with the names of their stages."""
REST = "start and the rest"
STATUS = Path("/proc/self/status")
CLEAR_PEAK = Path("/proc/self/clear_refs")


def main() -> None:
    """Run a command with its stages measured."""
    sys.modules["pytest"] = None  # type: ignore[assignment]  # time_machine would load it: 0.08 s
    import time_machine

    file, begin, line = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    seconds: dict[str, float] = {}
    peaks: dict[str, float] = {}
    for name, stage in STAGES.items():
        setattr(job, name, _measure(getattr(job, name), stage, seconds, peaks))
    sys.argv = ["cs-sync", *line]
    try:
        with time_machine.travel(begin, tick=True):
            run_command()
    finally:
        peaks[REST] = _read_peak()
        seconds[REST] = os.times().user - sum(seconds.values())
        file.write_text(json.dumps({"seconds": seconds, "peaks": peaks}))


def _measure(
    work: Callable[..., Any], stage: str, seconds: dict[str, float], peaks: dict[str, float]
) -> Callable[..., Any]:
    """Return the function with its user CPU seconds, all threads, and its peak of memory."""

    @functools.wraps(work)
    def measured(*args: Any, **options: Any) -> Any:
        peaks[REST] = max(peaks.get(REST, 0.0), _read_peak())
        CLEAR_PEAK.write_text("5")
        begun = os.times().user
        try:
            return work(*args, **options)
        finally:
            seconds[stage] = seconds.get(stage, 0.0) + os.times().user - begun
            peaks[stage] = max(peaks.get(stage, 0.0), _read_peak())

    return measured


def _read_peak() -> float:
    """Return the most memory since the peak was last cleared, in MB; Linux only."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
