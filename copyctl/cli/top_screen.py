"""The screen of ``top``: it looks once a second, and what a key asks for is done by the command of that name."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, Final

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Resize
from textual.style import Style
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import WorkerFailed

from copyctl.cli import top_lines
from copyctl.cli.speech import clean
from copyctl.cli.top_asking import NOBODY, WORD, Page, Question, Typed
from copyctl.cli.top_watch import Seen, Watch
from copyctl.edge.journal import StoreError
from copyctl.report.status import PAUSED

Row = dict[str, Any]
LOOK_EVERY_SECONDS: Final = 1.0
MOST_COPIES: Final = 200
"""So many of the newest that match are listed; a filter finds older ones."""
ROWS_FOR_AN_ALERT: Final = 12
"""A screen shows one alert for so many of its rows; the rest are a key away."""
KEYS: Final = (
    *("arrows or j k move", "tab pane", "enter details", "/ filter", "p pause", "K kill", "r resume"),
    *("d dead letters", "a alerts", "q quit"),
)
BY_REASON: Final = "by hand, in copyctl top"
_PARTS: Final = frozenset({"head", "followers", "title", "copies", "alerts", "said", "keys"})


class Rows(OptionList):
    """A list of texts of any height, in which one is chosen; it stays chosen by its name while others come."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
        Binding("g", "first", show=False),
        Binding("G", "last", show=False),
    ]

    def __init__(self, name: str) -> None:
        super().__init__(id=name, compact=True, markup=False)
        self._told: list[tuple[str, str]] = []

    def get_visual_style(self, *component_classes: str, partial: bool = False) -> Style:
        """What is chosen stands reversed where the keys go, without colour too; Textual's own rules lose that."""
        style = super().get_visual_style(*component_classes, partial=partial)
        reverses = self.has_focus and "option-list--option-highlighted" in component_classes
        return style + Style(reverse=True) if reverses else style

    @property
    def chosen(self) -> str:
        """The name of the row that is chosen, "" for none."""
        option = self.highlighted_option
        return (option.id or "") if option is not None else ""

    def tell(self, rows: Sequence[tuple[str, Text]], empty: str) -> None:
        """Show these rows; whoever stays where the list begins sees the newest."""
        told = [(name, text.markup) for name, text in rows] or [("", empty)]
        if told == self._told:
            return
        chosen = self.chosen if self.highlighted else ""
        if [name for name, _ in told] == [name for name, _ in self._told]:
            for at, (name, text) in enumerate(rows):
                if told[at] != self._told[at]:
                    self.replace_option_prompt(name, text)
        else:
            self.set_options([Option(text, id=name) for name, text in rows] or [Option(Text(empty), disabled=True)])
            at = next((at for at, (name, _) in enumerate(rows) if name == chosen), 0)
            self.highlighted = at if rows else None
        self._told = told


