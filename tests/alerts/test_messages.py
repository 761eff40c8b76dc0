"""One message for what is wrong and what is over, in each form."""

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from cs_sync.alerts.messages import build_message, format_json, format_slack, format_teams
from cs_sync.alerts.states import AlertState
from cs_sync.config.alerts import choose_webhook_form

SINCE = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)
STATES = [
    AlertState("overdue", SINCE, "no run for 26 h\n→ look at the scheduler", is_over=True),
    AlertState("partial", SINCE, "the run is partial\n<!channel> & *all* [x](http://x.example)"),
]
MESSAGE = build_message("acme", STATES, ZoneInfo("Europe/Warsaw"))


def test_what_is_wrong_stands_before_what_is_over() -> None:
    assert MESSAGE.subject == "cs-sync acme: the run is partial (+1)"
    assert MESSAGE.text.splitlines() == [
        "cs-sync acme: the run is partial (+1)",
        "",
        "the run is partial (since 2026-03-10 09:00 CET)",
        "<!channel> & *all* [x](http://x.example)",
        "",
        "over: no run for 26 h (since 2026-03-10 09:00 CET)",
    ]


def test_slack_is_given_text_that_notifies_nobody_by_itself() -> None:
    text = format_slack(MESSAGE)["text"]
    assert "&lt;!channel&gt; &amp; *all*" in text
    assert "<" not in text


def test_teams_is_given_a_card_of_plain_text() -> None:
    """Runs of text are the one element of a card in which nothing is Markdown."""
    card = format_teams(MESSAGE)
    assert card["type"] == "message"
    (attachment,) = card["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    content = attachment["content"]
    assert (content["type"], content["version"]) == ("AdaptiveCard", "1.4")
    assert {block["type"] for block in content["body"]} == {"RichTextBlock"}
    runs = [run["text"] for block in content["body"] for run in block["inlines"]]
    assert runs == [line for line in MESSAGE.text.splitlines() if line]


def test_a_program_is_given_each_cause() -> None:
    sent = json.loads(json.dumps(format_json(MESSAGE)))
    assert sent["workspace"] == "acme"
    assert [(item["cause"], item["state"]) for item in sent["alerts"]] == [
        ("partial", "failing"),
        ("overdue", "over"),
    ]
    assert sent["alerts"][0]["since"] == "2026-03-10T08:00:00+00:00"


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("https://hooks.slack.com/services/T0/B0/x", "slack"),
        ("https://acme.webhook.office.com/webhookb2/x", "teams"),
        ("https://prod-1.westeurope.logic.azure.com:443/workflows/x", "teams"),
        ("https://office.com.example/x", "slack"),
    ],
)
def test_the_form_follows_from_the_address(url: str, form: str) -> None:
    assert choose_webhook_form(url, None) == form
    assert choose_webhook_form(url, "json") == "json"
