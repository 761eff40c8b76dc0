"""Checks of all connections and permissions, with a remedy for each failure."""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from cs_sync.contracts.errors import CsSyncError, extract_cause
from cs_sync.contracts.events import Event
from cs_sync.contracts.source import Finding
from cs_sync.queries.company_view import describe_missing_assignees, describe_missing_attributes
from cs_sync.queries.health_model import describe_left_out, read_health_model
from cs_sync.queries.identity_questions import describe_open_questions
from cs_sync.queries.late_use import describe_incomplete_days
from cs_sync.queries.unattributed import describe_unattributed, list_unattributed_shares
from cs_sync.runtime.playbooks import get_playbooks
from cs_sync.runtime.workspace import Workspace
from cs_sync.sync.stream_sync import OpenSource


def check_workspace(workspace: Workspace) -> list[dict[str, Any]]:
    """Check every stream of every source.

    Readable secrets, open questions and ineffective playbooks are emitted as warnings.

    Returns:
        One row per stream: source, stream, ok, message, remedy.
    """
    playbooks, sources = get_playbooks(workspace), workspace.sources()
    lacking = (
        (
            *describe_missing_assignees(workspace, playbooks),
            *describe_missing_attributes(workspace, playbooks),
        )
        if workspace.config.write_back.destinations  # else there are no follow-ups
        else ()
    )
    for message in (
        *find_exposed_files(workspace),
        *describe_open_questions(workspace),
        *describe_incomplete_days(workspace, sources),
        *describe_unattributed(list_unattributed_shares(workspace)),
        *lacking,
    ):
        workspace.emit(Event("warning", workspace.clock(), detail={"message": message}))
    rows = []
    for opened in sources:
        findings = _merge_equal_failures(_collect_findings(opened.name, opened.source.check()))
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
    return [*rows, *_list_score_rows(workspace, sources)]


def _list_score_rows(workspace: Workspace, sources: Iterable[OpenSource]) -> list[dict[str, Any]]:
    """Return a row on the score's inputs that no source provides."""
    message = describe_left_out(workspace, read_health_model(workspace, opened=sources))
    row = {"source": "health", "stream": "score", "ok": True, "message": message, "remedy": ""}
    return [row] if message else []


def _merge_equal_failures(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield each failure once with all its streams."""
    equal: dict[Finding, list[Finding]] = {}
    for finding in findings:
        cause = replace(finding, subject="", message=extract_cause(finding.message))
        equal.setdefault(finding if finding.ok else cause, []).append(finding)
    for same in equal.values():
        subjects = dict.fromkeys(finding.subject for finding in same)
        yield replace(same[0], subject=", ".join(subjects))


def find_exposed_files(workspace: Workspace) -> Iterator[str]:
    """Find the sensitive files readable by other users, with remedies.

    Sensitive are configurations with secrets, and SQLite databases.
    """
    config, url = workspace.config, workspace.store.engine.url
    files: list[tuple[Path, str]] = []
    if config.holds_secrets or _has_password(config.database.url.get_secret_value()):
        files.append((config.path, "holds secrets"))
    if url.get_backend_name() == "sqlite" and url.database:
        files.append((Path(url.database), "holds your customers' data"))
    return describe_readable(files)


def describe_readable(files: Iterable[tuple[Path, str]]) -> Iterator[str]:
    """Describe the files, each with what it holds, that others can read."""
    for path, what in files:
        if os.name == "posix" and path.exists() and path.stat().st_mode & _OTHER_USERS:
            yield f"{path} {what}, and other users can read it → chmod 600 {path}"


_OTHER_USERS = stat.S_IRGRP | stat.S_IROTH


def _has_password(url: str) -> bool:
    return make_url(url).password is not None


def _collect_findings(name: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings.

    The failure of a whole check is a finding too.
    """
    try:
        yield from findings
    except CsSyncError as error:
        yield Finding(ok=False, subject=name, message=error.message, remedy=error.remedy)
