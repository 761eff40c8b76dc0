"""Set-up of a portal beyond our properties: permissions, lists, and what is left to do by hand."""

from collections.abc import Callable, Iterator
from functools import partial

from cs_sync import CredentialRefused, Finding, PermissionMissing, RequestRefused, VendorError
from cs_sync_hubspot.api import HubSpotApi
from cs_sync_hubspot.config import HubSpotConfig
from cs_sync_hubspot.transport import Json

COMPANIES = "0-2"
"""HubSpot's id of the object type."""
FALL = -10
"""Points within 30 days from which an account is on the list."""
Probe = tuple[str, str, Callable[[], object]]
"""A scope, what it is for, and a request that needs it."""


def check_scopes(api: HubSpotApi) -> Iterator[Finding]:
    """Check the scopes one by one; nothing is changed.

    A scope to write is proven by a request that is permitted and then refused for its content.
    """
    for scope, purpose, probe in _list_probes(api):
        try:
            probe()
        except CredentialRefused as error:
            yield Finding(ok=False, subject=scope, message=error.message, remedy=error.remedy)
            return
        except PermissionMissing as error:
            message = f"missing; needed to {purpose}"
            yield Finding(ok=False, subject=scope, message=message, remedy=error.remedy)
        except RequestRefused:
            yield Finding(ok=True, subject=scope, message=f"granted, to {purpose}")
        except VendorError as error:
            yield Finding(ok=False, subject=scope, message=error.message, remedy=error.remedy)
        else:
            yield Finding(ok=True, subject=scope, message=f"granted, to {purpose}")


def _list_probes(api: HubSpotApi) -> Iterator[Probe]:
    id_ = ("hs_object_id",)
    yield "crm.objects.owners.read", "read owners", partial(api.owners, archived=False, limit=1)
    for kind, purpose in (
        ("companies", "read companies"),
        ("contacts", "read who belongs to them"),
        ("feedback_submissions", "read survey answers (Service Hub)"),
    ):
        yield f"crm.objects.{kind}.read", purpose, partial(api.page, kind, id_, limit=1)
    yield "crm.objects.companies.write", "write scores", partial(api.update, "companies", ())
    yield "crm.objects.contacts.write", "write tasks and notes", partial(api.update, "tasks", ())
    for kind, scope in (("companies", "companies"), ("tasks", "contacts")):
        purpose = f"create properties of {kind}"
        yield f"crm.schemas.{scope}.write", purpose, partial(api.create_group, kind, {})
    yield "crm.lists.write", "create lists (optional)", partial(api.create_list, {})


def create_lists(api: HubSpotApi, prefix: str) -> Iterator[Finding]:
    """Create active lists of red companies and of falling scores."""
    for name, filters in (
        ("Accounts with red health", [_build_filter(f"{prefix}health_band", "red")]),
        (
            "Score fell by 10 in 30 days",
            [
                _build_filter(f"{prefix}health_change_30d", FALL),
                _build_filter(f"{prefix}health_band", "insufficient", operator="IS_NONE_OF"),
            ],
        ),
    ):
        subject = f"list {name}"
        try:
            if api.has_list(name, COMPANIES):
                yield Finding(ok=True, subject=subject, message="exists")
                continue
            api.create_list(_build_list(name, filters))
        except (RequestRefused, PermissionMissing) as error:
            remedy = f"{error.remedy or 'look for a list of that name'}; or make it by hand"
            yield Finding(ok=False, subject=subject, message=error.message, remedy=remedy)
        else:
            yield Finding(ok=True, subject=subject, message="created")


def list_manual_steps(config: HubSpotConfig, prefix: str) -> Iterator[str]:
    """Yield what HubSpot has no API for, with links into the portal."""
    if config.portal_id is None:
        yield (
            f"set portal_id in {config.section}, the number in the address of HubSpot's pages:"
            " links from here and from the report need it"
        )
    properties = _link(config, "property-settings", "/properties?type=0-2")
    yield (
        "show the score on companies: Settings → Objects → Companies → Record customization, add a"
        f" card with the {prefix} properties{properties}"
    )
    companies = _link(config, "contacts", "/objects/0-2/views/all/list")
    yield (
        f"save the view “Red accounts I own”: Companies → Add view, {prefix}health_band is red,"
        f" owner is me, shared with everyone{companies}"
    )
    yield "install the card with score, reasons and next action: examples/hubspot-card/README.md"


def _link(config: HubSpotConfig, area: str, page: str) -> str:
    if config.portal_id is None:
        return ""
    return f" ({config.app_url.rstrip('/')}/{area}/{config.portal_id}{page})"


def _build_filter(name: str, value: str | int, *, operator: str = "IS_ANY_OF") -> Json:
    operation: Json
    if isinstance(value, int):
        operation = {
            "operationType": "NUMBER",
            "operator": "IS_LESS_THAN_OR_EQUAL_TO",
            "value": value,
        }
    else:
        operation = {"operationType": "ENUMERATION", "operator": operator, "values": [value]}
    complete = {**operation, "includeObjectsWithNoValueSet": False}
    return {"filterType": "PROPERTY", "property": name, "operation": complete}


def _build_list(name: str, filters: list[Json]) -> Json:
    """Build an active list: all filters hold."""
    every = {"filterBranchType": "AND", "filterBranches": [], "filters": filters}
    return {
        "name": name,
        "objectTypeId": COMPANIES,
        "processingType": "DYNAMIC",
        "filterBranch": {"filterBranchType": "OR", "filterBranches": [every], "filters": []},
    }
