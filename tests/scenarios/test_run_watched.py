"""What a run tells the outside: alerts, heartbeat, metrics, health, log lines, systemd. All of it is real."""

import http.client
import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios import quick_run
from tests.scenarios.desk import Desk
from tests.scenarios.hearing import Hearing, Systemd, free_port, hearing

QUICK = (str(Path(quick_run.__file__)),)


@pytest.fixture
def outside() -> Iterator[Hearing]:
    with hearing() as made:
        yield made


def alerts(outside: Hearing, **changes: Any) -> dict[str, Any]:
    return {"alerts": {"urls": [f"json://127.0.0.1:{outside.port}/key-of-nobody-4711"], **changes}}


def asked(port: int, path: str) -> tuple[int, str]:
    """Status and body of an answer of the metrics port; 0 where nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except ConnectionError:
        return 0, ""
    finally:
        connection.close()


def rejects(desk: Desk) -> None:
    """Alice's next order is rejected."""
    body = {"errorType": "Order_Error", "errorCode": "DH-906", "errorMessage": "RMS: no margin"}
    desk.fault("status", status=400, body=body, times=1)


def stream_down(desk: Desk) -> None:
    """The leader's stream goes down and cannot come up again."""
    desk.broker.tell("token", account="leader", action="kill")
    desk.broker.tell("stream", account="leader", action="reset")


# --- alerts -----------------------------------------------------------------------------------------------------------


def test_an_alert_arrives_with_what_to_do_and_by_name(desk: Desk, outside: Hearing) -> None:
    desk.rules = alerts(outside)
    desk.start()
    rejects(desk)
    desk.place()
    (message,) = desk.eventually(lambda: outside.about("dead_letter"), "the alert arrives")
    assert message["title"] == "copyctl scenario: WARNING dead_letter"
    assert message["type"] == "warning"
    assert "- alice: the broker rejected a copy" in message["message"]
    assert "What to do: `copyctl dead-letters list`" in message["message"]
    assert desk.broker.accounts["alice"]["client_id"] not in message["message"]
    desk.stop()
    assert "key-of-nobody-4711" not in desk.output()


def test_a_kill_switch_for_all_followers_is_one_message(desk: Desk, outside: Hearing) -> None:
    desk.followers = ("alice", "bob", "carol")
    desk.rules = alerts(outside)
    desk.start()
    desk.command("kill", "--reason", "enough")
    desk.eventually(lambda: outside.about("kill_switch"), "the alert arrives")
    desk.quiet()
    (message,) = outside.about("kill_switch")
    assert message["title"] == "copyctl scenario: CRITICAL kill_switch"
    assert [name for name in desk.followers if f"- {name}: kill switch" in message["message"]] == list(desk.followers)


def test_the_same_alert_is_held_back_for_its_cooldown_and_then_counted(desk: Desk, outside: Hearing) -> None:
    desk.rules = alerts(outside, cooldown="10s")
    desk.start()
    for number in range(4):
        rejects(desk)
        desk.follows(desk.place(), decision="dead")
        if not number:
            desk.eventually(lambda: outside.about("dead_letter"), "the first alert arrives")
    desk.quiet()
    assert len(outside.about("dead_letter")) == 1
    desk.eventually(lambda: len(outside.about("dead_letter")) == 2, "the others arrive together")
    held = outside.about("dead_letter")[1]["message"]
    assert held.count("- alice: the broker rejected a copy") == 3
    assert "3 of these were held back" in held


def test_what_waits_is_sent_at_the_end(desk: Desk, outside: Hearing) -> None:
    desk.rules = alerts(outside)
    desk.start()
    rejects(desk)
    desk.follows(desk.place(), decision="dead")
    desk.stop()
    assert len(outside.about("dead_letter")) == 1


