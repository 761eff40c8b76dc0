"""Edits to the world while it runs: what a CSM, a colleague or an administrator might do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from cs_sync_sandbox.answers import Json, make_json_response
from cs_sync_sandbox.hubspot import Portal
from cs_sync_sandbox.hubspot.errors import HubSpotError
from cs_sync_sandbox.hubspot.records import merge_records

Kind = Literal["companies", "contacts", "tasks"]


class _Edit(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CompleteTask(_Edit):
    """A CSM ticks a task off."""

    action: Literal["complete_task"]
    id: str


class SetProperties(_Edit):
    """Somebody types values into a record; read-only ones may be set here too."""

    action: Literal["set_properties"]
    kind: Kind
    id: str
    properties: dict[str, str]


class Merge(_Edit):
    """Somebody merges two records."""

    action: Literal["merge"]
    kind: Kind
    winner: str
    loser: str


class Archive(_Edit):
    """Somebody deletes a record."""

    action: Literal["archive"]
    kind: Kind
    id: str


class SetPortal(_Edit):
    """The portal is another one: its index lags more, its plan allows less."""

    action: Literal["portal"]
    search_lag_seconds: float | None = None
    unique_task_properties: bool | None = None
    daily_limit: int | None = None


class SetRule(_Edit):
    """An admin sets a validation rule: every value must match the pattern, and `message` says so.

    Without a pattern the rule is taken away.
    """

    action: Literal["rule"]
    kind: str
    property: str
    pattern: str = ""
    message: str = "the value is not allowed"


Edit = CompleteTask | SetProperties | Merge | Archive | SetPortal | SetRule
_edits: TypeAdapter[Edit] = TypeAdapter(Annotated[Edit, Field(discriminator="action")])


class Edits:
    """POST /_sandbox/edit: one edit as JSON."""

    def __init__(self, get_portal: Callable[[], Portal]) -> None:
        self._get_portal = get_portal

    async def post(self, request: Request) -> Response:
        """Apply one edit; 400 says what is wrong with it."""
        try:
            apply(self._get_portal(), _edits.validate_json(await request.body()))
        except ValidationError as error:
            return make_json_response({"error": str(error)}, 400)
        except HubSpotError as error:
            return make_json_response({"error": error.message}, error.status)
        return make_json_response({"done": True})


def apply(portal: Portal, edit: Edit) -> None:
    """Apply one edit to the portal.

    Raises:
        HubSpotError: if a record is not there.
    """
    if isinstance(edit, CompleteTask):
        task = portal.required("tasks", edit.id)
        portal.update(task, {"hs_task_status": "COMPLETED"})
    elif isinstance(edit, SetProperties):
        portal.update(portal.required(edit.kind, edit.id), edit.properties)
    elif isinstance(edit, Merge):
        pair: Json = {"primaryObjectId": edit.winner, "objectIdToMerge": edit.loser}
        merge_records(portal, edit.kind, pair)
    elif isinstance(edit, Archive):
        portal.archive(portal.required(edit.kind, edit.id))
    elif isinstance(edit, SetRule):
        portal.rules[edit.kind, edit.property] = (edit.pattern, edit.message)
    else:
        _set_portal(portal, edit)


def _set_portal(portal: Portal, edit: SetPortal) -> None:
    if edit.search_lag_seconds is not None:
        portal.search_lag = timedelta(seconds=edit.search_lag_seconds)
    if edit.unique_task_properties is not None:
        portal.unique_task_properties = edit.unique_task_properties
    if edit.daily_limit is not None:
        portal.daily_limit = edit.daily_limit
