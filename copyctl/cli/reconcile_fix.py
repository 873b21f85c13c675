"""Mending: what ``reconcile --fix`` has done about differences, by the run that is alive or, where none is, by one that
catches up once from the books."""

import asyncio
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from copyctl.cli.assemble import CannotRun, assembled
from copyctl.cli.console import Announcer
from copyctl.cli.deployment import Deployment
from copyctl.cli.reconcile_looks import Compared, Looks
from copyctl.cli.speech import VERBOSITY, note
from copyctl.cli.taken_in import trouble
from copyctl.edge.journal import StoreLocked
from copyctl.edge.journal_commands import put_command
from copyctl.report.reconcile import Difference

if TYPE_CHECKING:
    from copyctl.rules import Loaded

RECONCILE: Final = "reconcile"
ROUNDS: Final = 3
"""So often it is acted and looked again: an order that nobody knew is cancelled only once it was seen."""
REST_SECONDS: Final = 1.1
"""After the accounts were read a run may ask again: the broker counts what is asked of it by the second."""


async def mended(loaded: "Loaded", it: Deployment, looks: Looks, found: Sequence[Difference]) -> Compared:
    """Have done what can be done about these differences, and compare once more.

    Raises:
        copyctl.cli.assemble.CannotRun: what the rules and the store say does not fit together.
        copyctl.edge.journal.StoreError: the store cannot be used.
    """
    left = Compared(found=found)
    for _ in range(ROUNDS):
        _ask_for(it, left.found)
        await _act(loaded, it)
        left = await looks.compare()
        if left.unread or not any(one.remedy.can_be_done for one in left.found):
            break
    return left


def _ask_for(it: Deployment, found: Sequence[Difference]) -> None:
    """The commands that do it: a run that is alive takes them in, or the one that is begun for them."""
    put_command(it.folder, RECONCILE, at=time.time_ns())
    for one in found:
        for order_id in one.orphans:
            put_command(it.folder, RECONCILE, account=one.account, reason=order_id, at=time.time_ns())


async def _act(loaded: "Loaded", it: Deployment) -> None:
    if not it.journal.running:
        await asyncio.sleep(REST_SECONDS)
        try:
            await _once(loaded, it)
        except StoreLocked:
            note("a run has just begun: it is told")
        else:
            return
    newest = max((one.command_id for one in it.journal.commands() if one.command == RECONCILE), default=0)
    if newest:
        lacks = trouble(it, newest, lambda: True)
        if lacks is not None:
            raise CannotRun(f"what is to be mended{lacks.text}", 1)
    await asyncio.sleep(REST_SECONDS)  # the books are read, and what is asked for is answered


async def _once(loaded: "Loaded", it: Deployment) -> None:
    """What ``copyctl run --once`` does, told on stderr."""
    tell = Announcer(
        {it.leader: "leader", **it.names}, sys.stderr, VERBOSITY.get() - 1
    )  # alerts; with -v decisions too
    document = loaded.document
    async with assembled(loaded.rules, document.digest, document.text, listen=tell, dry=False) as run:
        await run.replicator.once()
    tell.flush()
