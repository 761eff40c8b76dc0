"""Every field of every table takes what it is: true is not a number, 1 is not true."""

from collections.abc import Iterator
from datetime import date, time
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from cs_sync.config.load import SECTIONS
from cs_sync.follow_ups.playbooks import PLAYBOOKS
from cs_sync.health.model import HealthConfig
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.plugins import load_plugins
from cs_sync.settings import Settings, flatten_types

INSTALLED = {"files", "hubspot", "posthog", "stripe", "webhook", "zendesk"}


def list_models() -> list[type[BaseModel]]:
    """Every table that can be in the file: sections, policy, playbooks, connectors, inner ones."""
    plugins = load_plugins()
    connectors = {*plugins.sources, *plugins.destinations}
    assert connectors >= INSTALLED
    actual: list[type[BaseModel]] = []
    waiting: list[type[BaseModel]] = [
        *SECTIONS.values(),
        HealthConfig,
        MrrPolicy,
        *(type(playbook.defaults) for playbook in PLAYBOOKS.values()),
        *filter(None, map(plugins.find_config_class, connectors)),
    ]
    while waiting:
        model = waiting.pop()
        if model in actual:
            continue
        actual.append(model)
        fields = [field for field in model.model_fields.values() if not field.exclude]
        for kind in (kind for field in fields for kind in flatten_types(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                waiting.append(kind)
    return sorted(actual, key=lambda model: model.__qualname__)


MODELS = list_models()


def list_fields(*kinds: type, without: type | None = None) -> list[Any]:
    return list(iterate_fields(kinds, without))


def iterate_fields(kinds: tuple[type, ...], without: type | None) -> Iterator[Any]:
    for model in MODELS:
        for name, field in model.model_fields.items():
            types = flatten_types(field.annotation)
            if any(kind in types for kind in kinds) and without not in types:
                given = field.alias or name
                yield pytest.param(model, given, id=f"{model.__qualname__}.{given}")


def find_error(model: type[BaseModel], name: str, value: Any) -> str | None:
    """What is said about one key; other keys may be missing."""
    try:
        model.model_validate({name: value})
    except ValidationError as error:
        messages = [e["msg"] for e in error.errors() if e["loc"][:1] == (name,)]
        return messages[0] if messages else None
    return None


def test_every_table_is_of_one_kind() -> None:
    assert len(MODELS) > 30
    assert [model for model in MODELS if not issubclass(model, Settings)] == []


@pytest.mark.parametrize(("model", "name"), list_fields(int, float, without=bool))
def test_true_is_no_number(model: type[BaseModel], name: str) -> None:
    for value in (True, False, [True], [[1, True]], {"a": [True, 2]}):
        message = find_error(model, name, value)
        assert message is not None, value
        assert "must be a number" in message or "must be a whole number" in message


@pytest.mark.parametrize(("model", "name"), list_fields(bool))
def test_one_is_not_true(model: type[BaseModel], name: str) -> None:
    if model.model_fields[name].annotation in (bool, bool | None):
        message = find_error(model, name, 1)
        assert message is not None
        assert "must be true or false" in message


@pytest.mark.parametrize(("model", "name"), list_fields(date, time))
def test_a_number_is_no_time(model: type[BaseModel], name: str) -> None:
    for value in ([9, 17], [True], [9.5]):
        message = find_error(model, name, value)
        assert message is not None
        assert "like" in message


@pytest.mark.parametrize(("model", "name"), list_fields(float))
def test_every_number_is_finite(model: type[BaseModel], name: str) -> None:
    if flatten_types(model.model_fields[name].annotation) in ([float], [float, type(None)]):
        for text in ("nan", "inf", "-inf"):
            assert find_error(model, name, text) is not None
