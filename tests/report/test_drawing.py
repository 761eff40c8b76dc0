"""The charts' geometry, worked out by hand: a panel of 100 pixels, 240 wide for two places."""

import re

import pytest

from cs_sync.report.charts import Chart, Mark, Panel
from cs_sync.report.drawing import LEFT, RIGHT, TITLE, choose_ticks, format_short, render_svg

WIDTH = LEFT + RIGHT + 180
"""Two places of 80 pixels each, a quarter of it gap: 60 wide, 80 apart, 20 left over on each side
with the gap between them."""


def draw(shape: str, *marks: Mark, **panel: object) -> str:
    made = Panel("EUR", 100, shape, marks, **panel)  # type: ignore[arg-type]
    return render_svg(Chart(WIDTH, [["Jan", "2026"], ["Feb", "2026"]], [made]), "A chart", "wide")


def bars(svg: str) -> list[tuple[float, float, float, float, str]]:
    actual = re.findall(
        r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" fill="([^"]+)"', svg
    )
    return [(float(x), float(y), float(w), float(h), c) for x, y, w, h, c in actual]


def test_gains_are_stacked_upwards_and_losses_downwards() -> None:
    """From −50 to 100 is 150 on 100 pixels, so 30 is 20 pixels, and zero is a third from below."""
    marks = Mark(0, 30, "a", "red"), Mark(0, 60, "b", "green"), Mark(1, -45, "c", "blue")
    first, second, third = bars(draw("bars", *marks))
    zero = TITLE + 100 * 100 / 150
    assert first[1:] == pytest.approx((zero - 20, 60, 20, "red"), abs=0.06)
    assert second[1:] == pytest.approx((zero - 60, 60, 40, "green"), abs=0.06)
    assert third[1:] == pytest.approx((zero, 60, 30, "blue"), abs=0.06)
    assert third[0] - first[0] == pytest.approx(80, abs=0.11)
    assert first[0] - LEFT == pytest.approx(WIDTH - RIGHT - third[0] - 60, abs=0.11), (
        "in the middle"
    )


def test_a_line_goes_through_the_middles_and_skips_what_is_unknown() -> None:
    svg = draw("line", Mark(0, 50, "half"), Mark(1, 100, "all"), ticks=2, top=100)
    points = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', svg)
    assert [float(y) for _, y in points] == [TITLE + 50, TITLE]
    assert float(points[1][0]) - float(points[0][0]) == pytest.approx(80, abs=0.11)
    assert svg.count("<circle") == draw("line", Mark(1, 100, "all"), top=100).count("<circle") + 1
    assert "opacity" not in svg
    assert 'opacity="0.13"' in draw("area", Mark(0, 50, "half"))


def test_texts_are_escaped_and_described() -> None:
    svg = draw("bars", Mark(0, 1, '<b>"1"</b>'))
    assert 'data-tip="&lt;b&gt;&quot;1&quot;&lt;/b&gt;"' in svg
    assert svg.startswith(
        '<svg class="chart wide" role="img" aria-label="A chart" viewBox="0 0 240 '
    )
    assert re.findall(r">(Jan|Feb|2026|EUR)<", svg) == ["EUR", "Jan", "2026", "Feb", "2026"]


def test_an_empty_chart_is_drawn() -> None:
    assert render_svg(Chart(400, [], [Panel("EUR", 84, "bars", ())]), "None", "panel")
    assert "<circle" not in draw("line")


def test_the_newest_label_is_always_there_and_no_two_meet() -> None:
    chart = Chart(LEFT + RIGHT + 300, [[f"m{n}"] for n in range(24)], [Panel("", 50, "bars", ())])
    svg = render_svg(chart, "x", "narrow")
    assert re.findall(r">(m\d+)<", svg) == ["m5", "m11", "m17", "m23"]


@pytest.mark.parametrize(
    ("low", "high", "count", "ticks"),
    [
        (0, 100, 4, [0, 20, 40, 60, 80, 100]),
        (0, 100, 2, [0, 50, 100]),
        (-45, 90, 4, [-50, 0, 50, 100]),
        (0, 0, 2, [0, 0.5, 1]),
        (0, 1234, 3, [0, 500, 1000, 1500]),
    ],
)
def test_ticks_are_round_as_d3_chooses_them(
    low: float, high: float, count: int, ticks: list[float]
) -> None:
    assert choose_ticks(low, high, count) == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.5, "0.5"),
        (950, "950"),
        (1500, "1.5k"),
        (-2e6, "−2M"),
        (3e9, "3B"),
        (1e12, "1T"),
    ],
)
def test_amounts_of_an_axis_are_short(value: float, text: str) -> None:
    assert format_short(value) == text
