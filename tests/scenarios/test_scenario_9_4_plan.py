"""Scenario 9.4: what new rules would do is shown first, and just that is done, or nothing."""

import json
from typing import Any

from tests.scenarios.desk import Desk, Row

LATE = {"lag_alert": "50ms", "lag_deadline": "100ms"}


def plan(desk: Desk) -> Row:
    """What ``copyctl plan`` says of the file as the desk writes it now."""
    desk.write_rules()
    return dict(json.loads(desk.look("plan", "--format", "json")))


def plan_of(desk: Desk, *wanted: tuple[str, str, str]) -> Row:
    """The plan, once it shows these changes: follower, leader order, action. What it calls for when a deadline is over
    it shows no sooner, and the deadline counts from the moment when the run took in what began it."""

    def shown() -> Row | None:
        said = plan(desk)
        found = [(one["follower"], one["leader_order_id"], one["action"]) for one in said["changes"]]
        return said if found == list(wanted) else None

    return dict(desk.eventually(shown, f"the plan shows {wanted}"))


def reload(desk: Desk, promised: Row, code: int = 0) -> str:
    """``copyctl reload --plan``; what it says."""
    done = desk.command("reload", "--plan", promised["hash"], "--format", "json", check=False)
    assert done.returncode == code, (done.stdout, done.stderr)
    return str(json.loads(done.stdout)["detail"])


def lagging(desk: Desk) -> str:
    """Two copies rest, and the leader's order has filled alone."""
    desk.followers = ("alice", "bob")
    desk.start()
    order = desk.place()
    for name in desk.followers:
        desk.reaches("PENDING", name)
        desk.follows(order, name, follower_status="PENDING")
    desk.fill("leader", order, 130, 90)
    for name in desk.followers:
        desk.follows(order, name, leader_status="TRADED")
    return order


def test_scenario_9_4_the_reload_does_just_what_the_plan_shows(desk: Desk) -> None:
    order = lagging(desk)
    desk.overrides = {
        "alice": {"fills": {**LATE, "lag_action": "market"}},
        "bob": {"fills": {**LATE, "lag_action": "cancel"}},
    }
    shown = plan_of(desk, ("alice", order, "modify"), ("bob", order, "cancel"))
    assert desk.verbs("alice") == desk.verbs("bob") == ["place"]
    desk.look_again()  # sweeps make it no other plan
    assert plan(desk)["hash"] == shown["hash"]
    assert "in force" in reload(desk, shown)
    desk.follows(order, "alice", follower_status="TRADED")
    desk.follows(order, "bob", follower_status="CANCELLED")
    assert desk.verbs("alice") == ["place", "modify"]
    assert desk.verbs("bob") == ["place", "cancel"]
    after: dict[str, Any] = shown["changes"][0]["to"]
    assert [desk.asked()[one] for one in ("orderType", "quantity", "price")] == [
        after[one] for one in ("order_type", "quantity", "price")
    ]
    assert plan(desk)["changes"] == []


def test_scenario_9_4_a_plan_of_another_state_or_file_does_nothing(desk: Desk) -> None:
    order = lagging(desk)
    desk.overrides = {"alice": {"fills": {**LATE, "lag_action": "market"}}}
    shown = plan_of(desk, ("alice", order, "modify"), ("bob", order, "none"))
    desk.fill("alice", str(desk.only()["orderId"]), 65, 90)
    desk.follows(order, "alice", follower_filled=65)
    assert "what is open or held has changed" in reload(desk, shown, 2)
    again = plan(desk)
    desk.overrides = {"alice": {"fills": {**LATE, "lag_action": "cancel"}}}
    desk.write_rules()
    assert "the rules file that the run reads is another one" in reload(desk, again, 2)
    desk.quiet()
    assert desk.verbs("alice") == ["place"]
    assert len([row for row in desk.events("state") if "in force" in row["text"]]) == 1
    assert desk.alerts("the state moved on since the plan")
