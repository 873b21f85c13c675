"""Commands: what a person said, and who does it."""

from collections.abc import Callable

from copyctl.core import holds, kill, letters, orphans
from copyctl.core.state import Draft
from copyctl.core.telling import alert
from copyctl.model.alerts import Alert
from copyctl.model.events import CommandGiven


def _reload(draft: Draft, event: CommandGiven) -> None:
    """New rules come by an event of their own; where they are refused it is told why."""
    if event.reason:
        alert(draft, Alert.RULES_REFUSED, event.reason)


_DONE_BY: dict[str, Callable[[Draft, CommandGiven], None]] = {
    "kill": kill.command,
    "resume": kill.command,
    "pause": holds.pause,
    "unpause": holds.unpause,
    "retry": letters.retry,
    "drop": letters.drop,
    "reconcile": orphans.command,
    "reload": _reload,
}


def given(draft: Draft, event: CommandGiven) -> None:
    """Do what a person asked for; a word of another version is no word of ours."""
    do = _DONE_BY.get(event.command)
    if do is not None:
        do(draft, event)
