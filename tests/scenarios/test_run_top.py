"""``copyctl top`` on a terminal of its own, beside a run: what its keys ask for is felt by the run."""

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator

import pytest

from tests.scenarios.desk import PATIENCE_SECONDS, Desk

COLOUR = re.compile(r"\x1b\[[0-9;]*?\b(?:3[0-7]|4[0-7]|9[0-7]|38|48)\b[0-9;]*m")


class Terminal:
    """A terminal with the command in it. ``text``: all that was ever drawn, without what moves and colours it."""

    def __init__(self, desk: Desk, *words: str, columns: int = 80, rows: int = 24) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "copyctl", *words, "top", "--rules", str(desk.rules_file)],
            env={**desk.environment, "TERM": "xterm-256color"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._heard = bytearray()
        self._reader = threading.Thread(target=self._listen)
        self._reader.start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):  # the other side is closed
            while part := os.read(self._ours, 65536):
                self._heard += part

    @property
    def raw(self) -> str:
        return bytes(self._heard).decode(errors="replace")

    @property
    def text(self) -> str:
        return " ".join(re.sub(r"\x1b(?:\[[0-9;?>$<=]*[a-zA-Z]|[>=])", " ", self.raw).split())

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def close(self) -> int:
        try:
            return self.process.wait(PATIENCE_SECONDS)
        finally:
            self.process.kill()
            self._reader.join(PATIENCE_SECONDS)
            os.close(self._ours)


@pytest.fixture
def terminal(desk: Desk, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    desk.followers = ("alice", "bob")
    desk.start()
    desk.follows(desk.place(), follower_status="PENDING")
    made = Terminal(desk, *getattr(request, "param", ()))
    desk.eventually(lambda: "alice" in made.text and "PENDING" in made.text, "the screen is there")
    yield made
    made.process.kill()


def states(desk: Desk) -> list[str]:
    return [row["state"] for row in desk.status()["followers"]]


def test_pause_and_kill_by_key_are_felt_by_the_run(desk: Desk, terminal: Terminal) -> None:
    terminal.press("p")
    desk.eventually(lambda: "pause alice? y: yes" in terminal.text, "it is asked")
    assert states(desk) == ["active", "active"]
    terminal.press("y")
    desk.eventually(lambda: states(desk) == ["paused", "active"], "alice is paused")
    desk.eventually(lambda: "pause for alice: nothing is sent for it any more" in terminal.text, "the answer is told")
    terminal.press("K")
    desk.eventually(lambda: "kill whom? f: alice, A: all followers" in terminal.text, "it is asked whom")
    terminal.press("A")
    desk.eventually(lambda: "type kill and enter to stop copying for all followers" in terminal.text, "and once more")
    assert states(desk) == ["paused", "active"]
    terminal.press("kill\r")
    desk.eventually(lambda: states(desk) == ["killed", "killed"], "all are killed")
    desk.eventually(lambda: "kill for all followers: nothing new is copied" in terminal.text, "the answer is told")
    assert COLOUR.search(terminal.raw)
    secrets = [row["access_token"] for row in desk.broker.accounts.values()]
    assert not [one for one in secrets if one in terminal.raw]
    terminal.press("q")
    assert terminal.close() == 0
    assert terminal.raw.rstrip().endswith("\x1b[?25h") or "\x1b[?1049l" in terminal.raw  # the terminal is given back


@pytest.mark.parametrize("terminal", [("--no-color",)], indirect=True)
def test_without_colour_no_colour_is_sent(desk: Desk, terminal: Terminal) -> None:
    terminal.press("j\r")
    desk.eventually(lambda: "leader_quantity" in terminal.text, "one copy is shown")
    terminal.press("q")
    terminal.press("\x03")
    assert terminal.close() == 0
    assert not COLOUR.search(terminal.raw)
