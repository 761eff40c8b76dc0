"""JSON answers and request ids."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

import orjson
from starlette.responses import Response

Json = dict[str, Any]
_numbers = count(1)


def make_json_response(
    body: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return `body` as a JSON response."""
    return Response(orjson.dumps(body), status, headers, "application/json; charset=utf-8")


def request_number() -> int:
    """Return the next number for a request id.

    They only have to differ.
    """
    return next(_numbers)
