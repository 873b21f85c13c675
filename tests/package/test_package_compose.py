"""The compose example: its files are valid, and its dashboard and alerts ask for what a run tells."""

import http.client
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from copyctl.engine.replicator import STOP_WITHIN_SECONDS
from tests.cli.world import copyctl
from tests.scenarios.hearing import free_port

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "compose"
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text())
DASHBOARD = json.loads((FOLDER / "grafana" / "dashboard.json").read_text())
ALERTS = yaml.safe_load((FOLDER / "alerts.yml").read_text())
PATIENCE_SECONDS = 60.0
METRIC = re.compile(r"\b(copyctl_\w+)(\{[^}]*\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!=|=)\s*"([^"]*)"')


def mounts(service: str) -> dict[str, str]:
    """Where what of this machine is seen in a container."""
    pairs = (one.split(":")[:2] for one in COMPOSE["services"][service]["volumes"])
    return {there: here for here, there in pairs if here.startswith(".")}


def expressions() -> list[str]:
    """All that the dashboard and the alerts ask Prometheus."""
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return [*panels, *(rule["expr"] for group in ALERTS["groups"] for rule in group["rules"])]


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, set[str]]]:
    """Every sample that a run of the example tells, with its labels."""
    folder, port = tmp_path_factory.mktemp("compose"), free_port()
    text = (FOLDER / "rules.yaml").read_text()
    for was, now in (
        ("../../rules", str(ROOT / "rules")),
        ("../tapes", str(ROOT / "examples" / "tapes")),
        ("/var/lib/copyctl/compose", str(folder / "store")),
        ("0.0.0.0:9464", f"127.0.0.1:{port}"),
        ("speed: 10 ", "speed: 400 "),
    ):
        assert was in text
        text = text.replace(was, now)
    (folder / "rules.yaml").write_text(text)
    process = subprocess.Popen(
        [sys.executable, "-m", "copyctl", "run", "--rules", str(folder / "rules.yaml")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield until_all_is_told(port)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0


def until_all_is_told(port: int) -> dict[str, set[str]]:
    ends = time.monotonic() + PATIENCE_SECONDS
    while True:
        assert time.monotonic() < ends, "no copy was ever told about"
        time.sleep(0.2)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        except OSError:
            continue
        finally:
            connection.close()
        samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
        told: dict[str, set[str]] = {}
        for one in samples:
            told.setdefault(one.name, set()).update(one.labels)
        if {"copyctl_decisions_total", "copyctl_orders_sent_total"} <= set(told):
            return told


@pytest.mark.xdist_group("compose")
def test_what_is_asked_for_is_what_a_run_tells(scraped: dict[str, set[str]]) -> None:
    asked = [found for expression in expressions() for found in METRIC.finditer(expression)]
    assert {found[1] for found in asked} - set(scraped) == set()
    for found in asked:
        labels = {label for label, _, _ in MATCHER.findall(found[2] or "")}
        assert labels <= scraped[found[1]], found[0]
    for expression in expressions():
        grouped = {
            label.strip() for one in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression) for label in one.split(",")
        }
        names = [found[1] for found in METRIC.finditer(expression)]
        assert all(grouped <= scraped[name] for name in names), expression
    variables = [one["definition"] for one in DASHBOARD["templating"]["list"] if one["type"] == "query"]
    for name, label in re.findall(r"label_values\((\w+), (\w+)\)", " ".join(variables)):
        assert label in scraped[name]


@pytest.mark.xdist_group("compose")
def test_every_metric_of_a_run_has_its_place_on_the_dashboard(scraped: dict[str, set[str]]) -> None:
    shown = {
        found[1] for panel in DASHBOARD["panels"] for one in panel["targets"] for found in METRIC.finditer(one["expr"])
    }
    histogram = {"copyctl_frame_to_send_seconds_sum"}
    assert {name for name in scraped if name.startswith("copyctl_")} - shown == histogram


def test_states_and_windows_that_are_asked_for_exist() -> None:
    from copyctl.report.status import STATES

    windows = {"second", "minute", "hour", "day"}
    for expression in expressions():
        for label, _, value in MATCHER.findall(expression):
            if label in ("state", "window") and not value.startswith("$"):
                assert value in {*STATES, *windows}
    assert {one["name"] for one in DASHBOARD["templating"]["list"]} == {"datasource", "follower", "window"}


def test_compose_takes_its_file() -> None:
    """By the schema of the Compose Specification."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, str(FOLDER / "compose.yaml")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_files_are_there_and_nobody_else_reaches_its_ports() -> None:
    service = COMPOSE["services"]["copyctl"]
    assert (FOLDER / service["build"]["context"]).resolve() == ROOT
    assert (ROOT / service["build"]["dockerfile"]).is_file()
    for name in COMPOSE["services"]:
        assert [here for here in mounts(name).values() if not (FOLDER / here).exists()] == []
        assert all(port.startswith("127.0.0.1:") for port in COMPOSE["services"][name].get("ports", []))
    assert float(service["stop_grace_period"].removesuffix("s")) > STOP_WITHIN_SECONDS + 2
    seen_at = service["command"][-1]
    where = {there: FOLDER / here for there, here in mounts("copyctl").items()}
    base = next(there for there in where if seen_at.startswith(there))
    assert (where[base] / seen_at.removeprefix(f"{base}/")).resolve() == FOLDER / "rules.yaml"
    assert copyctl("lint", "--strict", str(FOLDER / "rules.yaml")).returncode == 0


def test_prometheus_and_grafana_find_each_other_and_the_run() -> None:
    rules = yaml.safe_load((FOLDER / "rules.yaml").read_text())
    scrape = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    port = rules["metrics"]["listen"].rpartition(":")[2]
    assert [job["static_configs"] for job in scrape["scrape_configs"]] == [[{"targets": [f"copyctl:{port}"]}]]
    jobs = {job["job_name"] for job in scrape["scrape_configs"]}
    assert set(re.findall(r'job="(\w+)"', " ".join(expressions()))) <= jobs
    source = yaml.safe_load((FOLDER / "grafana" / "datasource.yaml").read_text())["datasources"][0]
    assert source["url"] == "http://prometheus:9090"
    provider = yaml.safe_load((FOLDER / "grafana" / "provider.yaml").read_text())["providers"][0]
    assert any(there.startswith(provider["options"]["path"]) for there in mounts("grafana"))
    assert f"EXPOSE {port}" in (ROOT / "Containerfile").read_text()


def test_panels_lie_side_by_side_within_the_grid() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + dx, at["y"] + dy) for dx in range(at["w"]) for dy in range(at["h"])}
        assert not cells & taken
        assert all(x < 24 for x, _ in cells)
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def promtool(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *words], capture_output=True, text=True, check=False)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="Prometheus is not installed here")
def test_prometheus_takes_them_and_alerts_when_it_should(tmp_path: Path) -> None:
    assert promtool("check", "config", str(FOLDER / "prometheus.yml")).returncode == 0
    series = {
        'up{job="copyctl"}': ("0x40", "CopyctlDown"),
        'copyctl_stream_connected{account="leader"}': ("0x40", "CopyctlLeaderStreamDown"),
        'copyctl_unresolved_orders{follower="bob"}': ("1x40", "CopyctlUnresolvedOrders"),
        'copyctl_follower_state{follower="bob",state="unauthenticated"}': ("1x40", "CopyctlTokenRefused"),
        'copyctl_kill_switch{follower="bob"}': ("1x40", "CopyctlKillSwitch"),
        'copyctl_queue_length{follower="bob"}': ("2x40", "CopyctlQueueStands"),
        'copyctl_rate_budget{follower="bob",window="day"}': ("9x40", "CopyctlRateBudgetLow"),
        'copyctl_frame_to_send_seconds_bucket{le="5.0"}': ("0+9x40", "CopyctlSlow"),
    }
    rules = [rule["alert"] for group in ALERTS["groups"] for rule in group["rules"]]
    assert rules == [alert for _, alert in series.values()]
    told = [{"series": name, "values": values} for name, (values, _) in series.items()]
    told.append({"series": 'copyctl_frame_to_send_seconds_bucket{le="+Inf"}', "values": "0+9x40"})
    well = [{"series": 'up{job="copyctl"}', "values": "1x40"}]
    paused = [
        {"series": 'copyctl_queue_length{follower="bob"}', "values": "2x40"},
        {"series": 'copyctl_follower_state{follower="bob",state="paused"}', "values": "1x40"},
    ]
    cases = [(told, "firing"), (well, ""), (paused, "")]
    tests = [
        {
            "interval": "15s",
            "input_series": given,
            "promql_expr_test": [
                {
                    "expr": f'sum(ALERTS{{alertname="{name}", alertstate="firing"}})',
                    "eval_time": "10m",
                    "exp_samples": [{"labels": "{}", "value": 1}] if state else [],
                }
                for name in rules
            ],
        }
        for given, state in cases
    ]
    (tmp_path / "alerts.test.yml").write_text(
        yaml.safe_dump({"rule_files": [str(FOLDER / "alerts.yml")], "tests": tests})
    )
    done = promtool("test", "rules", str(tmp_path / "alerts.test.yml"))
    assert done.returncode == 0, done.stdout + done.stderr
