"""Survey scores: NPS, CSAT and CES from each respondent's latest answer."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Double,
    Select,
    and_,
    case,
    cast,
    func,
    select,
    true,
)

from cs_sync.metrics.answers import (
    ANSWER,
    get_distance,
    get_length,
    is_scored_answer,
    is_upper_quarter,
    order_latest_first,
)
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.ownership import get_respondent
from cs_sync.metrics.sql.attribution import select_attributed
from cs_sync.metrics.sql.dialects import bind_instant, compute_once
from cs_sync.metrics.sql.relations import (
    count_if,
    get_segment_columns,
    make_window_start,
    select_period_rows,
    select_quotient,
    select_totals,
)

_SETTINGS = {"window_days": 90, "surveys": ()}
_WINDOW_NOTE = (
    "The latest answer of each respondent within a trailing window (90 days) that ends with the "
    "period, by the time of the answer. Blank answers are not in n; an answer without a person "
    "counts by itself. `surveys` names those that count, as one asked after a ticket should not "
    "mix with one about the relationship; without it all of the kind do. "
)


def select_latest_answers(scope: Scope, kind: str, *, by_survey: bool = False) -> CTE:
    """Select the last scored answer per period and respondent, with its scale.

    Args:
        scope: The scope.
        kind: The kind of survey.
        by_survey: Take the last answer to each survey, with its name in dimension_0.
    """
    days = scope.settings["window_days"]
    periods = select_period_rows(
        scope, since=make_window_start(days), until=lambda period: period.ends_at
    )
    since = min(make_window_start(days)(period) for period in scope.periods)
    until = max(period.ends_at for period in scope.periods)
    answers = compute_once(select(_select_answers(scope, kind, since, until)))
    survey = [answers.c.survey.label("dimension_0")] if by_survey else []
    place = func.row_number().over(
        partition_by=[periods.c.period, answers.c.respondent, *survey],
        order_by=order_latest_first(answers),
    )
    window = and_(answers.c.answered_at >= periods.c.since, answers.c.answered_at < periods.c.until)
    columns = [*get_segment_columns(scope, answers), *survey]
    columns += [answers.c[name] for name in ("score", "above", "length")]
    ranked = (
        select(periods.c.period, *columns, place.label("place"))
        .select_from(periods.join(answers, window))
        .subquery("ranked")
    )
    kept_columns = [column for column in ranked.c if column.name != "place"]
    return select(*kept_columns).where(ranked.c.place == 1).cte("latest_answers")


def _select_answers(scope: Scope, kind: str, since: datetime, until: datetime) -> CTE:
    """Select scored answers with their respondent.

    That is the person, else the answer itself.
    """
    fields = ("source", "source_id", "survey", "score", "answered_at")
    surveys = scope.settings["surveys"]
    in_surveys = ANSWER.c.survey.in_(surveys) if surveys else true()
    answers = select_attributed(
        scope,
        ANSWER,
        *(ANSWER.c[name] for name in fields),
        get_distance(ANSWER).label("above"),
        get_length(ANSWER).label("length"),
        where=and_(
            is_scored_answer(kind),
            in_surveys,
            ANSWER.c.answered_at >= bind_instant(since),
            ANSWER.c.answered_at < bind_instant(until),
        ),
    )
    respondent = get_respondent(answers, answers.c.person).label("respondent")
    return select(*answers.c, respondent).cte("answers")


def _make_nps_query(*, by_survey: bool = False) -> Callable[[Scope], Select[Any]]:
    def build(scope: Scope) -> Select[Any]:
        answers = select_latest_answers(scope, "nps", by_survey=by_survey)
        promoters, detractors = count_if(answers.c.score >= 9), count_if(answers.c.score <= 6)
        return select_totals(
            scope,
            answers,
            numerator=promoters - detractors,
            denominator=func.count(),
            n=func.count(),
            promoters=promoters,
            detractors=detractors,
        )

    return build


def _make_share_query(
    kind: str, top: Callable[[CTE], ColumnElement[bool]], *, by_survey: bool = False
) -> Callable[[Scope], Select[Any]]:
    def build(scope: Scope) -> Select[Any]:
        answers = select_latest_answers(scope, kind, by_survey=by_survey)
        return select_totals(
            scope,
            answers,
            numerator=count_if(top(answers)),
            denominator=func.count(),
            n=func.count(),
        )

    return build


def _is_satisfied(answers: CTE) -> ColumnElement[bool]:
    return is_upper_quarter(answers.c.above, answers.c.length)


def _is_upper_third(answers: CTE) -> ColumnElement[bool]:
    return answers.c.above * 3 >= answers.c.length * 2


def _select_ces(scope: Scope) -> Select[Any]:
    """Select the mean effort score on a scale of 1 to 7.

    Whichever scale was used.
    """
    answers = select_latest_answers(scope, "ces")
    seventh = 1 + cast(answers.c.above, Double) * 6 / answers.c.length
    return select_quotient(scope, answers, seventh, case((answers.c.length > 0, 1), else_=0))


SURVEYS: tuple[Metric, ...] = (
    Metric(
        "nps", "Net Promoter Score", "score", "100 × (promoters − detractors) ÷ respondents",
        ("F. Reichheld, The One Number You Need to Grow",), _make_nps_query(), ("survey_response",),
        stage=("expansion",), family="engagement", settings=_SETTINGS, spread="nps",
        divides=True, scale=100, bounds=(-100.0, 100.0),
        edge_cases=_WINDOW_NOTE + "Promoters answered 9 or 10, detractors 0 to 6; the others "
        "stay in the denominator. Not rounded.",
    ),
    Metric(
        "csat", "Customer satisfaction", "ratio", "satisfied respondents ÷ respondents",
        ("Zendesk help, Satisfaction score", "Drift, Customer success metrics"),
        _make_share_query("csat", _is_satisfied), ("survey_response",), stage=("retention",),
        family="engagement", settings=_SETTINGS, spread="wilson", divides=True,
        edge_cases=_WINDOW_NOTE + "Satisfied is the upper quarter of the scale: 4 and 5 of five, "
        "“good” of good and bad, 2 of 0 to 2. Neutral answers count against.",
    ),
    Metric(
        "nps_by_survey", "Net Promoter Score by survey", "score",
        "100 × (promoters − detractors) ÷ respondents, for each survey",
        ("F. Reichheld, The One Number You Need to Grow",), _make_nps_query(by_survey=True),
        ("survey_response",), stage=("expansion",), family="engagement", settings=_SETTINGS,
        spread="nps", divides=True, scale=100, bounds=(-100.0, 100.0), dimensions=("survey",),
        edge_cases="As nps, but the latest answer to each survey.",
    ),
    Metric(
        "csat_by_survey", "Customer satisfaction by survey", "ratio",
        "satisfied respondents ÷ respondents, for each survey",
        ("Zendesk help, Satisfaction score",), _make_share_query("csat", _is_satisfied,
        by_survey=True),
        ("survey_response",), stage=("retention",), family="engagement", settings=_SETTINGS,
        spread="wilson", divides=True, dimensions=("survey",),
        edge_cases="As csat, but the latest answer to each survey.",
    ),
    Metric(
        "ces", "Customer effort score", "score",
        "mean answer of respondents, on a scale of 1 (hard) to 7 (easy)",
        ("CEB, The Effortless Experience",), _select_ces, ("survey_response",),
        stage=("retention",),
        family="engagement", settings=_SETTINGS, spread="ratio", divides=True,
        bounds=(1.0, 7.0),
        edge_cases=_WINDOW_NOTE + "Other scales are stretched to 1 to 7; a scale that asks for "
        "effort (low is better) is turned round.",
    ),
    Metric(
        "ces_easy", "Share who found it easy", "ratio",
        "respondents in the upper third of the scale (5 to 7 of seven) ÷ respondents",
        ("SimpleSat help, Customer effort score",), _make_share_query("ces", _is_upper_third),
        ("survey_response",), stage=("retention",), family="engagement", settings=_SETTINGS,
        spread="wilson", divides=True, edge_cases=_WINDOW_NOTE,
    ),
)  # fmt: skip
