"""All reference pages, by file name."""

from collections.abc import Callable, Mapping

from cs_sync.cli.reference.commands import render_commands
from cs_sync.cli.reference.configuration import render_configuration
from cs_sync.cli.reference.interface import render_interface
from cs_sync.cli.reference.messages import render_messages
from cs_sync.cli.reference.records import render_records
from cs_sync.markdown import wrap_markdown

PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": render_commands,
    "configuration.md": render_configuration,
    "records.md": render_records,
    "interface.md": render_interface,
    "messages.md": render_messages,
}
"""What writes each page, by its file name."""


def render_page(name: str) -> str:
    """Return the Markdown of a page."""
    return wrap_markdown(PAGES[name]())