class Top(App[None]):
    """One deployment, live. ``rules_file`` and the flags are those of the command."""

    TITLE = "copyctl"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { background: ansi_default; color: ansi_default; }
    Static { height: auto; }
    .title { text-style: bold underline; }
    .keys { text-style: dim; dock: bottom; }
    Screen { overflow: hidden; }
    Rows, Rows:focus { background: ansi_default; border: none; padding: 0; scrollbar-size-vertical: 1; }
    #followers { height: auto; max-height: 40%; }
    #copies { height: 1fr; }
    #said { text-style: bold; }
    #bottom { dock: bottom; height: auto; }
    Rows > .option-list--option { color: ansi_default; background: ansi_default; padding: 0; }
    Rows > .option-list--option-disabled { color: ansi_default; text-style: dim; }
    Rows > .option-list--option-highlighted { color: ansi_default; background: ansi_default; text-style: bold; }
    Question, Typed { align: left bottom; background: transparent; }
    .asked { text-style: reverse; width: 100%; }
    .typed { width: 100%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "quit"),
        Binding("ctrl+c", "quit", "quit", priority=True),
        Binding("slash", "filter", "filter"),
        Binding("p", "pause", "pause"),
        Binding("K", "kill", "kill"),
        Binding("r", "resume", "resume"),
        Binding("d", "letters", "dead letters"),
        Binding("a", "alerts", "alerts"),
    ]

    def __init__(self, rules_file: Path, *, dry_run: bool = False, shadow: bool = False) -> None:
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"
        self._rules_file = rules_file
        self._flags = ["--dry-run"] if dry_run else []
        self._shadow = shadow
        self._where = {"dry_run": dry_run, "shadow": shadow}
        self._reader = ThreadPoolExecutor(1, "reader", initializer=_give_way)
        self._watch: Watch | None = None
        self.seen: Seen | None = None
        self._looking = False
        self._acting = ""
        self._put_already: dict[str, str] = {}
        self._filter = ""
        self._said = ""

    # --- the screen ------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """From above: the run, followers, copies, alerts, what a key did, keys."""
        yield Static(Text("looking into the store"), id="head")
        yield Rows("followers")
        yield Static(id="title", classes="title")
        yield Rows("copies")
        with Vertical(id="bottom"):
            yield Static(id="alerts")
            yield Static(id="said")
            yield Static(id="keys")

    async def on_mount(self) -> None:
        """Begin to look."""
        self.query_one("#copies").focus()
        self.set_interval(LOOK_EVERY_SECONDS, self.look)
        self.look()

    async def on_unmount(self) -> None:
        """Let the store go."""
        if self._watch is not None:
            await self._ask(self._watch.close)
        self._reader.shutdown()

    def on_resize(self, event: Resize) -> None:
        """Lay all of it out anew."""
        self._show(event.size.width)

    @work
    async def look(self) -> None:
        """Look once; while one look takes longer than its second, none is begun beside it."""
        if self._looking:
            return
        self._looking = True
        try:
            self.seen = await self._ask(self._looked)
        finally:
            self._looking = False
        self._show(self.size.width)

    def _looked(self) -> Seen:
        """In the reader's thread, where the store was opened."""
        if self._watch is None:
            self._watch = Watch(self._rules_file, **self._where)
        return self._watch.look()

    async def _ask(self, question: Any, *words: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._reader, question, *words)

    def _show(self, width: int) -> None:
        seen = self.seen
        screen = self.screen_stack[0] if self.screen_stack else None
        if seen is None or screen is None or not _PARTS.issubset(one.id for one in screen.query("*")):
            return  # it begins, or ends
        self._put("head", top_lines.head(seen, width))
        followers = seen.status["followers"]
        names = [row["name"] for row in followers]
        told = top_lines.follower_lines(followers, width - 1)
        screen.query_one("#followers", Rows).tell(list(zip(names, told, strict=True)), "no followers")
        rows = [row for row in seen.copies if top_lines.matches(row, self._filter)]
        shown = rows[:MOST_COPIES]
        keys = [_name(row) for row in shown]
        lines = top_lines.copy_lines(shown, width - 1)
        screen.query_one("#copies", Rows).tell(list(zip(keys, lines, strict=True)), "no copies")
        self._put("title", top_lines.flow(self._title(len(shown), len(rows), seen), width))
        alerts = top_lines.alert_lines(seen.alerts[: max(1, self.size.height // ROWS_FOR_AN_ALERT)], width)
        self._put("alerts", Text("\n").join(alerts or [Text("no alerts")]))
        self._put("said", top_lines.flow([Text(clean(self._said))], width))
        self._put("keys", top_lines.flow([Text(one, style="dim") for one in KEYS], width))

    def _put(self, name: str, text: Text) -> None:
        """Show a text, where it is another one: a slow line is not made to carry what is there already."""
        if self._put_already.get(name) != text.markup:
            self._put_already[name] = text.markup
            shown = self.screen_stack[0].query_one(f"#{name}", Static)
            shown.display = bool(text.plain)
            shown.update(text)

    def _title(self, shown: int, found: int, seen: Seen) -> list[Text]:
        told = [Text("copies, newest first")]
        if self._filter:
            told.append(Text(f"filter: {clean(self._filter)} ({found} of {len(seen.copies)})"))
        if shown < found:
            told.append(Text(f"the newest {shown} are listed"))
        return told

    def _say(self, text: str) -> None:
        self._said = text
        self._show(self.size.width)

    @property
    def bug(self) -> BaseException | None:
        """What ended the screen although it should not have."""
        bug = self._exception
        return bug.error if isinstance(bug, WorkerFailed) else bug

    def _fatal_error(self) -> None:
        """A bug is told by the command, as ever: Textual's own way shows the values of variables, secrets too."""
        self._close_messages_no_wait()

    # --- keys that look --------------------------------------------------------------------------------------------

    @work
    async def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter: all of one copy."""
        seen, watch = self.seen, self._watch
        row = next((one for one in seen.copies if _name(one) == event.option_id), None) if seen else None
        if event.option_list.id != "copies" or row is None or watch is None:
            return
        order, follower = row["leader_order_id"], row["follower"]
        try:
            steps = await self._ask(watch.steps, order, follower)
        except StoreError as fault:
            self._say(str(fault))
            return
        parts = await self._ask(watch.placements, order, follower)
        names = await self._ask(watch.names)
        page = Page("one copy", lambda width: top_lines.details(row, steps, parts, names, width), "")
        await self.push_screen(page)

    async def action_letters(self) -> None:
        """What was given up."""
        letters = self.seen.letters if self.seen else []
        title = "dead letters (copyctl dead-letters retry or drop)"
        await self.push_screen(Page(title, lambda width: top_lines.letter_lines(letters, width), "no dead letters"))

    async def action_alerts(self) -> None:
        """The newest alerts, all of their text."""
        alerts = self.seen.alerts if self.seen else []
        await self.push_screen(Page("alerts", lambda width: top_lines.alert_lines(alerts, width), "no alerts"))

    @work
    async def action_filter(self) -> None:
        """List those copies alone that have some words."""
        text = "show copies with (follower, symbol, decision, reason, order id); empty: all"
        words = await self.push_screen_wait(Typed(text, self._filter))
        if words is not None:
            self._filter = words.strip()
            self._show(self.size.width)

    # --- keys that act ---------------------------------------------------------------------------------------------

    @work
    async def action_pause(self) -> None:
        """Pause or unpause the chosen follower, asked once."""
        row = self._chosen()
        if row is None:
            return
        command = "unpause" if PAUSED in row["detail"] else "pause"
        if await self._agreed(f"{command} {clean(row['name'])}? y: yes, any other key: no", "y"):
            await self._have_done(command, row["name"])

    @work
    async def action_kill(self) -> None:
        """Kill, asked twice: whom, then the word."""
        whom = await self._whom("kill")
        if whom is None:
            return
        told = clean(whom or "all followers")
        typed = await self.push_screen_wait(Typed(f"type {WORD} and enter to stop copying for {told}; escape: no"))
        if typed is None or typed.strip() != WORD:
            self._say("nothing was done: kill was not confirmed")
            return
        await self._have_done("kill", whom, "--reason", BY_REASON)

    @work
    async def action_resume(self) -> None:
        """Let copying go on, asked once: for whom."""
        whom = await self._whom("resume")
        if whom is not None:
            await self._have_done("resume", whom)

    async def _whom(self, command: str) -> str | None:
        """The chosen follower, "" for all, None for nobody."""
        row = self._chosen()
        if row is None:
            return None
        text = f"{command} whom? f: {clean(row['name'])}, A: all followers, any other key: nobody"
        key = await self.push_screen_wait(Question(text, ("f", "A")))
        if key == NOBODY:
            self._say(f"nothing was done: {command} was not confirmed")
            return None
        return str(row["name"]) if key == "f" else ""

    async def _agreed(self, text: str, key: str) -> bool:
        if await self.push_screen_wait(Question(text, (key,))) == key:
            return True
        self._say("nothing was done")
        return False

    def _chosen(self) -> Row | None:
        """The follower that is chosen; a shadow's cannot be told anything."""
        if self._shadow:
            self._say("nothing was done: a shadow is only looked at; use copyctl top without --shadow")
            return None
        name = self.screen_stack[0].query_one("#followers", Rows).chosen
        rows = self.seen.status["followers"] if self.seen else []
        return next((row for row in rows if row["name"] == name), None)

    async def _have_done(self, command: str, follower: str, *words: str) -> None:
        """What the command line does, by the command line, and what it answered."""
        whom = ["--follower", follower] if follower else []
        if self._acting:
            self._say(f"nothing was done: {self._acting} is not done yet")
            return
        self._acting = f"{command} for {follower or 'all followers'}"
        self._say(f"{self._acting} ...")
        try:
            answer, noted = await self._told_by(command, *whom, *words)
        finally:
            self._acting = ""
        self._say(_answered(answer, noted))
        self.look()

    async def _told_by(self, *words: str) -> tuple[bytes, bytes]:
        """What a command says. It is in a session of its own: it goes on where the line to this terminal breaks."""
        command, *more = words
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "copyctl", command, "--rules", str(self._rules_file)),
            *(*more, *self._flags, "--format", "json"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        return await process.communicate()

    async def action_quit(self) -> None:
        """Leave, but not while a command is under way: it would be cut off."""
        if self._acting:
            self._say(f"{self._acting} is not done yet: quit when it has answered")
        else:
            self.exit()


def _give_way() -> None:
    """The thread that reads gives way to a run on the same machine; commands are begun by another one, and do not."""
    if sys.platform == "linux":  # elsewhere it would be the whole process
        os.nice(10)


def _name(row: Row) -> str:
    """What a row of copies is called."""
    return f"{row['leader_order_id']} {row['follower']}"


def _answered(answer: bytes, noted: bytes) -> str:
    """What a command said: its detail, or what went wrong."""
    try:
        return str(json.loads(answer)["detail"])
    except ValueError:
        return noted.decode(errors="replace").strip() or "the command said nothing"
