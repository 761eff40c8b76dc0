"""The sandbox as a process, read by the vendors' own SDKs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import hubspot
import pytest
import stripe

from cs_sync_sandbox import Sandbox, keys


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=7, today=date(2026, 11, 20), accounts=120, limits=False) as actual:
        yield actual


def test_the_stripe_sdk_reads_every_subscription(box: Sandbox) -> None:
    client = stripe.StripeClient(
        keys.STRIPE_KEY, base_addresses={"api": f"{box.url}/stripe"}, max_network_retries=0
    )
    params: Any = {"status": "all", "limit": 100, "expand": ["data.discounts"]}
    actual = list(client.v1.subscriptions.list(params).auto_paging_iter())
    assert len(actual) >= 120
    assert {s.object for s in actual} == {"subscription"}
    first = client.v1.customers.retrieve(str(actual[0].customer))
    assert first.id == actual[0].customer
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        client.v1.customers.retrieve("cus_nobody")


def test_the_hubspot_sdk_reads_companies(box: Sandbox) -> None:
    client = hubspot.HubSpot(
        access_token=keys.HUBSPOT_TOKEN, host=f"{box.url}/hubspot", base_url=f"{box.url}/hubspot"
    )
    path = "/crm/objects/2026-03/companies"
    with client.api_request({"path": path, "qs": {"limit": 100}}) as answer:
        body = answer.json()
    assert len(body["results"]) == 100
    assert body["paging"]["next"]["after"] == body["results"][-1]["id"]


def test_a_truncated_answer_breaks_the_connection(box: Sandbox) -> None:
    httpx.post(f"{box.url}/_sandbox/faults", json=[{"path": "coupons", "truncate": True}])
    headers = {"authorization": f"Bearer {keys.STRIPE_KEY}"}
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{box.url}/stripe/v1/coupons", headers=headers)
    assert httpx.get(f"{box.url}/stripe/v1/coupons", headers=headers).status_code == 200


@pytest.mark.slow("starts and kills a process")
@pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL, which Windows lacks")
def test_nothing_survives_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "parent.py"
    program.write_text(
        "import time\nfrom cs_sync_sandbox import Sandbox\n"
        "with Sandbox(accounts=20) as box:\n    print(box.url, flush=True)\n    time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    url = parent.stdout.readline().strip()
    assert httpx.get(f"{url}/hubspot/").status_code == 200
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert _ends(url)


def _ends(url: str) -> bool:
    """Whether nobody answers any more within five seconds."""
    for _ in range(100):
        try:
            httpx.get(f"{url}/hubspot/", timeout=1)
        except httpx.TransportError:
            return True
        time.sleep(0.05)
    return False
