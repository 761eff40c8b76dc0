"""PostHog's refusals."""

from __future__ import annotations

from dataclasses import dataclass, field

from cs_sync_sandbox.answers import Json


@dataclass
class PostHogError(Exception):
    """An answer to be: HTTP status, and the four fields of the body."""

    status: int
    type: str
    code: str
    detail: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> Json:
        """The body as PostHog writes it."""
        return {"type": self.type, "code": self.code, "detail": self.detail, "attr": None}


def make_invalid_error(detail: str) -> PostHogError:
    """Return the refusal of a query or parameter."""
    return PostHogError(400, "validation_error", "invalid_input", detail)
