"""The pages of the documentation, and the blocks that stand in them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FENCE = re.compile(r'^```([^\s`]*)(?: title="([^"]+)")?[^\n]*\n(.*?)^```[ ]*$', re.MULTILINE | re.DOTALL)


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
