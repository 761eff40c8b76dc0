"""Commands for authors of plugins: new connector."""

from pathlib import Path
from typing import Annotated

import typer

from cs_sync.cli.options import Options


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    new = typer.Typer(no_args_is_help=True, help="Begin a plugin of your own.")
    new.callback()(_new)
    new.command("connector")(connector)
    app.add_typer(new, name="new")


def _new() -> None:
    """Keep `connector` a command of its own, also while it is the only one."""


def connector(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Small letters, digits and _, as in acme_crm.")],
    into: Annotated[Path, typer.Option(help="The folder to write it into.")] = Path(),
) -> None:
    """Write a connector that works, with its tests, for you to change."""
    from cs_sync.contracts.errors import ConfigError
    from cs_sync.scaffold import new_connector

    options: Options = context.obj
    if name in {*options.plugins.sources, *options.plugins.destinations}:
        raise ConfigError(f"a connector {name} is installed already", "take another name")
    folder = new_connector(name, into)
    typer.echo(folder)
    if not options.quiet:
        typer.echo(f"next: cd {folder}; pip install -e '.[dev]'; pytest", err=True)
