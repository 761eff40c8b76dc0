"""The command that stays: schedule runs the main job on the cron of the configuration."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import typer

from cs_sync.cli.options import Options
from cs_sync.cli.stopping import Stopping

if TYPE_CHECKING:
    from cs_sync.jobs.summary import RunSummary
    from cs_sync.jobs.workspace import Workspace


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command("schedule")(schedule)


def schedule(context: typer.Context) -> None:
    """Stay, and do what `run` does: once for every slot of the configured cron, until stopped."""
    from cs_sync.jobs.schedule import Scheduler
    from cs_sync.jobs.workspace import open_workspace

    options: Options = context.obj
    stopping, say = Stopping(), _saying(options)
    config, emit = options.load(), options.plugins.emit
    with open_workspace(config, options.plugins, emit=emit) as workspace, stopping.listening():
        perform = partial(_perform, options, stopping)
        wait = _waiting(workspace, stopping, say)
        Scheduler(workspace, perform, stopping.asked, wait, say).run()
    if not stopping.exit_code:  # after Ctrl-C the command line has its own word for it
        say("stopped; run it again and it goes on where it was")
    raise typer.Exit(stopping.exit_code)


def _perform(options: Options, stopping: Stopping) -> str:
    """One run, in a workspace opened for it: the configuration is read anew."""
    from cs_sync.jobs.run import run

    with options.workspace() as workspace, stopping.reaching(workspace):
        report = run(workspace)
    _show(options, report.summary)
    return report.summary.status


def _show(options: Options, summary: "RunSummary") -> None:
    """The run as its exit would show it; in JSON, one array per run."""
    from cs_sync.cli.output import console, write_rows
    from cs_sync.cli.show import run_summary, summary_row
    from cs_sync.cli.tables import RUN_FIELDS

    if options.format == "table":
        run_summary(console(), summary)
    else:
        write_rows(options.format, [summary_row(summary)], RUN_FIELDS)


def _waiting(
    workspace: "Workspace", stopping: Stopping, say: Callable[[str], None]
) -> Callable[[float], None]:
    """A wait that ends when asked to stop, and says once when the next run is."""
    from cs_sync.jobs.schedule import next_run

    announced = None

    def wait(seconds: float) -> None:
        nonlocal announced
        coming = next_run(workspace)
        if coming != announced:
            say(f"next run at {coming:%Y-%m-%d %H:%M:%S %Z}")
            announced = coming
        stopping.asked.wait(seconds)

    return wait


def _saying(options: Options) -> Callable[[str], None]:
    """How this command speaks between runs: lines or JSON lines on standard error."""
    from datetime import UTC, datetime

    from cs_sync.cli.progress import json_lines
    from cs_sync.contracts.events import Event

    def as_json(message: str) -> None:
        now = datetime.now(UTC)
        json_lines()(Event("step_ended", now, detail={"step": "schedule", "message": message}))

    def as_text(message: str) -> None:
        if not options.quiet:
            typer.echo(message, err=True)

    return as_json if options.log_format == "json" else as_text
