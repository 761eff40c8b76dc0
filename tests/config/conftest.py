"""A few connectors to configure, and a way to write and read a configuration."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any, ClassVar

import pluggy
import pytest
from pydantic import Field, SecretStr, field_validator

from cs_sync import Addresses, ConfigError, ConnectorConfig, Finding, Http, Stream, hookimpl
from cs_sync.config import Config, load_config
from cs_sync.contracts.hookspecs import PROJECT, HookSpecs
from cs_sync.plugins import Plugin, PluginRegistry

Read = Callable[[str], Config]
CANARY = "sk_live_canary_7731"


def fail_to_read(read: Read, text: str) -> ConfigError:
    """Return the error of a configuration; no secret is in it."""
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert CANARY not in str(caught.value)
    assert CANARY not in repr(caught.value)
    assert caught.value.__cause__ is None
    return caught.value


class BillingConfig(ConnectorConfig):
    """Settings of a made-up billing vendor."""

    base_url: str = Field(default="https://billing.example.com", description="Where it answers.")
    api_key: SecretStr = Field(description="A restricted key that may read.")
    project_id: int = Field(default=1, description="Number of the project.")

    @field_validator("api_key")
    @classmethod
    def _indiscreet(cls, key: SecretStr) -> SecretStr:
        if key.get_secret_value().startswith("old_"):
            raise ValueError(f"{key.get_secret_value()} is an old key; make a new one")
        return key


class Billing:
    """A made-up source."""

    name: ClassVar[str] = "billing"
    Config: ClassVar[type[ConnectorConfig]] = BillingConfig
    limits: ClassVar[tuple[()]] = ()
    concurrency: ClassVar[int] = 1

    def __init__(self, config: BillingConfig, http: Http) -> None: ...

    def streams(self) -> Sequence[Stream]:
        return ()

    def check(self) -> Iterator[Finding]:
        return iter(())


class CrmConfig(ConnectorConfig):
    """Settings of a made-up CRM."""

    base_url: str = "https://crm.example.com"
    token: SecretStr | None = None


class Crm(Billing):
    """A made-up destination."""

    name: ClassVar[str] = "crm"
    Config: ClassVar[type[ConnectorConfig]] = CrmConfig
    addresses: ClassVar[Addresses] = "records"

    def prepare(self, fields: Any) -> Iterator[Finding]:
        return iter(())

    def write(self, ops: Any) -> Iterator[Any]:
        return iter(())

    def find(self, keys: Any) -> Iterator[Any]:
        return iter(())


class Offer:
    """The plugin that offers both."""

    @hookimpl
    def cs_sync_sources(self) -> list[type]:
        return [Billing]

    @hookimpl
    def cs_sync_destinations(self) -> list[type]:
        return [Crm]


class Vault:
    """A plugin that opens `vault:` references."""

    @hookimpl
    def cs_sync_secret(self, scheme: str, reference: str) -> str | None:
        return f"opened-{reference}" if scheme == "vault" else None


@pytest.fixture
def plugins() -> PluginRegistry:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(HookSpecs)
    plugins = PluginRegistry(manager, lambda broken: None)
    plugins.register(Plugin("offer", "acme-offer", "1.0"), Offer())
    return plugins


@pytest.fixture
def vault(plugins: PluginRegistry) -> None:
    plugins.register(Plugin("vault", "acme-vault", "1.0"), Vault())


@pytest.fixture
def read(tmp_path: Path, plugins: PluginRegistry) -> Read:
    """Write a configuration into a folder of its own and load it."""

    def run(text: str) -> Config:
        path = tmp_path / "cs_sync.toml"
        path.write_text(dedent(text))
        return load_config(path, plugins)

    return run
