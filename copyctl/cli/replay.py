"""``replay``: a recorded day through a policy, and what another policy would change of it."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from copyctl.cli import options
from copyctl.cli.deployment import rules_trouble, store_trouble
from copyctl.cli.rehearsing import world
from copyctl.cli.speech import USAGE, answer, leave, note, progress_bar
from copyctl.cli.tables import changes_tables, replay_tables
from copyctl.core.hours import ist_day
from copyctl.edge.journal_events import events_of
from copyctl.edge.journal_reader import JournalReader, RulesKept
from copyctl.lab.decisions import Decisions, by_reason, totals
from copyctl.lab.figures import Figures
from copyctl.lab.recorded import accounts_in, decides_alike, with_accounts
from copyctl.lab.rehearsal import World
from copyctl.lab.replay import Told, as_it_was, as_it_would_be, changes, with_what_frames_say
from copyctl.lab.tapes import TapeUnreadable, read_tape
from copyctl.model.events import Event, PolicyLoaded
from copyctl.model.policy import Rules
from copyctl.rules import Loaded, read

Row = dict[str, Any]


def replay(
    rules: options.Rules,
    *,
    tape: Annotated[
        Path | None, typer.Option("--tape", metavar="FILE", help="A recorded day of a leader, JSON Lines.")
    ] = None,
    store: Annotated[bool, typer.Option("--store", help="What the store of the rules file has recorded.")] = False,
    against: Annotated[
        Path | None, typer.Option("--against", metavar="FILE", help="Other rules: what changes from these to --rules.")
    ] = None,
    follower: options.Follower = None,
    form: options.AsFormat = None,
) -> None:
    """Run recorded leader orders through a policy, offline.

    Nothing is sent and nobody is asked. Time is the recording's. Copies fill as their leader order does, at its price;
    what only the broker can tell (margin, limits of the day) is not checked. The store's own day through the rules that
    it ran with is told as it was, with everything that came from the followers.

    With --against only what changes between the two policies is told, order by order and in sum: like a plan before it
    is applied. What a row says is the last decision on that order.

    \b
    Example:
      copyctl replay --rules rules/demo.yaml --tape examples/tapes/one-day.jsonl
      copyctl replay --rules new.yaml --store --against rules/half-size.yaml
    """
    if (tape is None) is not store:
        leave(USAGE, "give --tape FILE or --store, one of the two")
    with rules_trouble():
        loaded = read(rules, os.environ, offline=True)
        other = None if against is None else read(against, os.environ, offline=True)
    recording = _of_tape(loaded.rules, tape) if tape is not None else _of_store(loaded.rules)
    new = _rows(recording, loaded, follower, alone=other is None)
    document: Row = {"decisions": new, "totals": totals(new), "by_reason": by_reason(new), "changes": []}
    if other is None:
        answer(form, document, *replay_tables(document["by_reason"], document["totals"]))
        return
    old = _rows(recording, other, follower, alone=False)
    document |= {"against": {"totals": totals(old), "by_reason": by_reason(old)}, "changes": list(changes(old, new))}
    answer(
        form, document, *changes_tables(document["changes"], document["against"]["by_reason"], document["by_reason"])
    )


# --- what was recorded -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recording:
    """A recorded day. ``rules``: the documents that were in force, () where nobody knows; ``world``: of a rehearsal of
    it under some rules, answering from these figures."""

    events: Sequence[Event | RulesKept]
    rules: Sequence[Mapping[str, Any]]
    world: Callable[[Rules, Figures], World]

    @property
    def facts(self) -> list[Event]:
        """Without the rules that were in force."""
        return [one for one in self.events if not isinstance(one, RulesKept)]


def _of_tape(rules: Rules, path: Path) -> _Recording:
    try:
        with path.open(encoding="utf-8") as lines:
            names = {one.name: one.client_id for one in rules.followers}
            tape = read_tape(lines, rules.leader.client_id, names)
    except (OSError, UnicodeDecodeError) as fault:
        leave(USAGE, f"the tape {path} cannot be read: {fault}")
    except TapeUnreadable as wrong:
        leave(USAGE, f"{path}: {wrong}")
    day = ist_day(tape.started_at)
    return _Recording(events=tape.events, rules=(), world=lambda these, figures: world(these, day, figures))


def _of_store(rules: Rules) -> _Recording:
    with store_trouble():
        journal = JournalReader(Path(rules.store.path))
        try:
            if not journal.exists:
                note(f"there is no store in {rules.store.path} yet: nothing has happened")
            events = list(events_of(journal))
        finally:
            journal.close()
    told = Told()
    told.learn(one for one in events if not isinstance(one, RulesKept))

    documents = [json.loads(one.document) for one in events if isinstance(one, RulesKept)]
    return _Recording(events=events, rules=documents, world=lambda _, figures: told.world(figures))


# --- replaying -------------------------------------------------------------------------------------------------------


def _rows(recording: _Recording, loaded: Loaded, follower: str | None, *, alone: bool) -> list[Row]:
    """The decisions of these rules; ``alone``: they are compared with no others, so that a day of the store may be told
    as it was."""
    rules, documents = loaded.rules, recording.rules
    for document in documents:
        rules = with_accounts(rules, *accounts_in(document))
    names = {one.client_id: one.name for one in rules.followers}
    if follower is not None and follower not in names.values():
        leave(USAGE, f"no follower is called {follower}; there are {', '.join(names.values())}")
    with progress_bar(len(recording.events), "replaying") as advance:
        if alone and documents and all(decides_alike(one, loaded.document.content) for one in documents):
            decisions = as_it_was(rules, with_what_frames_say(_in_force(recording.events, rules)), advance)
        else:
            decisions = _as_it_would_be(recording, rules, advance)
    rows = decisions.rows(names)
    return [row for row in rows if follower in (None, row["follower"])]


def _as_it_would_be(recording: _Recording, rules: Rules, advance: Callable[[], None]) -> Decisions:
    figures = Figures()
    events = list(with_what_frames_say(recording.facts)) if recording.rules else recording.facts
    return as_it_would_be(rules, events, recording.world(rules, figures), figures, advance)


def _in_force(events: Sequence[Event | RulesKept], rules: Rules) -> Iterator[Event]:
    for one in events:
        if isinstance(one, RulesKept):
            yield PolicyLoaded(at=one.at, digest=one.digest, document=one.document, rules=rules)
        else:
            yield one
