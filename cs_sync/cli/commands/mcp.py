"""The command that serves figures to language models: mcp."""

import os
from typing import Annotated

import typer

from cs_sync.cli.options import Options
from cs_sync.cli.signal_handling import end_server_at_once

TOKEN_VARIABLE = "CS_SYNC_MCP_TOKEN"  # noqa: S105 - the name of a variable


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command("mcp")(serve_mcp)


def serve_mcp(
    context: typer.Context,
    http: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, metavar="PORT",
            help=f"Serve HTTP on 127.0.0.1 at this port; the token stands in {TOKEN_VARIABLE}.",
        ),
    ] = None,
) -> None:  # fmt: skip
    """Serve figures to a language model (MCP), read-only.

    Over standard input and output, or HTTP.
    """
    from cs_sync.mcp.server import build_http_server, serve_stdio
    from cs_sync.runtime.workspace import open_existing_workspace
    from cs_sync.store.migrate import check_revision

    options: Options = context.obj
    with open_existing_workspace(options.load(), options.plugins, read_only=True) as workspace:
        check_revision(workspace.store)
        with end_server_at_once():
            if http is None:
                serve_stdio(workspace)
                return
            server = build_http_server(workspace, os.environ.get(TOKEN_VARIABLE, ""), http)
            typer.echo(f"http://127.0.0.1:{http}/mcp", err=True)
            server.run()  # when asked to stop, it answers what it was asked before
