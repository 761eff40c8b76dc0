"""The HogQL of every stream, and the key by which its result is paged.

A result ends silently at 50 000 rows and pages by OFFSET shift under late events, so each query
asks for what comes after a key. `{…}` are values that PostHog puts in; ACCOUNT is the column of
the group type that is the account, for a column cannot be a value; PERSON likewise.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Query:
    """A statement over the days `[from, to)`; its first columns are the key it is sorted by."""

    name: str
    sql: str
    before_all: tuple[str, ...]
    """A key before every other one; as long as the key."""

    part_days: int = 30
    """Days asked for at once: PostHog stops what runs longer than ten seconds."""

    def of_group(self, index: int) -> "Query":
        """The query with accounts in the group column of this number."""
        return replace(self, sql=self.sql.replace("ACCOUNT", f"`$group_{index:d}`"))

    def by_person(self, features: Sequence[str]) -> "Query":
        """The query with the person in the rows of these features only."""
        person = "if(event IN {named}, distinct_id, '')" if features else "''"
        return replace(self, sql=self.sql.replace("PERSON", person))


USAGE = Query(
    "usage",
    """
SELECT day, account, who, sum(amount) AS events, countIf(session != '') AS sessions,
       sumIf(spent, session != '') AS seconds
FROM (
    SELECT toDate(toTimeZone(timestamp, {zone})) AS day, ACCOUNT AS account,
           distinct_id AS who, coalesce(`$session_id`, '') AS session, count() AS amount,
           max(toUnixTimestamp(timestamp)) - min(toUnixTimestamp(timestamp)) AS spent
    FROM events
    WHERE timestamp >= toDateTime({from}) AND timestamp < toDateTime({to})
      AND ACCOUNT != '' AND event NOT IN {ignored}
    GROUP BY day, account, who, session
)
WHERE (day, account, who) > (toDate({after_0}), {after_1}, {after_2})
GROUP BY day, account, who
ORDER BY day, account, who
LIMIT 50000""",
    ("1970-01-01", "", ""),
)
"""Day, account and person → events, sessions and seconds spent in them.

Sessions are grouped first, so that they are counted exactly and a session's time is the span of
its own events on that day.
"""

FEATURES = Query(
    "features",
    """
SELECT day, account, feature, who, events, users
FROM (
    SELECT toDate(toTimeZone(timestamp, {zone})) AS day, ACCOUNT AS account,
           event AS feature, PERSON AS who, count() AS events,
           count(DISTINCT distinct_id) AS users
    FROM events
    WHERE timestamp >= toDateTime({from}) AND timestamp < toDateTime({to})
      AND ACCOUNT != '' AND event NOT IN {ignored}
      AND NOT startsWith(event, '$')
    GROUP BY day, account, feature, who
)
WHERE (day, account, feature, who) > (toDate({after_0}), {after_1}, {after_2}, {after_3})
ORDER BY day, account, feature, who
LIMIT 50000""",
    ("1970-01-01", "", "", ""),
)
"""Day, account, feature and person → events and people; a feature is an event you named yourself.

Of features that nobody asked for by person, the person is empty: a row for the whole account.
"""

PERSONS = Query(
    "persons",
    """
SELECT distinct_id AS who, argMax(ACCOUNT, timestamp) AS account,
       argMax(person.properties.email, timestamp) AS email,
       argMax(person.properties.name, timestamp) AS name,
       min(toUnixTimestamp(person.created_at)) AS created
FROM events
WHERE timestamp >= toDateTime({from}) AND timestamp < toDateTime({to})
  AND ACCOUNT != '' AND event NOT IN {ignored} AND distinct_id > {after_0}
GROUP BY who
ORDER BY who
LIMIT 50000""",
    ("",),
)
"""Person → the account they used last, and who they are."""

ANSWERS = Query(
    "surveys",
    """
SELECT submission, argMax(ACCOUNT, timestamp) AS account,
       argMax(distinct_id, timestamp) AS who, argMax(properties, timestamp) AS answers,
       max(toUnixTimestamp(timestamp)) AS answered
FROM (
    SELECT coalesce(nullIf(properties.`$survey_submission_id`, ''), toString(uuid)) AS submission,
           ACCOUNT, distinct_id, properties, timestamp
    FROM events
    WHERE timestamp >= toDateTime({from}) AND timestamp < toDateTime({to})
      AND event = 'survey sent'
)
WHERE submission > {after_0}
GROUP BY submission
ORDER BY submission
LIMIT 50000""",
    ("",),
    part_days=365,
)
"""Submission → its latest answers; partial ones are sent again with every further answer."""

HIDDEN = """
SELECT DISTINCT coalesce(nullIf(properties.`$survey_submission_id`, ''), toString(uuid))
       AS submission
FROM events
WHERE event = 'survey sent' AND toString(uuid) IN {uuids}
ORDER BY submission
LIMIT 50000"""
"""Submissions to which these events belong."""
