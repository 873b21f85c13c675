"""Days by seed hold; the same seed is the same day; and bugs that are planted are found."""

import pytest

from copyctl.core import index
from tests.simulation import bugs, shrink, story
from tests.simulation.day import Day

DAYS = 24
"""So many days are simulated with every test run; ``make simulate`` does many more."""
MOST_DAYS = 40
"""So many days a planted bug may stay unseen."""
LOOKED_FOR_FROM = {"exit-sized-from-leader": 60, "lose-waiting-modification": 38}
"""The day from which on a bug is looked for, where it was not seen early."""
WORSE = {
    "retry-on-timeout": {"frame lost": 0.6, "answer lost": 0.3, "5xx after": 0.2, "stream drops": 0.9},
    "ignore-late-fill": {"fill races change": 0.8, "frame lost": 0.3},
}
"""What goes wrong more often while a bug is looked for."""

LEFT_OUT = (3, 5, 8, 11, 243)
"""Days on which everything is looked through once more; 243: an order that was to turn the position is cut down."""


@pytest.mark.parametrize("first", range(0, DAYS, 6))
def test_whatever_goes_wrong_every_law_holds(first: int) -> None:
    for seed in range(first, first + 6):
        result = Day(seed).run()
        assert result.broke is None, f"seed {seed}: {result.broke}"


def test_a_seed_is_the_same_day_each_time_it_is_lived() -> None:
    for seed in (3, 8):
        first, second = Day(seed).run(), Day(seed).run()
        assert story.told(first.told, first.began) == story.told(second.told, second.began)
        assert (first.struck, first.orders, first.lives) == (second.struck, second.orders, second.lives)
        assert first.orders
        assert first.checked


@pytest.mark.parametrize("what", ["is_settled", "is_calm"])
def test_what_the_index_leaves_out_would_have_changed_nothing(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    days = [Day(seed).run() for seed in LEFT_OUT]
    monkeypatch.setattr(index, what, lambda _record: False)
    for seed, short in zip(LEFT_OUT, days, strict=True):
        whole = Day(seed).run()
        assert story.told(short.told, short.began) == story.told(whole.told, whole.began), seed


def test_what_goes_wrong_is_counted_and_what_is_switched_off_does_not_happen() -> None:
    rough = next(seed for seed in range(50) if Day(seed).adversary.likely["frame lost"] > 0.05)
    assert Day(rough).run().struck["frame lost"]
    assert not Day(rough, off=frozenset({"frame lost"})).run().struck["frame lost"]


@pytest.mark.parametrize("bug", sorted(bugs.BUGS))
def test_a_planted_bug_is_found(bug: str) -> None:
    first, worse = LOOKED_FOR_FROM.get(bug, 0), WORSE.get(bug)
    for seed in range(first, first + MOST_DAYS):
        with bugs.planted(bug):
            broke = Day(seed, worse=worse).run().broke
        if broke is not None and Day(seed, worse=worse).run().broke is None:
            return
    pytest.fail(f"{MOST_DAYS} days with {bug} broke no law that holds without it")


def test_the_shortest_story_leaves_out_what_is_not_needed_and_breaks_the_same_law() -> None:
    with bugs.planted("journal-after-send"):
        whole = Day(0).run()
        result, off, without = shrink.shortest(0)
    assert whole.broke is not None
    assert result.broke is not None
    assert result.broke.law == whole.broke.law
    assert off
    assert without
    assert result.orders == 1
    lines = story.told(story.around(result.told, result.broke.account, "", "1100000001"), result.began)
    assert any("broken" in one for one in lines)
