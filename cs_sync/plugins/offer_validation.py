"""Validation of plugins' offers against the contract."""

import re
from collections.abc import Mapping
from typing import Any, get_args

from cs_sync.contracts.destination import Addresses
from cs_sync.contracts.source import ConnectorConfig, get_concurrency, get_precedence

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def validate_source(offer: Any) -> str | None:
    """Return why this source is invalid; None if valid."""
    problem = validate_connector(offer, ("streams", "check"))
    if problem:
        return problem
    concurrency = get_concurrency(offer)
    if not isinstance(concurrency, int) or concurrency < 0:
        return f"{offer.__name__}.concurrency must be a whole number, 0 without requests"
    if not isinstance(get_precedence(offer), int):
        return f"{offer.__name__}.precedence must be a whole number; the lowest comes first"
    return None


def validate_destination(offer: Any, sources: Mapping[str, Any]) -> str | None:
    """Return why this destination is invalid; None if valid."""
    problem = validate_connector(offer, ("prepare", "write", "find"))
    if problem:
        return problem
    if getattr(offer, "addresses", None) not in get_args(Addresses):
        return f"{offer.__name__}.addresses must be {' or '.join(map(repr, get_args(Addresses)))}"
    source = sources.get(offer.name)
    if source and source.Config is not offer.Config:
        return f"source and destination {offer.name} must have the same Config: one section"
    return None


def validate_metric(offer: Any) -> str | None:
    """Return why this metric is invalid; None if valid."""
    from cs_sync.metrics.metric import Metric
    from cs_sync.metrics.registry import list_builtin_metrics

    if not isinstance(offer, Metric):
        return f"{offer!r} is not a cs_sync Metric"
    if any(offer.name == ours.name for ours in list_builtin_metrics()):
        return f"metric {offer.name} comes with cs-sync already"
    return None


def validate_playbook(offer: Any) -> str | None:
    """Return why this playbook is invalid; None if valid."""
    from cs_sync.follow_ups.playbook import Playbook
    from cs_sync.follow_ups.playbooks import PLAYBOOKS

    if not isinstance(offer, Playbook):
        return f"{offer!r} is not a cs_sync Playbook"
    return f"playbook {offer.name} comes with cs-sync already" if offer.name in PLAYBOOKS else None


def validate_signal(offer: Any) -> str | None:
    """Return why this health signal is invalid; None if valid."""
    from sqlalchemy import Table

    from cs_sync.health.signals.registry import FEATURE_SIGNAL, SIGNALS, Signal

    if not isinstance(offer, Signal):
        return f"{offer!r} is not a cs_sync Signal"
    if not _NAME.fullmatch(offer.name):
        return f"{offer.name!r} must be lower-case letters, digits and _"
    if offer.name in (*SIGNALS, FEATURE_SIGNAL.key):
        return f"signal {offer.name} comes with cs-sync already"
    missing = [name for name in ("records", "title", "absence") if not getattr(offer, name)]
    if missing:
        return f"signal {offer.name} has no {' and no '.join(missing)}"
    if all(isinstance(table, Table) for table in offer.records):
        return None
    return f"the records of signal {offer.name} are tables, such as cs_sync_schemas.tables.TICKET"


def validate_connector(offer: Any, methods: tuple[str, ...] = ()) -> str | None:
    """Return what a connector lacks that reads or writes; None if nothing."""
    if not isinstance(offer, type):
        return f"{offer!r} is not a class; return the class itself, not an instance"
    name = getattr(offer, "name", None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f"{offer.__name__}.name must be lower-case letters, digits and _ ({name!r})"
    config = getattr(offer, "Config", None)
    if not (isinstance(config, type) and issubclass(config, ConnectorConfig)):
        return f"{offer.__name__}.Config must be a subclass of cs_sync.ConnectorConfig"
    if not isinstance(getattr(offer, "limits", None), list | tuple):
        return f"{offer.__name__}.limits must be a list or tuple of cs_sync.Limit"
    for method in methods:
        if not callable(getattr(offer, method, None)):
            return f"{offer.__name__} has no method {method}"
    return None
