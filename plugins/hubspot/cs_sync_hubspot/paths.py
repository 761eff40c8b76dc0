"""Table of API paths: the official client's → the dated ones in use."""

VERSION = "2026-03"
"""Dated API version; HubSpot supports each for 18 months."""

_PATHS = (
    ("/crm/v3/objects/", f"/crm/objects/{VERSION}/"),
    ("/crm/v3/lists/", f"/crm/lists/{VERSION}/"),
    ("/crm/v3/owners/", f"/crm/owners/{VERSION}/"),
    ("/crm/v3/properties/", f"/crm/properties/{VERSION}/"),
    ("/crm/v4/associations/", f"/crm/associations/{VERSION}/"),
)


def to_dated_path(path: str) -> str:
    """Return the dated path for a path of the client."""
    for old, new in _PATHS:
        if path.startswith(old):
            return (new + path.removeprefix(old)).rstrip("/")
    raise LookupError(f"no dated path for {path}: add it to the table in {__name__}")
