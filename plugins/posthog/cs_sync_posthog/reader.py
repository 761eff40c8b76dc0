"""The five streams of one project, and its check."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from cs_sync import (
    CsSyncError,
    Finding,
    Http,
    Page,
    Stream,
    Window,
)
from cs_sync_posthog import queries, records
from cs_sync_posthog.config import PostHogConfig
from cs_sync_posthog.project import PostHogProject
from cs_sync_posthog.reading import DayReader
from cs_sync_posthog.surveys import Survey, answer_page, surveys_of
from cs_sync_schemas import FeatureDay, SourceAccount, SourceContact, SurveyResponse, UsageDay

BEFORE_SURVEYS = datetime(2023, 1, 1, tzinfo=UTC)
"""PostHog had no surveys yet."""


class ProjectReader:
    """Reads a project by aggregates: raw events stay where they are."""

    def __init__(self, config: PostHogConfig, http: Http) -> None:
        self._config = config
        self._project = PostHogProject(config, http)
        self._days = DayReader(
            self._project,
            config.workspace.timezone,
            timedelta(days=config.backfill_days),
            {"ignored": config.ignored_events, "named": config.features_by_person},
        )

    def streams(self) -> Sequence[Stream]:
        """Groups and people first, for the rest refers to them.

        Late events change past days, so the last `trailing_days` are computed again in every
        run, once a week the last `late_days`, and replace what was stored by (day, account,
        person).
        """
        index = self._config.account_group_index
        daily = partial(
            Stream,
            cursor="time",
            lookback=timedelta(days=self._config.trailing_days),
            late=timedelta(days=min(self._config.late_days, self._config.backfill_days)),
        )
        usage = self._aggregate(queries.USAGE.of_group(index), records.map_usage_page)
        by_person = queries.FEATURES.by_person(self._config.features_by_person)
        features = self._aggregate(by_person.of_group(index), records.map_feature_page)
        persons = self._aggregate(queries.PERSONS.of_group(index), records.map_contact_page)
        return (
            Stream("groups", SourceAccount, self._read_groups, deletes="sweep", scope="group:read"),
            daily("persons", SourceContact, persons, scope="query:read, person:read"),
            daily("usage", UsageDay, usage, scope="query:read"),
            daily("features", FeatureDay, features, scope="query:read"),
            daily(
                "surveys",
                SurveyResponse,
                self._read_surveys,
                deletes="feed",
                scope="survey:read, query:read",
            ),
        )

    def check(self) -> Iterator[Finding]:
        """Three small calls: the group type, a query, the surveys."""
        yield _make_finding("groups", self._check_groups)
        yield _make_finding("persons, usage, features", self._check_query)
        yield _make_finding("surveys", self._check_surveys)

    def _aggregate(
        self, query: queries.Query, to_page: Callable[[Sequence[Sequence[Any]]], Page]
    ) -> Callable[[Window], Iterator[Page]]:
        return lambda window: self._days.pages(query, window, to_page)

    def _read_groups(self, window: Window) -> Iterator[Page]:
        index = self._config.account_group_index
        base, project = self._config.base_url.rstrip("/"), self._config.project_id
        place = f"{base}/project/{project}/groups/{index}"
        cursor: str | None = window.resume or ""
        while cursor is not None:
            groups, cursor = self._project.groups(index, cursor)
            yield records.map_account_page(groups, cursor, place)

    def _read_surveys(self, window: Window) -> Iterator[Page]:
        definitions = self._project.surveys()
        selected = surveys_of(definitions, self._config.surveys)
        surveys = {survey.id: survey for survey in selected}
        yield from self._read_hidden(selected)
        if window.since is None:  # answers are few: all of them, however long ago
            oldest = min((survey.created_at for survey in selected), default=window.until)
            if len(selected) < len(definitions):
                oldest = BEFORE_SURVEYS  # answers to the others shall be rejected, not left out
            window = replace(window, since=min(max(oldest, BEFORE_SURVEYS), window.until))
        query = queries.ANSWERS.of_group(self._config.account_group_index)
        yield from self._days.pages(query, window, partial(answer_page, surveys=surveys))

    def _read_hidden(self, surveys: Sequence[Survey]) -> Iterator[Page]:
        """Answers that somebody archived in PostHog, however old, are gone here too."""
        for survey in surveys:
            uuids = list(self._project.hidden_answers(survey.id))
            if uuids:
                rows, _ = self._project.query("hidden answers", queries.HIDDEN, {"uuids": uuids})
                hidden_ids = [name for (row,) in rows for name in survey.response_ids(row)]
                yield Page({SurveyResponse: []}, deleted={SurveyResponse: hidden_ids})

    def _check_groups(self) -> Finding:
        index = self._config.account_group_index
        types = {
            kind["group_type_index"]: kind["group_type"] for kind in self._project.group_types()
        }
        if index in types:
            return Finding(
                ok=True, subject="groups", message=f"accounts are groups of type {types[index]}"
            )
        listing = (
            ", ".join(f"{number} = {name}" for number, name in sorted(types.items())) or "none"
        )
        message = f"the project has no group type {index}; it has {listing}"
        return Finding(
            ok=False,
            subject="groups",
            message=message,
            remedy=f"set account_group_index of {self._config.section}",
        )

    def _check_query(self) -> Finding:
        self._project.query(
            "check", "SELECT count() FROM events WHERE timestamp > now() LIMIT 1", {}
        )
        return Finding(ok=True, subject="persons, usage, features", message="queries are allowed")

    def _check_surveys(self) -> Finding:
        count = len(self._project.surveys())
        return Finding(ok=True, subject="surveys", message=f"{count} surveys")


def _make_finding(subject: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except CsSyncError as error:
        return Finding(ok=False, subject=subject, message=error.message, remedy=error.remedy)
