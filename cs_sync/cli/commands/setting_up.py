"""Commands that set a workspace up: init, connectors, check."""

import sys
from typing import Annotated

import typer

from cs_sync.cli.options import Options


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("init")(init)
    app.command("connectors")(connectors)
    app.command("check")(check)


def init(
    context: typer.Context,
    connector: Annotated[
        list[str] | None, typer.Option(help="A connector, or NAME=CONNECTOR; may be repeated.")
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the workspace.")] = "workspace",
    timezone: Annotated[str, typer.Option(help="Reporting zone, e.g. Europe/Warsaw.")] = "UTC",
    currency: Annotated[str, typer.Option(help="Reporting currency.")] = "EUR",
) -> None:
    """Write a commented configuration for the installed connectors."""
    from cs_sync.config import template, write_template
    from cs_sync.config.template import variables

    options: Options = context.obj
    plugins = options.plugins
    chosen = connector or _ask(sorted({*plugins.sources, *plugins.destinations}))
    text = template(plugins, chosen, name=name, timezone=timezone, currency=currency)
    write_template(options.config, text)
    if not options.quiet:
        typer.echo(f"wrote {options.config}", err=True)
        for variable in variables(text):
            typer.echo(f"  set {variable}", err=True)
        typer.echo("then: cs-sync check", err=True)


def connectors(context: typer.Context) -> None:
    """List the installed plugins and whether they work."""
    from cs_sync.cli.output import write_rows

    options: Options = context.obj
    fields = ("name", "kind", "distribution", "version", "status")
    write_rows(options.format, options.plugins.rows(), fields)


def check(context: typer.Context) -> None:
    """Try each connection, stream and permission, with what to do about each that fails."""
    from cs_sync.cli.output import write_rows
    from cs_sync.cli.tables import check_table
    from cs_sync.jobs.check import check as run_check

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = run_check(workspace)
    fields = ("source", "stream", "ok", "message", "remedy")
    write_rows(options.format, rows, fields, check_table)
    failed = sum(not row["ok"] for row in rows)
    if failed:
        raise typer.Exit(1 if failed == len(rows) else 3)


def _ask(installed: list[str]) -> list[str]:
    """Which of the installed connectors to configure; all when nobody is there to answer."""
    if not sys.stdin.isatty():
        return installed
    return [name for name in installed if typer.confirm(f"Use {name}?", default=True, err=True)]
