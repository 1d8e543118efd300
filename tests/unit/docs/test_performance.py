"""docs/performance.svg says what the tables of docs/performance.md say."""

import pytest

from bench.picture import bars, picture
from bench.table import PAGE, PICTURE

TABLE = """
| measure | floor | found | ratio | goal | met | rounds |
| entry | 1 s | 2 s | 2.00 x (1.50 to 3.00) | ≤ 4 x | yes | 5 |
| reads | 10/s | 5/s | 0.50 x (0.40 to 0.60) | ≥ 0.75 x | **no** | 5 |
| memory | 1 MB | 4 MB | +3 MB | ≤ +150 MB | yes | 1 |
| no goal | 1 s | 2 s | 2.00 x | — | - | 5 |
"""


def test_the_picture_is_that_of_the_tables() -> None:
    assert PICTURE.read_text(encoding="utf-8") == picture(PAGE.read_text(encoding="utf-8"))


def test_a_bar_is_as_long_as_its_share_of_the_goal_and_longer_where_a_goal_is_missed() -> None:
    found = {bar.measure: bar.share for bar in bars(TABLE)}
    assert found == {"entry": 0.5, "reads": 1.5, "memory": pytest.approx(0.02)}
    assert (picture(TABLE).count('class="met"'), picture(TABLE).count('class="missed"')) == (2, 1)
