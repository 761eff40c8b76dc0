"""What can be tested without dlt: initial values, answers behind errors, and mistakes."""

import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from cs_sync import CredentialRefused, PermissionMissing, Throttled, Unreachable, WorkspaceInfo
from cs_sync.http import VendorHttp
from cs_sync_dlt.config import DltConfig, DltStream, Since
from cs_sync_dlt.resources import convert_to_json, describe_failure
from cs_sync_dlt.source import DltSource

MAPPED = {"record": "source_account", "fields": {"source_id": "id"}}
NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)


def make_config(folder: Path, **settings: Any) -> DltConfig:
    given = {
        "workspace": WorkspaceInfo(folder=folder, section="shop"),
        "source": "shop_source.py:shop",
        "streams": {"accounts": MAPPED},
    }
    return DltConfig.model_validate({**given, **settings})


@pytest.mark.parametrize(
    ("format", "value"),
    [
        ("iso", "2026-11-20T08:59:59Z"),
        ("epoch_s", 1795165200),
        ("epoch_ms", 1795165200000),
        ("day", "2026-11-20"),
        ("datetime", NINE),
    ],
)
def test_our_window_is_the_initial_value(format: Any, value: Any) -> None:
    since = Since(cursor="updated_at", format=format, start="2020")
    assert since.write(NINE) == value
    assert since.write(None) == "2020"


@pytest.mark.parametrize(
    ("rule", "deletes"),
    [
        ({}, "sweep"),
        ({"since": {"cursor": "at"}}, "never"),
        ({"since": {"cursor": "at"}, "deleted": "gone"}, "flag"),
        ({"deletes": "never"}, "never"),
    ],
)
def test_deletions_are_found_where_everything_is_read(rule: Any, deletes: str) -> None:
    assert DltStream.model_validate({**MAPPED, **rule}).find_deletes() == deletes


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, CredentialRefused), (403, PermissionMissing), (429, Throttled), (500, Unreachable)],
)
def test_the_answer_behind_an_error_says_what_it_means(status: int, kind: type[Exception]) -> None:
    refused = RuntimeError(f"{status} for /accounts")
    refused.response = SimpleNamespace(status_code=status)  # type: ignore[attr-defined]
    try:
        raise LookupError("extraction failed") from refused
    except LookupError as error:
        failure = describe_failure("accounts", error)
    assert type(failure) is kind
    assert failure.message == f"accounts: RuntimeError: {status} for /accounts"


def test_objects_are_as_json_writes_them() -> None:
    item = {"at": NINE, "day": date(2026, 1, 2), "sum": Decimal("19.90"), "id": 2**70, "on": True}
    assert convert_to_json(item) == {
        "at": "2026-11-20T09:00:00+00:00",
        "day": "2026-01-02",
        "sum": "19.90",
        "id": 2**70,
        "on": True,
    }


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"source": "shop_source.py"}, "should match pattern"),
        ({"settings": {"token": "abc"}}, "settings.token looks like a credential"),
        ({"streams": {"accounts": {**MAPPED, "deletes": "flag"}}}, "goes with deleted"),
    ],
)
def test_mistakes_of_the_section(settings: Mapping[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words) as raised:
        make_config(Path(), **settings)
    assert "abc" not in str(raised.value)


def test_without_dlt_check_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "dlt", None)
    with VendorHttp("shop") as http:
        [finding] = DltSource(make_config(tmp_path), http).check()
    assert finding.message == "[connectors.shop] needs dlt, which is not installed"
    assert finding.remedy == 'pip install "customer-success-sync-dlt[dlt]"'
