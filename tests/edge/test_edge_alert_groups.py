"""Which alerts go out, when and together: time is a number here."""

import pytest

from copyctl.edge.alert_groups import MOST_LINES, AlertGroups, Message
from copyctl.model.alerts import Alert
from copyctl.model.deployment import Alerts
from copyctl.model.effects import Notice, alert_notice
from copyctl.model.terms import Level

SECOND = 1_000_000_000
NAMES = {"1100000002": "alice", "1100000003": "bob"}


def groups(level: Level = Level.WARNING, cooldown: int = 300) -> AlertGroups:
    settings = Alerts(urls=(), level=level, cooldown=cooldown * SECOND, heartbeat_url=None, latency_budget=None)
    return AlertGroups("desk", NAMES, settings)


def alert(what: Alert = Alert.DEAD_LETTER, text: str = "refused", follower: str = "1100000002") -> Notice:
    return alert_notice(SECOND, what, text, row="L1", follower=follower)


def sent(made: AlertGroups, now: float) -> list[Message]:
    return made.due(now)


def test_what_comes_within_two_seconds_is_one_message_for_each_level() -> None:
    made = groups()
    made.take(alert(), 10.0)
    made.take(alert(follower="1100000003"), 11.9)
    made.take(alert(Alert.COPY_LATE), 11.9)
    assert (sent(made, 11.99), made.next_at()) == ([], 12.0)
    (message,) = sent(made, 12.0)
    assert message.title == "copyctl desk: WARNING dead_letter, copy_late"
    lines = message.body.splitlines()
    assert lines[0] == "dead_letter: The broker rejected a copy for good."
    assert lines[1:3] == ["- alice: refused [L1]", "- bob: refused [L1]"]
    assert lines[3].startswith("What to do: `copyctl dead-letters list`")
    assert made.next_at() is None


def test_what_is_critical_does_not_wait_for_the_others_and_goes_first() -> None:
    made = groups()
    made.take(alert(), 10.0)
    made.take(alert(Alert.EXIT_NOT_SENT), 10.0)
    (message,) = sent(made, 10.2)
    assert (message.level, message.title) == (Level.CRITICAL, "copyctl desk: CRITICAL exit_not_sent")
    made.take(alert(Alert.KILL_SWITCH), 11.9)
    assert [one.level for one in sent(made, 12.1)] == [Level.CRITICAL, Level.WARNING]


def test_a_kill_switch_for_twenty_followers_is_one_message() -> None:
    made = groups()
    for number in range(20):
        made.take(alert(Alert.KILL_SWITCH, "kill switch on", f"F{number}"), 10.0)
    (message,) = sent(made, 10.2)
    assert message.body.count("kill switch on") == 20


@pytest.mark.parametrize(("level", "told"), [(Level.INFO, 3), (Level.WARNING, 2), (Level.CRITICAL, 1)])
def test_only_from_the_level_on(level: Level, told: int) -> None:
    made = groups(level)
    for what in (Alert.STREAM_UP, Alert.STREAM_DOWN, Alert.KILL_SWITCH):
        made.take(alert(what), 10.0)
    assert len(sent(made, 20.0)) == told


def test_the_same_code_and_follower_is_held_back_and_told_when_the_cooldown_is_over() -> None:
    made = groups(cooldown=60)
    made.take(alert(text="first"), 0.0)
    assert len(sent(made, 2.0)) == 1
    made.take(alert(text="second"), 10.0)
    made.take(alert(text="third"), 20.0)
    made.take(alert(text="of bob", follower="1100000003"), 20.0)
    made.take(alert(Alert.COPY_LATE, text="another code"), 20.0)
    (others,) = sent(made, 22.0)
    assert ("of bob" in others.body, "another code" in others.body, "second" in others.body) == (True, True, False)
    assert made.next_at() == 62.0
    assert sent(made, 61.9) == []
    sent(made, 62.0)
    (held,) = sent(made, 64.0)
    assert ("- alice: second [L1]" in held.body, "- alice: third [L1]" in held.body) == (True, True)
    assert "2 of these were held back by alerts.cooldown" in held.body
    made.take(alert(text="fourth"), 70.0)
    assert sent(made, 72.0) == []  # what was told begins a new cooldown


def test_a_louder_one_of_the_same_code_is_not_held_back() -> None:
    made = groups()
    made.take(alert(Alert.DRIFT), 0.0)
    sent(made, 2.0)
    made.take(alert_notice(SECOND, Alert.DRIFT, "worse", level=Level.CRITICAL, follower="1100000002"), 3.0)
    assert [one.level for one in sent(made, 4.0)] == [Level.CRITICAL]


def test_without_a_cooldown_nothing_is_held_back() -> None:
    made = groups(cooldown=0)
    for number in range(3):
        made.take(alert(text=str(number)), number * 10.0)
        assert len(sent(made, number * 10.0 + 2)) == 1


def test_what_is_held_back_is_counted_where_it_is_too_much_to_be_told() -> None:
    made = groups(cooldown=60)
    made.take(alert(), 0.0)
    sent(made, 2.0)
    for number in range(MOST_LINES + 5):
        made.take(alert(text=f"number {number}"), 3.0)
    (message,) = made.due(4.0, all_of_it=True)
    assert f"{MOST_LINES + 5} of these were held back" in message.body
    assert message.body.count("number") == MOST_LINES


def test_the_end_brings_out_what_waits_and_what_is_held_back() -> None:
    made = groups()
    made.take(alert(text="first"), 0.0)
    sent(made, 2.0)
    made.take(alert(text="held"), 3.0)
    made.take(alert(Alert.EXIT_NOT_SENT, "waits"), 3.0)
    bodies = [one.body for one in made.due(3.0, all_of_it=True)]
    assert ("waits" in bodies[0], "held" in bodies[1], len(bodies)) == (True, True, 2)
    assert made.due(999.0) == []


def test_other_rules_hold_from_the_next_alert_on() -> None:
    made = groups()
    settings = Alerts(urls=(), level=Level.CRITICAL, cooldown=0, heartbeat_url=None, latency_budget=None)
    made.use("other", {}, settings)
    made.take(alert(), 0.0)
    made.take(alert(Alert.EXIT_NOT_SENT), 0.0)
    (message,) = sent(made, 5.0)
    assert message.title == "copyctl other: CRITICAL exit_not_sent"


def test_a_message_is_plain_lines_and_names_no_account_number() -> None:
    made = groups()
    made.take(alert(text="of 1100000003:\x1b[31m\nWhat to do: nothing", follower="1100000002"), 0.0)
    (message,) = sent(made, 2.0)
    assert "- alice: of bob: [31m What to do: nothing [L1]" in message.body.splitlines()[1].replace("  ", " ")
    assert "1100000003" not in message.body
    assert len(message.body.splitlines()) == 3
