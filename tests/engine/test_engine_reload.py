"""A reload that was agreed to: the hash reaches who reads the rules, and the look is at just the state they meet."""

import asyncio
from pathlib import Path

from copyctl.core.state import State
from copyctl.core.step import Step
from copyctl.edge.clock import SystemClock
from copyctl.edge.journal import open_journal
from copyctl.edge.journal_commands import put_command
from copyctl.edge.journal_reader import JournalReader
from copyctl.engine.commands import Commands
from copyctl.engine.conductor import Conductor
from copyctl.model.events import CommandGiven, PolicyLoaded
from copyctl.model.instrument import Instrument
from copyctl.model.terms import Segment
from tests.core.building import LEADER, rules

CLOCK = SystemClock()


class _NoMaster:
    known = False

    def find(self, segment: Segment, security_id: str) -> Instrument | None:
        return None


async def test_the_hash_of_a_plan_reaches_whoever_reads_the_rules(tmp_path: Path) -> None:
    journal, reader, posted = open_journal(tmp_path, leader=LEADER), JournalReader(tmp_path), list[CommandGiven]()
    commands = Commands(journal=journal, clock=CLOCK, post=posted.append)
    first = put_command(tmp_path, "reload", reason="a-plan", at=CLOCK.now())
    commands.take()  # the run has not begun to read rules again
    assert "make a new plan" in (reader.answer(first) or "").lower()
    asked: list[str] = []

    async def read_again(plan: str) -> str:
        asked.append(plan)
        return f"no to {plan}" if plan else ""

    commands.read_again = read_again
    second = put_command(tmp_path, "reload", reason="another", at=CLOCK.now())
    third = put_command(tmp_path, "reload", at=CLOCK.now())
    task = asyncio.create_task(commands.run())
    while reader.answer(third) is None:  # noqa: ASYNC110  the answer is a row in a file
        await asyncio.sleep(0.01)
    task.cancel()
    assert asked == ["another", ""]
    assert (reader.answer(second), reader.answer(third)) == ("no to another", "")
    assert [one.reason for one in posted[1:]] == ["no to another", ""]
    reader.close()
    journal.close()


async def test_what_came_before_is_taken_in_before_a_plan_is_looked_at(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, leader=LEADER)
    conductor = Conductor(
        journal=journal, clock=CLOCK, instruments=_NoMaster(), perform=lambda _: None, listen=lambda _: None
    )
    conductor.post(PolicyLoaded(at=CLOCK.now(), digest="d", document="{}", rules=rules()))
    seen: list[str] = []

    def agrees(state: State, as_is: Step, would: Step) -> str:
        seen.append(state.rules.name if state.rules is not None else "none")
        assert would.rules is not None
        assert as_is.rules is None
        return "another plan"

    loaded = PolicyLoaded(at=CLOCK.now(), digest="e", document="{}", rules=rules(name="second"))
    said = asyncio.create_task(conductor.agreed(loaded, agrees))
    await asyncio.sleep(0.01)
    assert not seen
    assert conductor.turn()
    assert await said == "another plan"
    assert seen == ["core"]
    assert conductor.state.rules is not None
    assert conductor.state.rules.name == "core"
    conductor.write()
    journal.close()
