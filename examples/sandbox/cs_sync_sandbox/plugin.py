"""The sandbox as a plugin: adds the `demo` command."""

from typing import Annotated

import typer

from cs_sync import hookimpl


@hookimpl
def cs_sync_commands(app: typer.Typer) -> None:
    """Add `demo`."""
    app.command("demo")(demo)


def demo(
    seed: Annotated[int, typer.Option(help="Random seed.")] = 7,
    serve: Annotated[
        bool, typer.Option("--serve", help="Then keep Acme's HubSpot open for the browser.")
    ] = False,
) -> None:
    """Run everything against Acme, a small SaaS company on your own machine."""
    from cs_sync_sandbox.demo import play  # here, so that --help stays quick

    raise typer.Exit(play(seed, serve=serve))
