"""Mistakes of a description: each names its key and what to do."""

from pathlib import Path
from typing import Any

import pytest

from cs_sync.contracts.errors import ConfigError
from cs_sync.plugins.offer_validation import validate_source
from cs_sync.rest import make_source
from cs_sync.rest.description import load_description
from tests.rest.described import describe


@pytest.mark.parametrize(
    ("stream", "key", "remedy"),
    [
        ({"record": "acount"}, "streams.things.record: 'acount' is not a record", "did you mean"),
        ({"fields": {"source_id": "id", "nam": "x"}}, "has no field nam", "did you mean name"),
        ({"fields": {"name": "name"}}, "source_account needs source_id", "add fields.source_id"),
        ({"fields": {"source_id": "a[["}}, "source_id.path: 'a[[' is not a JMESPath", "correct"),
        ({"itms": "data"}, "streams.things.itms: unknown key", "did you mean items"),
        ({"path": ""}, "streams.things: neither path nor read", 'add path = "/…"'),
        ({"fields": {}}, "streams.things: maps nothing", "add fields, map or read"),
        ({"tables": {"x": {"path": "/x"}}}, "has tables that no expression can use", "add map"),
        ({"deletes": "flag"}, "announces deletions", "add deleted or gone"),
        ({"deleted": "gone"}, "finds deleted records", 'add deletes = "flag" or "feed"'),
        ({"cursor": "token"}, "keeps the cursor of the last page", 'kind = "cursor" with more'),
        ({"cursor": "token", "until": {"param": "u"}}, "keeps one cursor", "take out parent"),
        ({"lookback": "soon"}, "streams.things.lookback: 'soon' is not a duration", 'write "90m"'),
        ({"pages": {"kind": "cursor", "next": "n"}}, "pages.cursor.param: is missing", "add param"),
        (
            {"pages": {"kind": "anchor", "param": "since", "at": "at"}},
            "needs the one mark of a list that goes on", "add more, or link = true",
        ),
        ({"pages": {"kind": "curser"}}, "pages: kind must be one of 'single'", "mean cursor?"),
        ({"pages": {"next": "n"}}, "pages: kind is missing", "add kind = … to pages"),
        ({"map": "nowhere:at_all"}, "'nowhere:at_all' names no function", "module:function"),
        ({"look_up": {"x": {"path": "/x"}}}, "look_up.x.requires: is missing", "add requires"),
        (
            {"fields": {"source_id": "id", "name": {"path": "a", "value": "b"}}},
            "fields.name: gives no single origin", "one of path, text and value",
        ),
        (
            {"fields": {"source_id": "id", "name": {"path": "a", "other": "b"}}},
            "has other without map", "list the known values",
        ),
        (
            {"record": "refund", "fields": dict.fromkeys(
                ("source_id", "invoice_source_id", "amount", "currency", "refunded_at"), "x")},
            "amount is money in an unknown unit", 'as = "minor"',
        ),
    ],
)  # fmt: skip
def test_a_mistake_in_a_stream(stream: dict[str, Any], key: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as raised:
        make_source(describe(stream), module=__name__)
    assert key in raised.value.message
    assert remedy in raised.value.remedy


@pytest.mark.parametrize(
    ("tables", "key"),
    [
        ({"auth": {"kind": "header", "headers": {"X-Key": "{toke}"}}}, "auth.headers.X-Key"),
        ({"auth": {"kind": "bearer", "token": "{toke}"}}, "auth.token"),
        ({"headers": {"X-Site": "{toke}"}}, "headers.X-Site"),
    ],
)
def test_a_credential_names_settings_only(tables: dict[str, Any], key: str) -> None:
    settings = {"token": {"kind": "secret"}}
    with pytest.raises(ConfigError) as raised:
        make_source(describe({}, settings=settings, **tables), module=__name__)
    assert raised.value.message == f"acme: {key} names toke, which is not a setting"
    assert raised.value.remedy == "did you mean token?"


def test_client_credentials_need_no_refresh_token() -> None:
    auth = {"kind": "client_credentials", "token_url": "/token"}
    settings = {"client_id": {}, "client_secret": {"kind": "secret"}}
    assert make_source(describe({}, settings=settings, auth=auth), module=__name__)
    auth["kind"] = "refresh_token"
    with pytest.raises(ConfigError, match=r"auth\.refresh_token names refresh_token"):
        make_source(describe({}, settings=settings, auth=auth), module=__name__)


def test_all_mistakes_are_named_with_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "connector.toml"
    file.write_text(
        'name = "Acme"\nlimits = [{ requests = 10 }]\n\n[streams.things]\nrecord = "ticket"\n'
        'path = "/t"\nread_all = true\n'
    )
    with pytest.raises(ConfigError) as raised:
        load_description(file)
    message = str(raised.value)
    for part in (
        "connector.toml, line 1: name",
        "line 2: limits.seconds",
        "line 7: streams.things",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("text", "message"), [("name = ", "is not TOML"), (None, "cannot be read")]
)
def test_a_file_that_is_none(tmp_path: Path, text: str | None, message: str) -> None:
    file = tmp_path / "connector.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_description(file)


def test_a_described_class_is_a_source_like_any_other() -> None:
    made = make_source(
        describe({}, title="Acme CRM", precedence=10, concurrency=4), module=__name__
    )
    assert validate_source(made) is None
    assert (made.name, made.__name__, made.__module__) == ("acme", "AcmeSource", __name__)
    assert made.title == "Acme CRM"  # type: ignore[attr-defined]
    config = made.Config.model_validate({})
    assert config.base_url == "https://api.acme.example"


def test_settings_have_types_and_secrets_are_hidden() -> None:
    settings = {
        "key": {"kind": "secret"},
        "size": {"kind": "whole", "default": 5},
        "names": {"kind": "list", "default": []},
        "site": {"optional": True},
    }
    made = make_source(describe({}, settings=settings), module=__name__)
    config: Any = made.Config.model_validate({"base_url": "https://x.example", "key": "hush-hush"})
    assert (config.size, config.names, config.site) == (5, [], None)
    assert "hush-hush" not in repr(config)
    with pytest.raises(ValueError, match="key"):
        made.Config.model_validate({"base_url": "https://x.example"})
