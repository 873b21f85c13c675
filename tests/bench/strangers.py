"""Followers are strangers: what one of many costs the others that hangs, is slow, dead, throttled or locked out."""

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.bench.latency import Broker, copyctl, figures, live_frames, placements

FOLLOWERS = 20
ORDERS = 100
PER_SECOND = 5
WORST = "f0"
TROUBLES: Mapping[str, Mapping[str, Any]] = {
    "hanging": {"kind": "hang"},
    "slow by 2 s": {"kind": "delay_before", "seconds": 2},
    "dead": {"kind": "reset_before"},
    "throttled": {"kind": "too_many"},
    "locked out": {"kind": "status", "status": 401, "body": {"errorCode": "DH-901", "errorMessage": "Invalid Token"}},
}


def compare(trouble: str, followers: int = FOLLOWERS, orders: int = ORDERS) -> tuple[float, float]:
    """99th percentiles, in ms, of leader frame to arrival at all followers but one: while all is well (before and
    after), and while that one is in trouble. One run, one broker, nothing between but the trouble."""
    broker = Broker(followers)
    try:
        with tempfile.TemporaryDirectory() as folder, copyctl(broker, Path(folder)):
            calm = _phase(broker, orders)
            broker.tell("faults", account=WORST, **TROUBLES[trouble])
            troubled = _phase(broker, orders)
            broker.forget("faults")
            time.sleep(8)  # what waited is caught up with
            calm += _phase(broker, orders)
    finally:
        broker.stop()
    return figures(calm)[1], figures(troubled)[1]


def _phase(broker: Broker, orders: int) -> list[float]:
    """Milliseconds to each of the other followers, for each of so many leader orders."""
    leader, *others = [row["name"] for row in broker.ready["accounts"] if row["name"] != WORST]
    for _ in range(orders):
        began = time.monotonic()
        broker.place()
        time.sleep(max(0.0, 1 / PER_SECOND - (time.monotonic() - began)))
    time.sleep(1.5)
    told = live_frames(broker, leader)[-orders:]
    found = []
    for name in others:
        arrived = placements(broker, name)[-orders:]
        late = [(at - frame) / 1e6 for at, frame in zip(arrived, told, strict=True)]
        assert min(late) >= 0, (name, min(late))
        found += late
    return found