def test_an_address_that_fails_is_told_once_without_its_key_and_holds_up_nobody(desk: Desk, outside: Hearing) -> None:
    bad = f"json://127.0.0.1:{free_port()}/key-of-nobody-4711"
    desk.rules = alerts(outside, urls=[bad, f"json://127.0.0.1:{outside.port}/"], cooldown="0s")
    desk.rules["logging"] = {"level": "debug"}
    desk.start()
    for number in range(2):
        rejects(desk)
        order = desk.place()
        desk.follows(order, decision="dead")
        desk.eventually(lambda n=number: len(outside.about("dead_letter")) == n + 1, "the other address gets it")
    desk.eventually(lambda: "alerts.urls[0]: it does not take alerts" in desk.output(), "it is told")
    desk.stop()
    assert desk.output().count("alerts.urls[0]") == 1
    assert "key-of-nobody-4711" not in desk.output()


@pytest.mark.parametrize("url", ["nonsense://127.0.0.1/key-of-nobody-4711", "tgram://key-of-nobody-4711"])
def test_an_address_that_apprise_cannot_use_ends_the_run_before_it_begins(desk: Desk, url: str) -> None:
    desk.rules = {"alerts": {"urls": [url]}}
    desk.start(ready=False)
    assert desk.ended() == 2
    assert "alerts.urls[0] is no address that Apprise knows" in desk.output()
    assert "key-of-nobody-4711" not in desk.output()


def test_too_slow_a_minute_is_told_with_its_figures(desk: Desk, outside: Hearing) -> None:
    desk.policy = {"multi_leg": {"window": "300ms"}}
    desk.rules = alerts(outside, latency_budget="250ms")
    desk.start()
    for price in (88, 89, 90):  # one that a sweep sees first has no frame, and so no latency
        desk.follows(desk.place(price=price), decision="copied")
    (message,) = desk.eventually(lambda: outside.about("latency"), "the alert arrives")
    assert re.search(r"took [\d.]+ ms \(p99\) over the last minute, alerts.latency_budget is", message["message"])
    desk.follows(desk.place(), decision="copied")
    desk.quiet()
    assert len(outside.about("latency:")) == 1


# --- heartbeat, health, metrics ---------------------------------------------------------------------------------------


def test_the_heartbeat_stops_while_the_leaders_stream_is_down(desk: Desk, outside: Hearing) -> None:
    desk.rules = {
        "alerts": {"heartbeat_url": f"http://127.0.0.1:{outside.port}/beat"},
        "resilience": {"heartbeat": "1s"},
    }
    desk.start(program=QUICK)
    desk.eventually(lambda: outside.calls > 2, "it beats")
    stream_down(desk)

    def silent() -> bool:
        before = outside.calls
        time.sleep(1)
        return outside.calls == before

    desk.eventually(silent, "it stops")
    desk.broker.tell("token", account="leader", action="revive")
    before = outside.calls
    desk.eventually(lambda: outside.calls > before + 2, "it beats again")


def test_health_turns_503_with_the_reason_and_back(desk: Desk) -> None:
    port = free_port()
    desk.rules = {"metrics": {"listen": f"127.0.0.1:{port}"}, "resilience": {"heartbeat": "1s"}}
    desk.start()
    desk.eventually(lambda: asked(port, "/health")[0] == 200, "it is well")
    document = json.loads(asked(port, "/health")[1])
    assert (document["ok"], document["name"], document["why"]) == (True, "scenario", [])
    stream_down(desk)
    desk.eventually(lambda: asked(port, "/health")[0] == 503, "it is not well")
    document = json.loads(asked(port, "/health")[1])
    assert not document["ok"]
    assert "the leader's " in " ".join(document["why"])
    desk.broker.tell("token", account="leader", action="revive")
    desk.eventually(lambda: asked(port, "/health")[0] == 200, "it is well again")


def test_health_is_answered_and_not_well_while_the_event_loop_hangs(desk: Desk, tmp_path: Path) -> None:
    port = free_port()
    desk.rules = {"metrics": {"listen": f"127.0.0.1:{port}"}}
    desk.start(program=hanging(tmp_path))
    desk.eventually(lambda: asked(port, "/health")[0] == 200, "it is well")
    assert desk.process is not None
    desk.process.send_signal(signal.SIGUSR1)
    desk.eventually(lambda: "the event loop has not turned" in asked(port, "/health")[1], "the stall is told")
    assert asked(port, "/health")[0] == 503


