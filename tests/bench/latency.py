"""From the leader's order to the followers' requests, as the broker sees both arrive."""

import contextlib
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import yaml

ORDERS = 200
PER_SECOND = 20
PATIENCE_SECONDS = 120
WINDOWS = ("per_second", "per_minute", "per_hour", "per_day")
SWITCHES = {"transit_ms": 0, "rate_limits": {}, "check_funds": False, "max_modifications": 10**9}


class Broker:
    """The simulator in a process of its own, without transit time and without rate limits."""

    def __init__(self, followers: int) -> None:
        flags = [word for number in range(followers) for word in ("--follower", f"f{number}")]
        command = [sys.executable, "-m", "copyctl.simulator", *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        self.ready = json.loads(self.line)
        self.address = urlsplit(self.ready["rest_url"]).netloc
        self.connection = http.client.HTTPConnection(self.address, timeout=30)
        self.tell("settings", **SWITCHES)

    def tell(self, command: str, **fields: Any) -> Any:
        self.connection.request("POST", f"/simulator/{command}", json.dumps(fields))
        answer = self.connection.getresponse()
        said = json.loads(answer.read())
        assert answer.status == 200, said
        return said

    def forget(self, command: str) -> None:
        """Take back what was told with this command."""
        self.connection.request("DELETE", f"/simulator/{command}")
        self.connection.getresponse().read()

    def noted(self, what: str, account: str) -> list[dict[str, Any]]:
        """The requests that an account sent, or the frames that it was sent, in order."""
        self.connection.request("GET", f"/simulator/{what}?{urlencode({'account': account})}")
        said = json.loads(self.connection.getresponse().read())
        return list(said[what] if isinstance(said, dict) else said)

    def listening(self) -> list[str]:
        """The accounts whose streams are up."""
        self.connection.request("GET", "/simulator/accounts")
        rows = json.loads(self.connection.getresponse().read())["accounts"]
        return [row["name"] for row in rows if row["connections"]]

    def place(self) -> None:
        leader = self.ready["accounts"][0]
        order = {
            "dhanClientId": leader["client_id"],
            "transactionType": "BUY",
            "exchangeSegment": "NSE_FNO",
            "productType": "INTRADAY",
            "orderType": "LIMIT",
            "validity": "DAY",
            "securityId": "43210",
            "quantity": 65,
            "price": 90.0,
        }
        headers = {"access-token": leader["access_token"], "Content-Type": "application/json"}
        self.connection.request("POST", "/v2/orders", json.dumps(order), headers)
        self.connection.getresponse().read()

    def clear(self) -> None:
        """Forget what was traded; the switches stay as they are wanted here."""
        self.tell("reset")
        self.tell("settings", **SWITCHES)

    def stop(self) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.wait()


@contextlib.contextmanager
def copyctl(broker: Broker, folder: Path, modifications: int = 25) -> Iterator[subprocess.Popen[str]]:
    """copyctl running on that broker, every stream up."""
    leader, *followers = broker.ready["accounts"]
    rules = {
        "version": 1,
        "name": "bench",
        "broker": {
            "adapter": "dhan",
            "rest_url": broker.ready["rest_url"],
            "order_update_url": broker.ready["order_update_url"],
            "instruments": broker.ready["instruments_url"],
        },
        "store": {"path": str(folder / "store")},
        "leader": {key: leader[key] for key in ("client_id", "access_token")},
        "followers": followers,
        "policy": {
            "sizing": {"strategy": "fixed_ratio", "ratio": 1},
            "market_hours": {"enforce": False},
            "checks": {"margin": False, "price_band": "none"},
        },
        "rate_limits": {"orders": dict.fromkeys(WINDOWS, 10**9), "modifications_per_order": modifications},
    }
    path = folder / "rules.yaml"
    path.write_text(yaml.safe_dump(rules))
    with (folder / "run.log").open("w") as log:
        command = [sys.executable, "-m", "copyctl", "run", "--rules", str(path)]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, text=True)
        try:
            time.sleep(4)
            while len(broker.listening()) < len(broker.ready["accounts"]):
                assert process.poll() is None, (folder / "run.log").read_text()
                time.sleep(0.2)
            time.sleep(1)
            yield process
        finally:
            process.terminate()
            process.wait()


@contextlib.contextmanager
def floor(broker: Broker) -> Iterator[None]:
    """The bare loop on that broker."""
    command = [sys.executable, "-m", "tests.bench.floor", broker.line]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        process.stdout.readline()
        yield
    finally:
        process.kill()
        process.communicate()


def measured(broker: Broker, orders: int = ORDERS, a_second: float = PER_SECOND) -> list[float]:
    """Milliseconds from each leader frame that tells of a live order to the arrival of the last copy of it."""
    names = [row["name"] for row in broker.ready["accounts"]]
    for _ in range(orders):
        began = time.monotonic()
        broker.place()
        time.sleep(max(0.0, 1 / a_second - (time.monotonic() - began)))
    leader, *followers = names
    ends = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < ends and any(len(placements(broker, name)) < orders for name in followers[-1:]):
        time.sleep(0.5)
    time.sleep(1)
    arrived = {name: placements(broker, name) for name in followers}
    told = live_frames(broker, leader)
    counts = {name: len(rows) for name, rows in {**arrived, leader: told}.items()}
    assert set(counts.values()) == {orders}, counts
    return [(max(arrived[name][place] for name in followers) - told[place]) / 1e6 for place in range(orders)]


def live_frames(broker: Broker, leader: str) -> list[int]:
    """When each frame that tells of a live order left the broker (monotonic ns)."""
    rows = broker.noted("frames", leader)
    return [int(row["monotonic_ns"]) for row in rows if json.loads(row["frame"])["Data"]["status"] == "Pending"]


def placements(broker: Broker, account: str) -> list[int]:
    """When each placement of an account arrived at the broker (monotonic ns)."""
    rows = broker.noted("requests", account)
    return sorted(
        int(row["monotonic_ns"]) for row in rows if row["method"] == "POST" and row["path"].endswith("/orders")
    )


def figures(milliseconds: list[float]) -> tuple[float, float]:
    """Median and 99th percentile."""
    ordered = sorted(milliseconds)
    return statistics.median(ordered), ordered[int(len(ordered) * 0.99) - 1]


def compare(followers: int) -> dict[str, float]:
    """copyctl and the floor on one simulator, interleaved: floor, copyctl, floor again."""
    broker = Broker(followers)
    try:
        with floor(broker):
            first = measured(broker)
        broker.clear()
        with tempfile.TemporaryDirectory() as folder, copyctl(broker, Path(folder)):
            ours = measured(broker)
        broker.clear()
        with floor(broker):
            second = measured(broker)
    finally:
        broker.stop()
    (p50, p99), (floor50, floor99) = figures(ours), figures(first + second)
    return {
        "p50 ms": p50,
        "p99 ms": p99,
        "floor p50 ms": floor50,
        "floor p99 ms": floor99,
        "p50 x floor": p50 / floor50,
        "p99 x floor": p99 / floor99,
    }
