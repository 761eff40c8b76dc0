"""Whose records name accounts and people."""

LAST_PRECEDENCE = 100
"""The precedence of sources that state none."""
