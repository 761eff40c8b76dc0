"""Commands for plugin authors: new connector."""

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


def _new_group() -> None:
    """Keep `connector` a subcommand while it is the only one."""


def create_plugin(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and _, e.g. acme_crm.")],
    into: Annotated[Path, typer.Option(help="Target folder.")] = Path(),
) -> None:
    """Create a working connector with tests, as a starting point."""
    from cs_sync.contracts.errors import ConfigError
    from cs_sync.scaffold import create_connector

    options: Options = context.obj
    if name in {*options.plugins.sources, *options.plugins.destinations}:
        raise ConfigError(f"a connector {name} is installed already", "take another name")
    folder = create_connector(name, into)
    typer.echo(folder)
    if not options.quiet:
        typer.echo(f"next: cd {folder}; pip install -e '.[dev]'; pytest", err=True)
