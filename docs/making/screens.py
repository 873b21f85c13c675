"""The screens and charts of the pages, made by the program itself on its demo: ``make screens``.

The demo is run in a folder of its own; `copyctl top` looks at it on the way, and the rest is asked of its store
afterwards. What a command writes to a terminal becomes an SVG, and so do the charts of a report's page. No picture asks
for a font or anything else from elsewhere.
"""

import asyncio
import fcntl
import io
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from copyctl.cli.top_screen import Top

ROOT: Final = Path(__file__).parents[2]
RULES: Final = "rules/demo.yaml"
FONT_FACE: Final = re.compile(r"@font-face\s*\{[^}]*\}\s*")
FAMILY: Final = re.compile(r"Fira Code, ?monospace")
OWN_FAMILY: Final = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
CHARTS: Final = ("distribution", "by-underlying", "latency", "reasons")
"""The charts that pages show, by the id of their figure."""
PAPER: Final = "<style>svg{color:#20262d;background:#fff;font-family:system-ui,sans-serif}</style>"
VIEW: Final = re.compile(r'viewBox="0 0 (\d+) (\d+)"')
MARGIN: Final = 16
TOP_AFTER_SECONDS: Final = 14
"""When the live screen is looked at: about the middle of the demo's day."""
LINES: Final = 16
"""Of a long answer so many lines are shown."""

QUESTION: Final = "SELECT follower, decision, count(*) AS orders FROM copied_orders GROUP BY ALL ORDER BY ALL"

ASKED: Final = {
    "lint": (100, ("lint", "examples/lint/R227/bad.yaml")),
    "explain": (100, ("explain", "--rules", RULES, "--order", "examples/order.json", "--follower", "alice")),
    "orders": (150, ("orders", "--rules", RULES, "--follower", "alice")),
    "query": (100, ("query", "--rules", RULES, QUESTION)),
}
"""Screens by name: columns of the terminal, and the command."""


def make(folder: Path, out: Path) -> None:
    """Every picture that is asked of the store of a demo which has run in ``folder``."""
    for name, (columns, words) in ASKED.items():
        said = on_terminal(words, folder, columns)
        lines = said.rstrip().splitlines()
        told = lines if len(lines) <= LINES else [*lines[:LINES], f"... {len(lines) - LINES} more lines"]
        (out / f"{name}.svg").write_text(drawn("\n".join(told), columns, f"copyctl {words[0]}", name))
    page = folder / "slippage.html"
    subprocess.run(  # noqa: S603  what we say ourselves
        [sys.executable, "-m", "copyctl", "report", "slippage", "--rules", RULES, "-o", page.name],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    for name, chart in charts(page.read_text()).items():
        (out / f"chart-{name}.svg").write_text(chart)


def charts(page: str) -> dict[str, str]:
    """Those charts of a report's page that are shown, each on paper of its own."""
    found = re.findall(r'<figure class="card" id="([^"]+)">.*?(<svg.*?</svg>)', page, re.DOTALL)
    return {name: _on_paper(chart) for name, chart in found if name in CHARTS}


def _on_paper(chart: str) -> str:
    """With a margin, since labels may stand out of the frame, and colours that need nothing around it."""
    framed = VIEW.sub(
        lambda size: f'viewBox="-{MARGIN} -{MARGIN} {int(size[1]) + 2 * MARGIN} {int(size[2]) + 2 * MARGIN}"',
        chart,
        count=1,
    )
    return framed.replace(">", f">{PAPER}", 1)


def on_terminal(words: tuple[str, ...], folder: Path, columns: int) -> str:
    """What a command writes to a terminal that is so wide, with its colours."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | {"TERM": "xterm-256color"}
    process = subprocess.Popen(  # noqa: S603  what we say ourselves
        [sys.executable, "-m", "copyctl", *words],
        cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    said = bytearray()
    while True:
        try:
            said += os.read(ours, 1 << 16)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    process.wait()
    return said.decode().replace("\r\n", "\n")


def drawn(said: str, columns: int, title: str, name: str) -> str:
    """What stood on a terminal, as an SVG."""
    console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(said), soft_wrap=True)
    return without_fonts(console.export_svg(title=title, unique_id=name))


def without_fonts(picture: str) -> str:
    """A picture that takes its letters from the reader's machine."""
    return FAMILY.sub(OWN_FAMILY, FONT_FACE.sub("", picture))


async def live(folder: Path) -> str:
    """The live screen, as it stands."""
    screen = Top(folder / RULES)
    async with screen.run_test(size=(118, 36)) as pilot:
        await asyncio.sleep(2)
        await pilot.pause()
        return without_fonts(screen.export_screenshot(title="copyctl top"))


def main(out: Path) -> None:
    """Run the demo, and draw all of it."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for name in ("rules", "examples"):
            shutil.copytree(ROOT / name, folder / name)
        with subprocess.Popen(  # noqa: S603  what we say ourselves
            [sys.executable, "-m", "copyctl", "run", "--rules", RULES],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        ) as demo:  # fmt: skip
            (out / "top.svg").write_text(asyncio.run(_later(folder)))
            demo.communicate()
        make(folder, out)


async def _later(folder: Path) -> str:
    await asyncio.sleep(TOP_AFTER_SECONDS)
    return await live(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