def hanging(folder: Path) -> tuple[str, ...]:
    """The real command, whose event loop stands still from SIGUSR1 on."""
    program = folder / "hanging.py"
    program.write_text(
        "import os, signal, time\n"
        "from copyctl.cli.main import run\n"
        "def hang(*_):\n"
        "    os.write(2, b'it hangs\\n')\n"
        "    time.sleep(3600)\n"
        "signal.signal(signal.SIGUSR1, hang)\n"
        "run()\n"
    )
    return (str(program),)


def test_every_metric_is_there_after_a_copied_order_and_tells_accounts_by_name(desk: Desk) -> None:
    port = free_port()
    desk.rules = {"metrics": {"listen": f"127.0.0.1:{port}"}}
    desk.start()
    for price in (88, 89, 90):  # one that a sweep sees first has no frame, and so no latency
        desk.follows(desk.place(price=price), decision="copied", follower_status="PENDING")
    sent = 'copyctl_orders_sent_total{follower="alice",kind="place"} 3.0'
    timed = re.compile(r"copyctl_frame_to_send_seconds_count [123]\.0")

    def counted() -> str:
        body = asked(port, "/metrics")[1]
        return body if sent in body and timed.search(body) else ""

    text = desk.eventually(counted, "it is counted")
    wanted = [
        'copyctl_decisions_total{decision="copied",follower="alice",reason=""} ',
        sent,
        'copyctl_frame_to_send_seconds_bucket{le="5.0"} ',
        'copyctl_stream_connected{account="leader"} 1.0',
        'copyctl_stream_connected{account="alice"} 1.0',
        'copyctl_queue_length{follower="alice"} 0.0',
        'copyctl_unresolved_orders{follower="alice"} 0.0',
        'copyctl_rate_budget{follower="alice",window="day"}',
        'copyctl_follower_state{follower="alice",state="active"} 1.0',
        'copyctl_follower_state{follower="alice",state="killed"} 0.0',
        'copyctl_kill_switch{follower="alice"} 0.0',
        "copyctl_journal_bytes ",
    ]
    assert [one for one in wanted if one not in text] == []
    assert not [row for row in desk.broker.accounts.values() if row["client_id"] in text]
    desk.command("kill", "--follower", "alice")
    killed = 'copyctl_follower_state{follower="alice",state="killed"} 1.0'
    desk.eventually(lambda: killed in asked(port, "/metrics")[1], "the kill is seen")
    assert asked(port, "/else")[0] == 404


def test_a_port_that_is_taken_ends_the_run_before_it_begins(desk: Desk, outside: Hearing) -> None:
    desk.rules = {"metrics": {"listen": f"127.0.0.1:{outside.port}"}}
    desk.start(ready=False)
    assert desk.ended() == 2
    assert f"metrics.listen: 127.0.0.1:{outside.port} cannot be had" in desk.output()
    assert not list(desk.store.glob("*.sqlite"))


# --- log lines --------------------------------------------------------------------------------------------------------


def test_json_lines_of_one_leader_order_share_its_trace(desk: Desk) -> None:
    desk.followers = ("alice", "bob")
    desk.rules = {"logging": {"format": "json"}}
    desk.start()
    order, other = desk.place(), desk.place(price=91)
    for name in desk.followers:
        desk.follows(order, name, decision="copied", follower_status="PENDING")
        desk.follows(other, name, decision="copied", follower_status="PENDING")
    desk.stop()
    lines = [json.loads(line) for line in desk.output().splitlines() if line.startswith("{")]
    told = [line for line in lines if line.get("trace") == order]
    for name in desk.followers:
        mine = [line["event"] for line in told if line["follower"] == name]
        assert [one for one in ("decision", "request", "answer") if one not in mine] == []
    assert all(line["leader_order_id"] == order for line in told)
    assert all({"at", "level", "event", "leader_order_id", "follower", "trace", "facts"} <= set(line) for line in told)
    assert [line for line in lines if line.get("leader_order_id") == order and line not in told] == []
    assert not [line for line in desk.output().splitlines() if "copied   BUY" in line]  # said once, not twice


