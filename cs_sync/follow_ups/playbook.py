"""What a playbook is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Playbook:
    """When something is true of an account, somebody should do something."""

    name: str
