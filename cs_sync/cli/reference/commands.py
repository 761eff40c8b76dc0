"""The page of commands, from the command line's own definitions."""

import typer
import typer.main
from typer.cli import get_docs_for_click

from cs_sync.cli.app import make_app

_INTRODUCTION = """\
This page is written from the code. `cs-sync COMMAND --help` prints the same. Global options stand
before the command: `cs-sync --format json score`. Results go to standard output, everything else to
standard error. Commands that plugins add are in the plugins' pages.
"""


def render_commands() -> str:
    """Return the page as Markdown."""
    command = typer.main.get_command(make_app())
    context = typer.Context(command, info_name="cs-sync")
    page = get_docs_for_click(obj=command, ctx=context, name="cs-sync", title="Commands")
    title, rest = page.split("\n", 1)
    usage = rest.replace("```console\n$ ", "```text\n").replace("`*", "`\\*")
    return f"{title}\n\n{_INTRODUCTION}{usage}".rstrip("\n") + "\n"
