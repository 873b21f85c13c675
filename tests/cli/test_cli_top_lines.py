"""The lines of ``copyctl top``: they fit, and nothing of them is lost."""

from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from copyctl.cli.top_lines import columns, flow, matches
from tests.properties import tried

WORDS = st.text("abc 1", max_size=40)
PARTS = st.lists(WORDS, max_size=8)
WIDTHS = st.integers(12, 60)


def letters(text: str) -> str:
    return "".join(text.split())


@given(PARTS, WIDTHS, st.integers(0, 4))
@tried(200)
def test_parts_fill_lines_that_fit_and_lose_no_letter(parts: list[str], width: int, indent: int) -> None:
    told = flow([Text(one) for one in parts], width, indent).plain
    assert all(len(line) <= width for line in told.splitlines())
    assert letters(told) == letters("".join(parts))


@given(st.lists(PARTS, max_size=4), WIDTHS)
@tried(100)
def test_rows_of_columns_fit_and_lose_no_letter(rows: list[list[str]], width: int) -> None:
    told = columns([[Text(one) for one in row] for row in rows], width)
    assert len(told) == len(rows)
    for row, text in zip(rows, told, strict=True):
        assert all(len(line) <= width for line in text.plain.splitlines())
        assert letters(text.plain) == letters("".join(row))


def test_a_part_that_fits_is_never_broken() -> None:
    told = flow([Text("open orders 3/10"), Text("left 10/s 250/min"), Text("dead 0")], 30, 2)
    assert told.plain.splitlines() == ["open orders 3/10", "  left 10/s 250/min  dead 0"]


def test_columns_stand_below_each_other() -> None:
    told = columns([[Text("alice"), Text("active")], [Text("al"), Text("killed")]], 40)
    assert [one.plain for one in told] == ["alice  active", "al     killed"]


def test_a_filter_wants_each_of_its_words_somewhere_whatever_their_case() -> None:
    row = dict.fromkeys(("symbol", "security_id", "rule", "follower_status"))
    row |= {"follower": "alice", "leader_order_id": "123", "decision": "refused", "reason": "limit_max_open_orders"}
    assert matches(row, "")
    assert matches(row, "ALICE max_open")
    assert matches(row, "123")
    assert not matches(row, "alice copied")
