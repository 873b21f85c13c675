"""``copyctl doctor``: each trouble is seen, each has its mend, and nothing is changed by looking."""

import http.server
import json
import os
import socket
import sqlite3
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from copyctl.cli.checkup import ERROR, OK, WARNING, _calendar, of_metrics, of_secret_files
from copyctl.edge.journal import open_journal
from copyctl.edge.probes import port_holder, probe_store
from copyctl.model.calendar import TradingDays
from copyctl.rules import load
from tests.cli.test_cli_token import BY_CODE, PIN, SECRET, Deployment
from tests.cli.world import BARE, process
from tests.scenarios.desk import Broker


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    running = Broker(followers=2)
    yield running
    running.stop()


class Patient(Deployment):
    """A deployment that is looked at."""

    def write(self, broker: dict[str, Any] | None = None, **parts: Any) -> None:
        super().write({"instruments": self.broker.ready["instruments_url"], **(broker or {})}, **parts)
        path = self.folder / "rules.yaml"
        document = yaml.safe_load(path.read_text())
        document["policy"]["market_hours"] = {"enforce": False}  # how far the calendar reaches depends on the day
        path.write_text(yaml.safe_dump(document))

    def also(self, **parts: Any) -> None:
        path = self.folder / "rules.yaml"
        path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **parts}))

    def look(self, *words: str, code: int = 0, **environment: str) -> list[dict[str, Any]]:
        done = process(
            *("doctor", "--rules", str(self.folder / "rules.yaml"), "--format", "json", *words),
            environment={**BARE, "PIN": PIN, "TOTP": SECRET, **environment},
        )
        self.said += done.stdout + done.stderr
        assert done.returncode == code, done
        document = json.loads(done.stdout)
        assert document["ok"] == (code == 0)
        for row in document["checks"]:
            assert list(row) == ["check", "account", "state", "detail", "mend"]
            assert row["state"] == "ok" or row["mend"], row
        return list(document["checks"])


@pytest.fixture
def patient(broker: Broker, tmp_path: Path) -> Iterator[Patient]:
    broker.tell("clock", offset_seconds=0)
    made = Patient(broker, tmp_path)
    for path in tmp_path.glob("*.token"):
        path.chmod(0o600)
    made.write()
    yield made
    for secret in (PIN, SECRET, *(path.read_text().strip() for path in tmp_path.glob("*.token"))):
        assert not secret or secret not in made.said


def rows(checks: list[dict[str, Any]], check: str, account: str | None = None) -> list[dict[str, Any]]:
    return [row for row in checks if row["check"] == check and account in (None, row["account"])]


def only(checks: list[dict[str, Any]], check: str, account: str | None = None) -> dict[str, Any]:
    (row,) = rows(checks, check, account)
    return row


def test_all_is_well(patient: Patient) -> None:
    checks = patient.look()
    assert {row["check"] for row in checks} >= {
        *("rules", "variables", "token", "address", "clock", "calendar", "instruments", "limits", "store", "disk"),
    }
    assert [row["state"] for row in rows(checks, "token")] == ["ok"] * 3
    assert "good until" in only(checks, "token", "leader")["detail"]
    assert only(checks, "clock")["state"] == "ok"
    assert only(checks, "instruments")["state"] == "ok"
    assert only(checks, "limits", "alice")["detail"].startswith("7000 of 7000")
    assert not (patient.folder / "store").exists()  # nothing is made by looking
    for name in patient.broker.accounts:
        asked = patient.broker.ask("requests", account=name)["requests"]
        assert {row["method"] for row in asked} == {"GET"}
        assert {row["path"] for row in asked} <= {"/profile", "/ip/getIP"}


def test_tokens_dead_dying_and_missing(patient: Patient) -> None:
    patient.broker.tell("token", account="leader", action="kill")
    patient.file("alice").write_text(patient.mint("alice", seconds=1800))
    patient.file("bob").unlink()
    checks = patient.look(code=1)
    leader, alice = only(checks, "token", "leader"), only(checks, "token", "alice")
    assert (leader["state"], alice["state"]) == ("error", "warning")
    assert "copyctl token --account leader" in leader["mend"]
    assert only(checks, "variables", "bob")["state"] == "error"
    assert only(checks, "token", "bob")["state"] == "error"


