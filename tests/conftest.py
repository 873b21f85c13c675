"""What holds for every test: a slow or busy machine fails none, and chance decides nothing.

Properties are tried with the same examples each time, so that a build fails for what was changed in it. To look for
new ones: ``EXPLORE=1 make test``.
"""

import logging
import signal
from collections.abc import Iterator
from functools import cache

import pytest
import typer.testing
from hypothesis import HealthCheck, settings

from tests.properties import EXPLORES

typer.testing._get_command = cache(typer.testing._get_command)  # it reads the signatures of all commands each time

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # begun in the background of a script: so would all that is begun
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "any machine",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=not EXPLORES,
    max_examples=100 if EXPLORES else 40,
)
settings.load_profile("any machine")

LONG = ("test_docs_blocks.py", "test_readme.py", "test_soak.py", "test_run_rates.py", "test_demo_replays.py")
"""Files whose tests take longest: begun first, so that the last process is not left alone with them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first; the others as they stand."""
    items.sort(key=lambda item: item.path.name not in LONG)


@pytest.fixture(autouse=True)
def logs_go_where_they_went() -> Iterator[None]:
    """A command that is run within a test sends all logs to a stderr of its own, which is closed with the test."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    if root.handlers != handlers:
        root.handlers[:] = handlers
        root.setLevel(level)
