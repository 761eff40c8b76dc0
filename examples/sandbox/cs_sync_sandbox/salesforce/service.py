"""The org's REST API: tokens, queries, collections of records, descriptions, custom fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cs_sync_sandbox.answers import Json, make_json_response
from cs_sync_sandbox.keys import SALESFORCE_CLIENT_ID, SALESFORCE_CLIENT_SECRET
from cs_sync_sandbox.salesforce.org import CustomField, Org, OrgError
from cs_sync_sandbox.salesforce.soql import MalformedQueryError

PREFIX = "/salesforce"
DATA = f"{PREFIX}/services/data/v67.0"
MOST = 200
_TYPES = {
    "Text": "string", "LongTextArea": "textarea", "Number": "double", "Picklist": "picklist",
    "DateTime": "datetime",
}  # fmt: skip
_FORBIDDEN = ("INSUFFICIENT_ACCESS", "REQUEST_LIMIT_EXCEEDED")
Answer = Callable[[Request], Any]


def list_routes(org: Org) -> Sequence[Route]:
    """Return the routes of an org."""
    service = OrgService(org)

    def guard(answer: Answer) -> Callable[[Request], Any]:
        async def respond(request: Request) -> Response:
            await request.body()
            return service.respond(request, answer)

        return respond

    async def give_token(request: Request) -> Response:
        return service.give_token(await request.form())

    paths: Sequence[tuple[str, str, Answer]] = (
        (f"{PREFIX}/services/oauth2/userinfo", "GET", service.show_user),
        (f"{DATA}/query", "GET", service.query),
        (f"{DATA}/queryAll", "GET", service.query),
        (f"{DATA}/query/{{locator}}", "GET", service.query_more),
        (f"{DATA}/composite/sobjects", "PATCH", service.update_many),
        (f"{DATA}/composite/sobjects", "POST", service.insert_many),
        (f"{DATA}/composite/sobjects/{{sobject}}/{{key}}", "PATCH", service.upsert_many),
        (f"{DATA}/sobjects/{{sobject}}/describe", "GET", service.describe),
        (f"{DATA}/tooling/sobjects/CustomField", "POST", service.create_field),
    )
    routes = [Route(path, guard(answer), methods=[method]) for path, method, answer in paths]
    return [Route(f"{PREFIX}/services/oauth2/token", give_token, methods=["POST"]), *routes]


class OrgService:
    """Answers requests out of the org."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self._rest: dict[str, list[Any]] = {}
        self._issued = 0

    def give_token(self, form: Mapping[str, Any]) -> Response:
        """Answer with a token, for the one client."""
        client = (form.get("client_id"), form.get("client_secret"))
        if client != (SALESFORCE_CLIENT_ID, SALESFORCE_CLIENT_SECRET):
            body = {"error": "invalid_client", "error_description": "invalid client credentials"}
            return make_json_response(body, 400)
        self._issued += 1
        token = "!".join(("00D000000000001", f"notARealToken{self._issued}"))
        self.org.tokens.add(token)
        body = {"access_token": token, "token_type": "Bearer", "issued_at": "1764000000000"}
        return make_json_response(body, 200)

    def respond(self, request: Request, answer: Answer) -> Response:
        """Answer a request, with the count of those of the day."""
        _, _, token = request.headers.get("authorization", "").partition(" ")
        if token not in self.org.tokens:
            return _refuse(401, "INVALID_SESSION_ID", "Session expired or invalid")
        try:
            self._count()
            body, status = answer(request), 200
        except OrgError as error:
            body = [{"message": error.message, "errorCode": error.code}]
            status = 403 if error.code in _FORBIDDEN else 400
        except MalformedQueryError as error:
            body, status = [{"message": str(error), "errorCode": "MALFORMED_QUERY"}], 400
        response = make_json_response(body, status)
        usage = f"api-usage={self.org.api_used}/{self.org.api_limit}"
        response.headers["Sforce-Limit-Info"] = usage
        return response

    def _count(self) -> None:
        if self.org.api_used >= self.org.api_limit:
            raise OrgError("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self.org.api_used += 1

    def show_user(self, _request: Request) -> Any:
        """Answer with the user of the token."""
        return {"user_id": self.org.user_id, "organization_id": "00D000000000001AAA"}

    def query(self, request: Request) -> Any:
        """Answer with the first records of a query."""
        everything = request.url.path.endswith("queryAll")
        _, rows = self.org.run_query(request.query_params["q"], everything=everything)
        return self._cut(rows, len(rows))

    def query_more(self, request: Request) -> Any:
        """Answer with the next records of a query."""
        locator = request.path_params["locator"]
        if locator not in self._rest:
            raise OrgError("INVALID_QUERY_LOCATOR", "invalid query locator")
        rows = self._rest[locator]
        return self._cut(rows, len(rows))

    def _cut(self, rows: list[Any], total: int) -> Any:
        size = self.org.page_size
        answer = {"totalSize": total, "done": len(rows) <= size, "records": rows[:size]}
        if rows[size:]:
            locator = f"01g{len(self._rest) + 1:012d}AAA-{size}"
            self._rest[locator] = rows[size:]
            answer["nextRecordsUrl"] = f"/services/data/v67.0/query/{locator}"
        return answer

    def insert_many(self, request: Request) -> Any:
        """Create records, each by itself."""

        def write(record: Json) -> Json:
            return {"id": self.org.insert(_name_type(record), _list_values(record))["Id"]}

        return [_try_record(write, each) for each in _read_records(request)]

    def update_many(self, request: Request) -> Any:
        """Change records by their ids, each by itself."""

        def write(record: Json) -> Json:
            values = _list_values(record)
            return {"id": self.org.update(_name_type(record), record["id"], values)["Id"]}

        return [_try_record(write, each) for each in _read_records(request)]

    def upsert_many(self, request: Request) -> Any:
        """Create or change records by an external id, each by itself."""
        sobject, key = request.path_params["sobject"], request.path_params["key"]

        def write(record: Json) -> Json:
            written, created = self.org.upsert(sobject, key, _list_values(record))
            return {"id": written["Id"], "created": created}

        return [_try_record(write, each) for each in _read_records(request)]

    def describe(self, request: Request) -> Any:
        """Answer with the fields that the user sees."""
        sobject = request.path_params["sobject"]
        shown = [f for f in self.org.custom.get(sobject, {}).values() if f.visible]
        may = dict.fromkeys(("queryable", "createable", "updateable"), True)
        return {"name": sobject, **may, "fields": [_describe_field(each) for each in shown]}

    def create_field(self, request: Request) -> Any:
        """Create a custom field."""
        asked = orjson.loads(request._body)
        self.org.create_field(asked["FullName"], asked["Metadata"])
        return {"id": "00N000000000001AAA", "success": True, "errors": []}


def _read_records(request: Request) -> list[dict[str, Any]]:
    asked = orjson.loads(request._body)
    if len(asked["records"]) > MOST:
        raise OrgError("EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than 200")
    records: list[dict[str, Any]] = asked["records"]
    return records


def _name_type(record: Mapping[str, Any]) -> str:
    return str(record["attributes"]["type"])


def _list_values(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: v for name, v in record.items() if name not in ("attributes", "id")}


def _try_record(write: Callable[[Json], Json], asked: Json) -> Json:
    try:
        return {**write(asked), "success": True, "errors": []}
    except OrgError as error:
        detail = {"statusCode": error.code, "message": error.message, "fields": [*error.fields]}
        return {"success": False, "errors": [detail]}


def _describe_field(definition: CustomField) -> Any:
    metadata = definition.metadata
    return {
        "name": definition.name,
        "type": _TYPES[metadata["type"]],
        "length": metadata.get("length", 0),
        "externalId": bool(metadata.get("externalId")),
        "unique": bool(metadata.get("unique")),
        "updateable": True,
        "calculated": False,
    }


def _refuse(status: int, code: str, message: str) -> Response:
    return make_json_response([{"message": message, "errorCode": code}], status)
