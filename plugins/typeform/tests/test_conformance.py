"""The connector keeps the host's promises: the conformance kit against a Typeform in memory."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cs_sync.testing import SourceConformance, SyncHarness, VendorFake
from cs_sync_typeform import cs_sync_sources

pytestmark = pytest.mark.slow("syncs Typeform for each promise")

TOKEN = "_".join(("tfp", "notARealToken"))
FIELDS = [
    {"id": "f1", "ref": "nps", "type": "nps", "title": "Recommend?", "properties": {}},
    {"id": "f2", "ref": "why", "type": "long_text", "title": "Why?", "properties": {}},
]


class TypeformVendor(VendorFake):
    """Two forms; responses by form, oldest first. Typeform shows no deletion but by silence."""

    (connector,) = cs_sync_sources()
    free_text = ("title", "text")
    vital = ("id", "token")

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        self.forms: dict[str, list[dict[str, Any]]] = {"formA": [], "formB": []}
        for number in range(18):
            self._put("formA" if number < 15 else "formB", timedelta(days=20 - number))

    def settings(self) -> Mapping[str, Any]:
        return {"access_token": TOKEN}

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return httpx.Response(401, json={"code": "AUTHENTICATION_FAILED", "description": "no"})
        match request.url.path.strip("/").split("/"):
            case ["forms"]:
                forms = [{"id": name, "title": f"Survey {name}"} for name in self.forms]
                body = {"items": forms, "page_count": 1, "total_items": len(forms)}
                return httpx.Response(200, json=body)
            case ["forms", name]:
                form = {"id": name, "title": f"Survey {name}", "fields": FIELDS}
                return httpx.Response(200, json=form)
            case ["forms", name, "responses"]:
                return httpx.Response(200, json=self._list(name, request.url.params))
        return httpx.Response(404, json={"code": "NOT_FOUND", "description": "no"})

    def _list(self, form: str, query: httpx.QueryParams) -> dict[str, Any]:
        tokens = [response["token"] for response in self.forms[form]]
        edge = tokens.index(query["before"]) if "before" in query else len(tokens)
        since = datetime.fromtimestamp(int(query.get("since", 0)), self.now().tzinfo)
        until = datetime.fromtimestamp(int(query["until"]), self.now().tzinfo)
        matching = [
            response
            for response in reversed(self.forms[form][:edge])
            if since <= datetime.fromisoformat(response["submitted_at"]) <= until
        ]
        size = min(self.page_size, int(query["page_size"]))
        return {
            "items": matching[:size],
            "total_items": len(matching),
            "page_count": -(-len(matching) // size),
        }

    def add(self, stream: str) -> str:
        return self._put("formA")

    def _put(self, form: str, ago: timedelta = timedelta(0)) -> str:
        responses = self.forms[form]
        token = f"{form}{len(responses):03d}"
        answers = [
            {"field": FIELDS[0], "type": "number", "number": 9},
            {"field": FIELDS[1], "type": "text", "text": "Fast"},
        ]
        hidden = {"account_id": "42", "user_id": f"u-{len(responses)}", "email": "ana@acme.example"}
        at = f"{self.now() - ago:%Y-%m-%dT%H:%M:%SZ}"
        times = {"landed_at": at, "submitted_at": at}
        responses.append({"token": token, **times, "hidden": hidden, "answers": answers})
        return f"{form}:{token}:f1"


class TestTypeform(SourceConformance):
    vendor = TypeformVendor


def test_a_deleted_response_is_found_when_all_is_read_again(tmp_path: Path) -> None:
    bench = SyncHarness(TypeformVendor, tmp_path)
    bench.sync()
    before = len(bench.present())
    assert isinstance(bench.vendor, TypeformVendor)
    del bench.vendor.forms["formA"][4]
    for full, gone in ((False, 0), (True, 1)):
        bench.advance_clock(minutes=90)
        assert bench.sync(full=full).status == "ok"
        left = [key for key in bench.present() if key[0] == "survey_response"]
        assert (("survey_response", "formA:formA004:f1") in left) == (not gone)
    assert len(bench.present()) == before - 1
    bench.close()
