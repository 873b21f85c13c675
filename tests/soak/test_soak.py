"""A small soak: its report has its shape, and a run that leaks is found out."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
WITHIN_SECONDS = 240


def soak(folder: Path, *flags: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """One soak of the smallest size; how it ended, and its figures."""
    file = folder / "soak.json"
    command = [sys.executable, "-m", "tests.soak", "--frames", "200", "--followers", "1", "--json", str(file), *flags]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=WITHIN_SECONDS, check=False)
    assert file.exists(), done.stderr
    return done, json.loads(file.read_text())


@pytest.mark.timeout(WITHIN_SECONDS + 10)
def test_two_days_end_alike_and_every_figure_is_told(tmp_path: Path) -> None:
    done, told = soak(tmp_path, "--days", "2")
    assert (done.returncode, told["ok"], told["findings"]) == (0, True, []), done.stdout
    assert set(told["growth"]) == {"memory", "handles", "sockets", "threads"}
    assert told["all"]["lives"] == 4  # one kill -9 a day
    assert "alert kill_switch" in done.stdout
    for day in told["days"]:
        assert day["differs"] == []
        assert min(day[name] for name in ("frames", "events", "copied", "journal")) > 0
        assert day["frames"] < day["events"]
        assert 0 < day["latency_ms"]["p50"] <= day["latency_ms"]["p99"]
        assert day["held"]["memory"] > 0
    assert [day["frames"] for day in told["days"]] == [
        told["all"]["frames"] - told["days"][1 - n]["frames"] for n in (0, 1)
    ]


@pytest.mark.timeout(WITHIN_SECONDS + 10)
@pytest.mark.parametrize("what", ["handles", "threads"])
def test_a_leak_is_found_and_said(tmp_path: Path, what: Sequence[str]) -> None:
    done, told = soak(tmp_path, "--days", "1", "--unbroken", "--leak", str(what))
    assert (done.returncode, told["ok"]) == (1, False)
    assert [one for one in told["findings"] if f"{what} grew" in one] == told["findings"]
    assert f"{what} grew" in done.stdout
