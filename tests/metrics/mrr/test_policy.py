"""The policy object: presets, hash, bad input."""

import pytest
from pydantic import ValidationError

from cs_sync.metrics.mrr.policy import PRESETS, MrrPolicy


def test_equal_switches_have_equal_hashes_whatever_the_name() -> None:
    assert MrrPolicy.preset("default").hash == MrrPolicy(name="mine").hash
    assert MrrPolicy(past_due_churn_days=30).hash != MrrPolicy().hash


def test_the_hash_of_the_default_stays_what_it_is() -> None:
    """Stored figures are found by it: changing it orphans them."""
    assert MrrPolicy().hash == "7674a781fc38"


def test_every_preset_can_be_overridden() -> None:
    for name in PRESETS:
        assert MrrPolicy.preset(name, trials="counted").trials == "counted"
    assert MrrPolicy.preset("baremetrics").past_due_churn_days == 30


def test_unknown_names_and_switches_are_refused_with_what_is_known() -> None:
    with pytest.raises(ValueError, match="unknown MRR policy 'acme'; known: default, stripe"):
        MrrPolicy.preset("acme")
    with pytest.raises(ValidationError, match="no_such_switch"):
        MrrPolicy.preset("default", no_such_switch=1)
    with pytest.raises(ValidationError, match="unknown time zone 'Mars/Base'"):
        MrrPolicy(zone="Mars/Base")
