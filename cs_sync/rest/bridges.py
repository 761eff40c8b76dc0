"""Bridges: what connectors share that read through another program and map what it gives."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from cs_sync.contracts.source import ConnectorConfig, Page, Stream, Window
from cs_sync.rest.objects import ObjectRule, build_page

_CREDENTIAL = re.compile(
    r"(token|secret|passw(or)?d|api[-_]?key|private[-_]?key|authorization|cookie)$", re.IGNORECASE
)
_PASSWORD_IN_URL = re.compile(r"://[^/\s:@]*:[^/\s@]+@")


class BridgeStream(ObjectRule):
    """The mapping of one list of another program's, and how its deletions are found."""

    deletes: Literal["never", "flag", "sweep"] | None = Field(
        None,
        description="By default flag with `deleted`, sweep if all is read every time, else never.",
    )

    @model_validator(mode="after")
    def _require_fields(self) -> Self:
        if not self.fields:
            raise ValueError("maps nothing; add fields")
        return self

    @model_validator(mode="after")
    def _require_flag(self) -> Self:
        if (self.find_deletes() == "flag") != (self.deleted is not None):
            raise ValueError('needs both or neither; deletes = "flag" goes with deleted')
        return self

    def reads_fully(self) -> bool:
        """Return whether every read is of the whole list."""
        return False

    def find_deletes(self) -> Literal["never", "flag", "sweep"]:
        """Return how deletions are found."""
        if self.deletes is not None:
            return self.deletes
        if self.deleted is not None:
            return "flag"
        return "sweep" if self.reads_fully() else "never"

    def map_items(self, items: Sequence[Any], resume: Any = None, *, last: bool) -> Page:
        """Map objects to a page of their records, rejections and deletions."""
        page = build_page(
            self.type,
            items,
            resume,
            map_object=self.map_object,
            find_id=self.find_source_id,
            is_gone=self.is_deleted,
        )
        return replace(page, last=last)

    def make_stream(self, name: str, read: Callable[[Window], Iterator[Page]]) -> Stream:
        """Make the stream of this mapping.

        Its cursor and deletes are the bridge's to add.
        """
        return Stream(
            name,
            self.type,
            read,
            extra=tuple(dict.fromkeys(self.list_extra())),
            children=self.list_children(),
            snapshot=tuple(dict.fromkeys(self.list_snapshots())),
        )


class BridgeConfig(ConnectorConfig):
    """Settings that are passed on to another program, with its secrets apart."""

    model_config = ConfigDict(hide_input_in_errors=True)

    base_url: str = Field(default="bridge:", description="Not used: the other program connects.")
    settings: dict[str, Any] = Field(default_factory=dict, description="Passed on as they are.")
    secrets: dict[str, SecretStr] = Field(
        default_factory=dict,
        description='Passed on among them, and masked: "client.token" is inside the table client.',
        examples=[{"token": "env:TOKEN"}],
    )

    @field_validator("secrets", mode="before")
    @classmethod
    def _flatten_secrets(cls, secrets: Any) -> Any:
        return dict(_flatten(secrets)) if isinstance(secrets, Mapping) else secrets

    @model_validator(mode="after")
    def _refuse_plain_credentials(self) -> Self:
        plain = [name for name, value in _flatten(self.settings) if _may_be_credential(name, value)]
        if plain:
            raise ValueError(
                f"settings.{plain[0]} looks like a credential; move it to secrets, where it is"
                " masked"
            )
        for name in self.secrets:
            try:
                self._put_secret(deepcopy(self.settings), name)
            except (LookupError, TypeError, ValueError, AttributeError):
                raise ValueError(
                    f"secrets.{name} has no place in settings; correct its dotted key"
                ) from None
        return self

    def merge_settings(self) -> dict[str, Any]:
        """Return the settings with the secrets in their places."""
        merged = deepcopy(self.settings)
        for name in self.secrets:
            self._put_secret(merged, name)
        return merged

    def _put_secret(self, settings: dict[str, Any], name: str) -> None:
        *path, last = name.split(".")
        inside: Any = settings
        for key in path:
            is_list = isinstance(inside, list)
            inside = inside[int(key)] if is_list else inside.setdefault(key, {})
        inside[last] = self.secrets[name].get_secret_value()


def _flatten(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a table by dotted keys, at any depth."""
    for name, value in table.items():
        key, inside = f"{prefix}{name}", value
        if isinstance(value, list):
            inside = {str(number): each for number, each in enumerate(value)}
        if isinstance(inside, Mapping):
            yield from _flatten(inside, f"{key}.")
        else:
            yield key, value


def _may_be_credential(name: str, value: Any) -> bool:
    """Return whether a value looks like a credential.

    By its name, or as an address with a password.
    """
    if not isinstance(value, str) or not value:
        return False
    return bool(_CREDENTIAL.search(name) or _PASSWORD_IN_URL.search(value))
