"""Telling systemd, over a real socket."""

import os
from pathlib import Path

import pytest

from copyctl.edge.supervisor import Supervisor
from tests.scenarios.hearing import Systemd


@pytest.mark.parametrize("abstract", [False, True])
def test_every_word_arrives(tmp_path: Path, abstract: bool) -> None:
    address = f"@copyctl-supervisor-{os.getpid()}" if abstract else str(tmp_path / "notify")
    systemd = Systemd(address)
    told = Supervisor({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000000"})
    assert told.feed_every_seconds == 15
    told.status("two\nlines")
    told.reloading()
    told.ready()
    told.feed()
    told.stopping()
    told.close()
    said = systemd.hear()
    systemd.close()
    assert said[0] == "STATUS=two lines"
    assert said[1] == "RELOADING=1"
    assert said[2].removeprefix("MONOTONIC_USEC=").isdecimal()
    assert said[3:] == ["READY=1", "WATCHDOG=1", "STOPPING=1"]


def test_without_a_socket_nothing_happens() -> None:
    told = Supervisor({})
    told.ready()
    assert told.feed_every_seconds == 0


def test_another_process_is_not_watched() -> None:
    told = Supervisor({"NOTIFY_SOCKET": "@nobody", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"})
    assert told.feed_every_seconds == 0
    told.close()


def test_a_socket_that_is_gone_is_told_once_and_hurts_nobody(caplog: pytest.LogCaptureFixture) -> None:
    told = Supervisor({"NOTIFY_SOCKET": "/nowhere/notify"})
    for _ in range(3):
        told.feed()
    told.close()
    assert len(caplog.records) == 1
