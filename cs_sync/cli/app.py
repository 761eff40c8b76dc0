"""The application: global options and the host's commands."""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from cs_sync.cli.commands import (
    accounts,
    analyse,
    data,
    mcp,
    metrics,
    new,
    playbooks,
    schedule,
    setup,
    state,
    sync,
    workers,
    write,
)
from cs_sync.cli.options import Format, LogFormat


def make_app() -> typer.Typer:
    """Create an application with the host's commands, for plugins to extend."""
    app = typer.Typer(
        name="cs-sync",
        help="Which customers are about to leave, why, and what to do about it.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_set_global_options)
    for commands in (
        setup,
        sync,
        schedule,
        workers,
        metrics,
        analyse,
        write,
        playbooks,
        accounts,
        state,
        data,
        mcp,
        new,
    ):
        commands.add_to(app)
    return app


def _show_version(requested: bool) -> None:
    if requested:
        typer.echo(f"cs-sync {version('customer-success-sync')}")
        raise typer.Exit


def _set_global_options(
    context: typer.Context,
    config: Annotated[
        Path, typer.Option(envvar="CS_SYNC_CONFIG", help="The configuration file.")
    ] = Path("cs_sync.toml"),
    output: Annotated[Format, typer.Option("--format", help="Output format of results.")] = "table",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Hide progress.")] = False,
    log_format: Annotated[
        LogFormat, typer.Option(help="Progress on standard error, as text or JSON lines.")
    ] = "text",
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
    version: Annotated[  # noqa: ARG001 - its callback does the work
        bool, typer.Option("--version", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    options = context.obj
    options.config = config
    options.format = output
    options.quiet = quiet
    options.log_format = log_format
    options.debug = debug
