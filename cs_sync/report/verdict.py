"""Whether the score tells the truth: a verdict, what became of each band, and the rivals."""

from collections.abc import Sequence

from msgspec import Struct

from cs_sync.foresight.gate import HIGHEST_SLOPE, LOWEST_SLOPE, classify_verdict
from cs_sync.report.data import BacktestResult, Row
from cs_sync.report.formats import UNKNOWN, Formats

SUBJECTS = ("score", "model", "challenger", "base_rate", "days_since_use", "best_signal")
"""In this order; the challenger only where it was judged."""


class BandLine(Struct, frozen=True):
    """What became of the accounts in a band, ready to print."""

    band: str
    accounts: str
    churned: str
    rate: str
    mrr: str
    mrr_churned: str
    mrr_rate: str


class SubjectLine(Struct, frozen=True):
    """How well something predicts who leaves, ready to print."""

    name: str
    auc: str
    skill: str
    lift: str
    verdict: str


class Verdict(Struct, frozen=True):
    """The section on the backtest: `sentence` answers, `red` says what red was worth."""

    sentence: str
    red: str
    bands: Sequence[BandLine]
    bands_caption: str
    subjects: Sequence[SubjectLine]
    subjects_caption: str
    judged: str


def build_verdict(result: BacktestResult, formats: Formats) -> Verdict:
    """Put the result of a backtest into words and cells."""
    words, score = formats.words, result.find_subject("score")
    rows = [row for name in SUBJECTS for row in result.subjects if row["subject"] == name]
    return Verdict(
        sentence=describe_score(score, formats),
        red=_describe_red(result.bands, formats),
        bands=[_build_band(row, formats) for row in result.bands],
        bands_caption=words(
            "report.verdict.bands_caption",
            day=formats.day(result.data_cut),
            first=formats.number(result.lead_days + 1),
            last=formats.number(result.lead_days + result.horizon_days),
        ),
        subjects=[_build_subject(row, formats) for row in rows],
        subjects_caption=words(
            "report.verdict.subjects_caption",
            months=formats.number(score["cutoffs"]),
            accounts=formats.number(score["accounts"]),
            churned=formats.number(score["churned"]),
        ),
        judged=words("report.verdict.judged", day=formats.day(result.judged_on)),
    )


def describe_score(row: Row, formats: Formats) -> str:
    """Say in a sentence whether the health score tells who leaves."""
    fields = {
        "churned": formats.number(row["churned"]),
        "needed": formats.number(row["needed_churned"]),
        "months": formats.number(row["cutoffs"]),
        "skill": formats.percent(row["brier_skill"], 0),
        "slope": formats.number(row["slope"], 2),
        "lowest": formats.number(LOWEST_SLOPE, 1),
        "highest": formats.number(HIGHEST_SLOPE, 1),
    }
    return formats.words(f"report.verdict.{classify_verdict(row)}", None, **fields)


def _describe_red(bands: Sequence[Row], formats: Formats) -> str:
    """Describe how many in red left.

    And how many of those that left had been red.
    """
    red = next((row for row in bands if row["band"] == "red"), None)
    if red is None:
        return formats.words("report.verdict.no_red")
    gone = sum(row["churned"] for row in bands)
    return formats.words(
        "report.verdict.red",
        left=formats.number(red["churned"]),
        red=formats.number(red["accounts"]),
        precision=formats.percent(red["rate"], 0),
        gone=formats.number(gone),
        recall=formats.percent(red["churned"] / gone if gone else None, 0),
    )


def _build_band(row: Row, formats: Formats) -> BandLine:
    share = row["mrr_churned"] / row["mrr"] if row["mrr"] else None
    return BandLine(
        row["band"],
        formats.number(row["accounts"]),
        formats.number(row["churned"]),
        _format_share(row["rate"], row["low"], row["high"], formats),
        formats.format_money(row["mrr"], row["currency"]),
        formats.format_money(row["mrr_churned"], row["currency"]),
        _format_share(share, row["mrr_low"], row["mrr_high"], formats),
    )


def _build_subject(row: Row, formats: Formats) -> SubjectLine:
    words = formats.words
    auc = formats.number(row["auc"], 2)
    if row["auc"] is not None and row["auc_low"] is not None:
        low, high = formats.number(row["auc_low"], 2), formats.number(row["auc_high"], 2)
        auc = f"{auc} ({low}–{high})"
    return SubjectLine(
        words(f"subject.{row['subject']}"),
        auc,
        _format_share(row["brier_skill"], row["skill_low"], row["skill_high"], formats),
        UNKNOWN
        if row["lift_top_decile"] is None
        else f"{formats.number(row['lift_top_decile'], 1)}×",
        words(f"verdict.{row['verdict'].replace(' ', '_')}"),
    )


def _format_share(
    share: float | None, low: float | None, high: float | None, formats: Formats
) -> str:
    """Format a share with its interval: 12% (8%–17%)."""
    text = formats.percent(share, 0)
    if share is None or low is None or high is None:
        return text
    return f"{text} ({formats.percent(low, 0)}–{formats.percent(high, 0)})"
