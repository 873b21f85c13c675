"""The demo's day, played once for all tests that look into it (they share ``xdist_group("demo")``)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tapes.leader_day import DEMO, TAPE

HASTE = 1_600
"""How much faster than life the day is played here."""


def copyctl(*words: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "copyctl", *words],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env=os.environ,
    )
    assert done.returncode == code, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's rules, with a store of their own, after a run of the whole day in haste."""
    folder = tmp_path_factory.mktemp("demo")
    rules = folder / "demo.yaml"
    text = DEMO.read_text().replace("../examples", str(TAPE.parents[1])).replace("../var/demo", str(folder / "store"))
    rules.write_text(text.replace("speed: 800", f"speed: {HASTE}"))
    copyctl("run", "--rules", str(rules))
    return rules
