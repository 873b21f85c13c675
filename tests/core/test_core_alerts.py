"""Alerts that tell of a state reached, not of an event: a copy that stays different, a limit that ends a day."""

from copyctl.model.alerts import Alert
from copyctl.model.effects import Notice
from tests.core.building import ALICE, SECOND, Desk

DAY = 86_400 * SECOND


def told(desk: Desk, what: Alert) -> list[Notice]:
    """The alerts of this code since it was asked last."""
    notices, desk.notices = desk.notices, []
    return [one for one in notices if one.facts.get("alert") == what]


def copied(desk: Desk) -> Desk:
    desk.start()
    desk.leader()
    desk.ack("A1")
    desk.copied()
    desk.taken()
    return desk


def test_a_copy_that_stays_different_is_told_once_with_its_drift() -> None:
    desk = copied(Desk())
    desk.copied("CANCELLED", filled=20)  # by hand, which has an alert of its own
    assert told(desk, Alert.DRIFT) == []
    desk.leader(status="TRADED", filled=100)
    (alert,) = told(desk, Alert.DRIFT)
    assert (alert.follower, alert.leader_order_id, alert.text) == (ALICE, "L1", desk.copy().drift)
    assert alert.text.startswith("filled 20 where ")
    desk.leader(status="TRADED", filled=100)
    desk.wait(5)
    assert told(desk, Alert.DRIFT) == []


def test_a_copy_that_ends_shortly_before_the_leaders_order_is_no_drift() -> None:
    desk = copied(Desk())
    desk.copied("EXPIRED")
    desk.leader(status="EXPIRED")
    assert told(desk, Alert.DRIFT) == []


def test_scenario_5_7_the_days_orders_are_told_once_a_day_when_they_are_used_up() -> None:
    desk = Desk({"limits": {"max_orders_per_day": 2}}).start()
    desk.leader("L1")
    assert told(desk, Alert.LIMIT_REACHED) == []
    desk.leader("L2")
    (alert,) = told(desk, Alert.LIMIT_REACHED)
    assert (alert.follower, alert.facts["limit"]) == (ALICE, "max_orders_per_day")
    assert "2 orders are placed today, max_orders_per_day is 2" in alert.text
    desk.leader("L3")  # refused, which is no alert
    desk.wait(5)
    assert told(desk, Alert.LIMIT_REACHED) == []
    desk.now += DAY
    desk.leader("L4")
    assert told(desk, Alert.LIMIT_REACHED) == []
    desk.leader("L5")
    assert len(told(desk, Alert.LIMIT_REACHED)) == 1


def test_a_filled_copy_before_the_leader_is_for_information() -> None:
    desk = copied(Desk())
    desk.copied("TRADED", filled=50)
    (alert,) = told(desk, Alert.EARLY_FILL)
    assert (alert.level, alert.follower, alert.leader_order_id) == ("info", ALICE, "L1")
