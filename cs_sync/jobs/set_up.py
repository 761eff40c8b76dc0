"""Set-up of a destination: permissions, fields, lists, and the steps left to do by hand."""

from collections.abc import Iterable, Iterator
from typing import Any

from cs_sync.contracts.destination import Destination, SupportsSetup
from cs_sync.contracts.errors import ConfigError, VendorError
from cs_sync.contracts.source import Finding
from cs_sync.runtime.workspace import Workspace
from cs_sync.write_back.fields import build_field_specs


def set_up_destination(workspace: Workspace, name: str) -> list[dict[str, Any]]:
    """Check a destination's permissions and create what it needs.

    It is safe to repeat.

    Args:
        workspace: The workspace.
        name: A configured connector that writes.

    Returns:
        Rows of step, ok, message, remedy; `ok` is None for what is left to do by hand.

    Raises:
        ConfigError: No such connector is configured.
    """
    destination = _open_destination(workspace, name)
    prefix = workspace.config.write_back.owned_prefix
    rows: list[dict[str, Any]] = []
    if isinstance(destination, SupportsSetup):
        rows += _collect_rows(destination.check_permissions())
    rows += _collect_rows(destination.prepare(build_field_specs(prefix, workspace.words)))
    if isinstance(destination, SupportsSetup):
        rows += _collect_rows(destination.create_extras(prefix))
        rows += [
            _build_row("by hand", step, ok=None) for step in destination.list_manual_steps(prefix)
        ]
    return rows


def _open_destination(workspace: Workspace, name: str) -> Destination:
    types, writing = workspace.config.connectors.types, workspace.plugins.destinations
    able = [other for other, kind in types.items() if kind in writing]
    if name not in able:
        raise ConfigError(
            f"{name} is not a configured connector that writes",
            f"configured are: {', '.join(able) or 'none'}; add [connectors.{name}]",
        )
    return workspace.open_destination(name)


def _collect_rows(findings: Iterable[Finding]) -> Iterator[dict[str, Any]]:
    """Yield a row per finding.

    What stops them all is a row, too.
    """
    try:
        for finding in findings:
            remedy = finding.remedy if not finding.ok else ""
            yield _build_row(finding.subject, finding.message, remedy, ok=finding.ok)
    except VendorError as error:
        yield _build_row("connection", error.message, error.remedy, ok=False)


def _build_row(step: str, message: str, remedy: str = "", *, ok: bool | None) -> dict[str, Any]:
    return {"step": step, "ok": ok, "message": message, "remedy": remedy}
