"""Commands on the workspace's state: runs, cursors, closed months."""

from datetime import date
from typing import Annotated

import typer

from cs_sync.cli.days import parse_month
from cs_sync.cli.options import Options


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("runs")(show_runs)
    state = typer.Typer(no_args_is_help=True, help="Show and reset cursors and closed months.")
    state.command("show")(show_state)
    state.command("reset")(reset_state)
    state.command("months")(show_months)
    state.command("reopen")(reopen_month)
    app.add_typer(state, name="state")


def show_runs(
    context: typer.Context,
    limit: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Number of runs, newest first.")
    ] = 20,
) -> None:
    """List past runs."""
    from cs_sync.cli.render.tables import RUN_FIELDS, runs_table
    from cs_sync.queries.runs import list_runs as listed

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = listed(workspace, limit)
    options.print_rows(rows, RUN_FIELDS, runs_table)


def show_state(context: typer.Context) -> None:
    """Show cursors and open windows."""
    from cs_sync.queries.stream_states import list_stream_states

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = list_stream_states(workspace)
    options.print_rows(rows, tuple(rows[0]) if rows else ())


def reset_state(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="Name of the connector.")],
    stream: Annotated[str | None, typer.Argument(help="Only this stream.")] = None,
) -> None:
    """Reset a source's cursors; its next sync reads everything again."""
    from cs_sync.jobs.reset_state import reset_stream_state

    options: Options = context.obj
    with options.workspace() as workspace:
        reset_stream_state(workspace, source, stream)
    if not options.quiet:
        typer.echo(f"{source} {stream or '(all streams)'} starts over at the next sync", err=True)


def show_months(context: typer.Context) -> None:
    """List closed and reopened months, with reasons."""
    from cs_sync.queries.closed_months import list_closed_months as listed

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = listed(workspace)
    options.print_rows(rows, tuple(rows[0]) if rows else ())


def reopen_month(
    context: typer.Context,
    month: Annotated[
        date, typer.Argument(parser=parse_month, metavar="MONTH", help="Month, e.g. 2026-01.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="Reason; stored with the decision.")],
) -> None:
    """Reopen a month and all later ones; they close with today's data."""
    from cs_sync.jobs.close_months import reopen_months

    options: Options = context.obj
    with options.workspace() as workspace:
        opened = reopen_months(workspace, month, reason)
    if not options.quiet:
        names = ", ".join(f"{reopened:%Y-%m}" for reopened in opened)
        typer.echo(f"open again: {names}; they are closed when they are next shown", err=True)
