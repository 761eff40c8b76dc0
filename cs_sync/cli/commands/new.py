"""Commands for plugin authors: new connector, try."""

from pathlib import Path
from typing import Annotated

import typer

from cs_sync.cli.options import Options


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    new = typer.Typer(no_args_is_help=True, help="Create a plugin.")
    new.callback()(_new_group)
    new.command("connector")(create_plugin)
    app.add_typer(new, name="new")
    app.command("try")(try_stream)


def _new_group() -> None:
    """Keep `connector` a subcommand while it is the only one."""


def create_plugin(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and _, e.g. acme_crm.")],
    into: Annotated[Path, typer.Option(help="Target folder.")] = Path(),
    rest: Annotated[
        bool, typer.Option("--rest", help="Described in connector.toml, instead of in Python.")
    ] = False,
) -> None:
    """Create a working connector with tests, as a starting point."""
    from cs_sync.contracts.errors import ConfigError
    from cs_sync.scaffold import PYTHON, REST, create_connector

    options: Options = context.obj
    if name in {*options.plugins.sources, *options.plugins.destinations}:
        raise ConfigError(f"a connector {name} is installed already", "take another name")
    folder = create_connector(name, into, REST if rest else PYTHON)
    typer.echo(folder)
    if not options.quiet:
        typer.echo(f"next: cd {folder}; pip install -e '.[dev]'; pytest", err=True)


def try_stream(
    context: typer.Context,
    connector: Annotated[str, typer.Argument(help="Name of the connector's section.")],
    stream: Annotated[str, typer.Argument(help="Name of the stream.")],
) -> None:
    """Show ten records of a stream and what is rejected; store nothing."""
    from cs_sync.cli.render.trial import trial_table
    from cs_sync.queries.stream_trial import TRIAL_FIELDS
    from cs_sync.queries.stream_trial import try_stream as run_trial

    options: Options = context.obj
    with options.workspace() as workspace:
        trial = run_trial(workspace, connector, stream)
    options.print_rows(trial.rows, TRIAL_FIELDS, trial_table)
    if not options.quiet:
        typer.echo(
            f"pages read: {trial.pages}; records mapped: {trial.mapped}, rejected: "
            f"{trial.rejected}; nothing was stored",
            err=True,
        )
        for record, fields in trial.empty.items():
            if fields:
                typer.echo(f"mapped, and empty in every {record}: {', '.join(fields)}", err=True)
