"""What ``top`` asks before it acts, and the pages that lie over the screen."""

from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.events import Key, Resize
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, Static

WORD: Final = "kill"
"""What has to be typed before anybody is killed."""
NOBODY: Final = ""


class Question(ModalScreen[str]):
    """One line that asks for a key; answers with the key where it is one of ``keys``, with "" for every other one."""

    def __init__(self, text: str, keys: Sequence[str]) -> None:
        super().__init__()
        self._text = text
        self._keys = keys

    def compose(self) -> ComposeResult:
        """The question."""
        yield Static(Text(self._text), classes="asked")

    def on_key(self, event: Key) -> None:
        """The answer."""
        event.stop()
        self.dismiss(event.key if event.key in self._keys else NOBODY)


class Typed(ModalScreen[str | None]):
    """One line to be typed in; answers with it, or with None after escape."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(self, text: str, value: str = "") -> None:
        super().__init__()
        self._text = text
        self._value = value

    def compose(self) -> ComposeResult:
        """The question and where the answer goes."""
        yield Static(Text(self._text), classes="asked")
        yield Input(value=self._value, compact=True, classes="typed")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """It is typed."""
        self.dismiss(event.value)

    def action_leave(self) -> None:
        """Nothing is wanted."""
        self.dismiss(None)


class Page(Screen[None]):
    """Texts one below the other, as wide as the screen is, to be scrolled. ``lines``: the texts for a width."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,backspace,left", "leave", "back"),
        Binding("j,down", "move(1)", show=False),
        Binding("k,up", "move(-1)", show=False),
        Binding("g,home", "ends(False)", show=False),
        Binding("G,end", "ends(True)", show=False),
        Binding("space,pagedown", "turn(1)", show=False),
        Binding("b,pageup", "turn(-1)", show=False),
    ]

    def __init__(self, title: str, lines: Callable[[int], Sequence[Text]], empty: str) -> None:
        super().__init__()
        self._title = title
        self._lines = lines
        self._empty = empty

    def compose(self) -> ComposeResult:
        """Title, texts, keys."""
        yield Static(Text(self._title), classes="title")
        with VerticalScroll(can_focus=False):
            yield Static(id="page")
        yield Static(Text("arrows or j k move  escape or q back"), classes="keys")

    def on_resize(self, event: Resize) -> None:
        """Lay it out anew."""
        told = self._lines(event.size.width - 1) or [Text(self._empty)]
        self.query_one("#page", Static).update(Text("\n").join(told))

    def action_leave(self) -> None:
        """Back to the screen."""
        self.dismiss(None)

    def action_move(self, lines: int) -> None:
        """Some lines down or up."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_turn(self, pages: int) -> None:
        """A page down or up."""
        scroll = self.query_one(VerticalScroll)
        scroll.scroll_relative(y=pages * max(1, scroll.size.height - 1), animate=False)

    def action_ends(self, last: bool) -> None:
        """To the beginning or the end."""
        scroll = self.query_one(VerticalScroll)
        scroll.scroll_end(animate=False) if last else scroll.scroll_home(animate=False)
