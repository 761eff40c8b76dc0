"""Commands that write: plan, push, report."""

from typing import Annotated

import typer

from cs_sync.cli.commands.syncing import end
from cs_sync.cli.options import Options


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("plan")(plan)
    app.command("push")(push)
    app.command("report")(report)


def plan(context: typer.Context) -> None:
    """What push would create, update, leave and refuse."""
    from cs_sync.cli.output import write_rows
    from cs_sync.cli.tables import PLAN_FIELDS, plan_table
    from cs_sync.jobs.planning import plan as make_plan

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = make_plan(workspace)
    write_rows(options.format, rows, PLAN_FIELDS, plan_table)


def push(
    context: typer.Context,
    yes: Annotated[
        bool, typer.Option("--yes", help="Write even when unusually many accounts change.")
    ] = False,
    retry_refused: Annotated[
        bool, typer.Option("--retry-refused", help="Try again what the CRM refused for good.")
    ] = False,
) -> None:
    """Write scores and follow-ups to the CRM."""
    from cs_sync.jobs.write_back import push as run_push

    options: Options = context.obj
    with options.workspace() as workspace:
        summary = run_push(workspace, yes=yes, retry=retry_refused)
    end(options, summary)


def report(
    context: typer.Context,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write the report and print its path."""
    from cs_sync.cli.output import write_rows
    from cs_sync.jobs.report import report as write_report

    options: Options = context.obj
    with options.workspace() as workspace:
        path = write_report(workspace)
    if options.format == "table":
        typer.echo(path)
    else:
        write_rows(options.format, [{"report": str(path)}], ("report",))
    if show:
        typer.launch(path.as_uri())
