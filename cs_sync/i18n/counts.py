"""Counts in the English of messages, which are for the engineer."""


def count_noun(number: int, singular: str, plural: str | None = None) -> str:
    """Return a count with its noun: `1 ticket`, `3,000 tickets`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
