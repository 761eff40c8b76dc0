"""Every mistake in a configuration is one line with file, key and remedy."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from cs_sync.config.problems import convert_validation_error
from tests.config.conftest import CANARY, Read, fail_to_read


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("[databse]\nx = 1", "line 1: databse: unknown section", "did you mean database?"),
        ("[connector.stripe]", "connector: unknown section", "did you mean connectors?"),
        ("database = 3", "database: must be", "write it as [database]"),
        (
            "[database]\nkeep_row = true",
            "line 2: database.keep_row: unknown key",
            "did you mean keep_raw?",
        ),
        (
            '[database]\nurl = "mysql://me:hunter22@db/x"',
            "line 2: database.url: must begin with sqlite:/// or postgresql+psycopg://",
            "write sqlite:///FILE or postgresql+psycopg:",
        ),
        (
            '[workspace]\ntimezone = "Europe/Warsawa"',
            "workspace.timezone: unknown time zone",
            "did you mean Europe/Warsaw?",
        ),
        (
            '[workspace]\ntimezone = "new york"',
            "workspace.timezone: unknown time zone",
            "did you mean America/New_York?",
        ),
        (
            '[workspace]\ntimezone = "Mars/Base"',
            "workspace.timezone: unknown time zone",
            "write it like Europe/Warsaw, or UTC",
        ),
        (
            '[workspace]\ncurrency = "EURO"',
            "workspace.currency: unknown currency 'EURO'",
            "use an ISO 4217 code such as EUR",
        ),
        (
            '[workspace]\nlanguage = "zh-hans"',
            "workspace.language: must be 'en', 'pl'",
            "did you mean zh-Hans?",
        ),
        (
            "[workspace]\nname = 5",
            "workspace.name: must be a text",
            "correct name",
        ),
        (
            "[connectors.biling]\n",
            "connectors.biling: no such connector is installed (installed: billing, crm)",
            "did you mean billing?",
        ),
        (
            "[connectors.zendesk]\n",
            "connectors.zendesk: no such connector is installed",
            'pip install "customer-success-sync[zendesk]"',
        ),
        (
            "[connectors]\nbilling = 3",
            "connectors.billing: must be a table",
            "write it as [connectors.billing]",
        ),
        (
            "[connectors.billing]\n",
            "line 1: connectors.billing.api_key: is missing",
            "add api_key = …: A restricted key",
        ),
        (
            '[connectors.billing]\napi_key = "x"\nproject = 1',
            "line 3: connectors.billing.project: unknown key",
            "did you mean project_id?",
        ),
        (
            '[connectors.billing]\napi_key = "x"\nworkspace = {}',
            "connectors.billing.workspace: unknown key",
            "remove it",
        ),
        (
            f'[connectors.billing]\napi_key = "{CANARY}"\nproject_id = "one"',
            "connectors.billing.project_id: must be a whole number",
            "correct project_id: Number of the project.",
        ),
        (
            f'[connectors.billing]\napi_key = ["{CANARY}"]',
            "connectors.billing.api_key: must be a text",
            "correct api_key: A restricted key",
        ),
        (
            f'[connectors.billing]\napi_key = "{CANARY}"\nbase_url = "http://example.com"',
            "line 3: connectors.billing.base_url: must be an https:// address; plain http",
            "http:// is for 127.0.0.1 and localhost only",
        ),
        (
            f'[connectors.billing]\napi_key = "{CANARY}"\nbase_url = "ftp://example.com"',
            "connectors.billing.base_url: must be an https:// address",
            "begin it with https://",
        ),
        (
            '[write_back]\ndestination = "billing"',
            "line 2: write_back.destination: no installed connector writes to billing",
            "valid names: crm",
        ),
        (
            '[write_back]\ndestination = "crm"',
            "write_back.destination: crm is not configured",
            "add a [connectors.crm] section",
        ),
        (
            "[write_back]\nmax_change = 20",
            "write_back.max_change: must be less than or equal to 1",
            "correct max_change: Refuse a plan",
        ),
        (
            '[schedule]\ncron = "15 25 * * *"',
            "schedule.cron: hour '25' is not made of numbers from 0 to 23",
            "correct cron",
        ),
        ('[schedule]\ncron = "daily"', "schedule.cron: has 1 fields, not five", "write it like"),
        (
            "[health]\nminimum_coverage = 50",
            "line 2: health.minimum_coverage: must be less than or equal to 1",
            "Share of the weights that must be known.",
        ),
        (
            "[health.inputs.usage]\nwieght = 40",
            "line 2: health.inputs.usage.wieght: unknown key",
            "did you mean weight?",
        ),
        (
            "[health.inputs.usage]\nweight = 50",
            "line 1: health: weights must total 100, these total 110",
            "or take an input out with weight = 0",
        ),
        (
            '[health.inputs.signal]\nsignal = "nps"',
            "health.inputs.signal.weight: is missing",
            "add weight = …: Weighted: its share of 100.",
        ),
        (
            "[health.bands]\nyellow = 80",
            "line 1: health.bands: green = 71 must be above yellow = 80",
            "raise green or lower yellow",
        ),
        (
            "[health.bands]\norange = 80",
            "line 2: health.bands.orange: unknown key",
            "valid names: excellent, green, red, yellow",
        ),
        (
            "[playbooks.detractor_cal]",
            "line 1: playbooks.detractor_cal: there is no such playbook",
            "did you mean detractor_call?",
        ),
        (
            "[playbooks.detractor_call]\nenable = false",
            "line 2: playbooks.detractor_call.enable: unknown key",
            "did you mean enabled?",
        ),
        (
            '[playbooks.detractor_call]\ndue_in = "tomorrow"',
            "line 2: playbooks.detractor_call.due_in: 'tomorrow' is not a duration",
            "24h",
        ),
        (
            "[follow_ups]\nignored_after = 14",
            "line 2: follow_ups.ignored_after: 14 is not a duration",
            "24h",
        ),
        (
            '[metrics]\npolicy = "strip"',
            "line 2: metrics.policy: unknown policy",
            "did you mean stripe?",
        ),
        (
            "[metrics.policy_overrides]\npast_due_churn_day = 30",
            "line 2: metrics.policy_overrides.past_due_churn_day: unknown key",
            "did you mean past_due_churn_days?",
        ),
        (
            "[metrics.policy_overrides]\npast_due_churn_days = -1",
            "metrics.policy_overrides.past_due_churn_days: must be greater than or equal to 0",
            "Days after which an overdue account counts as lost.",
        ),
        (
            '[metrics.policy_overrides]\nfree_plan = "maybe"',
            "metrics.policy_overrides.free_plan: must be 'no_customer' or 'customer'",
            "",
        ),
        (
            "[metrics.settings.npss]\nwindow_days = 30",
            "line 1: metrics.settings.npss: unknown metric",
            "did you mean nps?",
        ),
        (
            "[metrics.settings.nps]\nwindow_day = 30",
            "line 2: metrics.settings.nps.window_day: unknown key",
            "did you mean window_days?",
        ),
        (
            '[metrics.settings.nps]\nwindow_days = "a month"',
            "metrics.settings.nps.window_days: must be a number from 0 to 1000000, not 'a month'",
            "",
        ),
        (
            "[metrics.settings.fcr]\nresolution_rule = 1",
            "must be one of one_reply, at_most_one, not 1",
            "",
        ),
        (
            '[metrics.policy_overrides]\nzone = "UTC"',
            "metrics.policy_overrides.zone: unknown key",
            "valid names: came_and_left",
        ),
        (
            "[health.inputs.usage]\npoints = [[0, 0], [10, true]]",
            "line 2: health.inputs.usage.points: item 2, part 2: must be a number",
            "correct points: Piecewise linear map",
        ),
        (
            '[health.inputs.usage]\npoints = [[0, "x"], [10, 50]]',
            "line 2: health.inputs.usage.points: item 1, part 2: must be a number",
            "correct points: Piecewise linear map",
        ),
        (
            "[health.inputs.usage]\npoints = [[0], [10, 50]]",
            "line 2: health.inputs.usage.points: item 1, part 2: is missing",
            "correct points: Piecewise linear map",
        ),
        (
            "[health.inputs.usage]\npoints = [[0, 0, 1], [10, 50]]",
            "line 2: health.inputs.usage.points: item 1: must have at most 2 items, not 3",
            "correct points: Piecewise linear map",
        ),
        (
            '[health.profiles.new]\nwhen = {plan = "free"}\n'
            "[health.profiles.new.inputs.usage]\nweght = 40",
            "line 4: health.profiles.new.inputs.usage.weght: unknown key",
            "did you mean weight?",
        ),
        (
            '[health.profiles.new]\nwhen = {plan = "free"}\n'
            "[health.profiles.new.inputs.usage]\nweight = true",
            "line 4: health.profiles.new.inputs.usage.weight: must be a number",
            "correct weight: Weighted: its share of 100.",
        ),
        (
            '[health.bands]\nexcellent = "nan"',
            "line 2: health.bands.excellent: must be a finite number",
            "correct excellent",
        ),
        (
            "[follow_ups]\nbusiness_hours = [9, 17]",
            'line 2: follow_ups.business_hours: item 1: must be a time like "09:00"',
            "correct business_hours: Hours of work:",
        ),
        (
            "[follow_ups]\nholidays = [86400]",
            "line 2: follow_ups.holidays: item 1: must be a date like 2026-12-25",
            "correct holidays: Days without work",
        ),
        (
            '[identity]\nshared_domains = "gmail.com"',
            "line 2: identity.shared_domains: must be a list",
            "correct shared_domains: Domains",
        ),
        (
            "[metrics.settings]\nnps = 4",
            "line 2: metrics.settings.nps: must be a table",
            "correct nps: Settings of a metric",
        ),
        (
            '[workspace]\nname = "env:"',
            "line 2: workspace.name: names nothing after the colon",
            "write env:NAME, file:PATH or keyring:NAME, or the value itself",
        ),
        (
            '[workspace]\nname = "env:CS_SYNC_NOT_SET"',
            "workspace.name: environment variable CS_SYNC_NOT_SET is not set",
            "export CS_SYNC_NOT_SET=…",
        ),
        ("[workspace\n", "cs_sync.toml is not TOML", "correct that line"),
        ("[alerts]\n[sync]\n[alerts]\n", "('alerts',) twice", "it stands in the file already"),
    ],
)
def test_a_mistake_is_named_with_its_key_and_remedy(
    read: Read, text: str, message: str, remedy: str
) -> None:
    error = fail_to_read(read, text)
    assert message in error.message
    assert error.message.startswith("cs_sync.toml")
    assert remedy in error.remedy
    assert "hunter22" not in str(error)
    assert error.exit_code == 2


def test_all_mistakes_are_listed_at_once(read: Read) -> None:
    error = fail_to_read(
        read,
        f"""
        [workspace]
        currency = "EURO"
        nmae = "x"
        [connectors.billing]
        api_key = "{CANARY}"
        project_id = "one"
        [schedul]
        """,
    )
    assert error.message.startswith("cs_sync.toml has 4 mistakes:")
    for key in ("workspace.currency", "workspace.nmae", "billing.project_id", "schedul"):
        assert key in error.message
    assert "did you mean name?" in error.message


class _Kinds(BaseModel):
    kinds: Annotated[tuple[Literal["page", "track"], ...], Field(min_length=1)]


@pytest.mark.parametrize(
    ("kinds", "messages"),
    [
        (["pag"], ["item 1: must be 'page' or 'track'"]),
        ([], ["must have at least 1 item, not 0"]),
    ],
)
def test_a_list_is_not_called_short_of_an_item_that_is_refused(
    kinds: list[str], messages: list[str]
) -> None:
    table = {"kinds": kinds}
    with pytest.raises(ValidationError) as refused:
        _Kinds.model_validate(table)
    problems = convert_validation_error(refused.value, _Kinds, "x", table)
    assert [problem.message for problem in problems] == messages
