"""Taken in: does the run that is alive do what a command says? It takes commands from the store by itself."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from copyctl.cli.deployment import Deployment

FELT_WITHIN_SECONDS = 3.0
BEGINS_WITHIN_SECONDS = 30.0
"""How long after its start a run may be busy with what it needs before it takes commands in: tokens, the instrument
list."""
LOOK_EVERY_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a run does not do as it was told. ``waits``: it has not even taken the command in."""

    text: str
    waits: bool


def trouble(it: Deployment, number: int, holds: Callable[[], bool]) -> Trouble | None:
    """What the run lacks after some seconds of having taken command ``number`` in and holding to it (``holds``); None
    for nothing."""
    patience = _patience(it)
    until = time.monotonic() + patience
    while True:
        waits = any(one.command_id == number for one in it.journal.commands())
        if not waits and holds():
            return None
        if time.monotonic() > until or (waits and not it.journal.running):
            break
        time.sleep(LOOK_EVERY_SECONDS)
    if waits:
        text = f" is stored, but the run has not taken it in within {patience:.0f} s. See whether it hangs"
    else:
        text = " was taken in, but the run does not show that it holds to it. See what it says"
    return Trouble(text=f"{text} (copyctl status), and stop it if need be", waits=waits)


def _patience(it: Deployment) -> float:
    """How long a run may take to take a command in (s): one that has just begun does so before it sends anything."""
    since = it.journal.meta("running_since")
    age = (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds() if since else BEGINS_WITHIN_SECONDS
    return max(FELT_WITHIN_SECONDS, BEGINS_WITHIN_SECONDS - max(0.0, age))
