"""The equity picture is well-formed SVG that shows every peak and fetches nothing."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest

from runtime.picture import HEIGHT, WIDTH, Point, equity_picture

START = datetime(2026, 1, 15, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"


def curve(*values: str, apart: timedelta = timedelta(days=1)) -> list[Point]:
    return [(START + number * apart, Decimal(value)) for number, value in enumerate(values)]


def drawn(points: list[Point], title: str = "Equity of orion") -> ET.Element:
    return ET.fromstring(equity_picture(points, title))  # noqa: S314  # it is our own


def corners(picture: ET.Element, shape: str) -> list[tuple[float, float]]:
    element = picture.find(f"{SVG}{shape}")
    assert element is not None
    pairs = (pair.split(",") for pair in element.attrib["points"].split())
    return [(float(x), float(y)) for x, y in pairs]


def texts(picture: ET.Element) -> list[str]:
    return [element.text or "" for element in picture.iter(f"{SVG}text")]


def test_more_equity_is_drawn_higher_and_later_is_further_right() -> None:
    line = corners(drawn(curve("100", "110", "90")), "polyline")

    assert line[0][0] < line[1][0] < line[2][0]
    assert line[1][1] < line[0][1] < line[2][1]


def test_the_drawdown_is_measured_from_the_highest_equity_before_it() -> None:
    _, *fall, _ = corners(drawn(curve("100", "200", "150", "200")), "polygon")

    top = fall[0][1]
    assert [y == top for _, y in fall] == [True, True, False, True]
    assert [text for text in texts(drawn(curve("100", "200", "150"))) if text.startswith("-")] == ["-20", "-10"]


def test_a_hundred_thousand_points_become_a_small_picture_that_keeps_the_only_peak() -> None:
    points = [(START + number * timedelta(seconds=1), Decimal(100)) for number in range(100_000)]
    points[54_321] = (points[54_321][0], Decimal(1000))
    line = corners(drawn(points), "polyline")

    assert len(line) <= 1300
    assert sum(y < 300 for _, y in line) == 1


@pytest.mark.parametrize("apart", [timedelta(seconds=1), timedelta(minutes=7), timedelta(hours=9), timedelta(days=3)])
@pytest.mark.parametrize("count", [2, 3, 400])
def test_whatever_the_span_a_few_times_are_written_below(apart: timedelta, count: int) -> None:
    picture = drawn([(START + number * apart, Decimal(100 + number % 7)) for number in range(count)])
    below = [e for e in picture.iter(f"{SVG}text") if e.attrib.get("class") == "middle"]

    assert len(below) <= 7
    assert all(
        0 <= float(e.attrib["x"]) <= WIDTH and 0 <= float(e.attrib["y"]) <= HEIGHT for e in picture.iter(f"{SVG}text")
    )


def test_long_spans_are_labelled_by_first_days_of_months() -> None:
    year = drawn([(START + timedelta(days=day), Decimal(100)) for day in range(366)])

    assert [text for text in texts(year) if text.startswith("20")] == ["2026-04", "2026-07", "2026-10", "2027-01"]


@pytest.mark.parametrize("values", [(), ("100",)])
def test_fewer_than_two_points_say_so(values: tuple[str, ...]) -> None:
    assert "Not enough points yet" in texts(drawn(curve(*values)))


@pytest.mark.parametrize("values", [("0", "0"), ("-5", "10"), ("1e-9", "2e-9"), ("1e12", "1e12")])
def test_odd_amounts_are_drawn_all_the_same(values: tuple[str, ...]) -> None:
    assert len(corners(drawn(curve(*values)), "polyline")) == 2


def test_nothing_is_run_or_fetched_and_a_title_cannot_break_out() -> None:
    text = equity_picture(curve("1", "2"), "<script>alert(1)</script> & co")

    assert "<script" not in text
    assert "href" not in text
    assert texts(ET.fromstring(text))[0] == "<script>alert(1)</script> & co"  # noqa: S314


def test_drawdowns_that_are_given_are_drawn_as_they_are() -> None:
    points = curve("100", "50", "50")
    picture = ET.fromstring(equity_picture(points, "After a withdrawal", drawdowns=[Decimal(0)] * 3))  # noqa: S314  # ours

    assert len({y for _, y in corners(picture, "polygon")}) == 1
    assert len({y for _, y in corners(drawn(points), "polygon")}) == 2
