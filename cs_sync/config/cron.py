"""Whether a cron expression is one: five fields, each within its range (POSIX crontab)."""

import re

_FIELDS = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 7),
)
_PART = re.compile(r"(?:\*|(\d+)(?:-(\d+))?)(?:/(\d+))?")


def check_cron(text: str) -> str:
    """The expression as given; ValueError names the field that is wrong."""
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise ValueError(
            f"has {len(parts)} fields, not five (minute hour day month weekday);"
            ' write it like "15 5 * * *", every day at 05:15'
        )
    for part, (name, low, high) in zip(parts, _FIELDS, strict=True):
        if not all(_fits(item, low, high) for item in part.split(",")):
            raise ValueError(f"{name} {part!r} is not made of numbers from {low} to {high}")
    return text


def _fits(item: str, low: int, high: int) -> bool:
    match = _PART.fullmatch(item)
    if not match:
        return False
    first, last, step = match.groups()
    numbers = [int(number) for number in (first, last) if number]
    return (
        all(low <= number <= high for number in numbers)
        and numbers == sorted(numbers)
        and step != "0"
    )
