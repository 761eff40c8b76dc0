"""Is every connection reachable and permitted, and what to fix."""

from collections.abc import Iterable, Iterator
from typing import Any

from cs_sync.contracts.errors import CsSyncError
from cs_sync.contracts.source import Finding
from cs_sync.jobs.workspace import Workspace


def check(workspace: Workspace) -> list[dict[str, Any]]:
    """One row per stream of every source."""
    rows = []
    for opened in workspace.sources():
        rows += [
            {
                "source": opened.name,
                "stream": finding.subject,
                "ok": finding.ok,
                "message": finding.message,
                "remedy": finding.remedy,
            }
            for finding in _guarded(opened.name, opened.source.check())
        ]
    return rows


def _guarded(name: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings; a check that fails as a whole is a finding too."""
    try:
        yield from findings
    except CsSyncError as error:
        yield Finding(False, name, error.message, error.remedy)