def test_on_one_terminal_nothing_is_said_twice(desk: Desk) -> None:
    desk.start()
    order = desk.place()
    desk.follows(order, decision="copied")
    desk.stop()
    assert desk.output().count(f"[{order}]") == 1
    assert "trace" not in desk.output()


def test_trouble_with_connections_and_requests_is_logged_with_the_accounts_name(desk: Desk) -> None:
    desk.rules = {"logging": {"format": "json"}}
    desk.start()
    desk.broker.tell("stream", account="alice", action="reset")
    desk.fault("reset_after", times=1)
    desk.place()

    def told() -> tuple[list[str], list[str]]:
        lines = [json.loads(line) for line in desk.output().splitlines() if line.startswith("{")]
        mine = [line["text"] for line in lines if line.get("follower") == "alice"]
        return mine, [line["event"] for line in lines]

    desk.eventually(lambda: any("order stream down" in text for text in told()[0]), "the stream is logged")
    sent = "alice: POST /orders: the connection broke"
    desk.eventually(lambda: any(sent in event for event in told()[1]), "the request is logged")
    assert "alice: POST /orders works again" not in told()[1]
    desk.place(price=91)
    desk.eventually(lambda: "alice: POST /orders works again" in told()[1], "that it works again too")


# --- systemd ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_hears_when_it_is_ready_that_it_lives_and_that_it_stops(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool
) -> None:
    address = f"@copyctl-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    systemd = Systemd(address)
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    try:
        desk.start()
        desk.eventually(lambda: "READY=1" in systemd.hear(), "it is ready")
        desk.eventually(lambda: systemd.hear().count("WATCHDOG=1") > 3, "it is fed")
        assert any(one.startswith("STATUS=copying for 1 followers") for one in systemd.hear())
        assert "STOPPING=1" not in systemd.hear()
        desk.stop()
        assert systemd.hear()[-1] == "STOPPING=1"
    finally:
        systemd.close()


def test_the_watchdog_is_not_fed_while_the_event_loop_hangs(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemd = Systemd(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", systemd.address)
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    try:
        desk.start(program=hanging(tmp_path))
        desk.eventually(lambda: systemd.hear().count("WATCHDOG=1") > 3, "it is fed")
        assert desk.process is not None
        desk.process.send_signal(signal.SIGUSR1)
        desk.eventually(lambda: "it hangs" in desk.output(), "it hangs")
        before = len(systemd.hear())
        desk.quiet()
        desk.quiet()
        assert len(systemd.hear()) == before
    finally:
        systemd.close()


# --- reload -----------------------------------------------------------------------------------------------------------


def test_other_addresses_hold_after_a_reload_and_one_that_cannot_be_used_changes_nothing(
    desk: Desk, outside: Hearing
) -> None:
    before, after = free_port(), free_port()
    desk.rules = {"metrics": {"listen": f"127.0.0.1:{before}"}}
    desk.start()
    desk.eventually(lambda: asked(before, "/health")[0] == 200, "it is well")
    desk.rules = {"metrics": {"listen": f"127.0.0.1:{outside.port}"}}
    desk.write_rules()
    refused = desk.command("reload", check=False)
    assert refused.returncode != 0
    assert f"metrics.listen: 127.0.0.1:{outside.port} cannot be had" in refused.stdout
    assert asked(before, "/health")[0] == 200
    desk.rules = {"metrics": {"listen": f"127.0.0.1:{after}"}, **alerts(outside)}
    desk.write_rules()
    desk.command("reload")
    assert (asked(before, "/health")[0], asked(after, "/health")[0]) == (0, 200)
    rejects(desk)
    desk.place()
    desk.eventually(lambda: outside.about("dead_letter"), "the alert arrives")
