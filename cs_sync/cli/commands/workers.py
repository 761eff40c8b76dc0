"""Commands for many workspaces: the workers that run them, and their list."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cs_sync.cli.options import Options
from cs_sync.cli.signal_handling import StopRequest

if TYPE_CHECKING:
    from cs_sync.store.engine import Store

Database = Annotated[
    str,
    typer.Option(
        envvar="CS_SYNC_WORKERS_DATABASE",
        help="The PostgreSQL that workers share: postgresql+psycopg://USER@HOST/NAME.",
        show_default=False,
    ),
]
Name = Annotated[str, typer.Argument(help="Name of the workspace.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    workers = typer.Typer(no_args_is_help=True, help="Run many workspaces on many machines.")
    workers.callback()(_hold_group)
    workers.command("start")(start_worker)
    app.add_typer(workers, name="workers")
    workspaces = typer.Typer(no_args_is_help=True, help="The workspaces that workers run.")
    workspaces.command("add")(add_workspace)
    workspaces.command("list")(list_workspaces)
    workspaces.command("status")(show_status)
    workspaces.command("pause")(pause_workspace)
    workspaces.command("resume")(resume_workspace)
    workspaces.command("remove")(remove_workspace)
    app.add_typer(workspaces, name="workspaces")


def _hold_group() -> None:
    """Keep `start` a command of its own: typer merges a single one."""


def start_worker(
    context: typer.Context,
    database: Database,
    runs: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="Runs at a time; by default one per processor."),
    ] = None,
) -> None:
    """Run workspaces when due, until stopped."""
    from cs_sync.cli.commands.schedule import make_announcer
    from cs_sync.workers.worker import end_process
    from cs_sync.workers.worker import start_worker as work

    options: Options = context.obj
    stopping, say = StopRequest(), make_announcer(options, "workers")
    with stopping.listening():
        work(database, runs or os.cpu_count() or 1, stopping.asked, say)
    say("stopped; other workers go on with what it had begun, or this one once started again")
    end_process(stopping.exit_code)


def add_workspace(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Its configuration, the same on every machine.")],
    database: Database,
    name: Annotated[
        str | None, typer.Option(help="Its name; by default that of the configuration.")
    ] = None,
    env_file: Annotated[
        Path | None,
        typer.Option(help="File of NAME=VALUE lines: the environment of its runs."),
    ] = None,
) -> None:
    """Add a workspace, due at its next slot."""
    from cs_sync.queries.check import describe_readable
    from cs_sync.runtime.workspace import utc_now
    from cs_sync.store.control.open import migrate_control, open_control
    from cs_sync.workers.register import add_workspace as add
    from cs_sync.workers.register import prepare_workspace

    options: Options = context.obj
    entry = prepare_workspace(options.plugins, file, name=name, env_file=env_file, now=utc_now())
    control = open_control(database)
    try:
        migrate_control(control)
        add(control, entry)
    finally:
        control.close()
    for warning in describe_readable([(env_file, "holds secrets")] if env_file else []):
        typer.echo(f"warning: {warning}", err=True)
    _say(options, f"{entry.name} added; first run at {entry.next_due_at:%Y-%m-%d %H:%M:%S} UTC")


def list_workspaces(context: typer.Context, database: Database) -> None:
    """List files, data and schedules."""
    from cs_sync.workers.register import LIST_FIELDS
    from cs_sync.workers.register import list_workspaces as listed

    options: Options = context.obj
    with _open(database) as control:
        rows = listed(control)
    options.print_rows(rows, LIST_FIELDS)


def show_status(context: typer.Context, database: Database) -> None:
    """Show what each does, and its last run."""
    from cs_sync.i18n.counts import count_noun
    from cs_sync.workers.register import STATUS_FIELDS, list_statuses

    options: Options = context.obj
    with _open(database) as control:
        rows, workers = list_statuses(control)
    options.print_rows(rows, STATUS_FIELDS)
    hint = "" if workers else "; start one with cs-sync workers start"
    _say(options, f"{count_noun(workers, 'worker')} alive{hint}")


def pause_workspace(context: typer.Context, name: Name, database: Database) -> None:
    """Start no further runs of a workspace."""
    from cs_sync.workers.register import pause_workspace as pause

    options: Options = context.obj
    with _open(database) as control:
        entry = pause(control, name, paused=True)
    running = "; the run that is going on goes on to its end" if entry.started_at else ""
    _say(options, f"{name} paused{running}; cs-sync workspaces resume {name} ends the pause")


def resume_workspace(context: typer.Context, name: Name, database: Database) -> None:
    """End a pause; one run for all missed."""
    from cs_sync.workers.register import pause_workspace as pause

    options: Options = context.obj
    with _open(database) as control:
        pause(control, name, paused=False)
    _say(options, f"{name} resumed")


def remove_workspace(context: typer.Context, name: Name, database: Database) -> None:
    """Remove a workspace; its data stay."""
    from cs_sync.workers.register import remove_workspace as remove

    options: Options = context.obj
    with _open(database) as control:
        entry = remove(control, name)
    running = "; the run that is going on goes on to its end" if entry.started_at else ""
    _say(options, f"{name} removed{running}; its data stay in {entry.place}")


@contextmanager
def _open(database: str) -> "Iterator[Store]":
    """Open the workers' database as it is."""
    from cs_sync.store.control.open import check_control, open_control

    control = open_control(database)
    try:
        check_control(control)
        yield control
    finally:
        control.close()


def _say(options: Options, message: str) -> None:
    if not options.quiet:
        typer.echo(message, err=True)
