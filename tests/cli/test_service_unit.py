"""The unit file for systemd: it is one, and says what this program does."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from copyctl.cli.speech import STORE, USAGE
from copyctl.engine.replicator import STOP_WITHIN_SECONDS

UNIT = Path(__file__).parents[2] / "examples" / "copyctl.service"


def service() -> configparser.SectionProxy:
    read = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes=("#",))
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read_string(UNIT.read_text())
    return read["Service"]


def test_it_says_what_the_program_does() -> None:
    told = service()
    assert told["Type"] == "notify"
    assert told["RestartPreventExitStatus"].split() == [str(USAGE), str(STORE)]
    assert told["Restart"] == "on-failure"
    assert float(told["TimeoutStopSec"]) > STOP_WITHIN_SECONDS + 2
    assert float(told["WatchdogSec"]) > 5
    assert told["ExecReload"] == "kill -HUP $MAINPID"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not on this machine")
def test_systemd_takes_it(tmp_path: Path) -> None:
    (tmp_path / "copyctl").write_text("#!/bin/sh\n")
    (tmp_path / "copyctl").chmod(0o755)
    unit = tmp_path / "copyctl.service"
    unit.write_text(UNIT.read_text().replace("/opt/copyctl/bin", str(tmp_path)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False, timeout=60
    )
    about = [line for line in (done.stdout + done.stderr).splitlines() if "copyctl" in line]
    assert about == []
