"""Templates of titles and bodies: a text with field names in braces."""

from collections.abc import Mapping
from string import Formatter
from typing import Annotated

from pydantic import AfterValidator

FIELDS = ("title", "body", "account", "score", "band", "mrr", "due", "playbook")
"""What a template may name: the playbook's own title and body, and the account as it stands."""


def _validate_template(template: str) -> str:
    """Return the template if it is valid.

    ValueError for an unknown field, a format or a conversion.
    """
    try:
        named = [(name, spec, how) for _, name, spec, how in Formatter().parse(template)]
    except ValueError as error:
        raise ValueError(
            f"is not a template: {error}; write a brace itself as {{{{ or }}}}"
        ) from None
    for name, spec, how in named:
        if name is not None and (name not in FIELDS or spec or how):
            wrong = "{" + name + (f"!{how}" if how else "") + (f":{spec}" if spec else "") + "}"
            fields = ", ".join(f"{{{field}}}" for field in FIELDS)
            raise ValueError(f"there is no field {wrong}; use {fields}")
    return template


Template = Annotated[str, AfterValidator(_validate_template)]


def fill_template(template: str | None, own: str, fields: Mapping[str, str]) -> str:
    """Fill a template with its fields.

    Without one the playbook's own text is returned.

    Args:
        template: The template of the settings.
        own: The playbook's own text.
        fields: Field name → text.
    """
    return own if template is None else template.format_map(fields)
