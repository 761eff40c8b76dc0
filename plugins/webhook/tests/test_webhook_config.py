"""The `[connectors.webhook]` section: what is refused, and that no secret is repeated."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cs_sync import ConfigError
from cs_sync.config import load_config, render_template
from cs_sync.plugins import load_plugins
from cs_sync_webhook.config import WebhookConfig

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def config(**settings: Any) -> WebhookConfig:
    given: Mapping[str, Any] = {"url": "https://example.com/hook", "signing_secret": SECRET}
    return WebhookConfig.model_validate({**given, **settings})


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://example.com/hook", "https://example.com/hook"),
        (" https://example.com/hook?team=cs#part ", "https://example.com/hook?team=cs"),
        ("http://127.0.0.1:8080/hook", "http://127.0.0.1:8080/hook"),
        ("http://localhost/hook", "http://localhost/hook"),
        ("http://[::1]:9/hook", "http://[::1]:9/hook"),
    ],
)
def test_addresses_that_are_taken(url: str, kept: str) -> None:
    assert config(url=url).base_url == kept


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://example.com/hook", "must be an https:// address"),
        ("http://10.0.0.7/hook", "must be an https:// address"),
        ("http://localhost.example.com/", "must be an https:// address"),
        ("ftp://example.com", "must be an https:// address"),
        ("/hook", "must be an https:// address"),
        ("https://", "must be an https:// address"),
        ("https://me:canary@example.com/hook", "carries a credential"),
        ("https://exa mple.com:port/", "not an address"),
    ],
)
def test_addresses_that_are_refused(url: str, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem) as caught:
        config(url=url)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ({"Webhook-Id": "x"}, "is set by cs-sync itself"),
        ({"Content-Type": "text/plain"}, "is set by cs-sync itself"),
        ({"X Team": "cs"}, "is not a name of a header"),
        ({"": "cs"}, "is not a name of a header"),
        ({"Authorization": "Bearer canary\r\nX-Evil: 1"}, "cannot be sent"),
        ({"Authorization": ""}, "cannot be sent"),
        ({"Authorization": "canary-ż"}, "cannot be sent"),
    ],
)
def test_headers_that_are_refused(headers: Mapping[str, str], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem) as caught:
        config(headers=headers)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("timeout", [0, -1, 121, "soon"])
def test_a_timeout_is_a_number_of_seconds(timeout: object) -> None:
    with pytest.raises(ValidationError):
        config(timeout=timeout)


def test_no_secret_is_in_a_repr() -> None:
    shown = repr(config(headers={"Authorization": "Bearer canary"}))
    assert "canary" not in shown
    assert SECRET not in shown


def test_a_file_with_mistakes_is_told_what_to_correct(tmp_path: Path) -> None:
    file = tmp_path / "cs_sync.toml"
    file.write_text(
        "[connectors.webhook]\n"
        'url = "http://example.com"\n'
        'base_url = "https://example.com"\n'
        'signing_secret = "canary-too-short"\n'
    )
    with pytest.raises(ConfigError) as caught:
        load_config(file, load_plugins())
    message = str(caught.value)
    assert "connectors.webhook.url: must be an https:// address" in message
    assert "connectors.webhook.base_url: unknown key" in message
    assert "connectors.webhook.signing_secret: must be whsec_ and the base64" in message
    assert "canary" not in message


def test_the_template_asks_for_address_and_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugins = load_plugins()
    text = render_template(plugins, ["webhook"])
    assert 'url = "env:WEBHOOK_URL"\n' in text
    assert 'signing_secret = "env:WEBHOOK_SIGNING_SECRET"\n' in text
    assert 'destination = "webhook"\n' in text
    file = tmp_path / "cs_sync.toml"
    file.write_text(text)
    monkeypatch.setenv("WEBHOOK_URL", "https://example.com/hook")
    monkeypatch.setenv("WEBHOOK_SIGNING_SECRET", SECRET)
    settings = load_config(file, plugins).connectors["webhook"]
    assert settings.base_url == "https://example.com/hook"
