"""Scales of survey answers: the survey's own, else its type's as long as all answers fit.

HubSpot does not give a survey's scale: two of one type may be smileys from 0 to 2 and
stars from 1 to 5. The answers of a survey are therefore refused once one of them lies
outside its type's scale.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from cs_sync import Page, Rejection, Row, Unreachable, map_each
from cs_sync_hubspot.api import SEARCH_LIMIT, find_next_cursor
from cs_sync_hubspot.config import HubSpotConfig
from cs_sync_hubspot.mapping import ObjectType
from cs_sync_hubspot.objects import Json
from cs_sync_schemas import SurveyResponse

Search = Callable[[str, dict[str, Any]], Json]


class Survey(NamedTuple):
    """A survey with its assumed scale."""

    kind: str
    name: str | None
    low: float
    high: float

    def __str__(self) -> str:
        named = f"{self.name} ({self.kind.upper()})" if self.name else self.kind.upper()
        return f"{named} {self.low:g} to {self.high:g}"


class ScaleGuard:
    """Finds surveys that do not fit their type's scale; each is searched once."""

    def __init__(self, config: HubSpotConfig, kind: ObjectType, search: Search) -> None:
        self._declared, self._section = config.survey_scales.keys(), config.section
        self._kind = kind
        self._search = search
        self._fits: dict[Survey, bool] = {}
        self._listed: set[Survey] = set()
        self._told: set[str] = set()

    def refuse(self, page: Page) -> Page:
        """Return the page without answers of misfit surveys.

        For a newly found one, all its previous answers are refused.
        """
        rows = page.records.get(SurveyResponse, ())
        by_survey: dict[Survey, list[Row]] = {}
        for row in rows:
            if survey := self.find_assumed_survey(row):
                by_survey.setdefault(survey, []).append(row)
        bad = {
            survey: answers
            for survey, answers in by_survey.items()
            if not self._fits_scale(survey, answers)
        }
        if not bad:
            return page
        refused = [
            refusal
            for survey, answers in bad.items()
            for refusal in self._reject_answers(survey, answers)
        ]
        deleted_ids = [str(refusal.source_id) for refusal in refused]
        unfit = {row["source_id"] for answers in bad.values() for row in answers}
        return replace(
            page,
            records={
                **page.records,
                SurveyResponse: [row for row in rows if row["source_id"] not in unfit],
            },
            deleted={
                **page.deleted,
                SurveyResponse: [*page.deleted.get(SurveyResponse, ()), *deleted_ids],
            },
            rejected=[*page.rejected, *refused],
        )

    def find_assumed_survey(self, row: Row) -> Survey | None:
        """Find the answer's survey if only its type gives the scale.

        Else None.
        """
        if row["score"] is None or row["kind"] == "nps" or row["survey"] in self._declared:
            return None
        return Survey(row["kind"], row["survey"], row["scale_min"], row["scale_max"])

    def _fits_scale(self, survey: Survey, rows: Sequence[Row]) -> bool:
        if survey not in self._fits:
            self._fits[survey] = not any(
                map(_is_outside_scale, self._read_answers(survey, outside=True))
            )
        self._fits[survey] = self._fits[survey] and not any(map(_is_outside_scale, rows))
        return self._fits[survey]

    def _reject_answers(self, survey: Survey, rows: Sequence[Row]) -> Iterator[Rejection]:
        """Reject these answers and, the first time, all answers of the survey."""
        stored = () if survey in self._listed else tuple(self._read_answers(survey))
        self._listed.add(survey)
        for row in (*rows, *stored):
            if row["source_id"] not in self._told:
                self._told.add(row["source_id"])
                reason = _rejection_reason(survey, row, self._section)
                yield Rejection(
                    SurveyResponse, row["source_id"], "UNKNOWN_SCALE", reason, row["raw"]
                )

    def _read_answers(self, survey: Survey, *, outside: bool = False) -> Iterator[Row]:
        """Yield a survey's answers by ascending id.

        All, or those outside its scale.
        """
        beyond = [("hs_value", "LT", survey.low), ("hs_value", "GT", survey.high)]
        past = "0"
        while True:
            own = [*_survey_filters(survey), _build_filter("hs_object_id", "GT", past)]
            groups = [[*own, _build_filter(*limit)] for limit in beyond] if outside else [own]
            body = self._search(self._kind.name, _build_query(self._kind, groups))
            items = body["results"]
            rows, _ = map_each(SurveyResponse, items, self._kind.row)  # the stream tells of others
            yield from (row for row in rows if self.find_assumed_survey(row) == survey)
            if not items or find_next_cursor(body) is None:
                return
            last = str(items[-1]["id"])
            if int(last) <= int(past):
                raise Unreachable(f"HubSpot: the search after {self._kind.name} {past} goes back")
            past = last


def _is_outside_scale(row: Row) -> bool:
    return not row["scale_min"] <= row["score"] <= row["scale_max"]


def _rejection_reason(survey: Survey, row: Row, section: str) -> str:
    name = survey.name or survey.kind.upper()
    other = "[0, 2]" if survey.low == 1 else "[1, 5]"
    return (
        f"an answer of {row['score']:g} to {name!r}, whose answers do not all lie on the scale of "
        f"{survey.low:g} to {survey.high:g}: give the survey's own, e.g. survey_scales = "
        f'{{ "{name}" = {other} }} in {section}, then `cs-sync rejects retry`'
    )


def _survey_filters(survey: Survey) -> list[Json]:
    kind = _build_filter("hs_survey_type", "EQ", survey.kind.upper())
    if survey.name is None:
        return [kind, {"propertyName": "hs_survey_name", "operator": "NOT_HAS_PROPERTY"}]
    return [kind, _build_filter("hs_survey_name", "EQ", survey.name)]


def _build_filter(name: str, operator: str, value: object) -> Json:
    return {
        "propertyName": name,
        "operator": operator,
        "value": f"{value:g}" if isinstance(value, float) else str(value),
    }


def _build_query(kind: ObjectType, groups: Iterable[Sequence[Json]]) -> dict[str, Any]:
    return {
        "filterGroups": [{"filters": list(filters)} for filters in groups],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "properties": list(kind.properties),
        "limit": SEARCH_LIMIT,
    }
