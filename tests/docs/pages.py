"""The pages of the documentation, and the blocks that stand in them."""

import contextlib
import re
import socket
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FENCE = re.compile(r'^```([^\s`]*)(?: title="([^"]+)")?[^\n]*\n(.*?)^```[ ]*$', re.MULTILINE | re.DOTALL)
PORTS = ("18080", "19464")
"""Where the pages have the simulator and the metrics."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language ("" for none), the file that its title names, its text."""

    language: str
    title: str
    text: str


def pages() -> list[str]:
    """Every page by its path below ``docs``."""
    return sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))


def text(page: str) -> str:
    """What a page says."""
    return (DOCS / page).read_text(encoding="utf-8", errors="replace")


def blocks(page: str, *languages: str) -> list[Block]:
    """The blocks of a page, in order; of these languages alone where some are named."""
    found = [Block(*parts) for parts in FENCE.findall(text(page))]
    return [one for one in found if not languages or one.language in languages]


def at_free_ports(folder: Path, script: str) -> str:
    """The script, and the files that it uses, with ports that nobody has: several pages are tried at once."""
    with contextlib.ExitStack() as held:
        for port in PORTS:
            free = str(held.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1])
            script = script.replace(port, free)
            for file in (folder / "rules" / "simulator.yaml", folder / "examples" / "leader.py"):
                file.write_text(file.read_text().replace(port, free))
    return script
