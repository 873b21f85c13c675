"""One broker for a test process, a fresh world for each scenario."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.desk import Broker, Desk


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    running = Broker()
    yield running
    running.stop()


@pytest.fixture
def desk(request: pytest.FixtureRequest, broker: Broker, tmp_path: Path) -> Iterator[Desk]:
    broker.tell("reset")
    broker.tell("clock", offset_seconds=0)
    for name in broker.accounts:
        broker.tell("token", account=name, action="revive")
    made = Desk(broker=broker, folder=tmp_path, fresh=request.node.get_closest_marker("fresh") is not None)
    yield made
    made.close()
