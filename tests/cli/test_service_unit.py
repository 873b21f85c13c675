"""The unit file for systemd: it is one, and says what this program does."""

import configparser
import shutil
import subprocess
from pathlib import Path

from copyctl.cli.speech import STORE, USAGE
from copyctl.engine.replicator import STOP_WITHIN_SECONDS

UNIT = Path(__file__).parents[2] / "examples" / "copyctl.service"

KEYS = {
    *("Type", "NotifyAccess", "ExecStart", "ExecReload", "TimeoutStartSec", "TimeoutStopSec", "WatchdogSec", "Restart"),
    *("RestartSec", "RestartPreventExitStatus", "User", "Group", "StateDirectory", "StateDirectoryMode"),
    *("WorkingDirectory", "EnvironmentFile", "LoadCredential", "LimitCORE", "UMask", "NoNewPrivileges"),
    *("ProtectSystem", "ProtectHome", "PrivateTmp", "PrivateDevices", "ProtectClock", "ProtectHostname"),
    *("ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables", "ProtectControlGroups", "ProtectProc"),
    *("RestrictAddressFamilies", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID", "LockPersonality"),
    *("RemoveIPC", "CapabilityBoundingSet", "AmbientCapabilities", "SystemCallArchitectures", "SystemCallFilter"),
    *("SystemCallErrorNumber", "DevicePolicy", "PrivateMounts", "ProcSubset"),
}


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


def test_every_key_is_one_of_systemds() -> None:
    """The names of systemd.exec(5), systemd.kill(5), systemd.resource-control(5) and systemd.service(5) that it uses; a
    key that systemd does not know is passed over by it, and protects nobody."""
    assert set(service()) <= KEYS


def test_systemd_takes_it(tmp_path: Path) -> None:
    """By systemd's own word, where it is installed; by the tests above it is sound in any case."""
    (tmp_path / "copyctl").write_text("#!/bin/sh\n")
    (tmp_path / "copyctl").chmod(0o755)
    unit = tmp_path / "copyctl.service"
    unit.write_text(UNIT.read_text().replace("/opt/copyctl/bin", str(tmp_path)))
    assert str(tmp_path) in unit.read_text()
    if shutil.which("systemd-analyze") is None:
        return
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False, timeout=60
    )
    about = [line for line in (done.stdout + done.stderr).splitlines() if "copyctl" in line]
    assert about == []
