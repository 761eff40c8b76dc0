"""`python -m benchmarks.job.stages FILE run`: a command of cs-sync, and what its stages cost.

The stages are the calls of `jobs/run.py`; their user CPU seconds are written to FILE as JSON.
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


def main() -> None:
    """Run a command with its stages measured."""
    file, line = Path(sys.argv[1]), sys.argv[2:]
    seconds: dict[str, float] = {}
    for name, stage in STAGES.items():
        setattr(job, name, _measure(getattr(job, name), stage, seconds))
    sys.argv = ["cs-sync", *line]
    try:
        run_command()
    finally:
        seconds["start and the rest"] = os.times().user - sum(seconds.values())
        file.write_text(json.dumps(seconds))


def _measure(work: Callable[..., Any], stage: str, seconds: dict[str, float]) -> Callable[..., Any]:
    """Return the function with its user CPU seconds, all threads, added to its stage."""

    @functools.wraps(work)
    def measured(*args: Any, **options: Any) -> Any:
        begun = os.times().user
        try:
            return work(*args, **options)
        finally:
            seconds[stage] = seconds.get(stage, 0.0) + os.times().user - begun

    return measured


if __name__ == "__main__":
    main()
