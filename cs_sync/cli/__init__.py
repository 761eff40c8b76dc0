"""The command line: thin commands over the jobs, and their output."""

from cs_sync.cli.main import main

__all__ = ["main"]
