"""The health model of one account: by its attributes and age."""

from collections.abc import Mapping
from typing import Any

from cs_sync.health import HealthConfig, SignalScope


def select_model(
    account: Mapping[str, Any], config: HealthConfig, scope: SignalScope
) -> HealthConfig:
    """Select the health model of an account on a scope's day.

    By segment or stage.
    """
    if not config.profiles:
        return config
    created = account["created_at"]
    age = None if created is None else (scope.day - scope.to_local_day(created)).days
    return config.select_model(account["attributes"], age)
