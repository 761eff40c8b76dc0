"""Stripe's refusals."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class StripeError(Exception):
    """An error body to be: Stripe's type, code, message and parameter, and the HTTP status."""

    status: int
    message: str
    code: str | None = None
    param: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, dict[str, str]]:
        """Return the JSON that Stripe answers with."""
        error = {"message": self.message, "type": "invalid_request_error"}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code}"
        if self.param:
            error["param"] = self.param
        return {"error": error}


def make_missing_error(kind: str, id_: str, param: str = "id") -> StripeError:
    """Return the error for an unknown id: 404, for parameters 400."""
    status = 404 if param == "id" else 400
    return StripeError(status, f"No such {kind}: '{id_}'", "resource_missing", param)
