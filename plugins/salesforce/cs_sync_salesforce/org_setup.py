"""Set-up of an org beyond our fields: permissions, and what is left to do by hand."""

from collections.abc import Iterator

from cs_sync import CredentialRefused, Finding, VendorError
from cs_sync_salesforce.client import SalesforceClient
from cs_sync_salesforce.config import SalesforceConfig
from cs_sync_salesforce.custom_fields import PERMISSION_SET_LABEL
from cs_sync_salesforce.soql import build_query, quote_text

_OBJECTS = (
    ("User", "queryable", "read", "know who looks after an account"),
    ("Account", "updateable", "edit", "write scores"),
    ("Contact", "queryable", "read", "know whom to speak to"),
    ("Task", "createable", "create", "write follow-ups"),
    ("Task", "updateable", "edit", "keep them up to date"),
)
"""Object, what its description says, the access in words, and what it is for."""
_PERMISSIONS = (
    ("PermissionsCustomizeApplication", "Customize Application", "create our fields"),
    (
        "PermissionsManageProfilesPermissionsets",
        "Manage Profiles and Permission Sets",
        "make a permission set that shows them",
    ),
    ("PermissionsAssignPermissionSets", "Assign Permission Sets", "have it"),
)
_USER = "the user of the external client app"


def check_access(client: SalesforceClient) -> Iterator[Finding]:
    """Check the user's access one by one; nothing is changed."""
    try:
        described: dict[str, dict[str, bool]] = {}
        for sobject, mark, access, purpose in _OBJECTS:
            if sobject not in described:
                described[sobject] = client.describe_access(sobject)
            granted = described[sobject].get(mark, False)
            yield _make_finding(f"{access} {sobject}", purpose, granted=granted)
        permissions = _read_permissions(client)
        for name, label, purpose in _PERMISSIONS:
            yield _make_finding(
                label, f"{purpose}, for this set-up only", granted=name in permissions
            )
    except CredentialRefused as error:
        yield Finding(ok=False, subject="token", message=error.message, remedy=error.remedy)
    except VendorError as error:
        yield Finding(ok=False, subject="permissions", message=error.message, remedy=error.remedy)


def _make_finding(subject: str, purpose: str, *, granted: bool) -> Finding:
    if granted:
        return Finding(ok=True, subject=subject, message=f"granted, to {purpose}")
    remedy = f"give it to {_USER}, in a permission set"
    return Finding(
        ok=False, subject=subject, message=f"missing; needed to {purpose}", remedy=remedy
    )


def _read_permissions(client: SalesforceClient) -> set[str]:
    """Return the system permissions that the user has."""
    names = [name for name, _, _ in _PERMISSIONS]
    condition = f"AssigneeId = {quote_text(client.read_user_id())}"
    sets = build_query(("PermissionSetId",), "PermissionSetAssignment", condition)
    query = build_query(("Id", *names), "PermissionSet", f"Id IN ({sets})")
    records = [*client.query_to_end(query)]
    return {name for name in names if any(each.get(name) for each in records)}


def list_steps(config: SalesforceConfig, prefix: str) -> Iterator[str]:
    """Yield what is left to do by hand, with its place."""
    setup = f"{config.base_url.rstrip('/')}/lightning/setup"
    yield (
        f"let your team see the fields: Setup → Permission Sets → {PERMISSION_SET_LABEL} → Manage"
        f" Assignments ({setup}/PermSets/home)"
    )
    yield (
        "show the score on accounts: Setup → Object Manager → Account → Page Layouts, add the"
        f" {prefix} fields ({setup}/ObjectManager/Account/PageLayouts/view)"
    )
    yield (
        f"save the list view “Red accounts I own”: Accounts → New list view, {prefix}health_band"
        " equals red, My accounts, shared with everyone"
    )
