"""The schedule command: the main job as a daemon, on the configured cron."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import typer

from cs_sync.cli.commands.sync import print_summary
from cs_sync.cli.options import Options
from cs_sync.cli.signal_handling import StopRequest

if TYPE_CHECKING:
    from cs_sync.runtime.workspace import Workspace


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command("schedule")(run_schedule)


def run_schedule(context: typer.Context) -> None:
    """Run the job on the configured cron until stopped."""
    from cs_sync.jobs.schedule import Scheduler
    from cs_sync.runtime.workspace import open_workspace

    options: Options = context.obj
    stopping, say = StopRequest(), make_announcer(options, "schedule")
    config, emit = options.load(), options.plugins.emit
    options.resumes = True
    with open_workspace(config, options.plugins, emit=emit) as workspace, stopping.listening():
        perform = partial(_run_once, options, stopping)
        wait = _make_wait(workspace, stopping, say)
        Scheduler(workspace, perform, stopping.asked, wait, say).run()
    if not stopping.exit_code:  # after Ctrl-C the command line has its own word for it
        say("stopped; run it again and it goes on where it was")
    raise typer.Exit(stopping.exit_code)


def _run_once(options: Options, stopping: StopRequest) -> str:
    """Run the job once in a new workspace.

    The configuration is read again.
    """
    from cs_sync.jobs.run import run_pipeline

    with options.workspace_of_run() as workspace, stopping.attach(workspace):
        report = run_pipeline(workspace)
    print_summary(options, report.summary)
    return report.summary.status


def _make_wait(
    workspace: "Workspace", stopping: StopRequest, say: Callable[[str], None]
) -> Callable[[float], None]:
    """Return a stoppable wait that announces each next run."""
    from cs_sync.jobs.schedule import get_next_run

    announced = None

    def wait(seconds: float) -> None:
        nonlocal announced
        coming = get_next_run(workspace)
        if coming != announced:
            say(f"next run at {coming:%Y-%m-%d %H:%M:%S %Z}")
            announced = coming
        stopping.asked.wait(seconds)

    return wait


def make_announcer(options: Options, step: str) -> Callable[[str], None]:
    """Return how a step is announced on standard error: text or JSON."""
    from datetime import UTC, datetime

    from cs_sync.cli.progress import make_json_logger
    from cs_sync.contracts.events import Event

    def as_json(message: str) -> None:
        now = datetime.now(UTC)
        make_json_logger()(Event("step_ended", now, detail={"step": step, "message": message}))

    def as_text(message: str) -> None:
        if not options.quiet:
            typer.echo(message, err=True)

    return as_json if options.log_format == "json" else as_text
