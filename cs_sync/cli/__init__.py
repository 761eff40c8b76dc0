"""The command line: thin commands over the jobs, and what they show."""

from cs_sync.cli.main import main

__all__ = ["main"]
