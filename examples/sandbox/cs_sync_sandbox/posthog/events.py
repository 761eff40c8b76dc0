"""Acme's events and persons as tables of an in-memory DuckDB, one row per event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

import duckdb
import orjson

from cs_sync_sandbox.answers import Json
from cs_sync_sandbox.world.records import Person, SurveyAnswer, World

PARTIAL = 5  # every so manieth answer was sent in two parts
FIRST_HOUR = 6  # UTC, so that the day is the same in Europe

_USAGE = """
CREATE TABLE usage AS SELECT unnest(from_json(?, '[{
    "day": "DATE", "who": "VARCHAR", "account": "VARCHAR", "events": "BIGINT",
    "sessions": "BIGINT", "seconds": "BIGINT", "features": ["VARCHAR"]}]'), max_depth := 2)
"""
_PEOPLE = """
CREATE TABLE people AS SELECT unnest(from_json(?, '[{
    "distinct_id": "VARCHAR", "person_id": "VARCHAR", "person_properties": "VARCHAR",
    "person_created_at": "TIMESTAMP"}]'), max_depth := 2)
"""
_OTHERS = """
CREATE TABLE log AS SELECT unnest(from_json(?, '[{
    "uuid": "VARCHAR", "event": "VARCHAR", "distinct_id": "VARCHAR", "timestamp": "TIMESTAMP",
    "$group_0": "VARCHAR", "$session_id": "VARCHAR", "properties": "VARCHAR"}]'), max_depth := 2)
"""
# Events of a row are dealt to its sessions in turn, and a session's events lie evenly in its time;
# where some session has one event only, the first session gets all the time.
_EXPAND = """
INSERT INTO log
WITH dealt AS (
    SELECT *, unnest(range(events)) AS n,
           CASE WHEN events >= 2 * sessions THEN seconds // sessions ELSE 0 END AS share
    FROM usage
), placed AS (
    SELECT *, n % sessions AS session, n // sessions AS place,
           (events - 1 - n % sessions) // sessions AS last,
           share + CASE WHEN n % sessions = 0 THEN seconds - share * sessions ELSE 0 END AS span
    FROM dealt
)
SELECT md5(who || day || n)::UUID::VARCHAR,
       CASE WHEN n < len(features) THEN features[n + 1]
            WHEN n % 2 = 0 OR len(features) = 0 THEN '$pageview'
            ELSE features[(n // 2) % len(features) + 1] END,
       who, day + to_hours({hour}) + to_seconds(
           CASE WHEN session = 0 THEN 0 ELSE seconds - share * (sessions - session) + 1 END
           + CASE WHEN last > 0 THEN span * place // last ELSE 0 END),
       account, who || '-' || strftime(day, '%Y%m%d') || '-' || session, '{{}}'
FROM placed
"""
_EVENTS = """
CREATE VIEW events AS SELECT log.*, person_id, person_properties, person_created_at
FROM log LEFT JOIN people USING (distinct_id)
"""
# Functions of ClickHouse that DuckDB calls otherwise; times are UTC.
_MACROS = """
CREATE MACRO toDateTime(text) AS (text::TIMESTAMPTZ AT TIME ZONE 'UTC');
CREATE MACRO toTimeZone(moment, zone) AS ((moment AT TIME ZONE 'UTC') AT TIME ZONE zone);
CREATE MACRO toDate(moment) AS (moment::DATE);
CREATE MACRO toUnixTimestamp(moment) AS (epoch(moment)::BIGINT);
CREATE MACRO toString(value) AS (value::VARCHAR);
CREATE MACRO sumIf(value, condition) AS (coalesce(sum(value) FILTER (WHERE condition), 0));
"""


def open_events(world: World) -> duckdb.DuckDBPyConnection:
    """Open the project's database.

    Each thread asks through a cursor of its own.
    """
    database = duckdb.connect(config={"threads": 2})
    database.execute("SET TimeZone = 'UTC'")
    for statement in _MACROS.strip().splitlines():
        database.execute(statement)
    database.execute(_USAGE, [orjson.dumps(_make_usage_rows(world)).decode()])
    database.execute(_PEOPLE, [orjson.dumps(_make_person_rows(world)).decode()])
    database.execute(_OTHERS, [orjson.dumps(_make_other_events(world)).decode()])
    database.execute(_EXPAND.format(hour=FIRST_HOUR))
    database.execute(_EVENTS)
    return database


def get_survey_id(name: str) -> str:
    """Return the id of a survey known by name only.

    Acme's world has no ids of surveys.
    """
    return str(uuid5(NAMESPACE_URL, f"acme-survey-{name}"))


def get_question_ids(name: str) -> tuple[str, str]:
    """Return the ids of a survey's rating and open question.

    The open question follows the rating.
    """
    survey = UUID(get_survey_id(name))
    return str(uuid5(survey, "rating")), str(uuid5(survey, "why"))


def _make_usage_rows(world: World) -> list[Json]:
    names = ("day", "who", "account", "events", "sessions", "seconds", "features")
    return [dict(zip(names, row, strict=True)) for row in world.usage]


def _make_person_rows(world: World) -> list[Json]:
    return [
        {
            "distinct_id": person.key,
            "person_id": str(uuid5(NAMESPACE_URL, person.key)),
            "person_properties": orjson.dumps(_make_properties(person)).decode(),
            "person_created_at": _format_text(person.created_at),
        }
        for person in world.people
        if person.in_product
    ]


def _make_properties(person: Person) -> Json:
    email = {"email": person.emails[0]} if person.emails else {}
    return {"name": f"{person.first} {person.last}", **email}


def _make_other_events(world: World) -> list[Json]:
    """Survey answers, and what Acme's server sends although nobody uses the product."""
    answers = [answer for answer in world.survey_answers if answer.channel == "posthog"]
    sent = [event for answer in answers for event in _make_survey_events(answer)]
    yesterday = world.now - timedelta(hours=12)
    server = [
        _make_event("$groupidentify", f"server-{company.key}", company.key, yesterday, {})
        for company in world.companies
        if "posthog" in company.key_in
    ]
    return sent + server


def _make_survey_events(answer: SurveyAnswer) -> list[Json]:
    rating, why = get_question_ids(answer.survey)
    properties: Json = {
        "$survey_id": get_survey_id(answer.survey),
        "$survey_name": answer.survey,
        "$survey_submission_id": str(uuid5(NAMESPACE_URL, f"submission-{answer.number}")),
        "$survey_completed": True,
        f"$survey_response_{rating}": str(answer.score),
    }
    whole = {**properties, f"$survey_response_{why}": answer.comment}
    at, who, account = answer.answered_at, answer.person_key, answer.account_key
    events = [_make_event("survey sent", who, account, at, whole)]
    if answer.number % PARTIAL == 0:
        first = {**properties, "$survey_completed": False}
        events.append(_make_event("survey sent", who, account, at - timedelta(seconds=20), first))
    return events


def _make_event(name: str, who: str, account: str, at: datetime, properties: Json) -> Json:
    return {
        "uuid": str(uuid5(NAMESPACE_URL, f"{name}|{who}|{at.isoformat()}")),
        "event": name,
        "distinct_id": who,
        "timestamp": _format_text(at),
        "$group_0": account,
        "$session_id": None,
        "properties": orjson.dumps(properties).decode(),
    }


def _format_text(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat()
