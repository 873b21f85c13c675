"""Baskets: who joins, who may leave when, what is never sent, and what is done when a leg breaks at each stage."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyctl.core.baskets import (
    Basket,
    Fail,
    Fallout,
    Go,
    Leg,
    Verdict,
    Wait,
    basket_for,
    fallout,
    may_join,
    next_moment,
    opened,
    verdicts,
)
from copyctl.model.choices import LegMargin, LegOrder, OnFailure
from copyctl.model.policy import MultiLeg
from copyctl.model.terms import InstrumentKind, OptionType, Side
from tests.properties import tried

SECOND = 1_000_000_000
START = 1_789_454_531 * SECOND
CLOSE = START + 2 * SECOND
NEAR, FAR = date(2026, 9, 29), date(2026, 10, 27)
NIFTY = opened("1", "NIFTY", at=START, window=2 * SECOND)
CE, PE = OptionType.CE, OptionType.PE
ALERT, CANCEL, UNWIND = OnFailure.ALERT, OnFailure.CANCEL_REST, OnFailure.UNWIND
OPEN: dict[str, Any] = {"placed": True, "open": True}
FULL: dict[str, Any] = {"placed": True, "filled": 75}
DEAD: dict[str, Any] = {"dead": True, "why": "rejected_margin"}
LEADER_FULL: dict[str, Any] = {"leader_filled_at": CLOSE + SECOND}
"""The leader's order was full a second after the window closed: the follower's has until six seconds after it."""


def policy(order: LegOrder = LegOrder.MARGIN, on_failure: OnFailure = ALERT) -> MultiLeg:
    return MultiLeg(
        window=2 * SECOND, order=order, leg_timeout=5 * SECOND, margin=LegMargin.BASKET, on_failure=on_failure
    )


def leg(key: str, side: Side, option: OptionType | None = CE, expiry: date | None = NEAR, **more: Any) -> Leg:
    kind = InstrumentKind.OPTIDX if option else InstrumentKind.FUTIDX
    values: dict[str, Any] = {"quantity": 75, "created_at": START + int(key)} | more
    return Leg(key=key, side=side, kind=kind, option_type=option, expiry=expiry, **values)


def long(key: str, option: OptionType = CE, expiry: date | None = NEAR, **more: Any) -> Leg:
    return leg(key, Side.BUY, option, expiry, **more)


def short(key: str, option: OptionType = CE, expiry: date | None = NEAR, **more: Any) -> Leg:
    return leg(key, Side.SELL, option, expiry, **more)


def future(key: str, side: Side, **more: Any) -> Leg:
    return leg(key, side, None, **more)


def said(verdict: Verdict) -> str:
    return type(verdict).__name__.lower()


def told(found: Mapping[str, Verdict]) -> str:
    return " ".join(f"{key}:{said(verdict)}" for key, verdict in found.items())


def ask(*legs: Leg, rules: MultiLeg | None = None, now: int = CLOSE, basket: Basket = NIFTY) -> str:
    return told(verdicts(legs, basket, rules or policy(), now=now))


# Who joins


def test_a_basket_takes_legs_of_its_underlying_until_its_window_closes() -> None:
    baskets = [NIFTY, opened("9", "BANKNIFTY", at=START + SECOND, window=2 * SECOND)]
    moments = (START - 2 * SECOND, START - 1, START, CLOSE - 1, CLOSE)
    found = [basket_for(baskets, "NIFTY", at=at, window=2 * SECOND) for at in moments]
    assert found == [None, NIFTY, NIFTY, NIFTY, None]  # one that came before may be looked at later
    assert basket_for(baskets, "FINNIFTY", at=START, window=2 * SECOND) is None
    assert basket_for(baskets, "NIFTY", at=START, window=0) is None


def test_a_later_leg_joins_the_basket_that_was_opened_after() -> None:
    second = opened("5", "NIFTY", at=CLOSE, window=2 * SECOND)
    assert basket_for([NIFTY, second], "NIFTY", at=CLOSE, window=2 * SECOND) is second


@pytest.mark.parametrize("kind", list(InstrumentKind))
def test_only_derivatives_of_a_known_underlying_may_join(kind: InstrumentKind) -> None:
    assert may_join(kind, "NIFTY") is (kind is not InstrumentKind.EQUITY)
    assert not may_join(kind, "")
    assert not may_join(None, "NIFTY")


# Who may leave


@pytest.mark.parametrize("order", list(LegOrder))
@pytest.mark.parametrize("alone", [long("1"), short("1"), future("1", Side.SELL), future("1", Side.BUY)])
def test_one_leg_alone_goes_when_the_window_closes(alone: Leg, order: LegOrder) -> None:
    found = verdicts([alone], NIFTY, policy(order), now=CLOSE - 1)
    assert found == {"1": Wait(until=CLOSE, detail="more legs may come")}
    assert next_moment([alone], NIFTY, policy(order), now=CLOSE - 1) == CLOSE
    assert ask(alone, rules=policy(order)) == "1:go"
    assert next_moment([alone], NIFTY, policy(order), now=CLOSE) == 0


def test_as_placed_all_go_in_the_order_of_creation() -> None:
    legs = [future("4", Side.SELL), long("3"), short("1"), short("2", placed=True, open=True)]
    assert ask(*legs, rules=policy(LegOrder.AS_PLACED)) == "1:go 3:go 4:go"


STAGES = {
    "long then short": [
        ([long("1"), short("2")], "1:go 2:wait"),
        ([long("1", **OPEN), short("2")], "2:wait"),
        ([long("1", **OPEN, filled=74), short("2")], "2:wait"),
        ([long("1", **OPEN, filled=75), short("2")], "2:go"),
        ([long("1", **FULL), short("2")], "2:go"),
        ([long("1", **FULL), short("2", **OPEN)], ""),
    ],
    "short first": [
        ([short("1"), long("2")], "2:go 1:wait"),
        ([short("1"), long("2", **OPEN, filled=25)], "1:wait"),
        ([short("1"), long("2", **FULL)], "1:go"),
    ],
    "two shorts, one long: the oldest is served first, and nobody overtakes it": [
        ([long("1", quantity=75), short("2", quantity=50), short("3", quantity=25)], "1:go 2:wait 3:wait"),
        ([long("1", **OPEN, filled=25), short("2", quantity=50), short("3", quantity=25)], "2:wait 3:wait"),
        ([long("1", **OPEN, filled=50), short("2", quantity=50), short("3", quantity=25)], "2:go 3:wait"),
        ([long("1", **OPEN, filled=74), short("2", quantity=50, **OPEN), short("3", quantity=25)], "3:wait"),
        ([long("1", **FULL), short("2", quantity=50, **OPEN), short("3", quantity=25)], "3:go"),
    ],
    "two shorts as big as one long: what it cannot cover goes last": [
        ([long("1"), short("2"), short("3")], "1:go 2:wait 3:wait"),
        ([long("1", **FULL), short("2"), short("3")], "2:go 3:wait"),
        ([long("1", **FULL), short("2", **OPEN), short("3")], "3:go"),
    ],
    "a short that is covered in part waits for that part and then goes whole": [
        ([long("1"), short("2", quantity=100)], "1:go 2:wait"),
        ([long("1", **OPEN, filled=74), short("2", quantity=100)], "2:wait"),
        ([long("1", **FULL), short("2", quantity=100)], "2:go"),
    ],
    "two longs, one short": [
        ([long("1"), long("2"), short("3", quantity=150)], "1:go 2:go 3:wait"),
        ([long("1", **FULL), long("2", **OPEN, filled=50), short("3", quantity=150)], "3:wait"),
        ([long("1", **FULL), long("2", **FULL), short("3", quantity=150)], "3:go"),
    ],
    "puts cover no calls; an iron condor": [
        ([long("1"), short("2"), long("3", PE), short("4", PE)], "1:go 3:go 2:wait 4:wait"),
        ([long("1", **FULL), short("2"), long("3", PE, **OPEN), short("4", PE)], "2:go 4:wait"),
        ([long("1", **OPEN), short("2"), long("3", PE, **FULL), short("4", PE)], "2:wait 4:go"),
    ],
    "a calendar: what expires later covers, what expires earlier does not": [
        ([long("1", expiry=FAR, **OPEN), short("2", expiry=NEAR)], "2:wait"),
        ([long("1", expiry=FAR, **FULL), short("2", expiry=NEAR)], "2:go"),
        ([long("1", expiry=NEAR), short("2", expiry=FAR)], "1:go 2:wait"),
        ([long("1", expiry=NEAR, **OPEN), short("2", expiry=FAR)], "2:go"),
    ],
    "the near short takes the near long and leaves the far one to the far short": [
        (
            [long("1", expiry=FAR, **FULL), long("2", expiry=NEAR, **FULL), short("3"), short("4", expiry=FAR)],
            "3:go 4:go",
        ),
    ],
    "a straddle sold: nothing covers it": [([short("1"), short("2", PE)], "1:go 2:go")],
    "futures of either side leave last": [
        ([future("1", Side.SELL), long("2"), short("3")], "2:go 3:wait 1:wait"),
        ([future("1", Side.BUY), long("2", **FULL), short("3")], "3:go 1:wait"),
        ([future("1", Side.SELL), long("2", **FULL), short("3", **OPEN)], "1:go"),
        ([future("1", Side.BUY), short("2")], "1:go 2:go"),
    ],
    "what is not known covers nothing": [
        ([long("1", expiry=None, **OPEN), short("2")], "2:go"),
        ([long("1", **OPEN), short("2", expiry=None)], "2:go"),
        ([replace(long("1", **OPEN), option_type=None), short("2")], "2:go"),
    ],
    "a short that is over gives its cover free": [
        ([long("1", **OPEN), short("2", dead=True), short("3")], "3:wait"),
        ([long("1", **FULL), short("2", withdrawn=True), short("3")], "3:go"),
        ([long("1", **OPEN, filled=50), short("2", placed=True), short("3", quantity=50)], "3:go"),
        ([long("1", **OPEN, filled=50), short("2", placed=True, filled=25), short("3", quantity=50)], "3:wait"),
    ],
    "cover that was closed again is none": [([long("1", placed=True, filled=0), short("2")], "2:fail")],
}


@pytest.mark.parametrize(
    ("legs", "expected"),
    [pytest.param(*row, id=f"{name}-{number}") for name, rows in STAGES.items() for number, row in enumerate(rows)],
)
def test_legs_leave_as_cover_fills(legs: list[Leg], expected: str) -> None:
    assert ask(*legs) == expected
    assert ask(*reversed(legs)) == expected, "whatever order they come in"


def test_they_are_told_in_the_order_in_which_they_leave() -> None:
    legs = [future("1", Side.BUY), short("2"), long("3", **FULL), long("5", PE), long("4", PE)]
    assert ask(*legs) == "4:go 5:go 2:go 1:wait"
    shorts = [short("10", created_at=START + 1), short("9", created_at=START)]
    assert ask(long("1", **OPEN, filled=75), *shorts) == "9:go 10:wait", "the oldest first, whatever its id"


def test_a_long_leg_that_the_leader_never_fills_lets_its_short_leg_wait() -> None:
    legs = [long("1", **OPEN), short("2")]
    found = verdicts(legs, NIFTY, policy(), now=CLOSE + 3600 * SECOND)
    assert found == {"2": Wait(until=None, detail="0 of 75 covered by long legs")}
    assert next_moment(legs, NIFTY, policy(), now=CLOSE + 3600 * SECOND) == 0


# What is not sent

LOST = {
    "rejected": (long("1", placed=True, **DEAD), "long leg 1 failed: rejected_margin"),
    "refused": (long("1", dead=True, why="limit_max_lots"), "long leg 1 failed: limit_max_lots"),
    "rejected in part, the rest may fill": (long("1", **OPEN, filled=25, **DEAD), "long leg 1 failed: rejected_margin"),
    "ended": (long("1", placed=True, filled=50), "long leg 1 ended with 50 of 75 filled"),
    "taken back by the leader": (long("1", withdrawn=True), "long leg 1 ended with 0 of 75 filled"),
}


@pytest.mark.parametrize("name", LOST)
def test_a_short_leg_whose_long_leg_is_lost_fails(name: str) -> None:
    lost, why = LOST[name]
    found = verdicts([lost, short("2")], NIFTY, policy(), now=CLOSE)
    assert found == {"2": Fail(detail=f"{lost.filled} of 75 covered by long legs; {why}")}


@pytest.mark.parametrize("stage", [{}, OPEN, OPEN | {"filled": 74}])
def test_a_long_leg_not_filled_in_time_fails_its_short_leg(stage: dict[str, Any]) -> None:
    legs, deadline = [long("1", **stage, **LEADER_FULL), short("2")], CLOSE + 6 * SECOND
    waiting = verdicts(legs, NIFTY, policy(), now=deadline - 1)["2"]
    assert isinstance(waiting, Wait)
    assert waiting.until == deadline == next_moment(legs, NIFTY, policy(), now=CLOSE)
    failed = verdicts(legs, NIFTY, policy(), now=deadline)["2"]
    assert isinstance(failed, Fail)
    assert failed.detail.endswith("covered by long legs; long leg 1 not filled 5 s after the leader's")
    assert next_moment(legs, NIFTY, policy(), now=deadline) == 0


def test_the_window_is_no_part_of_the_time_in_which_a_long_leg_must_fill() -> None:
    legs = [long("1", **OPEN, leader_filled_at=START), short("2")]
    assert next_moment(legs, NIFTY, policy(), now=CLOSE) == CLOSE + 5 * SECOND


def test_what_filled_of_a_lost_leg_still_covers() -> None:
    lost = long("1", placed=True, filled=50)
    assert ask(lost, short("2", quantity=50), short("3", quantity=25)) == "2:go 3:fail"
    assert ask(lost, short("2", quantity=25), short("3", quantity=50)) == "2:go 3:fail"
    # the older one cannot have enough: it does not keep the younger one from what there is
    assert ask(long("1", placed=True, filled=40), short("2", quantity=50), short("3", quantity=25)) == "2:fail 3:go"


def test_another_long_leg_may_stand_in_for_a_lost_one() -> None:
    assert ask(long("1", **DEAD), long("2", **FULL), short("3")) == "3:go"
    assert ask(long("1", **DEAD), long("2", **OPEN), short("3")) == "3:wait"
    assert ask(long("1", **DEAD), long("2", **OPEN), short("3"), short("4")) == "3:wait 4:fail"


def test_what_was_never_covered_goes_also_when_the_covered_ones_failed() -> None:
    lost, never = long("1", **DEAD), short("3")
    assert ask(lost, short("2"), never) == "2:fail 3:go"
    withheld = short("2", dead=True, withheld=True, why="basket_failed")
    assert ask(lost, withheld, never) == "3:go", "that one failed does not make the next one depend on the same cover"
    assert ask(lost, short("2", **DEAD), never) == "3:fail", "one that broke of itself gave its cover free"


# What is done when a leg breaks


def broken(stage: str, which: str) -> list[Leg]:
    """Two spreads. A leg of the first broke before anything was placed, when it was placed, or after a part of it had
    filled; by then the first long leg was full, the second one open with 50 filled."""
    trouble: dict[str, Any] = {
        "before placing": DEAD,
        "at placing": DEAD | {"placed": True},
        "after a part filled": DEAD | {"placed": True, "filled": 25},
    }[stage]
    sent = stage != "before placing"
    legs = [
        long("1", **(FULL if sent else {})),
        short("2"),
        long("3", PE, **(OPEN | {"filled": 50} if sent else {})),
        short("4", PE),
    ]
    place = 0 if which == "long" else 1
    legs[place] = replace(legs[place], **({"filled": 0} | trouble))
    return legs


STAGE_NAMES = ("before placing", "at placing", "after a part filled")


@pytest.mark.parametrize(
    ("stage", "which", "on_failure", "expected"),
    [
        ("before placing", "long", ALERT, "3:go 2:fail 4:wait"),
        ("before placing", "long", CANCEL, "2:fail 3:fail 4:fail"),
        ("before placing", "long", UNWIND, "2:fail 3:fail 4:fail"),
        ("before placing", "short", ALERT, "1:go 3:go 4:wait"),
        ("before placing", "short", CANCEL, "1:fail 3:fail 4:fail"),
        ("before placing", "short", UNWIND, "1:fail 3:fail 4:fail"),
        ("at placing", "long", ALERT, "2:fail 4:wait"),
        ("at placing", "long", CANCEL, "2:fail 4:fail"),
        ("at placing", "long", UNWIND, "2:fail 4:fail"),
        ("at placing", "short", ALERT, "4:wait"),
        ("at placing", "short", CANCEL, "4:fail"),
        ("at placing", "short", UNWIND, "4:fail"),
        ("after a part filled", "long", ALERT, "2:fail 4:wait"),
        ("after a part filled", "long", CANCEL, "2:fail 4:fail"),
        ("after a part filled", "short", ALERT, "4:wait"),
        ("after a part filled", "short", UNWIND, "4:fail"),
    ],
)
def test_what_a_broken_leg_means_for_those_not_sent(
    stage: str, which: str, on_failure: OnFailure, expected: str
) -> None:
    assert ask(*broken(stage, which), rules=policy(on_failure=on_failure)) == expected


@pytest.mark.parametrize("order", list(LegOrder))
@pytest.mark.parametrize(
    ("stage", "which", "on_failure", "cancel", "unwind"),
    [
        *[(stage, which, ALERT, "", "") for stage in STAGE_NAMES for which in ("long", "short")],
        *[("before placing", which, kind, "", "") for kind in (CANCEL, UNWIND) for which in ("long", "short")],
        ("at placing", "long", CANCEL, "3", ""),
        ("at placing", "short", CANCEL, "3", ""),
        ("after a part filled", "long", CANCEL, "3", ""),
        ("at placing", "long", UNWIND, "3", "3"),
        ("at placing", "short", UNWIND, "3", "1 3"),
        ("after a part filled", "long", UNWIND, "3", "1 3"),
        ("after a part filled", "short", UNWIND, "3", "2 1 3"),
    ],
)
def test_what_a_broken_leg_means_for_those_sent(
    stage: str, which: str, on_failure: OnFailure, cancel: str, unwind: str, order: LegOrder
) -> None:
    legs = broken(stage, which)
    result = fallout(legs, NIFTY, policy(order, on_failure), now=CLOSE)
    assert result is not None
    assert (result.cancel, result.unwind) == (tuple(cancel.split()), tuple(unwind.split()))
    assert all(f"{one.key} ({one.side} {one.quantity} {one.option_type}" in result.alert for one in legs)


@pytest.mark.parametrize("stage", STAGE_NAMES)
@pytest.mark.parametrize("on_failure", [CANCEL, UNWIND])
def test_as_placed_nothing_more_is_sent_either(stage: str, on_failure: OnFailure) -> None:
    found = verdicts(broken(stage, "long"), NIFTY, policy(LegOrder.AS_PLACED, on_failure), now=CLOSE)
    assert {said(verdict) for verdict in found.values()} == {"fail"}


def test_a_leg_that_runs_out_of_time_takes_the_others_with_it() -> None:
    legs = [long("1", **OPEN, **LEADER_FULL), short("2"), long("3", PE), short("4", PE)]
    late = CLOSE + 6 * SECOND
    assert ask(*legs, now=late) == "3:go 2:fail 4:wait"
    found = verdicts(legs, NIFTY, policy(on_failure=CANCEL), now=late)
    assert told(found) == "3:fail 2:fail 4:fail"
    assert found["2"] == Fail(detail="0 of 75 covered by long legs; long leg 1 not filled 5 s after the leader's")
    assert found["3"] == Fail(detail="2: 0 of 75 covered by long legs; long leg 1 not filled 5 s after the leader's")


def test_a_basket_that_failed_stays_failed_until_only_an_alert_is_wanted() -> None:
    basket = replace(NIFTY, failed="1: rejected_margin")
    legs = [long("2", **OPEN), long("3", PE)]
    rules = policy(on_failure=CANCEL)
    assert ask(*legs, rules=rules, basket=basket) == "3:fail"
    expected = Fallout(cancel=("2",), unwind=(), alert="", failed=basket.failed)
    assert fallout(legs, basket, rules, now=CLOSE) == expected
    assert ask(*legs, rules=policy(), basket=basket) == "3:go"


def test_an_alert_waits_for_the_window_so_that_it_names_every_leg_and_its_state() -> None:
    legs = [
        long("1", **DEAD, placed=True, filled=25),
        short("2", withheld=True, dead=True, why="basket_failed"),
        long("3", PE, **OPEN, filled=50),
        short("4", PE),
        future("5", Side.BUY, withdrawn=True),
        long("6", **FULL),
        long("7", placed=True),
    ]
    rules = policy(on_failure=UNWIND)
    assert fallout(legs, NIFTY, rules, now=CLOSE - 1) is None
    assert next_moment(legs, NIFTY, rules, now=CLOSE - 1) == CLOSE
    result = fallout(legs, NIFTY, rules, now=CLOSE)
    assert result is not None
    assert result.failed == "1: rejected_margin"
    assert result.alert == (
        "a leg of the basket 1 in NIFTY failed, the rest is cancelled, what filled is closed: "
        "1 (BUY 75 CE 2026-09-29) failed (rejected_margin), 25 filled; "
        "2 (SELL 75 CE 2026-09-29) withheld (basket_failed); "
        "3 (BUY 75 PE 2026-09-29) open, 50 filled; "
        "4 (SELL 75 PE 2026-09-29) not sent; "
        "5 (BUY 75 FUTIDX 2026-09-29) withdrawn by the leader; "
        "6 (BUY 75 CE 2026-09-29) filled, 75 filled; "
        "7 (BUY 75 CE 2026-09-29) ended, 0 filled"
    )


def test_an_alert_is_raised_once_for_each_leg_that_breaks_and_what_is_undone_until_it_is() -> None:
    rules = policy(on_failure=UNWIND)
    legs = [long("1", **OPEN, filled=50), short("2", **DEAD)]
    first = fallout(legs, NIFTY, rules, now=CLOSE)
    assert first is not None
    assert first.alert
    basket = replace(NIFTY, failed=first.failed)
    assert fallout(legs, basket, rules, now=CLOSE) == replace(first, alert="")
    cancelled = [long("1", placed=True, filled=50), legs[1]]
    again = Fallout(cancel=(), unwind=("1",), alert="", failed=first.failed)
    assert fallout(cancelled, basket, rules, now=CLOSE) == again
    closed = [long("1", placed=True, filled=0), legs[1]]
    assert fallout(closed, basket, rules, now=CLOSE) is None
    next_one = fallout([long("1", placed=True, **DEAD), legs[1]], basket, rules, now=CLOSE)
    assert next_one is not None
    assert next_one.alert
    assert next_one.failed == "1: rejected_margin; 2: rejected_margin"


def test_an_alert_is_not_raised_again_for_those_withheld_because_of_the_leg_that_broke() -> None:
    basket = replace(NIFTY, failed="1: rejected_margin")
    legs = [long("1", **DEAD), short("2", dead=True, withheld=True, why="basket_failed")]
    assert fallout(legs, basket, policy(), now=CLOSE) is None
    timed_out = fallout([long("1", **OPEN), legs[1]], NIFTY, policy(on_failure=CANCEL), now=CLOSE)
    assert timed_out is not None
    assert (timed_out.cancel, timed_out.failed) == (("1",), "2: basket_failed")


@pytest.mark.parametrize("on_failure", list(OnFailure))
def test_an_order_that_came_alone_is_no_basket(on_failure: OnFailure) -> None:
    assert fallout([long("1", **OPEN, filled=25, **DEAD)], NIFTY, policy(on_failure=on_failure), now=CLOSE) is None


def test_as_long_as_no_leg_breaks_there_is_nothing_to_do() -> None:
    assert fallout([long("1", **FULL), short("2", withdrawn=True)], NIFTY, policy(on_failure=UNWIND), now=CLOSE) is None


# Whatever comes

EXPIRIES = (NEAR, FAR, date(2026, 11, 24))


@st.composite
def baskets(draw: st.DrawFn) -> list[Leg]:
    count = draw(st.integers(1, 6))
    return [
        leg(
            str(number),
            draw(st.sampled_from(Side)),
            draw(st.sampled_from((CE, CE, CE, PE, None))),
            draw(st.sampled_from(EXPIRIES)),
            quantity=draw(st.integers(1, 8)),
            created_at=START + draw(st.integers(0, 3)),
        )
        for number in range(1, count + 1)
    ]


def dependence(legs: Sequence[Leg]) -> dict[str, int]:
    """How much of each short leg depends on cover, said otherwise than the code does: the oldest takes as much as
    leaves no expiry with more short units at or after it than long ones wanted."""
    taken: dict[str, int] = {}
    by_key = {one.key: one for one in legs}
    for one in sorted(legs, key=lambda each: (each.created_at, each.key)):
        if one.side is Side.BUY or one.option_type is None or one.expiry is None:
            continue
        room = [
            _after(legs, day, one.option_type, lambda each: each.quantity)
            - sum(units for key, units in taken.items() if _is_after(by_key[key], day, one.option_type))
            for day in EXPIRIES
            if day <= one.expiry
        ]
        claims = one.quantity if one.withheld or one.waits or one.open else one.filled
        taken[one.key] = max(0, min([claims, *room]))
    return taken


def _is_after(one: Leg, day: date, option: OptionType) -> bool:
    return one.option_type is option and one.expiry is not None and one.expiry >= day


def _after(legs: Sequence[Leg], day: date, option: OptionType, units: Any) -> int:
    return sum(units(one) for one in legs if one.side is Side.BUY and _is_after(one, day, option))


class World:
    """A follower and a leader to whom anything may happen; ``relied``: what each short leg that got Go depends on."""

    def __init__(self, legs: Sequence[Leg], rules: MultiLeg) -> None:
        self.legs, self.rules, self.now = {one.key: one for one in legs}, rules, CLOSE
        self.relied: dict[str, int] = {}

    def verdicts(self) -> Mapping[str, Verdict]:
        return verdicts(list(self.legs.values()), NIFTY, self.rules, now=self.now)

    def change(self, key: str, **values: Any) -> None:
        self.legs[key] = replace(self.legs[key], **values)

    def check(self) -> None:
        """No expiry has more short units at or after it that rely on cover than long units filled."""
        legs = list(self.legs.values())
        found, depends = self.verdicts(), dependence(legs)
        assert set(found) == {one.key for one in legs if one.waits}
        relied = {key: min(units, self.legs[key].exposure) for key, units in self.relied.items()}
        relied |= {key: depends.get(key, 0) for key, verdict in found.items() if isinstance(verdict, Go)}
        for option in OptionType:
            for day in EXPIRIES:
                shorts = sum(units for key, units in relied.items() if _is_after(self.legs[key], day, option))
                assert shorts <= _after(legs, day, option, lambda one: one.filled)
        self.check_time(found)

    def check_time(self, found: Mapping[str, Verdict]) -> None:
        """Until the next moment, time alone changes nothing."""
        legs = list(self.legs.values())
        moment = next_moment(legs, NIFTY, self.rules, now=self.now)
        assert moment == 0 or moment > self.now
        before = moment - 1 if moment else self.now + 10**6 * SECOND
        assert told(verdicts(legs, NIFTY, self.rules, now=before)) == told(found)

    def leave(self, key: str) -> None:
        """Let it leave, where it may; or take in that it failed."""
        verdict = self.verdicts().get(key)
        if isinstance(verdict, Go):
            if self.legs[key].is_short_option:
                self.relied[key] = dependence(list(self.legs.values())).get(key, 0)
            self.change(key, placed=True, open=True)
        elif isinstance(verdict, Fail):
            self.change(key, dead=True, withheld=True, why="basket_failed")

    def fill(self, key: str, units: int) -> None:
        one = self.legs[key]
        if one.open:
            filled = min(one.quantity, one.filled + units)
            self.change(key, filled=filled, open=filled < one.quantity)

    def happen(self, what: str, key: str, number: int) -> None:
        one = self.legs[key]
        if what == "leave":
            self.leave(key)
        elif what == "fill":
            self.fill(key, number)
        elif what == "leader fills" and not one.leader_filled_at:
            self.change(key, leader_filled_at=self.now)
        elif what == "reject" and (one.open or one.waits):
            self.change(key, dead=True, open=False, why="rejected")
        elif what == "reject a slice" and one.open:
            self.change(key, dead=True, why="rejected")
        elif what == "cancel" and one.open:
            self.change(key, open=False)
        elif what == "withdraw" and one.waits:
            self.change(key, withdrawn=True)
        elif what == "time":
            self.now += number * SECOND


HAPPENINGS = ("leave", "leave", "leave", "fill", "fill", "fill", "leader fills", "time")
TROUBLES = ("reject", "reject a slice", "cancel", "withdraw")


@tried(250)
@given(
    baskets(),
    st.sampled_from(OnFailure),
    st.lists(st.tuples(st.sampled_from(HAPPENINGS + TROUBLES), st.integers(0, 5), st.integers(1, 4)), max_size=40),
)
def test_short_legs_never_rely_on_more_than_has_filled(
    legs: list[Leg], on_failure: OnFailure, happenings: list[tuple[str, int, int]]
) -> None:
    world = World(legs, policy(on_failure=on_failure))
    world.check()
    for what, which, number in happenings:
        world.happen(what, legs[which % len(legs)].key, number)
        world.check()


@tried(100)
@given(
    baskets(),
    st.lists(st.tuples(st.sampled_from(HAPPENINGS), st.integers(0, 5), st.integers(1, 4)), max_size=20),
)
def test_where_all_fill_all_leave(legs: list[Leg], happenings: list[tuple[str, int, int]]) -> None:
    world = World(legs, replace(policy(), leg_timeout=10**6 * SECOND))
    for what, which, number in happenings:
        world.happen(what, legs[which % len(legs)].key, number)
    for _ in legs:
        for one in legs:
            world.leave(one.key)
            world.fill(one.key, one.quantity)
    assert all(one.placed for one in world.legs.values())


@tried(100)
@given(
    baskets(),
    st.lists(st.tuples(st.sampled_from(HAPPENINGS + TROUBLES), st.integers(0, 5), st.integers(1, 4)), max_size=20),
)
def test_what_may_leave_may_still_leave_after_more_fills(
    legs: list[Leg], happenings: list[tuple[str, int, int]]
) -> None:
    world = World(legs, policy())
    for what, which, number in happenings:
        world.happen(what, legs[which % len(legs)].key, number)
        for key, verdict in world.verdicts().items():
            if isinstance(verdict, Fail):
                world.leave(key)  # what failed is told so at once, and stays so
        may = {key for key, verdict in world.verdicts().items() if isinstance(verdict, Go)}
        world.fill(legs[which % len(legs)].key, number)
        still = {key for key, verdict in world.verdicts().items() if isinstance(verdict, Go)}
        assert may <= still
