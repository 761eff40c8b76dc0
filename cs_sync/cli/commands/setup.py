"""Commands for set-up: init, connectors, check."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cs_sync.cli.options import Options

if TYPE_CHECKING:
    from cs_sync.contracts.source import Finding


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("init")(init_config)
    app.command("connectors")(list_connectors)
    app.command("check")(check_connections)
    app.command("healthcheck")(check_health)
    app.command("setup")(set_up)


def init_config(
    context: typer.Context,
    connector: Annotated[
        list[str] | None, typer.Option(help="A connector, or NAME=CONNECTOR; may be repeated.")
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the workspace.")] = "workspace",
    timezone: Annotated[str, typer.Option(help="Reporting zone, e.g. Europe/Warsaw.")] = "UTC",
    currency: Annotated[str, typer.Option(help="Reporting currency.")] = "EUR",
    folder: Annotated[
        Path | None,
        typer.Option("--from", help="A folder of your files: look at them and propose their map."),
    ] = None,
) -> None:
    """Write a commented configuration for the installed connectors."""
    from cs_sync.config import render_template, write_template
    from cs_sync.config.proposals import propose_sections
    from cs_sync.config.template import find_variables
    from cs_sync.contracts.source import Finding

    options: Options = context.obj
    plugins = options.plugins
    render = partial(render_template, plugins, name=name, timezone=timezone, currency=currency)
    chosen = connector or []
    if not (connector or folder):
        chosen = _choose_connectors(sorted({*plugins.sources, *plugins.destinations}))
    text, findings = render(chosen), list[Finding]()
    if folder:
        proposals = propose_sections(plugins, folder, options.config.parent, timezone, currency)
        sections = {section: proposal.toml for section, proposal in proposals.items()}
        text = render(chosen, sections=sections)
        findings = [finding for proposal in proposals.values() for finding in proposal.findings]
    write_template(options.config, text)
    if not options.quiet:
        _echo_written(options.config, find_variables(text), findings)


def _echo_written(config: Path, variables: list[str], findings: "list[Finding]") -> None:
    """Say what was written, what was found, what is next."""
    typer.echo(f"wrote {config}", err=True)
    for finding in findings:
        remedy = f": {finding.remedy}" if finding.remedy else ""
        mark = " " if finding.ok else "?"
        typer.echo(f"{mark} {finding.subject} {finding.message}{remedy}", err=True)
    for variable in variables:
        typer.echo(f"  set {variable}", err=True)
    typer.echo("then: cs-sync check", err=True)


def list_connectors(context: typer.Context) -> None:
    """List installed plugins and their status."""

    options: Options = context.obj
    fields = ("name", "kind", "distribution", "version", "status")
    options.print_rows(options.plugins.rows(), fields)


def check_connections(
    context: typer.Context,
    send_alerts: Annotated[
        bool, typer.Option("--send-alerts", help="Send a test alert on each channel.")
    ] = False,
) -> None:
    """Check each connection, stream and permission; failures come with a remedy."""
    from cs_sync.cli.render.tables import check_table
    from cs_sync.jobs.check_alerts import check_alerts
    from cs_sync.queries.check import check_workspace as run_check

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = [*run_check(workspace), *check_alerts(workspace, send=send_alerts)]
    fields = ("source", "stream", "ok", "message", "remedy")
    options.print_rows(rows, fields, check_table)
    failed = sum(not row["ok"] for row in rows)
    if failed:
        raise typer.Exit(1 if failed == len(rows) else 3)


def set_up(
    context: typer.Context,
    destination: Annotated[
        str, typer.Argument(help="A configured connector that writes: hubspot.")
    ],
) -> None:
    """Check a CRM's permissions and create fields and lists.

    What is left by hand is listed.
    """
    from cs_sync.cli.render.tables import setup_table
    from cs_sync.jobs.set_up import set_up_destination

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = set_up_destination(workspace, destination)
    options.print_rows(rows, ("step", "ok", "message", "remedy"), setup_table)
    done = [row["ok"] for row in rows if row["ok"] is not None]
    if not all(done):
        raise typer.Exit(3 if any(done) else 1)


def check_health(context: typer.Context) -> None:
    """Check when what was last well.

    Exit code 0 if all is well, else 1; for probes.
    """
    from cs_sync.cli.render.tables import healthcheck_table
    from cs_sync.jobs.healthcheck import run_healthcheck

    options: Options = context.obj
    rows = run_healthcheck(options.config, options.plugins)
    wrong = [row for row in rows if not row["ok"]]
    if options.prints_result:
        options.print_rows(rows, ("check", "ok", "message", "since"), healthcheck_table)
    else:
        for row in wrong:
            typer.echo(f"{row['check']}: {row['message']}", err=True)
    if wrong:
        raise typer.Exit(1)


def _choose_connectors(installed: list[str]) -> list[str]:
    """Ask which installed connectors to configure; all without a terminal."""
    if not sys.stdin.isatty():
        return installed
    return [name for name in installed if typer.confirm(f"Use {name}?", default=True, err=True)]
