"""On which scale answers lie: their survey's own, else that of its type, while all of them fit.

HubSpot does not say how a survey is asked: two of one type may be smileys from 0 to 2 and stars
from 1 to 5, and a 2 is on both. So of a survey whose scale is not configured, no answer counts
once one of them lies outside the scale of its type.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from cs_sync import Page, Rejection, Row, Unreachable, map_each
from cs_sync_hubspot.api import SEARCH_LIMIT, next_after
from cs_sync_hubspot.config import HubSpotConfig
from cs_sync_hubspot.mapping import Json, Kind
from cs_sync_schemas import SurveyResponse

Search = Callable[[str, dict[str, Any]], Json]


class Survey(NamedTuple):
    """A survey, and the scale that its answers are taken to have."""

    kind: str
    name: str | None
    low: float
    high: float

    def __str__(self) -> str:
        named = f"{self.name} ({self.kind.upper()})" if self.name else self.kind.upper()
        return f"{named} {self.low:g} to {self.high:g}"


class Misfits:
    """The surveys that do not fit the scale of their type; each is looked for once."""

    def __init__(self, config: HubSpotConfig, kind: Kind, search: Search) -> None:
        self._declared, self._section = config.survey_scales.keys(), config.section
        self._kind = kind
        self._search = search
        self._fits: dict[Survey, bool] = {}
        self._listed: set[Survey] = set()
        self._told: set[str] = set()

    def refuse(self, page: Page) -> Page:
        """The page without the answers to misfits; of a new one, all it has had are refused."""
        rows = page.records.get(SurveyResponse, ())
        by_survey: dict[Survey, list[Row]] = {}
        for row in rows:
            if survey := self.assumed(row):
                by_survey.setdefault(survey, []).append(row)
        bad = {survey: some for survey, some in by_survey.items() if not self._fit(survey, some)}
        if not bad:
            return page
        refused = [
            refusal for survey, some in bad.items() for refusal in self._refuse(survey, some)
        ]
        gone = [str(refusal.source_id) for refusal in refused]
        unfit = {row["source_id"] for some in bad.values() for row in some}
        return replace(
            page,
            records={
                **page.records,
                SurveyResponse: [row for row in rows if row["source_id"] not in unfit],
            },
            deleted={
                **page.deleted,
                SurveyResponse: [*page.deleted.get(SurveyResponse, ()), *gone],
            },
            rejected=[*page.rejected, *refused],
        )

    def assumed(self, row: Row) -> Survey | None:
        """The survey of an answer if its scale is only that of its type."""
        if row["score"] is None or row["kind"] == "nps" or row["survey"] in self._declared:
            return None
        return Survey(row["kind"], row["survey"], row["scale_min"], row["scale_max"])

    def _fit(self, survey: Survey, rows: Sequence[Row]) -> bool:
        if survey not in self._fits:
            self._fits[survey] = not any(map(_outside, self._answers(survey, outside=True)))
        self._fits[survey] = self._fits[survey] and not any(map(_outside, rows))
        return self._fits[survey]

    def _refuse(self, survey: Survey, rows: Sequence[Row]) -> Iterator[Rejection]:
        """Refuse these answers and, the first time, every one that the survey has had."""
        known = () if survey in self._listed else tuple(self._answers(survey))
        self._listed.add(survey)
        for row in (*rows, *known):
            if row["source_id"] not in self._told:
                self._told.add(row["source_id"])
                reason = _reason(survey, row, self._section)
                yield Rejection(
                    SurveyResponse, row["source_id"], "UNKNOWN_SCALE", reason, row["raw"]
                )

    def _answers(self, survey: Survey, *, outside: bool = False) -> Iterator[Row]:
        """The answers to a survey, all or those outside its scale, by growing id."""
        beyond = [("hs_value", "LT", survey.low), ("hs_value", "GT", survey.high)]
        past = "0"
        while True:
            own = [*_of(survey), _filter("hs_object_id", "GT", past)]
            groups = [[*own, _filter(*limit)] for limit in beyond] if outside else [own]
            body = self._search(self._kind.name, _query(self._kind, groups))
            items = body["results"]
            rows, _ = map_each(SurveyResponse, items, self._kind.row)  # the stream tells of others
            yield from (row for row in rows if self.assumed(row) == survey)
            if not items or next_after(body) is None:
                return
            last = str(items[-1]["id"])
            if int(last) <= int(past):
                raise Unreachable(f"HubSpot: the search after {self._kind.name} {past} goes back")
            past = last


def _outside(row: Row) -> bool:
    return not row["scale_min"] <= row["score"] <= row["scale_max"]


def _reason(survey: Survey, row: Row, section: str) -> str:
    name = survey.name or survey.kind.upper()
    other = "[0, 2]" if survey.low == 1 else "[1, 5]"
    return (
        f"an answer of {row['score']:g} to {name!r}, whose answers do not all lie on the scale of "
        f"{survey.low:g} to {survey.high:g}: give the survey's own, e.g. survey_scales = "
        f'{{ "{name}" = {other} }} in {section}, then `cs-sync rejects retry`'
    )


def _of(survey: Survey) -> list[Json]:
    kind = _filter("hs_survey_type", "EQ", survey.kind.upper())
    if survey.name is None:
        return [kind, {"propertyName": "hs_survey_name", "operator": "NOT_HAS_PROPERTY"}]
    return [kind, _filter("hs_survey_name", "EQ", survey.name)]


def _filter(name: str, operator: str, value: object) -> Json:
    return {
        "propertyName": name,
        "operator": operator,
        "value": f"{value:g}" if isinstance(value, float) else str(value),
    }


def _query(kind: Kind, groups: Iterable[Sequence[Json]]) -> dict[str, Any]:
    return {
        "filterGroups": [{"filters": list(filters)} for filters in groups],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "properties": list(kind.properties),
        "limit": SEARCH_LIMIT,
    }
