"""All reference pages, by file name."""

from cs_sync.cli.reference.commands import render_commands
from cs_sync.cli.reference.configuration import render_configuration
from cs_sync.cli.reference.interface import render_interface
from cs_sync.cli.reference.messages import render_messages
from cs_sync.cli.reference.records import render_records
from cs_sync.markdown import wrap_markdown


def render_pages() -> dict[str, str]:
    """Return the Markdown of every page, by its file name."""
    pages = {
        "commands.md": render_commands(),
        "configuration.md": render_configuration(),
        "records.md": render_records(),
        "interface.md": render_interface(),
        "messages.md": render_messages(),
    }
    return {name: wrap_markdown(text) for name, text in pages.items()}
