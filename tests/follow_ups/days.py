"""A CRM that people work in, for follow-ups from one day to the next."""

from datetime import timedelta

from tests.jobs.road import NOW, Place

SECRET = "whsec_" + "bm90IGEgc2VjcmV0IGF0IGFsbCwganVzdCBhIHRlc3Q="
CRM = f"""
    [connectors.webhook]
    url = "http://127.0.0.1:9/"
    signing_secret = "{SECRET}"
    [write_back]
    destination = "webhook"
"""
START = """
    [follow_ups]
    start = 2025-06-01
"""
"""Events of before the first sync count, too."""
QUIET = """
    [playbooks.knowledge_gap]
    enabled = false
"""


def push(place: Place, days: int = 0) -> str:
    place.now = max(place.now, NOW + timedelta(days=days))
    ran = place.run("push", "--yes")
    assert ran.code == 0, ran
    return ran.messages
