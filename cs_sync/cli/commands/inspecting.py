"""Commands that look at the workspace itself: runs, state."""

from datetime import datetime
from typing import Annotated

import typer

from cs_sync.cli.options import Options


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("runs")(runs)
    state = typer.Typer(no_args_is_help=True, help="Where each stream and each month stands.")
    state.command("show")(show_state)
    state.command("reset")(reset_state)
    state.command("months")(months)
    state.command("reopen")(reopen_month)
    app.add_typer(state, name="state")


def runs(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
) -> None:
    """What past runs did."""
    from cs_sync.cli.output import write_rows
    from cs_sync.cli.tables import RUN_FIELDS, runs_table
    from cs_sync.jobs.runs import runs as listed

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = listed(workspace, limit)
    write_rows(options.format, rows, RUN_FIELDS, runs_table)


def show_state(context: typer.Context) -> None:
    """The cursors and open windows."""
    from cs_sync.cli.output import write_rows
    from cs_sync.jobs.state import show

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = show(workspace)
    write_rows(options.format, rows, tuple(rows[0]) if rows else ())


def reset_state(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="Name of the connector.")],
    stream: Annotated[str | None, typer.Argument(help="Only this stream.")] = None,
) -> None:
    """Forget where a source stands, so that its next sync reads everything again."""
    from cs_sync.jobs.state import reset

    options: Options = context.obj
    with options.workspace() as workspace:
        reset(workspace, source, stream)
    if not options.quiet:
        typer.echo(f"{source} {stream or '(all streams)'} starts over at the next sync", err=True)


def months(context: typer.Context) -> None:
    """The months that are closed, and those that were reopened, with the reason."""
    from cs_sync.cli.output import write_rows
    from cs_sync.jobs.closing import months as listed

    options: Options = context.obj
    with options.workspace() as workspace:
        rows = listed(workspace)
    write_rows(options.format, rows, tuple(rows[0]) if rows else ())


def reopen_month(
    context: typer.Context,
    month: Annotated[datetime, typer.Argument(formats=["%Y-%m"], help="Such as 2026-01.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept.")],
) -> None:
    """Take back that a month is closed, and every later one, to close them with what is known."""
    from cs_sync.jobs.closing import reopen

    options: Options = context.obj
    with options.workspace() as workspace:
        opened = reopen(workspace, month.date(), reason)
    if not options.quiet:
        names = ", ".join(f"{one:%Y-%m}" for one in opened)
        typer.echo(f"open again: {names}; they are closed when they are next shown", err=True)
