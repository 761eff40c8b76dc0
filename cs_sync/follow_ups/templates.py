"""Titles and bodies in one's own words: a text with the names of fields in braces."""

from collections.abc import Mapping
from string import Formatter
from typing import Annotated

from pydantic import AfterValidator

FIELDS = ("title", "body", "account", "score", "band", "mrr", "due", "playbook")
"""What a template may name: the playbook's own title and body, and the account as it stands."""


def _checked(template: str) -> str:
    """The template; ValueError when it names what there is not, or something inside a field."""
    try:
        named = [(name, spec, how) for _, name, spec, how in Formatter().parse(template)]
    except ValueError as error:
        raise ValueError(f"is no template: {error}; write a brace itself as {{{{ or }}}}") from None
    for name, spec, how in named:
        if name is not None and (name not in FIELDS or spec or how):
            wrong = "{" + name + (f"!{how}" if how else "") + (f":{spec}" if spec else "") + "}"
            known = ", ".join(f"{{{field}}}" for field in FIELDS)
            raise ValueError(f"there is no field {wrong}; use {known}")
    return template


Template = Annotated[str, AfterValidator(_checked)]


def filled(template: str | None, own: str, fields: Mapping[str, str]) -> str:
    """The template with its fields; without one the playbook's own words."""
    return own if template is None else template.format_map(fields)
