"""Is every connection reachable and permitted, and what to fix."""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from cs_sync.contracts.errors import CsSyncError
from cs_sync.contracts.events import Event
from cs_sync.contracts.source import Finding
from cs_sync.jobs.company import unanswerable, unattended
from cs_sync.jobs.follow_ups import playbooks
from cs_sync.jobs.late_use import incomplete_days
from cs_sync.jobs.questions import open_questions
from cs_sync.jobs.workspace import Workspace


def check(workspace: Workspace) -> list[dict[str, Any]]:
    """One row per stream of every source.

    Readable secrets, open questions and playbooks that can lead to nothing are warned of as events.
    """
    known, sources = playbooks(workspace), workspace.sources()
    lacking = *unattended(workspace, known), *unanswerable(workspace, known)
    for told in (
        *readable_by_others(workspace),
        *english_only(workspace),
        *open_questions(workspace),
        *incomplete_days(workspace, sources),
        *lacking,
    ):
        workspace.emit(Event("warning", workspace.clock(), detail={"message": told}))
    rows = []
    for opened in sources:
        findings = _merge_equal(_guarded(opened.name, opened.source.check()))
        rows += [
            {
                "source": opened.name,
                "stream": finding.subject,
                "ok": finding.ok,
                "message": finding.message,
                "remedy": finding.remedy,
            }
            for finding in findings
        ]
    return rows


def _merge_equal(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield each failure once, with every stream that has it: one wrong key fails them all."""
    subjects: dict[Finding, list[str]] = {}
    for finding in findings:
        key = finding if finding.ok else replace(finding, subject="")
        subjects.setdefault(key, []).append(finding.subject)
    for finding, named in subjects.items():
        yield replace(finding, subject=", ".join(dict.fromkeys(named)))


def english_only(workspace: Workspace) -> list[str]:
    """What the workspace's language does not reach yet."""
    language = workspace.config.workspace.language
    if language == "en":
        return []
    reach = f'[workspace] language = "{language}" holds for follow-ups and reasons'
    return [f"{reach}; the report and the terminal are in English in this version"]


def readable_by_others(workspace: Workspace) -> Iterator[str]:
    """What to do about files that hold secrets or customers and that other users can read."""
    config, url = workspace.config, workspace.store.engine.url
    files: list[tuple[Path, str]] = []
    if config.connectors.plain_secrets() or _password(config.database.url.get_secret_value()):
        files.append((config.path, "holds secrets"))
    if url.get_backend_name() == "sqlite" and url.database:
        files.append((Path(url.database), "holds your customers' data"))
    for path, what in files:
        if os.name == "posix" and path.exists() and path.stat().st_mode & _OTHERS:
            yield f"{path} {what}, and other users can read it → chmod 600 {path}"


_OTHERS = stat.S_IRGRP | stat.S_IROTH


def _password(url: str) -> bool:
    return make_url(url).password is not None


def _guarded(name: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings; a check that fails as a whole is a finding too."""
    try:
        yield from findings
    except CsSyncError as error:
        yield Finding(False, name, error.message, error.remedy)
