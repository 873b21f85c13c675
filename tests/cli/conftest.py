"""A deployment for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.world import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A rules file; no store yet."""
    made = Desk(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def traded(desk: Desk) -> Desk:
    """A run that is alive and has copied one order."""
    desk.start()
    desk.trade()
    return desk
