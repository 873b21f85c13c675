"""The broker and the desk of the scenarios, and a umask that leaves everything open to everybody."""

import os
from collections.abc import Iterator

import pytest

from tests.scenarios.conftest import broker, desk

__all__ = ["broker", "desk"]


@pytest.fixture
def careless() -> Iterator[None]:
    """A umask that takes nothing away."""
    before = os.umask(0)
    yield
    os.umask(before)