def test_the_token_of_a_follower_whose_run_renews_it_is_no_worry(patient: Patient) -> None:
    patient.write(alice={**BY_CODE, "renew": "totp"})
    patient.file("alice").write_text(patient.mint("alice", seconds=1800))
    checks = patient.look()
    assert "renew: totp" in only(checks, "token", "alice")["detail"]
    assert rows(checks, "renewal") == []
    assert only(patient.look(code=1, TOTP="0189!"), "renewal", "alice")["state"] == "error"
    assert patient.asked("alice", "/app/generateAccessToken") == 0


def test_a_token_file_that_others_can_read(patient: Patient) -> None:
    patient.file("alice").chmod(0o644)
    row = only(patient.look(), "token file", "alice")
    assert (row["state"], row["mend"]) == ("warning", f"chmod 600 {patient.file('alice')}")


def test_a_rules_file_that_others_can_change(patient: Patient) -> None:
    path = patient.folder / "rules.yaml"
    path.chmod(0o664)
    (row,) = (one for one in rows(patient.look(), "rules") if one["state"] != "ok")
    assert (row["state"], row["mend"]) == ("warning", f"chmod go-w {path}")


def test_a_store_that_others_can_read(patient: Patient) -> None:
    store = patient.folder / "store"
    store.mkdir(0o700)
    assert [row["state"] for row in rows(patient.look(), "store")] == ["ok"]
    store.chmod(0o750)
    warned = [row for row in rows(patient.look(), "store") if row["state"] == "warning"]
    assert [row["mend"] for row in warned] == [f"chmod 700 {store}"]


def test_a_folder_to_which_no_new_token_can_be_written(patient: Patient, tmp_path: Path) -> None:
    where = tmp_path / "secrets" / "alice.token"
    found = list(of_secret_files({"alice": where, "bob": where}, ["alice"]))  # the folder is not even there
    assert [(one.account, one.state) for one in found] == [("alice", ERROR)]
    assert found[0].mend


def test_limits_above_dhans_own_and_old_backups(patient: Patient) -> None:
    patient.also(rate_limits={"orders": {"per_second": 25}})
    backups = patient.folder / "store" / "backups"
    backups.mkdir(parents=True, mode=0o700)
    (patient.folder / "store").chmod(0o700)
    (backups / "one.sqlite").touch()
    checks = patient.look()
    assert [row["state"] for row in rows(checks, "limits")] == ["warning", "ok", "ok"]
    assert only(checks, "backup")["state"] == "ok"
    os.utime(backups / "one.sqlite", (1, 1))
    assert only(patient.look(), "backup")["mend"] == "copyctl backup make"


def test_addresses_wrong_shared_and_not_told(patient: Patient) -> None:
    checks = patient.look()
    assert only(checks, "address", "alice")["state"] == "ok"
    assert "as those of alice do" in only(checks, "address", "bob")["detail"]
    patient.broker.tell("settings", account="alice", ip_addresses=["192.0.2.7"])
    row = only(patient.look(code=1), "address", "alice")
    assert (row["state"], "192.0.2.7" in row["detail"]) == ("error", True)
    assert "source_ip" in row["mend"]
    patient.broker.tell("settings", account="alice", ip_addresses=[], ip_answer_error=True)
    assert only(patient.look(code=1), "address", "alice")["state"] == "error"


def test_a_clock_that_is_off(patient: Patient) -> None:
    patient.broker.tell("clock", offset_seconds=5)
    row = only(patient.look(code=1), "clock")
    assert (row["state"], "-5" in row["detail"] or "-4" in row["detail"]) == ("error", True)
    assert "ntp" in row["mend"]


def test_a_broker_that_is_not_there(patient: Patient) -> None:
    patient.write({"rest_url": "http://127.0.0.1:9/v2", "instruments": "http://127.0.0.1:9/x.csv"})
    checks = patient.look(code=1)
    assert "could not be asked" in only(checks, "token", "leader")["detail"]
    assert only(checks, "instruments")["state"] == "error"
    assert only(checks, "clock")["state"] == "warning"


def test_rules_that_cannot_be_used_are_told_with_their_mend(patient: Patient) -> None:
    patient.also(policy={"sizing": {"strategy": "fixed_ration"}})
    (row,) = patient.look(code=1)
    assert (row["check"], row["state"], "R114" in row["detail"]) == ("rules", "error", True)
    patient.write(alice={"access_token": "${ALICE_TOKEN}"})
    row = only(patient.look(code=1), "variables", "alice")
    assert "ALICE_TOKEN" in row["detail"]


