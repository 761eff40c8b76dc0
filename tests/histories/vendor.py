"""Stripe's answers: discounts of invoices are ids unless they are asked for."""

import json

import httpx

from tests.histories.prices import Json
from tests.known_failures.books import Books


class HistoryBooks(Books):
    """Books whose objects refer to discounts as Stripe does."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        answer = super().__call__(request)
        expand = {v for k, v in request.url.params.multi_items() if k.startswith("expand")}
        if request.url.path.startswith("/v1/invoices") and answer.status_code == 200:
            body = json.loads(answer.content)
            for invoice in body.get("data", [body]):
                _narrow(invoice, expand)
            return httpx.Response(200, json=body)
        return answer


def _narrow(invoice: Json, expand: set[str]) -> None:
    if not expand & {"discounts", "data.discounts"}:
        invoice["discounts"] = [item["id"] for item in invoice["discounts"]]
    if not expand & {"lines.data.discounts", "data.lines.data.discounts"}:
        for line in invoice["lines"]["data"]:
            line["discounts"] = [item["id"] for item in line["discounts"]]
