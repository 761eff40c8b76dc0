"""Commands that write: plan, push, report."""

from functools import partial
from typing import Annotated

import typer

from cs_sync.cli.commands.sync import exit_with_summary
from cs_sync.cli.options import Options


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("plan")(show_plan)
    app.command("push")(push_changes)
    app.command("report")(create_report)


def show_plan(
    context: typer.Context,
    everything: Annotated[
        bool, typer.Option("--all", help="Show every write with all its fields.")
    ] = False,
) -> None:
    """Show what push would create, update and refuse; alike writes are folded."""
    from cs_sync.cli.render.plan import PLAN_FIELDS, plan_table
    from cs_sync.jobs.derive import update_mrr
    from cs_sync.queries.write_plan import preview_push as make_plan

    options: Options = context.obj
    with options.workspace() as workspace:
        update_mrr(workspace)
        rows = make_plan(workspace)
    options.print_rows(rows, PLAN_FIELDS, partial(plan_table, everything=everything))


def push_changes(
    context: typer.Context,
    yes: Annotated[
        bool, typer.Option("--yes", help="Write even when unusually many accounts change.")
    ] = False,
    retry_refused: Annotated[
        bool, typer.Option("--retry-refused", help="Retry what the CRM rejected permanently.")
    ] = False,
) -> None:
    """Write scores and follow-ups to the CRM."""
    from cs_sync.jobs.push import push_to_destinations as run_push

    options: Options = context.obj
    with options.workspace() as workspace:
        summary = run_push(workspace, yes=yes, retry=retry_refused)
    exit_with_summary(options, summary)


def create_report(
    context: typer.Context,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write the report and print its path."""
    from cs_sync.jobs.close_months import close_shown_months
    from cs_sync.jobs.derive import update_mrr
    from cs_sync.queries.figures import get_first_reported_month
    from cs_sync.queries.report import create_report as write_report
    from cs_sync.report import REPORT_FIELDS

    options: Options = context.obj
    with options.workspace() as workspace:
        update_mrr(workspace)
        since = get_first_reported_month(workspace.today)
        close_shown_months(workspace, since=since, until=workspace.today)
        written = write_report(workspace)
    if options.format == "table":
        typer.echo(written.path)
    else:
        options.print_rows([{"report": str(written.path), **written.figures}], REPORT_FIELDS)
    if show:
        typer.launch(written.path.as_uri())