def test_a_store_that_is_damaged_newer_or_another_leaders(patient: Patient) -> None:
    store = patient.folder / "store"
    leader = patient.broker.accounts["leader"]["client_id"]
    open_journal(store, leader="1199999999").close()
    assert "another leader" in only(patient.look(code=1), "store")["detail"]
    for path in store.glob("*"):
        path.unlink()
    journal = open_journal(store, leader=leader)  # held, as by a run that is alive
    row = only(patient.look(), "store")
    assert (row["state"], sqlite3.sqlite_version in row["detail"]) == ("ok", True)
    journal.close()
    database = sqlite3.connect(store / "journal.sqlite")
    database.execute("INSERT OR REPLACE INTO meta VALUES ('version', '99')")
    database.commit()
    database.close()
    assert "newer copyctl" in only(patient.look(code=1), "store")["detail"]
    (store / "journal.sqlite").write_bytes(b"no database at all" * 100)
    assert "cannot be used" in only(patient.look(code=1), "store")["detail"]


def test_alert_addresses_are_read_and_never_shown(patient: Patient) -> None:
    patient.also(
        alerts={"urls": ["json://user:p4ssw0rd@127.0.0.1:9/", "nonsense://p4ssw0rd"], "heartbeat_url": "p4ssw0rd"}
    )
    checks = patient.look(code=1)
    assert [row["state"] for row in rows(checks, "alerts")] == ["error", "error"]
    assert "alerts.urls[1]" in rows(checks, "alerts")[0]["detail"]
    patient.also(alerts={"urls": ["json://user:p4ssw0rd@127.0.0.1:9/"]})
    assert "not taken" in only(patient.look("--alert", code=1), "alerts")["detail"]
    assert "p4ssw0rd" not in patient.said


def test_a_test_message_goes_out_only_when_it_is_asked_for(patient: Patient) -> None:
    heard: list[bytes] = []

    class Door(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        patient.also(alerts={"urls": [f"json://127.0.0.1:{server.server_address[1]}/"]})
        patient.look(code=0)
        assert heard == []
        patient.look("--alert", code=0)
        server.shutdown()
    assert len(heard) == 1
    assert b"nothing has happened" in heard[0]


def test_a_port_is_free_ours_or_somebody_elses(patient: Patient, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        assert port_holder(listen) == "another program"
    assert port_holder(listen) == ""
    for wrong in ("127.0.0.1:x", "nonsense", "127.0.0.1:99999", "192.0.2.1:9464"):
        with pytest.raises(ValueError, match=r"cannot be listened on|no address"):
            port_holder(wrong)
    patient.also(metrics={"listen": listen})
    environment = {"PIN": PIN, "TOTP": SECRET}
    rules = load(patient.folder / "rules.yaml", environment, offline=True)
    assert [one.state for one in of_metrics(rules)] == [OK]


@pytest.mark.parametrize(
    ("first", "last", "state"),
    [
        (date(2026, 1, 1), date(2026, 12, 31), OK),
        (date(2026, 1, 1), date(2026, 12, 29), OK),
        (date(2026, 1, 1), date(2026, 12, 28), ERROR),
        (date(2026, 1, 1), date(2026, 11, 28), ERROR),
        (date(2026, 12, 1), date(2027, 12, 31), ERROR),
    ],
)
def test_a_calendar_must_cover_today_and_thirty_days_more(first: date, last: date, state: str) -> None:
    days = TradingDays(calendar="XBOM", first=first, last=last, open_days=(), bounded=True)
    found = _calendar("XBOM", days, "", date(2026, 11, 29))
    assert (found.state, bool(found.mend)) == (state, state == ERROR)
    assert _calendar("XBOM", None, "no such calendar", date(2026, 11, 29)).state == ERROR


def test_a_store_that_is_not_there_yet_is_probed_where_it_would_be(tmp_path: Path) -> None:
    probe = probe_store(tmp_path / "a" / "b")
    assert (probe.trouble, probe.writable, probe.size) == ("", True, 0)
    assert probe.free > 0
    assert list(tmp_path.iterdir()) == []


def test_people_get_a_table(patient: Patient) -> None:
    done = process(
        *("doctor", "--rules", str(patient.folder / "rules.yaml"), "--format", "table"),
        environment={**BARE, "PIN": PIN, "TOTP": SECRET},
    )
    assert done.returncode == 0
    assert "what to do" in done.stdout
    assert WARNING in done.stdout  # nobody is told of anything
    assert "asking the broker about alice" in done.stderr
