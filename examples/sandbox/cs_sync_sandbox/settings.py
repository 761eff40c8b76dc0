"""The `cs_sync.toml` that makes cs-sync read from and write to a sandbox."""

from __future__ import annotations

import json
from pathlib import Path

from cs_sync_sandbox import keys
from cs_sync_sandbox.world.surveys import ROUNDS
from cs_sync_sandbox.world.usage import DAYS

TEMPLATE = """\
# Acme's sandbox. Real keys belong into the environment: "env:STRIPE_API_KEY".
[database]
url = {database}

[workspace]
name = "acme"
timezone = "Europe/Warsaw"
currency = "EUR"
language = "en"

[connectors.stripe]
base_url = {stripe}
api_key = {stripe_key}

[connectors.hubspot]
base_url = {hubspot}
access_token = {hubspot_token}
portal_id = {portal_id}
app_url = {hubspot}

[connectors.zendesk]
base_url = {zendesk}
client_id = {zendesk_id}
client_secret = {zendesk_secret}

[connectors.posthog]
base_url = {posthog}
api_key = {posthog_key}
project_id = {posthog_project}
account_group_index = 0
backfill_days = {days}

[connectors.posthog.surveys]
{surveys}

[write_back]
destination = "hubspot"
"""


def format_config(url: str, database_path: str | Path, usage_days: int = DAYS) -> str:
    """Return the configuration for the sandbox at `url` and a SQLite file."""
    values = {
        "database": f"sqlite:///{Path(database_path).as_posix()}",
        "stripe": f"{url}/stripe",
        "stripe_key": keys.STRIPE_KEY,
        "hubspot": f"{url}/hubspot",
        "hubspot_token": keys.HUBSPOT_TOKEN,
        "zendesk": f"{url}/zendesk",
        "zendesk_id": keys.ZENDESK_CLIENT_ID,
        "zendesk_secret": keys.ZENDESK_CLIENT_SECRET,
        "posthog": f"{url}/posthog",
        "posthog_key": keys.POSTHOG_KEY,
    }
    quoted = {name: json.dumps(value) for name, value in values.items()}
    surveys = [
        f"{json.dumps(survey)} = {json.dumps(kind)}"
        for kind, survey, _, _, channel, _, _ in ROUNDS
        if channel == "posthog"
    ]
    return TEMPLATE.format(
        **quoted,
        posthog_project=keys.POSTHOG_PROJECT_ID,
        portal_id=keys.HUBSPOT_PORTAL_ID,
        days=usage_days,
        surveys="\n".join(surveys),
    )
